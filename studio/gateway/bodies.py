"""How a body is delimited: by a length, in chunks, or by the end of the connection. Chunks are read strictly and
written again, so that both sides of the gateway agree on the end of a body.


"""

import re

from studio.gateway.heads import BadHead

MAX_BODY = 100 * 1024 * 1024
MAX_LINE, MAX_TRAILERS = 4096, 16 * 1024
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[\x20-\x7e\x80-\xff\t]*)?")
LAST_CHUNK = b"0\r\n\r\n"


class BadBody(BadHead):
    """The chunks of a body cannot be read."""


class LengthBody:
    is_chunked = False

    def __init__(self, length: int):
        self.length = self.left = length

    @property
    def is_done(self) -> bool:
        return not self.left

    def take(self, received: bytearray) -> bytes:
        piece = bytes(received[: self.left])
        del received[: len(piece)]
        self.left -= len(piece)
        return piece


class ChunkedBody:
    is_chunked = True

    def __init__(self, limit: int | None = None):
        self.limit, self.size = limit, 0
        self.is_done = False
        # Bytes that are left of the present chunk.
        self._left = 0
        self._has_end = False
        self._trailers: int | None = None

    def take(self, received: bytearray) -> bytes:
        """Raises BadBody."""
        pieces = []
        while not self.is_done:
            if self._left:
                piece = bytes(received[: self._left])
                if not piece:
                    break
                del received[: len(piece)]
                self._left -= len(piece)
                pieces.append(piece)
            elif self._has_end:
                if len(received) < 2:
                    break
                if received[:2] != b"\r\n":
                    raise BadBody("A chunk of the body does not end where it says.")
                del received[:2]
                self._has_end = False
            elif (line := _take_line(received)) is None:
                break
            elif self._trailers is None:
                self._begin_chunk(line)
            else:
                self._skip_trailer(line)
        return b"".join(pieces)

    def _begin_chunk(self, line: bytes) -> None:
        found = CHUNK_LINE.fullmatch(line)
        if not found:
            raise BadBody("The size of a chunk of the body is not a number.")
        size = int(found[1], 16)
        self.size += size
        if self.limit is not None and self.size > self.limit:
            raise BadBody(describe_limit(self.limit), 413)
        if size:
            self._left, self._has_end = size, True
        else:
            self._trailers = 0

    def _skip_trailer(self, line: bytes) -> None:
        """Nobody reads them."""
        self._trailers = (self._trailers or 0) + len(line)
        if self._trailers > MAX_TRAILERS:
            raise BadBody("The trailers of the body are too long.")
        self.is_done = not line


class EndlessBody:
    """Everything until the connection ends."""

    is_chunked = True
    is_done = False

    def take(self, received: bytearray) -> bytes:
        piece = bytes(received)
        received.clear()
        return piece


Body = LengthBody | ChunkedBody | EndlessBody


def _take_line(received: bytearray) -> bytes | None:
    end = received.find(b"\r\n", 0, MAX_LINE)
    if end < 0:
        if len(received) >= MAX_LINE:
            raise BadBody("A line between chunks of the body is too long.")
        return None
    line = bytes(received[:end])
    del received[: end + 2]
    return line


def frame_chunk(piece: bytes) -> bytes:
    """Encode data as one chunk; an empty one would end the body."""
    return b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""


def describe_limit(limit: int) -> str:
    return f"The body is larger than {limit} bytes."
