"""One side of an exchange, with buffers for reading and back pressure for writing."""

import asyncio
import logging
from typing import cast

from studio.gateway.heads import END, MAX_HEAD, BadHead

logger = logging.getLogger(__name__)
# The maximum of received and of unsent bytes in memory.
HIGH_WATER = 1024 * 1024


class Side(asyncio.Protocol):
    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self.received = bytearray()
        # It sends nothing more; if it is lost, it does not read either.
        self.has_ended = self.is_lost = False
        self._waiting: asyncio.Future | None = None
        self._draining: asyncio.Future | None = None
        self._is_full = self._is_paused = False

    def connection_made(self, transport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=HIGH_WATER)

    def data_received(self, data: bytes) -> None:
        self.received += data
        if len(self.received) > HIGH_WATER and not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        self.has_ended = True
        self._wake()
        # A side that has sent everything may still read.
        return True

    def connection_lost(self, error) -> None:
        self.has_ended = self.is_lost = True
        self._wake()
        self.resume_writing()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        if self._draining is not None and not self._draining.done():
            self._draining.set_result(None)

    async def wait_for_data(self) -> bool:
        """Wait until more data has come; False if no more comes. Read what has come first: a full side is paused."""
        if self._is_paused and not self.is_lost and len(self.received) <= HIGH_WATER:
            self._is_paused = False
            self.transport.resume_reading()
        if self.has_ended:
            return False
        size = len(self.received)
        self._waiting = asyncio.get_running_loop().create_future()
        try:
            await self._waiting
        finally:
            self._waiting = None
        return len(self.received) > size

    async def drain(self) -> None:
        """Wait until what was written is nearly sent."""
        if self._is_full and not self.is_lost:
            self._draining = asyncio.get_running_loop().create_future()
            try:
                await self._draining
            finally:
                self._draining = None

    async def read_head(self) -> bytes | None:
        """The next head; None if the connection ends before it is complete. Raises BadHead."""
        while (end := self.received.find(END, 0, MAX_HEAD + len(END))) < 0:
            if len(self.received) > MAX_HEAD:
                raise BadHead("The head is too long.", 431)
            if not await self.wait_for_data():
                return None
        head = bytes(self.received[:end])
        del self.received[: end + len(END)]
        return head


def start_serving(coroutine, transport: asyncio.Transport) -> asyncio.Task:
    """A task that serves a client. An error that it does not handle ends the connection, so that the client does not wait."""
    task = asyncio.create_task(coroutine)

    def end(task: asyncio.Task) -> None:
        if not task.cancelled() and (error := task.exception()):
            logger.error("A connection ends, because serving it has failed.", exc_info=error)
            transport.abort()

    task.add_done_callback(end)
    return task
