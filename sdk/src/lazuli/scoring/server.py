"""HTTP for an entry script: a thread for each connection, heads parsed strictly, limits on bodies and time.

`GET /` reports that it is running, `/score` runs the script, `/swagger.json` describes it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
import re
import signal
import socket
import sys
import threading
import time
import traceback
import uuid
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

from lazuli.scoring.entry_script import BadRequest, EntryScript
from lazuli.scoring.messages import Headers, Request, Response
from lazuli.scoring.swagger import describe_service
from lazuli.scoring.telemetry import Telemetry
from lazuli.version import VERSION

MAX_HEAD = 64 * 1024
MAX_BODY = 100 * 1024 * 1024
IDLE_SECONDS, BODY_SECONDS = 75.0, 60.0
# How long requests that come after SIGTERM are still answered: their senders may not know yet.
DRAIN_SECONDS = 6.0
PAUSE_SECONDS = 0.1
# The log of requests has at most so many lines.
LINES_PER_SECOND = 20
# Characters of the example of a request.
MAX_EXAMPLE = 16_000
REQUEST_LINE = re.compile(rb"([A-Z]{1,20}) (/[\x21-\x7e\x80-\xff]*) HTTP/1\.([01])")
HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*")
WORDS = {
    200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 411: "Length Required",
    413: "Content Too Large", 415: "Unsupported Media Type", 431: "Request Header Fields Too Large",
    500: "Internal Server Error", 503: "Service Unavailable", 504: "Gateway Timeout",
}  # fmt: skip


class Refused(Exception):
    """A request that cannot be read; the connection ends."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status, self.message = status, message


class ScoringServer:
    def __init__(
        self,
        script: EntryScript,
        name: str = "service",
        concurrency: int = 1,
        timeout: float = 60.0,
        max_body: int = MAX_BODY,
        cors: str = "",
        telemetry: Optional[Telemetry] = None,
    ):
        self.script, self.name, self.timeout, self.max_body = script, name, timeout, max_body
        self.cors = [origin.strip() for origin in cors.split(",") if origin.strip()]
        self._turns = threading.Semaphore(concurrency)
        self._limits, self._log = TimeLimits(self._expire), AccessLog()
        self._telemetry = telemetry or Telemetry()
        self._active = 0
        self._changed = threading.Condition()
        self._ending = False
        self._listener: Optional[socket.socket] = None

    # ---- connections

    def listen(self, unix: str = "", host: str = "127.0.0.1", port: int = 0) -> int:
        """Open the address; returns the port, 0 for a Unix socket."""
        if unix:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(unix)
        else:
            self._listener = socket.create_server((host, port))
        self._listener.listen(256)
        return 0 if unix else int(self._listener.getsockname()[1])

    def serve(self) -> None:
        """Serve until `stop`, then finish requests in progress."""
        assert self._listener is not None
        self._listener.settimeout(0.5)
        while self._accept() or not self._ending:
            """Also at the end: who has connected is answered."""
        self._listener.close()
        # Until the threads of the last connections have read.
        time.sleep(PAUSE_SECONDS)
        with self._changed:
            self._changed.wait_for(lambda: not self._active, self.timeout)

    def _accept(self) -> bool:
        assert self._listener is not None
        try:
            connection, _ = self._listener.accept()
        except socket.timeout:
            return False
        except OSError as error:
            print(f"No connection could be accepted: {error}", file=sys.stderr, flush=True)
            time.sleep(PAUSE_SECONDS)
            return False
        threading.Thread(target=self._serve_connection, args=(connection,), daemon=True).start()
        return True

    def stop(self) -> None:
        self._ending = True

    def stop_later(self, *_: Any) -> None:
        """Stop after DRAIN_SECONDS; called at SIGTERM."""
        timer = threading.Timer(DRAIN_SECONDS, self.stop)
        timer.daemon = True
        timer.start()

    def _serve_connection(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            if connection.family == socket.AF_INET:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            received = bytearray()
            keep = True
            while keep:
                try:
                    request = self._read_request(connection, received)
                except Refused as error:
                    connection.sendall(_encode(_make_error(error.status, error.message), False))
                    return
                if request is None:
                    return
                keep = not self._ending and not _wants_close(request)
                with self._counted():
                    keep = self._serve_request(connection, request, keep)

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        with self._changed:
            self._active += 1
        try:
            yield
        finally:
            with self._changed:
                self._active -= 1
                self._changed.notify_all()

    # ---- reading

    def _read_request(self, connection: socket.socket, received: bytearray) -> Optional[Request]:
        """The next request; None at the end of the connection."""
        connection.settimeout(IDLE_SECONDS)
        while b"\r\n\r\n" not in received:
            if len(received) > MAX_HEAD:
                raise Refused(431, "The head of the request is too long.")
            if not _receive(connection, received):
                return None
        head, _, rest = bytes(received).partition(b"\r\n\r\n")
        received[:] = rest
        method, target, version, headers = _parse_head(head)
        if version == b"0" and "connection" not in headers:
            headers["Connection"] = "close"
        connection.settimeout(BODY_SECONDS)
        if headers.get("expect", "").lower() == "100-continue":
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self._read_body(connection, received, headers)
        return Request(method, target, headers, body, version == b"0")

    def _read_body(self, connection: socket.socket, received: bytearray, headers: Headers) -> bytes:
        if "transfer-encoding" in headers:
            if headers["transfer-encoding"].lower() != "chunked" or "content-length" in headers:
                raise Refused(400, "Send the body with a Content-Length, or chunked.")
            return self._read_chunks(connection, received)
        text = headers.get("content-length", "0")
        if not re.fullmatch(r"[0-9]{1,15}", text):
            raise Refused(400, "Content-Length is not a number.")
        self._check_size(int(text))
        return _take(connection, received, int(text))

    def _read_chunks(self, connection: socket.socket, received: bytearray) -> bytes:
        body = bytearray()
        while True:
            line = _take_line(connection, received).partition(b";")[0].strip()
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", line):
                raise Refused(400, "The size of a chunk is not a number.")
            size = int(line, 16)
            if size == 0:
                while _take_line(connection, received):
                    """Trailers are not supported."""
                return bytes(body)
            self._check_size(len(body) + size)
            body += _take(connection, received, size)
            if _take(connection, received, 2) != b"\r\n":
                raise Refused(400, "A chunk does not have the announced size.")

    def _check_size(self, size: int) -> None:
        if size > self.max_body:
            raise Refused(413, f"The body is larger than {self.max_body} bytes.")

    # ---- answering

    def _serve_request(self, connection: socket.socket, request: Request, keep: bool) -> bool:
        """Serve a request; return whether the connection can be used again."""
        began = time.monotonic()
        request_id = request.headers.get("x-request-id") or str(uuid.uuid4())
        self._telemetry.begin(request_id)
        if len(request_id) > 100:
            connection.sendall(_encode(_make_error(431, "x-request-id can have at most 100 characters."), keep))
            return keep
        call = Call(connection, request, request_id, began)
        is_score = request.path.rstrip("/") == "/score" and request.method in ("GET", "POST", "OPTIONS")
        if is_score and (request.method != "OPTIONS" or self.script.takes_raw):
            return self._score(call, keep)
        self._send(call, self._route(request), keep)
        return keep

    def _send(self, call: Call, response: Response, keep: bool) -> None:
        request, headers = call.request, response.headers
        headers["x-request-id"] = call.request_id
        headers["x-ms-server-version"] = f"lazuli/{VERSION}"
        client_id = request.headers.get("x-ms-client-request-id")
        if client_id:
            headers["x-ms-client-request-id"] = client_id
        self._allow_origin(request, headers)
        head_only = request.method == "HEAD"
        size = len(response.data)
        if response.pieces is None:
            call.connection.sendall(_encode(response, keep, head_only))
        else:
            size = _send_pieces(call.connection, response, keep, request.is_old)
        if request.path != "/":
            milliseconds = (time.monotonic() - call.began) * 1000
            self._telemetry.record(request, call.request_id, response.status_code, milliseconds, response.data)
            self._log.write(
                f"{request.method} {request.path} {response.status_code} {milliseconds:.3f}ms {size} {call.request_id}"
            )

    def _allow_origin(self, request: Request, headers: Headers) -> None:
        origin = request.headers.get("origin")
        if origin and ("*" in self.cors or origin in self.cors):
            headers["Access-Control-Allow-Origin"] = origin
            headers["Vary"] = "Origin"
            headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
            headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"

    def _route(self, request: Request) -> Response:
        path = request.path.rstrip("/") or "/"
        allowed: Dict[str, Tuple[Tuple[str, ...], Callable[[Request], Response]]] = {
            "/": (("GET", "HEAD"), lambda _: Response("Healthy")),
            # The others are answered by run().
            "/score": (("GET", "POST", "OPTIONS"), lambda _: Response("")),
            "/swagger.json": (("GET",), self._describe),
        }
        if path not in allowed:
            return _make_error(404, f"There is nothing at {request.path[:200]}: use /score or /swagger.json.")
        methods, function = allowed[path]
        if request.method not in methods:
            response = _make_error(405, f"{request.method} is not possible here: use {' or '.join(methods)}.")
            response.headers["Allow"] = ", ".join(methods)
            return response
        return function(request)

    def _describe(self, request: Request) -> Response:
        return Response(describe_service(self.name, self.script, request.args.get("version", "2")))

    def _score(self, call: Call, keep: bool) -> bool:
        if not self._turns.acquire(timeout=self.timeout):
            busy = _make_error(503, f"The service was busy for {self.timeout:g} seconds. Try again.")
            self._send(call, busy, keep)
            return keep
        # Until run() has returned, and what it yields was sent; also if nobody waits for its answer any more.
        try:
            began = time.monotonic()
            self._limits.begin(call, began + self.timeout)
            response = self._run(call.request)
            if not self._limits.end(call):
                # The answer was that the limit is over.
                return False
            response.headers["x-ms-run-function-failed"] = str(response.run_function_failed)
            response.headers["x-ms-run-fn-exec-ms"] = f"{(time.monotonic() - began) * 1000:.3f}"
            self._send(call, response, keep)
            return keep and (response.pieces is None or not call.request.is_old)
        finally:
            self._turns.release()

    def _run(self, request: Request) -> Response:
        try:
            response = self.script.run(request)
            if response.pieces is not None:
                # What fails before the first piece is an error like any other.
                first = list(itertools.islice(response.pieces, 1))
                response.pieces = itertools.chain(first, response.pieces)
            return response
        except BadRequest as error:
            return _make_error(error.status, str(error))
        # Whatever the user's script raises, SystemExit too, is an answer and not the end of the server.
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            failed = _make_error(
                500, "An unexpected error occurred in run(). The log of the service has the traceback."
            )
            failed.run_function_failed = True
            return failed

    def _expire(self, call: Call) -> None:
        """Respond to a call whose run() takes too long. Its thread continues, but nobody waits for it."""
        response = _make_error(504, f"run() has not returned within {self.timeout:g} seconds (scoring timeout).")
        response.headers["x-ms-run-function-failed"] = "True"
        response.headers["x-request-id"] = call.request_id
        self._telemetry.record(call.request, call.request_id, 504, (time.monotonic() - call.began) * 1000)
        self._log.write(f"{call.request.method} {call.request.path} 504 {call.request_id}")
        with contextlib.suppress(OSError):
            call.connection.send(_encode(response, False), socket.MSG_DONTWAIT)
            call.connection.shutdown(socket.SHUT_RDWR)


@dataclasses.dataclass(eq=False)
class Call:
    """One request, and the connection that waits for its answer."""

    connection: socket.socket
    request: Request
    request_id: str
    began: float
    deadline: float = 0.0


class TimeLimits:
    """The time limits of all calls, checked by one thread."""

    def __init__(self, expire: Callable[[Call], None]):
        self._expire = expire
        self._lock, self._has_calls = threading.Lock(), threading.Event()
        # In the order of their deadlines, because all have the same limit.
        self._calls: Dict[Call, None] = {}
        threading.Thread(target=self._watch, daemon=True).start()

    def begin(self, call: Call, deadline: float) -> None:
        call.deadline = deadline
        with self._lock:
            self._calls[call] = None
        if not self._has_calls.is_set():
            self._has_calls.set()

    def end(self, call: Call) -> bool:
        """End the time limit of a call; return whether the call was in time."""
        with self._lock:
            return self._calls.pop(call, False) is None

    def _watch(self) -> None:
        while True:
            self._has_calls.wait()
            with self._lock:
                first = next(iter(self._calls), None)
                if first is None:
                    self._has_calls.clear()
                    continue
            time.sleep(max(0.0, first.deadline - time.monotonic()))
            if self.end(first):
                self._expire(first)


class AccessLog:
    """A line for each request, but not for more than so many in a second: the log must not slow the answers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._second, self._lines, self._left_out = 0, 0, 0

    def write(self, line: str) -> None:
        with self._lock:
            second = int(time.monotonic())
            if second != self._second:
                if self._left_out:
                    line = f"({self._left_out} more requests)\n{line}"
                self._second, self._lines, self._left_out = second, 0, 0
            self._lines += 1
            if self._lines > LINES_PER_SECOND:
                self._left_out += 1
                return
        print(line, flush=True)


def _parse_head(head: bytes) -> Tuple[str, str, bytes, Headers]:
    first, *lines = head.split(b"\r\n")
    line = REQUEST_LINE.fullmatch(first)
    if not line:
        raise Refused(400, "The first line is not an HTTP/1.1 request line.")
    headers = Headers()
    for text in lines:
        match = HEADER.fullmatch(text)
        if not match:
            raise Refused(400, "A header line is invalid.")
        name = match[1].decode("latin-1")
        if name.lower() in ("content-length", "transfer-encoding") and name in headers:
            raise Refused(400, f"{name} occurs twice.")
        headers[name] = match[2].decode("latin-1")
    return line[1].decode(), line[2].decode("latin-1"), line[3], headers


def _receive(connection: socket.socket, received: bytearray) -> bool:
    try:
        data = connection.recv(256 * 1024)
    except socket.timeout:
        return False
    received += data
    return bool(data)


def _take(connection: socket.socket, received: bytearray, size: int) -> bytes:
    while len(received) < size:
        if not _receive(connection, received):
            raise Refused(400, "The body ended early.")
    data = bytes(received[:size])
    del received[:size]
    return data


def _take_line(connection: socket.socket, received: bytearray) -> bytes:
    while b"\r\n" not in received:
        if len(received) > MAX_HEAD or not _receive(connection, received):
            raise Refused(400, "A line of the body does not end.")
    line, _, rest = bytes(received).partition(b"\r\n")
    received[:] = rest
    return line


def _wants_close(request: Request) -> bool:
    return bool(request.headers.get("connection", "").lower() == "close")


def _make_error(status: int, message: str) -> Response:
    return Response({"message": message}, status)


def _make_head(response: Response, keep: bool, delimited: str) -> bytes:
    lines = [f"HTTP/1.1 {response.status_code} {WORDS.get(response.status_code, 'Answer')}"]
    own = ("Content-Length", "Connection", "Transfer-Encoding")
    for name, value in response.headers.items():
        if name not in own and "\r" not in str(value) and "\n" not in str(value):
            lines.append(f"{name}: {value}")
    lines += [delimited] if delimited else []
    lines += [f"Connection: {'keep-alive' if keep else 'close'}", "", ""]
    return "\r\n".join(lines).encode("latin-1", "replace")


def _encode(response: Response, keep: bool, head_only: bool = False) -> bytes:
    head = _make_head(response, keep, f"Content-Length: {len(response.data)}")
    return head if head_only else head + response.data


def _send_pieces(connection: socket.socket, response: Response, keep: bool, is_old: bool) -> int:
    """Stream the values that a script yields. If it fails, the connection ends without the last chunk."""
    size = 0
    connection.sendall(_make_head(response, keep and not is_old, "" if is_old else "Transfer-Encoding: chunked"))
    for data in _read_pieces(response.pieces or iter(())):
        size += len(data)
        if data:
            connection.sendall(data if is_old else b"%x\r\n%b\r\n" % (len(data), data))
    if not is_old:
        connection.sendall(b"0\r\n\r\n")
    return size


def _read_pieces(pieces: Iterator[Any]) -> Iterator[bytes]:
    while True:
        try:
            piece = next(pieces)
            data = piece.encode() if isinstance(piece, str) else bytes(piece)
        except StopIteration:
            return
        # Whatever the user's script raises.
        except BaseException as error:
            traceback.print_exc()
            sys.stderr.flush()
            raise OSError("run() failed in the middle of its response.") from error
        yield data


def _choose_example(script: EntryScript) -> Dict[str, Any]:
    """The example of the schema, if it is short and can be sent."""
    example = script.find_example()
    try:
        return example if len(json.dumps(example, allow_nan=False)) <= MAX_EXAMPLE else {}
    except (TypeError, ValueError):
        return {}


def make_server(script: EntryScript, environ: Dict[str, str], telemetry: Optional[Telemetry] = None) -> ScoringServer:
    """Create the server with the settings of a service's variables."""
    return ScoringServer(
        script,
        name=environ.get("SERVICE_NAME", "service"),
        concurrency=int(environ.get("LAZULI_CONCURRENCY", "1")),
        timeout=float(environ.get("LAZULI_SCORING_TIMEOUT", "60")),
        cors=environ.get("AML_CORS_ORIGINS", ""),
        telemetry=telemetry,
    )


def run_server(
    script: EntryScript, unix: str = "", host: str = "127.0.0.1", port: int = 0, telemetry: Optional[int] = None
) -> None:
    """Serve until SIGTERM, and finish requests in progress. `init()` must have returned. `telemetry` is a pipe for
    records of the requests."""
    server = make_server(script, dict(os.environ), Telemetry(telemetry, os.environ.get("LAZULI_DATA_SWITCH", "")))
    bound = server.listen(unix, host, port)
    signal.signal(signal.SIGTERM, server.stop_later)
    print(json.dumps({"listening": unix or bound, "example": _choose_example(script)}), flush=True)
    server.serve()
