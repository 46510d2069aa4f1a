"""The client of a host or a node: JSON over HTTP with its own key. It needs the standard library only, to stay small."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

TIMEOUT_SECONDS = 10


class ServerUnreachable(Exception):
    """The server did not answer usefully; the caller continues and tries again."""


class ServerClient:
    def __init__(self, url: str, key: str):
        self.url, self._key = url.rstrip("/"), key
        # No proxy: one that is meant for the internet would not find the server.
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def post(self, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """Send a POST and return status and body; 4xx are returned, every other failure raises ServerUnreachable."""
        return self._send("POST", path, json.dumps(body or {}).encode())

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """Like `post`."""
        return self._send("GET", path, None)

    def _send(self, method: str, path: str, content: bytes | None) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, content, headers, method=method)
        try:
            with self._open(request, timeout=TIMEOUT_SECONDS) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            with error:
                if error.code < 500:
                    return error.code, _read_refusal(error.read())
            raise ServerUnreachable(f"{self.url} answered {error.code}") from error
        except (OSError, ValueError) as error:
            raise ServerUnreachable(f"{self.url}: {error}") from error


def _read_refusal(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        # The answer came from something in between, such as a proxy.
        return {}
    return found if isinstance(found, dict) else {}


def describe_refusal(status: int, answer: dict[str, Any]) -> str:
    """The server's own words, or the status."""
    error = answer.get("error")
    return str(error.get("message")) if isinstance(error, dict) else f"the server answered {status}"
