"""Copies of requests for a version that is tried with them (mirror traffic): its answers are counted, and nobody sees them."""

import asyncio
import time
from typing import Any

from studio.gateway.bodies import Body
from studio.gateway.decisions import Unreachable
from studio.gateway.heads import BadHead, RequestHead
from studio.gateway.replicas import ScoringService
from studio.gateway.service_calls import BrokenAnswer, Called, Caller, Refusal

# How many copies may be in progress, each with a body of at most a megabyte; further ones are counted as refused.
MAX_COPIES = 20


class Sink(asyncio.Transport):
    """Takes what a client would be sent."""

    def write(self, data: Any) -> None:
        """Drop it."""

    def abort(self) -> None:
        """There is no connection."""


class CopyCaller(Caller):
    """Stands for the client of a copy."""

    def __init__(self, gateway, peer: str) -> None:
        super().__init__(gateway, peer)
        self.transport = Sink()

    async def send_copy(self, called: Called, head: RequestHead, target: str, body: Body, content: bytes) -> int:
        """The status of the answer."""
        try:
            return await self._exchange(called, head, target, body, content, keeps=False)
        except Refusal as error:
            return error.status
        except (BadHead, BrokenAnswer, TimeoutError):
            return 502
        except Unreachable:
            return 503


class Copies:
    """The copies in progress."""

    def __init__(self, gateway) -> None:
        self._gateway = gateway
        self._tasks: set[asyncio.Task] = set()

    def send(self, called: Called, head: RequestHead, target: str, body: Body, content: bytes, peer: str) -> None:
        """Send a copy of a request whose body is complete, while the request itself continues."""
        services = self._gateway.services
        service = services.setdefault((called.workspace, called.name), self._gateway.new_service())
        if len(self._tasks) >= MAX_COPIES:
            service.meter.record(429, 0.0)
            return
        caller = CopyCaller(self._gateway, peer)
        task = asyncio.create_task(self._follow(service, caller.send_copy(called, head, target, body, content)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, service: ScoringService, sent) -> None:
        began = time.monotonic()
        service.meter.record(await sent, time.monotonic() - began)
