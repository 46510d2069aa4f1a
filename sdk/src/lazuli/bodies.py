"""Large bodies of requests and responses.

httpx sends and receives 64 kB at a time, and copies what it receives several times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterator

if TYPE_CHECKING:
    import httpx  # start-up time

BLOCK = 256 * 1024
# What remains of a shorter body is read by httpx, so that its connection can be used again.
LARGE = 4 * 1024 * 1024


class LargeReads:
    """A file that is read in large blocks, whatever its reader asks for."""

    def __init__(self, file: Any):
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.read, b"")

    def read(self, size: int = -1) -> bytes:
        block: bytes = self._file.read(BLOCK)
        return block


def iterate_blocks(response: httpx.Response) -> Iterator[bytes]:
    """The body of a streamed response; a large one is read from the connection, which is then closed with the response."""
    connection = response.extensions.get("network_stream")
    left = _find_length(response) if connection else 0
    # A name for it, because the connection is closed with it.
    blocks = response.iter_bytes()
    for block in blocks:
        yield block
        left -= len(block)
        if left >= LARGE:
            # httpx has received nothing more than this block.
            break
    else:
        return
    yield from _receive_blocks(response, connection, left)


def _receive_blocks(response: httpx.Response, connection: Any, left: int) -> Iterator[bytes]:
    import httpcore  # start-up time
    import httpx  # start-up time

    timeout = response.request.extensions.get("timeout", {}).get("read")
    try:
        while left > 0:
            block = connection.read(min(BLOCK, left), timeout)
            if not block:
                raise httpx.RemoteProtocolError(f"The connection closed {left} bytes before the end of the body.")
            left -= len(block)
            yield block
    except (httpcore.NetworkError, httpcore.TimeoutException) as error:
        raise httpx.ReadError(str(error) or type(error).__name__, request=response.request) from error


def _find_length(response: httpx.Response) -> int:
    """The length of a body that is sent as it is; 0 if it is compressed or in chunks."""
    headers = response.headers
    is_plain = headers.get("Content-Encoding", "identity") == "identity" and "Transfer-Encoding" not in headers
    length = headers.get("Content-Length", "")
    return int(length) if is_plain and length.isdecimal() else 0
