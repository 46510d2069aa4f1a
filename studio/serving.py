"""gunicorn's settings, and a worker class whose threads do not wait for slow clients."""

import collections
import contextlib
import errno
import functools
import gc
import os
import resource
import select
import selectors
import socket
import time
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.urls import reverse
from gunicorn.http import message
from gunicorn.http.body import MAX_READ_STEP, Body, LengthReader
from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from studio import socket_handover, tracing
from studio.connections import BUFFERED, ClientSocket, Connection
from studio.web_limits import read_limits

# A URL of MLflow can contain a thousand run ids. gunicorn limits this setting to its own maximum, and a
# line without a limit would let strangers fill the memory.
limit_request_line = message.MAX_REQUEST_LINE = 64 * 1024
if os.environ.get("LOG_FORMAT") == "json":
    logconfig_dict = {
        "root": {"level": "WARNING", "handlers": ["stream"]},
        "loggers": {"gunicorn.error": {"level": "WARNING", "handlers": ["stream"], "propagate": False}},
        "handlers": {"stream": {"class": "logging.StreamHandler", "formatter": "json"}},
        "formatters": {"json": {"()": "studio.log_formats.Json"}},
    }
LIMITS = read_limits()
keepalive = LIMITS.idle_seconds
worker_connections = LIMITS.connections
# Deadline for a response that the client does not read: so many seconds for so many bytes.
WRITE_SECONDS, WRITE_BYTES = 60, 64 * 1024
# A small part of a request that is not complete yet.
SMALL = 512
# After a response that closes the connection.
LINGER_SECONDS, LINGER_BYTES = 2, 16 * 1024 * 1024
# Clients that send byte by byte are looked at together this often, and then read in small groups with pauses for requests.
LOOK_SECONDS, GROUP, GROUP_PAUSE = 0.5, 8, 0.005
# A script that logs sends its next request a few milliseconds after a response.
STAY_MS = 5
# Reads of at least this size go directly to the socket.
LARGE = 64 * 1024


class Worker(ThreadWorker):
    """Only the main thread waits for clients: a thread gets a request when it is complete, or has a long body of which
    the start has arrived. Long bodies have their own threads, with a limit per address.

    A connection stays with its thread for a moment after a response, unless others wait for a thread: the way through the
    main thread and back takes as long as storing a point.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # In the order in which they started to wait.
        self.waiting: dict[Connection, None] = {}
        # Those of them that send byte by byte, by descriptor, and what looks for data of all of them at once.
        self.resting: dict[int, Connection] = {}
        self.resting_poll = select.poll()
        self.next_look = 0.0
        # The descriptors of those that have sent something.
        self.readable: collections.deque[int] = collections.deque()
        self.party_of = functools.lru_cache(1024)(LIMITS.party_of)
        self.connections_of = collections.Counter()
        self.uploads_of = collections.Counter()
        self.queued_uploads: collections.deque[Connection] = collections.deque()
        self.gateway = settings.GATEWAY_SOCKET
        self.applications = settings.APPLICATIONS if self.gateway else None

    @classmethod
    def check_config(cls, cfg, log):
        if cfg.is_ssl:
            raise RuntimeError("TLS is ended by a proxy before this server.")

    def init_process(self):
        self.upload_pool = ThreadPoolExecutor(LIMITS.uploads, thread_name_prefix="upload")
        super().init_process()

    # In the main thread: from a connection to its request

    def accept(self, listener):
        if self.nr_conns >= self.worker_connections - 1:
            self._free_connection()
        try:
            sock, client = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            self._free_connection()
            return
        party = self.party_of(client[0] if isinstance(client, tuple) else "")
        conn = Connection(self.cfg, ClientSocket(sock), client, listener.getsockname(), party)
        self.nr_conns += 1
        self.connections_of[party] += 1
        if party and self.connections_of[party] > LIMITS.address_connections:
            self._refuse_request(conn, "429 Too Many Requests", "Retry-After: 5\r\n")
        else:
            self._wait_for(conn, LIMITS.header_seconds, self._read)

    def _free_connection(self) -> None:
        """Closes the connection that has waited longest to make space for a new one, preferably an idle one."""
        idle = (conn for conn in self.waiting if conn.step == self._read and not conn.inbox)
        oldest = next(idle, None) or next(iter(self.waiting), None)
        if oldest:
            self._drop_connection(oldest)

    def _wait_for(self, conn, seconds, step, event=selectors.EVENT_READ) -> None:
        seconds = seconds if self.alive else min(seconds, STOP_KEEPALIVE_LINGER)
        conn.deadline, conn.step, conn.moved = time.monotonic() + seconds, step, 0
        self.waiting[conn] = None
        self._listen_to(conn, event)

    def _listen_to(self, conn, event=selectors.EVENT_READ) -> None:
        self.poller.register(conn.sock, event, functools.partial(self._go_on, conn))

    def _pause_reading(self, conn) -> None:
        """A client that sends byte by byte is read twice a second, with others: each byte would interrupt the threads."""
        number = conn.sock.fileno()
        if number not in self.resting:
            self.poller.unregister(conn.sock)
            self.resting[number] = conn
            self.resting_poll.register(number, select.POLLIN)

    def _resume_reading(self, conn) -> None:
        if self._forget_resting(conn):
            self._listen_to(conn)

    def _forget_resting(self, conn) -> bool:
        """Stop watching a resting connection; return whether it was one."""
        number = conn.sock.fileno()
        if self.resting.pop(number, None) is None:
            return False
        self.resting_poll.unregister(number)
        return True

    def _go_on(self, conn, sock) -> None:
        # A connection of the same turn may have been closed to make space.
        if conn in self.waiting:
            self._advance_step(conn.step, conn)

    def _advance_step(self, step, conn, *rest) -> None:
        try:
            step(conn, *rest)
        except LimitRequestHeaders:
            self._refuse_request(conn, "431 Request Header Fields Too Large")
        except OSError:
            self._drop_connection(conn)

    def _stop_waiting(self, conn) -> None:
        if conn in self.waiting:
            del self.waiting[conn]
            if not self._forget_resting(conn):
                self.poller.unregister(conn.sock)

    def _read(self, conn) -> None:
        begun, has_head = len(conn.inbox), conn.needed is not None
        if not conn.receive():
            self._drop_connection(conn)
        elif conn.is_ready():
            self.enqueue_req(conn)
        elif not begun or (conn.needed is not None and not has_head):
            conn.deadline = time.monotonic() + self._read_seconds(conn)
        elif len(conn.inbox) - begun < SMALL:
            self._pause_reading(conn)
        else:
            self._resume_reading(conn)

    def _read_seconds(self, conn) -> int:
        if not conn.inbox:
            return self.cfg.keepalive
        return LIMITS.header_seconds if conn.needed is None else LIMITS.body_seconds

    def enqueue_req(self, conn):
        self._stop_waiting(conn)
        if self._is_for_application(conn):
            self._give_to_gateway(conn)
            return
        conn.hand_over()
        if conn.is_long:
            self.queued_uploads.append(conn)
            self._start_uploads()
        else:
            conn.sock.is_wanted = self._is_full
            super().enqueue_req(conn)

    def _is_for_application(self, conn) -> bool:
        return self.applications is not None and self.applications.is_meant_by(conn.inbox)

    def _give_to_gateway(self, conn) -> None:
        if not socket_handover.hand_over(self.gateway, conn.sock, bytes(conn.inbox)):
            self._refuse_request(conn, "503 Service Unavailable", "Retry-After: 2\r\n")
            return
        socket_handover.forget(conn.sock)
        self._drop_connection(conn)

    def _is_full(self) -> bool:
        return self.tpool._work_queue.qsize() > 0

    def _start_uploads(self) -> None:
        for conn in list(self.queued_uploads):
            if self.uploads_of.total() >= LIMITS.uploads:
                return
            if conn.party and self.uploads_of[conn.party] >= LIMITS.address_uploads:
                continue
            self.queued_uploads.remove(conn)
            self.uploads_of[conn.party] += 1
            conn.is_upload = True
            conn.sock.is_wanted = self.queued_uploads.__len__
            future = self.upload_pool.submit(self.handle, conn)
            future.add_done_callback(functools.partial(self.method_queue.defer, self.finish_request, conn))

    # In a worker thread

    def handle_request(self, req, conn):
        # The main thread has already sent the 100.
        req._expected_100_continue = req._expected_100_continue and not conn.is_invited
        if type(req.body.reader) is LengthReader:
            req.body = RequestBody(BodyReader(req.body.reader.unreader, req.body.reader.length))
        conn.sock.hold_head()
        try:
            return super().handle_request(req, conn)
        finally:
            conn.sock.release_head()

    def handle(self, conn):
        kept = self._answer(conn)
        while kept is True and self._may_stay(conn):
            conn.hand_over()
            kept = self._answer(conn)
        return kept

    def _answer(self, conn):
        kept = super().handle(conn)
        conn.begin_next()
        return kept

    def _keepalive_after(self, conn, keepalive):
        # Do not wait for the rest of a body that was not read.
        reader = conn.parser.mesg.body.reader
        if not keepalive or (isinstance(reader, LengthReader) and not reader.length):
            return bool(keepalive)
        return bool(conn.parser.finish_body(time.monotonic() + 0.1, BUFFERED))

    def _may_stay(self, conn) -> bool:
        if not self.alive or conn.is_upload or conn.sock.outbox or self._is_full():
            return False
        next_one = select.poll()
        next_one.register(conn.sock, select.POLLIN)
        end = time.monotonic() + STAY_MS / 1000
        while not conn.inbox or not conn.is_ready():
            left = end - time.monotonic()
            if left <= 0 or not next_one.poll(left * 1000) or not conn.receive():
                return False
        return not conn.is_long and not self._is_for_application(conn)

    # In the main thread again: the rest of a response, and what follows

    def finish_request(self, conn, future):
        if conn.is_upload:
            conn.is_upload = False
            self.uploads_of[conn.party] -= 1
            self._start_uploads()
        kept = future.exception() is None and future.result()
        if conn.sock.fileno() < 0:
            self._drop_connection(conn)
            return
        self._advance_step(self._finish_response, conn, bool(kept))

    def _finish_response(self, conn, kept: bool) -> None:
        if conn.sock.outbox:
            conn.is_kept = kept
            self._wait_for(conn, WRITE_SECONDS, self._write, selectors.EVENT_WRITE)
        elif not kept:
            self._close_slowly(conn)
        elif conn.inbox and conn.is_ready():
            self.enqueue_req(conn)
        else:
            self._wait_for(conn, self._read_seconds(conn), self._read)

    def _write(self, conn) -> None:
        conn.moved += conn.sock.flush()
        if not conn.sock.outbox:
            self._stop_waiting(conn)
            self._finish_response(conn, conn.is_kept)
        elif conn.moved >= WRITE_BYTES:
            conn.deadline, conn.moved = time.monotonic() + WRITE_SECONDS, 0

    def _refuse_request(self, conn, status: str, header: str = "") -> None:
        self._stop_waiting(conn)
        answer = f"HTTP/1.1 {status}\r\n{header}Connection: close\r\nContent-Length: 0\r\n\r\n"
        with contextlib.suppress(OSError):
            conn.sock.send(answer.encode(), socket.MSG_DONTWAIT)
        self._close_slowly(conn)

    def _close_slowly(self, conn) -> None:
        """Reads for a moment what a client still sends, else the system would discard the response."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop_connection(conn)
        else:
            self._wait_for(conn, LINGER_SECONDS, self._discard_rest)

    def _discard_rest(self, conn) -> None:
        data = conn.sock.recv_now(BUFFERED)
        conn.moved += len(data)
        if not data or conn.moved > LINGER_BYTES:
            self._drop_connection(conn)

    def _drop_connection(self, conn) -> None:
        self._stop_waiting(conn)
        self.nr_conns -= 1
        self.connections_of[conn.party] -= 1
        if not self.connections_of[conn.party]:
            del self.connections_of[conn.party]
        conn.sock.close()

    # Called by gunicorn's loop in each turn, between two turns, and at a stop

    def wait_for_and_dispatch_events(self, timeout):
        if self.readable:
            timeout = min(timeout, GROUP_PAUSE)
        elif self.resting:
            timeout = min(timeout, max(0.0, self.next_look - time.monotonic()))
        super().wait_for_and_dispatch_events(timeout)

    def murder_keepalived(self, force=False):
        self._read_group()
        now = time.monotonic()
        if now < self.next_look and not force:
            return
        self.next_look = now + LOOK_SECONDS
        if not self.readable:
            self.readable.extend(number for number, _ in self.resting_poll.poll(0))
        for conn in [conn for conn in self.waiting if force or conn.deadline <= now]:
            if conn.step == self._read and conn.inbox:
                self._refuse_request(conn, "408 Request Timeout")
            else:
                self._drop_connection(conn)

    def _read_group(self) -> None:
        for _ in range(min(GROUP, len(self.readable))):
            number = self.readable.popleft()
            # It may have been closed since, to make space or at its deadline.
            if number in self.resting:
                self._go_on(self.resting[number], None)

    def _cap_keepalive(self, deadline):
        for conn in self.waiting:
            conn.deadline = min(conn.deadline, deadline)


class BodyReader(LengthReader):
    """A body of known length. gunicorn's own reader copies each piece about four times."""

    def read(self, size):
        size = min(size, self.length)
        if size < LARGE:
            return super().read(size)
        ahead = self.unreader.take_buffered()
        if len(ahead) >= size:
            self.unreader.unread(ahead)
            return super().read(size)
        # It returns less only after a signal, and then `Body` reads again, or when the client has disconnected.
        data = ahead + self.unreader.sock.recv(size - len(ahead), socket.MSG_WAITALL)
        self.length -= len(data)
        return data


class RequestBody(Body):
    """gunicorn's own copies each piece once more."""

    def read(self, size=None):
        left = self.getsize(size)
        if left < LARGE or self.buf.tell():
            return super().read(size)
        pieces = []
        while left > 0 and (data := self._read_reader(min(left, MAX_READ_STEP))):
            pieces.append(data)
            left -= len(data)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def when_ready(server) -> None:
    """In the main process, before it forks: load all pages once for all workers."""
    files = _allow_open_files(2 * LIMITS.connections + 400)
    server.cfg.set("worker_connections", max(50, min(LIMITS.connections, (files - 400) // 2)))
    reverse("admin:index")
    gc.collect()
    # Garbage collection must not touch shared memory, so that it stays shared.
    gc.freeze()


def post_worker_init(worker) -> None:
    tracing.start_tracing("web")


def _allow_open_files(wanted: int) -> int:
    """A connection needs one file, and the rest of a response another. Returns the resulting limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else soft
