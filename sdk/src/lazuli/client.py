"""All requests of the SDK go through `Client.request()`.

httpx is imported at the first request, so that `import azureml.core` stays quick.
"""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING, Any, Callable, Container, Dict, Iterator, Optional, Union
from urllib.parse import quote, urljoin, urlsplit

from lazuli import errors
from lazuli.bodies import LargeReads
from lazuli.masking import Masker
from lazuli.version import VERSION

if TYPE_CHECKING:
    import httpx

Credential = Union[None, str, Callable[[], Optional[str]]]

# Connecting has a short timeout: a server that is being restarted refuses immediately.
CONNECT_TIMEOUT = 10.0
TIMEOUT = 60.0
ATTEMPTS = 7
# A job continues while the server is unreachable for some minutes.
JOB_ATTEMPTS = 45
MAX_PAUSE = 8.0
BUSY_STATUSES = frozenset({429, 502, 503, 504})
SAFE_METHODS = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
OK = range(200, 300)

# The transport of new clients by default; tests set the application itself.
default_transport: Optional[httpx.BaseTransport] = None


def quote_segment(text: str) -> str:
    """A name as one segment of a path; it may contain any character."""
    return quote(str(text), safe="~")


class Client:
    """Sends requests to one server with one credential: a token, or a function that returns the current one.

    Threads can share a client, and it can be used after a fork: each process has its own pool of connections.
    """

    def __init__(
        self,
        base_url: str,
        credential: Credential = None,
        *,
        transport: Optional[httpx.BaseTransport] = None,
        attempts: int = ATTEMPTS,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self.base_url = base_url.rstrip("/")
        self.credential = credential
        self._transport = transport
        self._attempts = attempts
        self._sleep = sleep
        self._pools: Dict[int, httpx.Client] = {}
        # Whether the request with a large file has broken off: the next ones are sent in pieces (lazuli/large_files.py).
        self.breaks_off = False

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Optional[Dict[str, Any]] = None,
        json: Any = None,
        content: Any = None,
        headers: Optional[Dict[str, str]] = None,
        stream: bool = False,
        timeout: Optional[float] = None,
        ok: Container[int] = OK,
        repeatable: Optional[bool] = None,
        attempts: Optional[int] = None,
    ) -> httpx.Response:
        """Send a request and return the answer if its status is in `ok`; else raise one of `lazuli.errors`.

        `path` may be a complete URL; the token is sent to this client's server only. `timeout` is in seconds. With
        `stream=True` the body is not read yet: use `bodies.iterate_blocks()`, then `close()`. `repeatable` says that
        sending the request twice does no harm; by default that is so for GET, PUT and DELETE. `attempts` limits the
        retries.
        """
        pool = self._get_pool()
        url = self._build_url(path)
        build = {
            "params": _drop_none(params),
            "json": json,
            "headers": self._build_headers(url, headers),
            "timeout": self._build_timeout(timeout),
        }
        start = _start_position(content)
        repeatable = method.upper() in SAFE_METHODS if repeatable is None else repeatable
        can_resend = content is None or start is not None
        repeatable = repeatable and can_resend
        # TLS sends 16 kB at a time, and copies the rest of the block each time.
        body = LargeReads(content) if hasattr(content, "read") and url.startswith("http:") else content

        def send() -> httpx.Response:
            if content is not None and start:
                content.seek(start - 1)
            return pool.send(pool.build_request(method, url, content=body, **build), stream=stream)

        response = self._send_with_retries(send, repeatable, can_resend, attempts or self._attempts)
        if response.status_code in ok:
            return response
        response.read()
        response.close()
        raise errors.from_response(response)

    def get(self, path: str, **params: Any) -> Any:
        """The JSON of a GET."""
        return self.request("GET", path, params=params).json()

    def items(self, path: str, params: Optional[Dict[str, Any]] = None) -> Iterator[Any]:
        """Every element of a list, page by page (`value`, `nextLink`).

        A `nextLink` has the public address of the studio; it is requested at the address of this client.
        """
        page = self.request("GET", path, params=params).json()
        yield from page.get("value", [])
        while page.get("nextLink"):
            page = self.request("GET", self._strip_server(page["nextLink"])).json()
            yield from page.get("value", [])

    def _strip_server(self, url: str) -> str:
        """The path and query of a URL of the studio, without its server."""
        parts, prefix = urlsplit(url), urlsplit(self.base_url).path
        path = parts.path[len(prefix) :] if parts.path.startswith(prefix + "/") else parts.path
        return f"{path}?{parts.query}" if parts.query else path

    def token(self) -> Optional[str]:
        return self.credential() if callable(self.credential) else self.credential

    def close(self) -> None:
        pool = self._pools.pop(os.getpid(), None)
        if pool is not None:
            pool.close()

    def _send_with_retries(
        self, send: Callable[[], httpx.Response], repeatable: bool, can_resend: bool, attempts: int
    ) -> httpx.Response:
        import httpx  # start-up time

        for attempt in range(attempts):
            last = attempt + 1 == attempts
            try:
                response = send()
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                # Nothing has been sent yet, so any request can be repeated.
                if last:
                    raise self._unreachable_error(error) from error
                wait = None
            except httpx.TransportError as error:
                if last or not repeatable:
                    raise self._unreachable_error(error) from error
                wait = None
            else:
                wait = errors.retry_after(response)
                # A server that sends Retry-After has changed nothing, so any request can be repeated.
                again = repeatable or (can_resend and response.status_code == 503 and wait is not None)
                if last or not again or response.status_code not in BUSY_STATUSES:
                    return response
                response.close()
            self._sleep(_random_pause(attempt) if wait is None else wait)
        raise AssertionError("attempts is at least 1")

    def _unreachable_error(self, error: Exception) -> errors.Unreachable:
        reason = str(error) or type(error).__name__
        return errors.Unreachable(
            Masker().mask_text(
                f"{self.base_url} does not answer ({reason}). Is the studio running, and is LAZULI_URL right?"
            ),
            inner_exception=error,
        )

    def _get_pool(self) -> httpx.Client:
        pid = os.getpid()
        pool = self._pools.get(pid)
        if pool is None:
            # The pool of a parent process stays in the dict and open: its sockets belong to the parent.
            pool = self._pools.setdefault(pid, self._new_pool())
        return pool

    def _new_pool(self) -> httpx.Client:
        import httpx  # start-up time

        limits = httpx.Limits(max_connections=32, max_keepalive_connections=8, keepalive_expiry=30)
        return httpx.Client(transport=self._transport or default_transport, limits=limits, follow_redirects=False)

    def _build_timeout(self, seconds: Optional[float]) -> httpx.Timeout:
        import httpx  # start-up time

        return httpx.Timeout(seconds or TIMEOUT, connect=min(seconds or TIMEOUT, CONNECT_TIMEOUT))

    def _build_url(self, path: str) -> str:
        if path.startswith(("http://", "https://")):
            return path
        return self.base_url + "/" + path.lstrip("/")

    def _build_headers(self, url: str, headers: Optional[Dict[str, str]]) -> Dict[str, str]:
        sent = {"User-Agent": f"lazuli-sdk/{VERSION}", "Accept": "application/json, */*"}
        token = self.token() if _strip_path(url) == _strip_path(self.base_url) else None
        if token:
            sent["Authorization"] = f"Bearer {token}"
        return dict(sent, **(headers or {}))


def _strip_path(url: str) -> str:
    return urljoin(url, "/") if urlsplit(url).netloc else url


def _drop_none(params: Optional[Dict[str, Any]]) -> Optional[Dict[str, Any]]:
    # None rather than {}: with {} httpx drops the query that the URL has already.
    return {name: value for name, value in (params or {}).items() if value is not None} or None


def _start_position(content: Any) -> Optional[int]:
    """The start position of a body, plus one; 0 for bytes, None for a body that can be read only once."""
    if isinstance(content, (bytes, bytearray, str)):
        return 0
    if hasattr(content, "seek") and hasattr(content, "tell"):
        return int(content.tell()) + 1
    return None


def _random_pause(attempt: int) -> float:
    # Random, so that many nodes do not return at the same moment after a restart.
    max_pause: float = min(MAX_PAUSE, 0.5 * 2**attempt)
    return random.uniform(max_pause / 2, max_pause)
