"""Check access with the studio; its answers are cached for a few seconds."""

import asyncio
import contextlib
import dataclasses
import hashlib
import json
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from studio.gateway.replicas import Route

# How long an answer is valid, and how long the last one is while the studio restarts.
FRESH_SECONDS, STALE_SECONDS = 5.0, 60.0
RETRY_SECONDS = 0.5
ASK_SECONDS = 10.0
MAX_ANSWER = 64 * 1024
MAX_REMEMBERED = 10_000


class Unreachable(Exception):
    """The studio does not respond."""


@dataclasses.dataclass(frozen=True)
class Decision:
    """With `status` 200, `address` and `token` of the application; any other status goes to the browser, with a
    message."""

    status: int
    address: str = ""
    token: str = ""
    message: str = ""
    # The route of a request to a service.
    route: Route | None = None
    # When it was requested.
    decided_at: float = dataclasses.field(default_factory=time.monotonic, compare=False)


@dataclasses.dataclass
class CachedDecision:
    decision: Decision | None = None
    decided_at: float = 0.0
    asking: asyncio.Task | None = None


class Studio:
    def __init__(self, url: str, key: str):
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 80
        self.key = key
        self._entries: dict[tuple[str, str], CachedDecision] = {}

    async def authorize(self, label: str, cookie: str) -> Decision:
        """Raises Unreachable."""
        return await self._answer(label, cookie, "/nodes/v1/gateway/authorize", {"label": label, "cookie": cookie})

    async def authorize_call(self, workspace: str, name: str, key: str) -> Decision:
        """Find the route for a request to a service, if the key fits. Raises Unreachable."""
        body = {"workspace": workspace, "name": name, "key": key}
        return await self._answer(f"{workspace}/{name}", key, "/nodes/v1/services/authorize", body)

    async def authorize_host(self, key: str) -> Decision:
        """Find the machine with this key; the address is its uid. Raises Unreachable."""
        return await self._answer("", key, "/nodes/v1/gateway/host", {"key": key})

    async def _answer(self, subject: str, secret: str, path: str, body: dict) -> Decision:
        entry = self._entries.setdefault((subject, hashlib.sha256(secret.encode()).hexdigest()), CachedDecision())
        age = time.monotonic() - entry.decided_at
        route = entry.decision.route if entry.decision else None
        # A starting service is checked again soon.
        fresh = RETRY_SECONDS if route and not route.addresses and not route.versions else FRESH_SECONDS
        if entry.asking is None and (entry.decision is None or age > fresh / 2):
            # One request for all that wait for the same answer; if it is used, before anybody has to wait.
            entry.asking = asyncio.create_task(self._decide(entry, path, body))
            # Those who wait raise its error.
            entry.asking.add_done_callback(lambda task: task.cancelled() or task.exception())
        if entry.decision and age < fresh:
            return entry.decision
        assert entry.asking is not None
        try:
            return await asyncio.shield(entry.asking)
        except Unreachable:
            if entry.decision and time.monotonic() - entry.decided_at < STALE_SECONDS:
                return entry.decision
            raise

    async def _decide(self, entry: CachedDecision, path: str, body: dict) -> Decision:
        began = time.monotonic()
        try:
            status, answer = await self.ask(path, body)
            if status == 200 and "addresses" in answer:
                decision = Decision(200, route=Route.of(answer), decided_at=began)
            elif status == 200:
                decision = Decision(200, answer["address"], answer["token"])
            elif status in (401, 403, 404, 409):
                decision = Decision(status, message=answer["error"]["message"])
            else:
                raise Unreachable(f"the studio answered {status}")
        finally:
            entry.asking = None
        entry.decision, entry.decided_at = decision, began
        self._forget_old()
        return decision

    def forget_service(self, workspace: str, name: str) -> None:
        """Forget a service whose replicas or keys have changed, and its versions. A pending answer may be outdated, so it is
        not cached."""
        subject = f"{workspace}/{name}"
        for key in [key for key in self._entries if key[0] == subject or key[0].startswith(f"{subject}.")]:
            del self._entries[key]

    def forget(self, decision: Decision) -> None:
        """Mark the answer as outdated, so that the next request asks the studio again."""
        for entry in self._entries.values():
            if entry.decision == decision:
                entry.decided_at = 0.0

    def _forget_old(self) -> None:
        if len(self._entries) > MAX_REMEMBERED:
            for key in list(self._list_old()):
                del self._entries[key]

    def _list_old(self) -> Iterator[tuple[str, str]]:
        before = time.monotonic() - STALE_SECONDS
        return (key for key, entry in self._entries.items() if entry.asking is None and entry.decided_at < before)

    async def ask(self, path: str, body: dict) -> tuple[int, dict]:
        """Send a request to the studio; return status and body. Raises Unreachable."""
        content = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        )
        try:
            async with asyncio.timeout(ASK_SECONDS):
                reader, writer = await asyncio.open_connection(self.host, self.port)
                try:
                    writer.write(head.encode() + content)
                    answer = await reader.read(-1)
                finally:
                    writer.close()
                    with contextlib.suppress(OSError):
                        await writer.wait_closed()
        except (OSError, TimeoutError) as error:
            raise Unreachable(str(error)) from error
        return _parse_answer(answer)


def _parse_answer(answer: bytes) -> tuple[int, dict]:
    head, _, body = answer[:MAX_ANSWER].partition(b"\r\n\r\n")
    try:
        status = int(head.split(b" ", 2)[1])
        found = json.loads(body)
    except (IndexError, ValueError) as error:
        raise Unreachable("the studio's answer is not complete") from error
    return status, found if isinstance(found, dict) else {}
