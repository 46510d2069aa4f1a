"""HTTP for an entry script: a thread for each connection, heads parsed strictly, limits on bodies and time.

`GET /` says that it lives, `/score` runs the script, `/swagger.json` describes it.
"""

from __future__ import annotations

import contextlib
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
from lazuli.version import VERSION

MAX_HEAD = 64 * 1024
MAX_BODY = 100 * 1024 * 1024
IDLE_SECONDS, BODY_SECONDS = 75.0, 60.0
# How long requests that come after SIGTERM are still answered: those who send them may not know yet.
DRAIN_SECONDS = 6.0
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
    ):
        self.script, self.name, self.timeout, self.max_body = script, name, timeout, max_body
        self.cors = [origin.strip() for origin in cors.split(",") if origin.strip()]
        self._turns = threading.Semaphore(concurrency)
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
        """Until `stop`; then what is under way is finished."""
        assert self._listener is not None
        self._listener.settimeout(0.5)
        while not self._ending:
            try:
                connection, _ = self._listener.accept()
            except socket.timeout:
                continue
            except OSError:
                break
            threading.Thread(target=self._serve_connection, args=(connection,), daemon=True).start()
        self._listener.close()
        with self._changed:
            self._changed.wait_for(lambda: not self._active, self.timeout)

    def stop(self) -> None:
        self._ending = True

    def stop_later(self, *_: Any) -> None:
        """At SIGTERM."""
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
                    connection.sendall(_encode(self._answer(request), keep))

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
        return Request(method, target, headers, body)

    def _read_body(self, connection: socket.socket, received: bytearray, headers: Headers) -> bytes:
        if "transfer-encoding" in headers:
            if headers["transfer-encoding"].lower() != "chunked" or "content-length" in headers:
                raise Refused(400, "Send the body with a Content-Length, or chunked.")
            return self._read_chunks(connection, received)
        text = headers.get("content-length", "0")
        if not re.fullmatch(r"[0-9]{1,15}", text):
            raise Refused(400, "Content-Length is no number.")
        self._check_size(int(text))
        return _take(connection, received, int(text))

    def _read_chunks(self, connection: socket.socket, received: bytearray) -> bytes:
        body = bytearray()
        while True:
            line = _take_line(connection, received).partition(b";")[0].strip()
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", line):
                raise Refused(400, "The size of a chunk is no number.")
            size = int(line, 16)
            if size == 0:
                while _take_line(connection, received):
                    """Trailers mean nothing here."""
                return bytes(body)
            self._check_size(len(body) + size)
            body += _take(connection, received, size)
            if _take(connection, received, 2) != b"\r\n":
                raise Refused(400, "A chunk does not end where it says.")

    def _check_size(self, size: int) -> None:
        if size > self.max_body:
            raise Refused(413, f"The body is larger than {self.max_body} bytes.")

    # ---- answering

    def _answer(self, request: Request) -> Response:
        began = time.monotonic()
        request_id = request.headers.get("x-request-id") or str(uuid.uuid4())
        if len(request_id) > 100:
            return _make_error(431, "x-request-id may have 100 characters.")
        response = self._route(request)
        headers = response.headers
        headers["x-request-id"] = request_id
        headers["x-ms-server-version"] = f"lazuli/{VERSION}"
        client_id = request.headers.get("x-ms-client-request-id")
        if client_id:
            headers["x-ms-client-request-id"] = client_id
        self._allow_origin(request, headers)
        if request.path != "/":
            milliseconds = (time.monotonic() - began) * 1000
            print(
                f"{request.method} {request.path} {response.status_code} {milliseconds:.3f}ms {len(response.data)} "
                f"{request_id}",
                flush=True,
            )
        return response

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
            "/score": (("GET", "POST", "OPTIONS"), self._score),
            "/swagger.json": (("GET",), self._describe),
        }
        if path not in allowed:
            return _make_error(404, f"There is nothing at {request.path[:200]}: use /score or /swagger.json.")
        methods, function = allowed[path]
        if request.method not in methods:
            response = _make_error(405, f"{request.method} is not possible here: use {' or '.join(methods)}.")
            response.headers["Allow"] = ", ".join(methods)
            return response
        if request.method == "OPTIONS" and not self.script.takes_raw:
            return Response("")
        return function(request)

    def _describe(self, request: Request) -> Response:
        return Response(describe_service(self.name, self.script, request.args.get("version", "2")))

    def _score(self, request: Request) -> Response:
        if not self._turns.acquire(timeout=self.timeout):
            return _make_error(503, f"No turn was free for {self.timeout:g} seconds: the service is busy.")
        # The thread has the turn until run() returns, also if nobody waits for its answer any more.
        done: Dict[str, Response] = {}
        thread = threading.Thread(target=self._run, args=(request, done), daemon=True)
        began = time.monotonic()
        thread.start()
        thread.join(self.timeout)
        response = done.get("response")
        if response is None:
            response = _make_error(504, f"run() has not returned within {self.timeout:g} seconds (scoring timeout).")
            response.run_function_failed = True
        response.headers["x-ms-run-function-failed"] = str(response.run_function_failed)
        response.headers["x-ms-run-fn-exec-ms"] = f"{(time.monotonic() - began) * 1000:.3f}"
        return response

    def _run(self, request: Request, done: Dict[str, Response]) -> None:
        try:
            done["response"] = self.script.run(request)
        except BadRequest as error:
            done["response"] = _make_error(error.status, str(error))
        # Whatever the user's script raises, SystemExit too, is an answer and not the end of the server.
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            failed = _make_error(
                500, "An unexpected error occurred in run(). The log of the service has the traceback."
            )
            failed.run_function_failed = True
            done["response"] = failed
        finally:
            self._turns.release()


def _parse_head(head: bytes) -> Tuple[str, str, bytes, Headers]:
    first, *lines = head.split(b"\r\n")
    line = REQUEST_LINE.fullmatch(first)
    if not line:
        raise Refused(400, "The first line is not one of an HTTP/1.1 request.")
    headers = Headers()
    for text in lines:
        match = HEADER.fullmatch(text)
        if not match:
            raise Refused(400, "A line of the head is no header.")
        name = match[1].decode("latin-1")
        if name.lower() in ("content-length", "transfer-encoding") and name in headers:
            raise Refused(400, f"{name} is there twice.")
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


def _encode(response: Response, keep: bool) -> bytes:
    lines = [f"HTTP/1.1 {response.status_code} {WORDS.get(response.status_code, 'Answer')}"]
    own = ("Content-Length", "Connection", "Transfer-Encoding")
    for name, value in response.headers.items():
        if name not in own and "\r" not in str(value) and "\n" not in str(value):
            lines.append(f"{name}: {value}")
    lines += [f"Content-Length: {len(response.data)}", f"Connection: {'keep-alive' if keep else 'close'}", "", ""]
    return "\r\n".join(lines).encode("latin-1", "replace") + response.data


def make_server(script: EntryScript, environ: Dict[str, str]) -> ScoringServer:
    """With the settings that the variables of a service name."""
    return ScoringServer(
        script,
        name=environ.get("SERVICE_NAME", "service"),
        concurrency=int(environ.get("LAZULI_CONCURRENCY", "1")),
        timeout=float(environ.get("LAZULI_SCORING_TIMEOUT", "60")),
        cors=environ.get("AML_CORS_ORIGINS", ""),
    )


def run_server(script: EntryScript, unix: str = "", host: str = "127.0.0.1", port: int = 0) -> None:
    """Serve until SIGTERM, and finish what is under way. `init()` must have returned."""
    server = make_server(script, dict(os.environ))
    bound = server.listen(unix, host, port)
    signal.signal(signal.SIGTERM, server.stop_later)
    print(json.dumps({"listening": unix or bound}), flush=True)
    server.serve()
