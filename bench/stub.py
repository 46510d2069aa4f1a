"""A tracking server that responds immediately and stores nothing, to measure the time of the client itself.

`python bench/stub.py PORT`
"""

import asyncio
import re
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)


class Stub(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.received = transport, b""

    def data_received(self, data):
        self.received += data
        while request := self._whole():
            self.received = self.received[request:]
            self.transport.write(ANSWER)

    def _whole(self) -> int:
        """The size of the request that came first, if all of it is there."""
        head, end, body = self.received.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        size = int(length[1]) if length else 0
        return len(head) + 4 + size if end and len(body) >= size else 0


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
