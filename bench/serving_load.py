"""Sends requests of one kind to a server over kept connections, and prints what came of them.

python bench/serving_load.py '{"url": …, "key": …, "body": …, "connections": 16, "seconds": 4, "rate": 200}'

Without a rate, each connection sends its next request at once. With one, a latency counts from the time at which its
request was due.
"""

import json
import re
import socket
import sys
import threading
import time
from urllib.parse import urlsplit

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Caller(threading.Thread):
    def __init__(self, task: dict, first: float, pause: float):
        super().__init__(daemon=True)
        parts = urlsplit(task["url"])
        self.address, self.first, self.pause = (parts.hostname, parts.port), first, pause
        self.until, body = first + task["seconds"], task["body"].encode()
        key = f"Authorization: Bearer {task['key']}\r\n" if task["key"] else ""
        head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{key}Content-Type: application/json\r\n"
        self.request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        self.latencies: list[float] = []
        self.failures: list[str] = []

    def run(self) -> None:
        connection, due = None, self.first
        while due < self.until:
            time.sleep(max(0.0, due - time.perf_counter()))
            begun = due if self.pause else time.perf_counter()
            try:
                connection = connection or socket.create_connection(self.address, timeout=70)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                is_kept = self.call(connection)
                self.latencies.append(time.perf_counter() - begun)
            except OSError as error:
                self.failures.append(str(error)[:200])
                is_kept = False
            if connection and not is_kept:
                connection.close()
                connection = None
            due = due + self.pause if self.pause else time.perf_counter()

    def call(self, connection: socket.socket) -> bool:
        """Whether the connection stays open after the answer; an answer other than 200 is an error."""
        connection.sendall(self.request)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self.receive(connection)
        head, _, body = received.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if not length:
            raise OSError(f"an answer without a length: {head[:200]!r}")
        while len(body) < int(length[1]):
            body += self.receive(connection)
        if head.split(b" ", 2)[1] != b"200":
            raise OSError(f"{head.splitlines()[0]!r}: {body[:100]!r}")
        return b"connection: close" not in head.lower()

    def receive(self, connection: socket.socket) -> bytes:
        part = connection.recv(65536)
        if not part:
            raise OSError("the connection ended before the answer")
        return part


def main() -> None:
    task = json.loads(sys.argv[1])
    count, rate = task["connections"], task.get("rate")
    begun = time.perf_counter()
    callers = [
        Caller(task, begun + (number / rate if rate else 0), count / rate if rate else 0) for number in range(count)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    latencies = sorted(latency for caller in callers for latency in caller.latencies)
    failures = [failure for caller in callers for failure in caller.failures]
    found = {"answers": len(latencies), "failed": len(failures), "why": failures[:3]}
    found["seconds"] = time.perf_counter() - begun
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        found[name] = latencies[int(len(latencies) * share)] * 1000 if latencies else None
    print(json.dumps(found))


if __name__ == "__main__":
    main()
