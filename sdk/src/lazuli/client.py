"""The one way from the SDK to the server: `Client.request()`.

httpx is imported at the first request, so that `import azureml.core` stays quick.
"""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING, Any, Callable, Container, Dict, Iterator, Optional, Union
from urllib.parse import quote, urljoin, urlsplit

from lazuli import errors
from lazuli.version import VERSION

if TYPE_CHECKING:
    import httpx

Credential = Union[None, str, Callable[[], Optional[str]]]

# connect, read, write, pool: a server that is being restarted refuses at once, so that connecting may be short.
CONNECT_TIMEOUT = 10.0
TIMEOUT = 60.0
ATTEMPTS = 7
LONGEST_PAUSE = 8.0
BUSY = frozenset({429, 502, 503, 504})
SAFE_METHODS = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
OK = range(200, 300)

# What every new client speaks through when it is not told otherwise; tests put the application itself here.
default_transport: Optional[httpx.BaseTransport] = None


def quote_segment(text: str) -> str:
    """One piece of a path; a name may hold any character."""
    return quote(str(text), safe="~")


class Client:
    """Speaks to one server with one credential: a token, or a function that returns the present one.

    Threads may share a client, and it may be used after a fork: every process gets its own pool of connections.
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
    ) -> httpx.Response:
        """Ask, and return the answer if its status is in `ok`; else raise one of `lazuli.errors`.

        `path` may also be a whole address; the token goes only to our own server. With `stream=True` the body is
        not read yet: use `iter_bytes()`, then `close()`. `repeatable` says that asking twice does no harm; left
        out, it is so for GET, PUT and DELETE.
        """
        pool = self._pool()
        url = self._url(path)
        build = {
            "params": _present(params),
            "json": json,
            "headers": self._headers(url, headers),
            "timeout": self._timeout(timeout),
        }
        start = _position(content)
        repeatable = method.upper() in SAFE_METHODS if repeatable is None else repeatable
        repeatable = repeatable and (content is None or start is not None)

        def send() -> httpx.Response:
            if content is not None and start:
                content.seek(start - 1)
            return pool.send(pool.build_request(method, url, content=content, **build), stream=stream)

        response = self._send_with_retries(send, repeatable)
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

        A `nextLink` begins with the public address of the studio; it is asked for where this client reaches it.
        """
        page = self.request("GET", path, params=params).json()
        yield from page.get("value", [])
        while page.get("nextLink"):
            page = self.request("GET", self._own(page["nextLink"])).json()
            yield from page.get("value", [])

    def _own(self, url: str) -> str:
        """The path of an address of the studio, wherever it says that it is."""
        parts, prefix = urlsplit(url), urlsplit(self.base_url).path
        path = parts.path[len(prefix) :] if parts.path.startswith(prefix + "/") else parts.path
        return f"{path}?{parts.query}" if parts.query else path

    def token(self) -> Optional[str]:
        return self.credential() if callable(self.credential) else self.credential

    def close(self) -> None:
        pool = self._pools.pop(os.getpid(), None)
        if pool is not None:
            pool.close()

    def _send_with_retries(self, send: Callable[[], httpx.Response], repeatable: bool) -> httpx.Response:
        import httpx

        for attempt in range(self._attempts):
            last = attempt + 1 == self._attempts
            try:
                response = send()
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                # Nothing has been sent yet, so that any request may be tried again.
                if last:
                    raise self._unreachable(error) from error
                wait = None
            except httpx.TransportError as error:
                if last or not repeatable:
                    raise self._unreachable(error) from error
                wait = None
            else:
                if last or not repeatable or response.status_code not in BUSY:
                    return response
                wait = _retry_after(response)
                response.close()
            self._sleep(_pause(attempt) if wait is None else wait)
        raise AssertionError("attempts is at least 1")

    def _unreachable(self, error: Exception) -> errors.Unreachable:
        reason = str(error) or type(error).__name__
        return errors.Unreachable(
            f"{self.base_url} does not answer ({reason}). Is the studio running, and is LAZULI_URL right?",
            inner_exception=error,
        )

    def _pool(self) -> httpx.Client:
        pid = os.getpid()
        pool = self._pools.get(pid)
        if pool is None:
            # A parent's pool stays in the dict unclosed: its sockets still belong to the parent.
            pool = self._pools.setdefault(pid, self._new_pool())
        return pool

    def _new_pool(self) -> httpx.Client:
        import httpx

        limits = httpx.Limits(max_connections=32, max_keepalive_connections=8, keepalive_expiry=30)
        return httpx.Client(transport=self._transport or default_transport, limits=limits, follow_redirects=False)

    def _timeout(self, seconds: Optional[float]) -> httpx.Timeout:
        import httpx

        return httpx.Timeout(seconds or TIMEOUT, connect=min(seconds or TIMEOUT, CONNECT_TIMEOUT))

    def _url(self, path: str) -> str:
        if path.startswith(("http://", "https://")):
            return path
        return self.base_url + "/" + path.lstrip("/")

    def _headers(self, url: str, headers: Optional[Dict[str, str]]) -> Dict[str, str]:
        sent = {"User-Agent": f"lazuli-sdk/{VERSION}", "Accept": "application/json, */*"}
        token = self.token() if _origin(url) == _origin(self.base_url) else None
        if token:
            sent["Authorization"] = f"Bearer {token}"
        return dict(sent, **(headers or {}))


def _origin(url: str) -> str:
    return urljoin(url, "/") if urlsplit(url).netloc else url


def _present(params: Optional[Dict[str, Any]]) -> Optional[Dict[str, Any]]:
    # None rather than {}: httpx would drop the query that the address already has.
    return {name: value for name, value in (params or {}).items() if value is not None} or None


def _position(content: Any) -> Optional[int]:
    """Where a body starts, plus one; 0 for bytes, None for one that can be read only once."""
    if isinstance(content, (bytes, bytearray, str)):
        return 0
    if hasattr(content, "seek") and hasattr(content, "tell"):
        return int(content.tell()) + 1
    return None


def _retry_after(response: httpx.Response) -> Optional[float]:
    try:
        return min(float(response.headers["Retry-After"]), 60.0)
    except (KeyError, ValueError):
        return None


def _pause(attempt: int) -> float:
    # Full jitter, so that many nodes do not come back in step after a restart.
    longest: float = min(LONGEST_PAUSE, 0.5 * 2**attempt)
    return random.uniform(longest / 2, longest)
