"""One request of a browser: check its access, then copy bytes in both directions."""

import asyncio
import logging
import socket
from typing import cast
from urllib.parse import parse_qs, quote

from studio.gateway.decisions import Decision, Unreachable
from studio.gateway.heads import END, MAX_HEAD, BadHead, RequestHead, make_response, parse_request, rewrite_response
from studio.gateway.pages import make_page
from studio.gateway.service_calls import Caller
from studio.gateway.sides import start_serving

logger = logging.getLogger(__name__)
# A side that does not read stops the other one at this many bytes.
HIGH_WATER = 1024 * 1024
HEAD_SECONDS = 20.0
ENTER = "/_enter"
# In the URL after the sign-in: if the browser then sends no cookie, it does not store them for this host.
ENTERED = "lazuli-entered"
REASONS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    411: "Length Required",
    421: "Misdirected Request",
    431: "Request Header Fields Too Large",
    502: "Bad Gateway",
    503: "Service Unavailable",
}


class Client(asyncio.Protocol):
    """The browser's side."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.transport: asyncio.Transport
        self.received = bytearray()
        self.upstream: ApplicationConnection | None = None
        # Bytes of the body that can still follow; without a limit for a WebSocket.
        self.left = 0
        self.is_spliced = False
        # The subject and secret with which it was admitted, while it is open.
        self.admission: tuple[str, str] | None = None
        self._task: asyncio.Task | None = None

    def connection_made(self, transport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=HIGH_WATER)
        self.gateway.clients.add(self)
        self._deadline = asyncio.get_running_loop().call_later(HEAD_SECONDS, self.abort)

    def data_received(self, data: bytes) -> None:
        if self.upstream is not None:
            self._forward(data)
            return
        self.received += data
        end = self.received.find(END)
        if self._task is None and (end >= 0 or len(self.received) > MAX_HEAD):
            self._deadline.cancel()
            if self.gateway.applications.is_call(self.received):
                self._give_to_caller()
                return
            if self.gateway.streams.is_offer(self.received):
                self.gateway.clients.discard(self)
                self.gateway.streams.take(self.transport, bytes(self.received))
                return
            self._task = start_serving(self._serve(end), self.transport)
        if len(self.received) > HIGH_WATER:
            self.transport.pause_reading()

    def _give_to_caller(self) -> None:
        """Hand a request to a service over to a Caller, because its connection can carry further requests."""
        self.gateway.clients.discard(self)
        Caller(self.gateway, self.gateway.peer_of(self.transport)).adopt(self.transport, self.received)

    def _forward(self, data: bytes | bytearray) -> None:
        assert self.upstream is not None
        if not self.is_spliced:
            # Bytes after the body are ignored.
            data = data[: self.left]
            self.left -= len(data)
        if data:
            self.upstream.transport.write(bytes(data))

    def pause_writing(self) -> None:
        if self.upstream is not None:
            self.upstream.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.upstream is not None:
            self.upstream.transport.resume_reading()

    def eof_received(self) -> bool:
        """A browser that has sent everything can still read, but a WebSocket ends in both directions."""
        return not self.is_spliced

    def connection_lost(self, error) -> None:
        self._deadline.cancel()
        self.gateway.clients.discard(self)
        if self._task:
            self._task.cancel()
        if self.upstream is not None:
            self.upstream.transport.abort()

    def abort(self) -> None:
        self.transport.abort()

    # From the head to the application

    async def _serve(self, end: int) -> None:
        try:
            if end < 0 or end > MAX_HEAD:
                raise BadHead("The head of the request is too long.", 431)
            head = parse_request(bytes(self.received[:end]))
            del self.received[: end + len(END)]
            await self._answer(head)
        except BadHead as error:
            self.refuse(error.status, str(error))
        except Unreachable as error:
            logger.warning("The studio did not answer: %s", error)
            self.refuse(503, "The studio is restarting. Try again in a moment.")

    async def _answer(self, head: RequestHead) -> None:
        label = self.gateway.applications.label_of(head.get("host"))
        if not label:
            raise BadHead("There is no application at this host.", 421)
        if head.path == ENTER:
            await self._enter(head, label)
            return
        origin = self.gateway.applications.origin_of(label)
        if not head.comes_from(origin):
            self.refuse(403, "This request was sent by a page of another origin.")
            return
        names = self.gateway.cookie_names
        cookie = next((value for name, value in head.cookies if name in names), "")
        decision = await self.gateway.studio.authorize(label, cookie) if cookie else Decision(401)
        if decision.status == 200:
            await self._connect(head, decision, origin)
            self.admission = (label, cookie)
        elif decision.status == 401 and head.is_navigation:
            self._lead_to_sign_in(head, label)
        else:
            self.refuse(decision.status, decision.message or "Open the application from the studio.")

    async def _enter(self, head: RequestHead, label: str) -> None:
        ticket = (parse_qs(head.query).get("ticket") or [""])[0]
        status, answer = await self.gateway.studio.ask("/nodes/v1/gateway/enter", {"label": label, "ticket": ticket})
        if status != 200:
            self.refuse(403, "This link was used already, or is too old. Open the application from the studio again.")
            return
        path = answer["path"]
        headers = [("Location", f"{path}{'&' if '?' in path else '?'}{ENTERED}")]
        headers += [("Set-Cookie", cookie) for cookie in self.gateway.make_cookies(answer["cookie"])]
        self._finish(make_response("303 See Other", "", headers))

    def _lead_to_sign_in(self, head: RequestHead, label: str) -> None:
        if ENTERED in head.query.split("&"):
            self.refuse(403, "Your browser blocks cookies of this page here. Open the application in a separate tab.")
            return
        address = f"{self.gateway.public_url}/applications/{label}/?next={quote(head.target, safe='')}"
        self._finish(make_response("303 See Other", "", [("Location", address)]))

    async def _open(self, decision: Decision) -> "ApplicationConnection | None":
        """A connection to the application; None if it does not answer."""
        return await self.gateway.streams.connect(decision.address, lambda: ApplicationConnection(self))

    async def _connect(self, head: RequestHead, decision: Decision, origin: str) -> None:
        upstream = await self._open(decision)
        if upstream is None:
            self.refuse(503, "The application does not answer yet. This page tries again.", retries=True)
            return
        self._send(upstream, head, head.for_upstream(decision.token, origin, self.gateway.peer_of(self.transport)))

    def _send(self, upstream: "ApplicationConnection", head: RequestHead, rewritten: bytes) -> None:
        self.left, self.is_spliced = head.body_length, head.is_upgrade
        self.upstream = upstream
        received, self.received = self.received, bytearray()
        # First, because the application may pause it again at once.
        self.transport.resume_reading()
        upstream.transport.write(rewritten)
        self._forward(received)

    # Answers of the gateway itself

    def refuse(self, status: int, message: str, retries: bool = False) -> None:
        again = [("Retry-After", "2"), ("Refresh", "2")] if retries else [("Retry-After", "2")] if status == 503 else []
        page = make_page(REASONS.get(status, "Not possible"), message, self.gateway.public_url)
        headers = [("Content-Type", "text/html; charset=utf-8"), *again]
        self._finish(make_response(f"{status} {REASONS.get(status, 'Refused')}", page, headers))

    def _finish(self, data: bytes) -> None:
        self.transport.write(data)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        # The rest of a body is read for a moment; otherwise the system would discard the response.
        self.received.clear()
        asyncio.get_running_loop().call_later(1.0, self.transport.close)


class ApplicationConnection(asyncio.Protocol):
    """The application's side."""

    def __init__(self, client: Client):
        self.client = client
        self.transport: asyncio.Transport
        self._head: bytearray | None = bytearray()

    def connection_made(self, transport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=HIGH_WATER)

    def data_received(self, data: bytes) -> None:
        if self._head is None:
            self.client.transport.write(data)
            return
        self._head += data
        end = self._head.find(END)
        if end < 0:
            if len(self._head) > MAX_HEAD:
                self._fail("The application's answer has a head that is too long.")
            return
        try:
            status, head = rewrite_response(bytes(self._head[:end]))
        except BadHead as error:
            self._fail(str(error))
            return
        if status == 101 and not self.client.is_spliced:
            self._fail("The application changed the protocol without being asked.")
            return
        # A refused web socket is an ordinary answer.
        self.client.is_spliced = status == 101
        rest, self._head = bytes(self._head[end + len(END) :]), None
        self.client.transport.write(head + rest)

    def _fail(self, message: str) -> None:
        self._head = None
        self.client.upstream = None
        self.client.refuse(502, message)
        self.transport.abort()

    def pause_writing(self) -> None:
        self.client.transport.pause_reading()

    def resume_writing(self) -> None:
        self.client.transport.resume_reading()

    def connection_lost(self, error) -> None:
        if self.client.upstream is not self:
            return
        self.client.upstream = None
        if self._head is not None:
            self.client.refuse(502, "The application ended without an answer.")
        else:
            self.client.transport.close()


def describe_peer(transport: asyncio.BaseTransport) -> str:
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) and peer else "127.0.0.1"


def keep_alive(sock: socket.socket) -> None:
    """A browser whose machine is asleep or gone is noticed within minutes."""
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20), ("TCP_KEEPCNT", 3)):
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
