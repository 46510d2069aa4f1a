"""A client of the web server: the received part of its next request, and the unsent part of a response.

The main thread reads requests and never waits for a client. A worker thread may wait, a second at a time, as long as
the client is fast enough. The main thread sends the rest of a response when the application is done.
"""

import collections
import contextlib
import os
import re
import select
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable

from gunicorn import http
from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.workers.gthread import TConn

# Requests up to this size are buffered completely; of longer ones this much, before a thread reads the rest.
BUFFERED = 128 * 1024
# How much of a response is buffered in memory for a slow client. The rest is spooled to a file up to a limit, if others
# wait for a thread and the files of the process are small enough; else the thread that writes the response waits.
KEPT = 1024 * 1024
SPOOLED, SPOOLED_TOGETHER = 64 * 1024 * 1024, 1024 * 1024 * 1024
PIECE = 256 * 1024
READ = 32 * 1024
# A client for which a thread waits must transfer this many bytes per second, or is disconnected after this many
# seconds of waiting: (seconds, bytes). The second line applies while others wait for a thread.
PACE, PACE_WHEN_FULL = (20, 4096), (3, 16384)
ONE_SECOND = struct.pack("ll", 1, 0)
# If the client of a download is not ready within this time, the download continues without a thread.
READY_MS = 100
BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")
HEAD_END = b"\r\n\r\n"
CONTENT_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n")
# The line of the last chunk. Trailers of at most TAIL bytes may follow it; with longer ones the request waits for its deadline.
LAST_CHUNK, TAIL = re.compile(rb"(?:^|\n)0+[ \t]*(?:;[^\n]*)?(?:\r\n|\Z)"), 16 * 1024


class FilePart:
    """A part of a file, with its own descriptor, because the application closes its file when it is done."""

    def __init__(self, number: int, offset: int, left: int):
        self.number, self.offset, self.bytes_left = number, offset, left

    def close(self) -> None:
        os.close(self.number)

    def send(self, sock: socket.socket) -> int:
        sock.setblocking(False)
        try:
            sent = os.sendfile(sock.fileno(), self.number, self.offset, min(self.bytes_left, PIECE))
        finally:
            sock.setblocking(True)
        if not sent:
            raise ConnectionAbortedError("The file has become shorter while it was sent.")
        self.offset, self.bytes_left = self.offset + sent, self.bytes_left - sent
        return sent


class SpooledPart(FilePart):
    """A part of a response in an anonymous file, because it does not fit into memory."""

    lock, size_together = threading.Lock(), 0

    def __init__(self):
        with tempfile.TemporaryFile() as file:
            super().__init__(os.dup(file.fileno()), 0, 0)
        self.size = 0

    def take(self, data: memoryview) -> bool:
        """False if the file is full."""
        with SpooledPart.lock:
            if self.size + len(data) > SPOOLED or SpooledPart.size_together + len(data) > SPOOLED_TOGETHER:
                return False
            SpooledPart.size_together += len(data)
        start, self.size = self.size, self.size + len(data)
        while data:
            written = os.pwrite(self.number, data, start)
            data, start = data[written:], start + written
        self.bytes_left = self.size - self.offset
        return True

    def close(self) -> None:
        super().close()
        with SpooledPart.lock:
            SpooledPart.size_together -= self.size


class BytesPart:
    def __init__(self, data: memoryview):
        self.data = data

    @property
    def bytes_left(self) -> int:
        return len(self.data)

    def close(self) -> None:
        self.data = memoryview(b"")

    def send(self, sock: socket.socket) -> int:
        sent = sock.send(self.data[:PIECE], socket.MSG_DONTWAIT)
        self.data = self.data[sent:]
        return sent


class ClientSocket(socket.socket):
    """A socket that blocks for at most a second on reads, and buffers what cannot be sent at once."""

    def __init__(self, sock: socket.socket):
        super().__init__(sock.family, sock.type, sock.proto, sock.detach())
        self.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, ONE_SECOND)
        self.outbox: collections.deque[FilePart | BytesPart] = collections.deque()
        # Whether others wait for the thread that waits for this client.
        self.is_wanted: Callable[[], bool | int] = bool
        self._moved, self._waited = 0, 0.0
        # The headers of a response are held until its body starts: one packet, and one wake-up of the client.
        self._holds_head, self._head = False, b""

    def close(self) -> None:
        self._discard()
        super().close()

    def _discard(self) -> None:
        while self.outbox:
            self.outbox.popleft().close()

    # For worker threads

    def recv(self, size: int, flags: int = 0) -> bytes:
        while True:
            begun, data = time.monotonic(), None
            with contextlib.suppress(BlockingIOError):
                data = super().recv(size, flags)
            self._keep_pace(len(data or b""), time.monotonic() - begun)
            if data is not None:
                return data

    def hold_head(self) -> None:
        """From now on the first piece is sent together with the second one, or by `release_head`."""
        self._holds_head = True

    def release_head(self) -> None:
        head, self._holds_head, self._head = self._head, False, b""
        if head:
            self.sendall(head)

    def sendall(self, data, flags: int = 0) -> None:
        if self._holds_head:
            self._holds_head, self._head = False, bytes(data)
            return
        if self._head and len(data) <= PIECE:
            data, self._head = b"".join((self._head, data)), b""
        elif self._head:
            self.release_head()
        sent = 0
        if not self.outbox:
            with contextlib.suppress(BlockingIOError):
                sent = self.send(data, socket.MSG_DONTWAIT)
            if sent == len(data):
                return
        self._keep(memoryview(data)[sent:])

    def _keep(self, data: memoryview) -> None:
        if self.outbox and isinstance(self.outbox[-1], SpooledPart) and self.outbox[-1].take(data):
            return
        begun = time.monotonic()
        while sum(part.bytes_left for part in self.outbox if isinstance(part, BytesPart)) > KEPT:
            if self.is_wanted() and self._spool(data):
                return
            moved = self.flush() if self._can_take(READY_MS) else 0
            self._keep_pace(moved, time.monotonic() - begun)
            begun = time.monotonic()
        self.outbox.append(BytesPart(data))

    def _spool(self, data: memoryview) -> bool:
        part = self.outbox[-1]
        if not isinstance(part, SpooledPart):
            part = SpooledPart()
            self.outbox.append(part)
        return part.take(data)

    def sendfile(self, file, offset: int = 0, count: int | None = None) -> int:
        self.release_head()
        size = count or 0
        self.outbox.append(FilePart(os.dup(file.fileno()), offset, size))
        self.flush()
        while self.outbox and not self.is_wanted() and self._can_take(READY_MS):
            self.flush()
        return size

    def _can_take(self, milliseconds: int) -> bool:
        ready = select.poll()
        ready.register(self, select.POLLOUT)
        return bool(ready.poll(milliseconds))

    def _keep_pace(self, moved: int, waited: float) -> None:
        self._moved += moved
        self._waited += waited
        if self._waited < PACE_WHEN_FULL[0]:
            return
        seconds, rate = PACE_WHEN_FULL if self.is_wanted() else PACE
        if self._waited < seconds:
            return
        if self._moved < rate * self._waited:
            self._discard()
            raise TimeoutError("The client is too slow.")
        self._moved, self._waited = 0, 0.0

    # For all threads

    def recv_now(self, size: int) -> bytes:
        return super().recv(size, socket.MSG_DONTWAIT)

    def flush(self) -> int:
        """Sends what the client accepts without blocking, up to a limit; returns the number of bytes."""
        moved = 0
        with contextlib.suppress(BlockingIOError):
            while self.outbox and moved < 4 * PIECE:
                part = self.outbox[0]
                moved += part.send(self) if part.bytes_left else 0
                if not part.bytes_left:
                    self.outbox.popleft().close()
        return moved


class Connection(TConn):
    """`inbox` is the received part of the next request. The needed length is an estimate: gunicorn's parser decides."""

    def __init__(self, cfg, sock: ClientSocket, client, server, party: str | None):
        super().__init__(cfg, sock, client, server)
        sock.setblocking(True)
        self.party = party
        self.parser = http.get_parser(cfg, sock, client)
        self.initialized = self.data_ready = True
        self.deadline, self.moved, self.step = 0.0, 0, None
        self.is_kept, self.is_upload = True, False
        self.inbox = bytearray()
        self.needed: int | None = None
        self.begin_next()

    def begin_next(self) -> None:
        self.inbox[:0] = self.parser.unreader.take_buffered()
        self.searched, self.needed, self.is_long, self.is_chunked = 0, None, False, False
        self.is_invited = False

    def receive(self) -> bool:
        """False if the client has disconnected."""
        try:
            data = self.sock.recv_now(READ)
        except BlockingIOError:
            return True
        self.inbox += data
        return bool(data)

    def is_ready(self) -> bool:
        """Whether enough has arrived that a thread need not wait for the client, or that it keeps sending."""
        if self.needed is None and not self._find_head():
            return False
        assert self.needed is not None  # Determined from the head.
        if self.is_chunked:
            return len(self.inbox) >= self.needed + BUFFERED or self._has_last_chunk(self.needed)
        return len(self.inbox) >= self.needed

    def _has_last_chunk(self, start: int) -> bool:
        """Whether the data ends with an empty line, and the lines before it, back to the next empty one, have the last chunk."""
        if not self.inbox.endswith(HEAD_END):
            return False
        end = len(self.inbox) - len(HEAD_END)
        begin = max(start - 1, len(self.inbox) - TAIL)
        begin = max(begin, self.inbox.rfind(HEAD_END, begin, end) + len(HEAD_END) - 1)
        return bool(LAST_CHUNK.search(bytes(self.inbox[begin:end])))

    def hand_over(self) -> None:
        self.parser.unreader.unread(bytes(self.inbox))
        self.inbox.clear()

    def _find_head(self) -> bool:
        end = self.inbox.find(HEAD_END, max(0, self.searched - 3))
        if end < 0:
            if len(self.inbox) > BUFFERED:
                raise LimitRequestHeaders("The head of the request is too long.")
            # A bare line feed is an error, which the parser reports at once.
            if BARE_LINE_FEED.search(self.inbox, self.searched):
                self.needed = 0
            self.searched = len(self.inbox)
            return self.needed is not None
        self._measure(bytes(self.inbox[: end + 2]).lower(), end + len(HEAD_END))
        return True

    def _measure(self, head: bytes, size: int) -> None:
        found = CONTENT_LENGTH.search(head)
        length = int(found[1]) if found else 0
        self.is_chunked = b"\r\ntransfer-encoding:" in head
        self.is_long = self.is_chunked or length > BUFFERED
        self.needed = size + (0 if self.is_chunked else min(length, BUFFERED))
        if b"\r\nexpect:" in head and b" http/1.1\r\n" in head and (self.is_chunked or len(self.inbox) < self.needed):
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.is_invited = True
