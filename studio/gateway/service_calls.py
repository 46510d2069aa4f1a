"""Requests to services, one after the other on a client's connection, each to a replica with a free turn."""

import asyncio
import contextlib
import dataclasses
import logging
import time

from studio.gateway import bodies, service_messages
from studio.gateway.bodies import LAST_CHUNK, Body, LengthBody, frame_chunk
from studio.gateway.decisions import Decision, Unreachable
from studio.gateway.heads import BadHead, RequestHead, parse_request
from studio.gateway.replicas import (
    MAX_WAITING,
    Full,
    NoReplica,
    ReplicaConnection,
    ReplicaConnections,
    Route,
    ScoringService,
)
from studio.gateway.sides import HIGH_WATER, Side, start_serving

logger = logging.getLogger(__name__)
HEAD_SECONDS, IDLE_SECONDS, MOVE_SECONDS = 20.0, 75.0, 60.0
# Seconds between two checks for a replica while a request waits for one to start.
LOOK_SECONDS = 0.05
# Azure's header that names a version (there: a deployment).
VERSION_HEADER = "azureml-model-deployment"
# After the last response, data from the client is read for so long; otherwise it would not see the response.
LINGER_SECONDS = 1.0
MAX_INTERIM = 5


class Refusal(Exception):
    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status, self.message = status, message


@dataclasses.dataclass(frozen=True)
class Called:
    workspace: str
    name: str
    key: str


class BrokenAnswer(Exception):
    """The response ended in the middle of its body; the client's connection is closed too, so that it does not look
    complete."""


class Caller(Side):
    """A client's connection, from its first request to a service on."""

    def __init__(self, gateway, peer: str) -> None:
        super().__init__()
        self.gateway, self.peer = gateway, peer
        # The web server has invited the first body itself, if that was wanted.
        self._is_first = True
        self._task: asyncio.Task | None = None

    def adopt(self, transport: asyncio.Transport, received: bytearray) -> None:
        """Take over a connection with its first head."""
        self.connection_made(transport)
        self.gateway.callers.add(self)
        transport.set_protocol(self)
        self.received = received
        self._is_paused = not transport.is_reading()
        self._task = start_serving(self._serve(), transport)

    def connection_lost(self, error) -> None:
        super().connection_lost(error)
        self.gateway.callers.discard(self)
        if self._task:
            self._task.cancel()

    def abort(self) -> None:
        self.transport.abort()

    async def _serve(self) -> None:
        try:
            while await self._serve_one():
                self._is_first = False
            await self._close()
        except BrokenAnswer as error:
            logger.warning("%s", error)
            self.abort()
        except TimeoutError:
            # The client neither sends nor reads.
            self.abort()

    async def _close(self) -> None:
        if self.is_lost:
            return
        if self.transport.can_write_eof():
            self.transport.write_eof()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                self.received.clear()
                while await self.wait_for_data():
                    self.received.clear()
        self.transport.close()

    # One request

    async def _serve_one(self) -> bool:
        """Serve one request; return whether another may follow."""
        body: Body = LengthBody(0)
        keeps = False
        try:
            head = await self._read_request()
            if head is None:
                return False
            keeps = not service_messages.wants_close(head)
            body = service_messages.make_body(head)
            return await self._call(head, body, keeps) and keeps
        except BadHead as error:
            self._refuse(error.status, str(error), keeps=False)
        except Refusal as error:
            with contextlib.suppress(BadHead):
                body.take(self.received)
            keeps = keeps and body.is_done
            self._refuse(error.status, error.message, keeps)
            return keeps
        except Unreachable as error:
            logger.warning("The studio did not answer: %s", error)
            self._refuse(503, "The studio is restarting. Try again in a moment.", keeps=False)
        return False

    def _refuse(self, status: int, message: str, keeps: bool) -> None:
        self.transport.write(service_messages.refuse_call(status, message, keeps))

    async def _read_request(self) -> RequestHead | None:
        """Read the next request; None at the end of the connection, or after a long time without data."""
        if not self.received:
            try:
                async with asyncio.timeout(IDLE_SECONDS):
                    await self.wait_for_data()
            except TimeoutError:
                return None
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                raw = await self.read_head()
        except TimeoutError as error:
            raise BadHead(f"The head was not complete within {HEAD_SECONDS:g} seconds.", 408) from error
        return parse_request(raw, takes_chunks=True) if raw is not None else None

    async def _call(self, head: RequestHead, body: Body, keeps: bool) -> bool:
        workspace, name, target = service_messages.parse_service(head)
        if self.gateway.applications.label_of(head.get("host")):
            raise BadHead("Send requests to services to the host of the studio.", 421)
        called, mirror = await self._choose_version(Called(workspace, name, service_messages.read_key(head)), head)
        # Before the body is read, so that unauthorized clients cannot upload.
        service, _ = await self._ask(called)
        if head.get("expect").lower() == "100-continue" and not self._is_first:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        begun = await self._read_ahead(body)
        if mirror and body.is_done:
            self.gateway.copies.send(mirror, head, target, body, begun, self.peer)
        began = time.monotonic()
        try:
            status = await self._exchange(called, head, target, body, begun, keeps)
        except Refusal as error:
            service.meter.record(error.status, time.monotonic() - began)
            raise
        except BrokenAnswer:
            service.meter.record(502, time.monotonic() - began)
            raise
        service.meter.record(status, time.monotonic() - began)
        return body.is_done

    async def _exchange(
        self, called: Called, head: RequestHead, target: str, body: Body, begun: bytes, keeps: bool
    ) -> int:
        """Send a request to a replica and its response to the client; return the status."""
        service, replica, upstream = await self._find_replica(called)
        is_clean = False
        try:
            request = service_messages.make_request(head, target, self.peer, body)
            await self._send_request(request, body, begun, upstream)
            answer = await self._read_answer(service.route, head, upstream)
            await self._pass_on(answer.make_head(keeps and body.is_done), answer.body, upstream)
            is_clean = answer.keeps and body.is_done and not upstream.received and not upstream.has_ended
            return answer.status
        finally:
            if is_clean:
                replica.keep(upstream)
            else:
                upstream.transport.abort()
            service.give_back(replica)

    async def _choose_version(self, called: Called, head: RequestHead) -> tuple[Called, Called | None]:
        """The version that gets the request, if the service has versions, and the one that gets a copy of it."""
        decision = await self.gateway.studio.authorize_call(called.workspace, called.name, called.key)
        if decision.status != 200 or decision.route is None or not decision.route.versions:
            return called, None
        wanted = head.get(VERSION_HEADER)
        chosen = decision.route.choose_version(wanted)
        if not chosen:
            text = f"has no version {wanted[:40]!r}" if wanted else "has no version that gets requests"
            raise Refusal(404, f"The service {called.name} {text}.")
        mirror = "" if wanted else decision.route.choose_mirror()
        found = dataclasses.replace(called, name=f"{called.name}.{chosen}")
        return found, dataclasses.replace(called, name=f"{called.name}.{mirror}") if mirror else None

    async def _ask(self, called: Called) -> tuple[ScoringService, Decision]:
        decision = await self.gateway.studio.authorize_call(called.workspace, called.name, called.key)
        if decision.status != 200:
            raise Refusal(decision.status, decision.message)
        service = self.gateway.services.setdefault((called.workspace, called.name), self.gateway.new_service())
        service.follow(decision.route, decision.decided_at)
        return service, decision

    async def _find_replica(self, called: Called) -> tuple[ScoringService, ReplicaConnections, ReplicaConnection]:
        """Find a replica with a free turn that accepts a connection; wait for one as long as the studio allows."""
        began, tries = time.monotonic(), 0
        while True:
            service, decision = await self._ask(called)
            route = service.route
            try:
                replica = await service.take(route.timeout_seconds)
                if upstream := await self._connect(service, replica):
                    return service, replica, upstream
            except Full as error:
                raise Refusal(429, service_messages.TOO_MANY) from error
            except TimeoutError as error:
                busy = f"The service was busy for {route.timeout_seconds:g} seconds. Try again."
                raise Refusal(503, busy) from error
            except NoReplica:
                logger.debug("%s has no replica.", called.name)
            tries += 1
            if time.monotonic() - began >= route.hold_seconds and (tries > 1 or not route.addresses):
                raise Refusal(503, route.message or "The service does not answer. Try again in a moment.")
            if route.addresses:
                # It may have started again elsewhere since the studio's last answer.
                self.gateway.studio.forget(decision)
            if service.held >= MAX_WAITING:
                raise Refusal(429, service_messages.TOO_MANY)
            service.held += 1
            try:
                await asyncio.sleep(LOOK_SECONDS if tries > 1 else 0)
            finally:
                service.held -= 1

    async def _connect(self, service: ScoringService, replica: ReplicaConnections) -> ReplicaConnection | None:
        try:
            upstream = await replica.connect()
        except asyncio.CancelledError:
            service.give_back(replica)
            raise
        if upstream is None:
            service.drop(replica)
            service.give_back(replica)
        return upstream

    # The request's body, and the response

    async def _read_ahead(self, body: Body) -> bytes:
        """Read the part that fits into memory, so that a slow client does not block a turn of the service."""
        begun = bytearray(body.take(self.received))
        while not body.is_done and len(begun) < HIGH_WATER:
            await self._read_more()
            begun += body.take(self.received)
        return bytes(begun)

    async def _read_more(self) -> None:
        try:
            async with asyncio.timeout(MOVE_SECONDS):
                is_more = await self.wait_for_data()
        except TimeoutError as error:
            raise BadHead(f"No more of the body was received for {MOVE_SECONDS:g} seconds.", 408) from error
        if not is_more:
            raise BadHead("The body ended early.")

    async def _send_request(self, request: bytes, body: Body, begun: bytes, upstream: ReplicaConnection) -> None:
        """Send the head and the body, until its end or until the replica responds."""
        encode = frame_chunk if body.is_chunked else bytes
        # In one piece, so that the replica wakes up once.
        upstream.transport.write(request + encode(begun))
        while not body.is_done and not upstream.received and not upstream.has_ended:
            await upstream.drain()
            if piece := body.take(self.received):
                upstream.transport.write(encode(piece))
            elif not body.is_done:
                await self._read_more()
        if body.is_done and body.is_chunked:
            upstream.transport.write(LAST_CHUNK)

    async def _read_answer(
        self, route: Route, head: RequestHead, upstream: ReplicaConnection
    ) -> service_messages.ReplicaAnswer:
        # The replica enforces the limit itself, for waiting and for run().
        limit = 2 * route.timeout_seconds + 10
        try:
            async with asyncio.timeout(limit):
                for _ in range(MAX_INTERIM):
                    raw = await upstream.read_head()
                    if raw is None:
                        raise Refusal(502, "The replica ended without an answer. Its log says why.")
                    answer = service_messages.ReplicaAnswer.parse(raw, head.method)
                    if answer.status >= 200:
                        return answer
        except TimeoutError as error:
            raise Refusal(504, f"The replica has not answered within {limit:g} seconds.") from error
        except BadHead as error:
            raise Refusal(502, str(error)) from error
        raise Refusal(502, "The replica sent only interim responses.")

    async def _pass_on(self, head: bytes, body: Body, upstream: ReplicaConnection) -> None:
        encode = frame_chunk if body.is_chunked else bytes
        try:
            piece = body.take(upstream.received)
            self.transport.write(head + encode(piece) if piece else head)
            while True:
                if self._is_full:
                    async with asyncio.timeout(MOVE_SECONDS):
                        await self.drain()
                if body.is_done:
                    break
                if not await upstream.wait_for_data():
                    break
                if piece := body.take(upstream.received):
                    self.transport.write(encode(piece))
        except BadHead as error:
            raise BrokenAnswer(f"A replica's answer cannot be read: {error}") from error
        if not body.is_done and not isinstance(body, bodies.EndlessBody):
            raise BrokenAnswer("A replica ended in the middle of its response.")
        if body.is_chunked:
            self.transport.write(LAST_CHUNK)
