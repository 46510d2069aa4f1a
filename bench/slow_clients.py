"""The effect of 500 slow clients on the others: `python bench/slow_clients.py [clients] [rounds] [--table]`.

A temporary studio on SQLite. The slow clients run in a separate process: two in five send their headers at one byte a second, two
in five a body of 1 kB, one in ten stops in the middle of an upload of 90 MB, one in ten reads a file of 100 MB at 20 kB/s; clients that are
disconnected connect again. Meanwhile one client requests the page of jobs and an experiment, and logs metrics. In the rounds to compare with,
the same clients are connected to a server that reads nothing, so their own processor time counts in both. The rounds
alternate, because the noise of the machine is larger than the effect. --table prints rows for docs/slow_clients.md.
"""

import asyncio
import contextlib
import http.client
import http.cookiejar
import json
import multiprocessing
import os
import pathlib
import resource
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from urllib.parse import urlsplit

from servers import ROOT, Ours

# Each kind is sent for some seconds, because a slow client sends once a second.
COUNTS = {"page of jobs": 80, "experiments/get": 800, "log-metric": 300}
MB = 1024 * 1024


class Studio(Ours):
    """One with a run that has a large file, and somebody who is signed in."""

    def prepare(self) -> None:
        self.open()
        address = urlsplit(self.url)
        self.host, self.path = address.netloc, address.path
        self.experiment = self.call("experiments/create", {"name": "slow"})["experiment_id"]
        made = self.call("runs/create", {"experiment_id": self.experiment, "start_time": int(time.time() * 1000)})
        self.run = made["run"]["info"]["run_id"]
        self.files = f"{self.path}/api/2.0/mlflow-artifacts/artifacts/{self.experiment}/{self.run}/artifacts/"
        self.request("PUT", f"{self.files}big", os.urandom(100 * MB))
        command = [sys.executable, "manage.py", "signin"]
        link = subprocess.run(command, cwd=ROOT, env=self.env, stdout=subprocess.PIPE, text=True, check=True).stdout
        jar = http.cookiejar.CookieJar()
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        self.home = urlsplit(browser.open(link.strip()).url).path
        self.cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)

    def request(self, method: str, path: str, body=None, connection=None, **headers) -> bytes:
        connection = connection or http.client.HTTPConnection(self.host)
        connection.request(method, path, body, {"Authorization": f"Bearer {self.token}", **headers})
        answer = connection.getresponse()
        data = answer.read()
        if answer.status != 200:
            sys.exit(f"{method} {path}: {answer.status} {data[:300]!r}")
        return data

    def call(self, verb: str, body: dict, connection=None) -> dict:
        path = f"{self.path}/api/2.0/mlflow/{verb}"
        return json.loads(
            self.request("POST", path, json.dumps(body), connection, **{"Content-Type": "application/json"})
        )

    def times(self) -> dict[str, list[float]]:
        """Milliseconds of each kind of request."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        point = {"run_id": self.run, "key": "a", "value": 1.5, "timestamp": int(time.time() * 1000), "step": 1}
        experiment = f"{self.path}/api/2.0/mlflow/experiments/get?experiment_id={self.experiment}"
        works = {
            "page of jobs": lambda: self.request("GET", self.home, None, connection, Cookie=self.cookies),
            "experiments/get": lambda: self.request("GET", experiment, None, connection),
            "log-metric": lambda: self.call("runs/log-metric", point, connection),
        }
        found = {}
        for name, act in works.items():
            act()
            found[name] = [timed(act) for _ in range(COUNTS[name])]
        return found


def timed(act) -> float:
    begun = time.perf_counter()
    act()
    return (time.perf_counter() - begun) * 1000


def part_of(times: list[float], share: float) -> float:
    return sorted(times)[int(len(times) * share)]


def be_slow(port: int, count: int, token: str, files: str, opened) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    asyncio.run(all_slow(port, count, token, files, opened))


async def all_slow(port: int, count: int, token: str, files: str, opened) -> None:
    head = f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
    kinds = [
        (f"GET / HTTP/1.1\r\n{head}X-Slow: ", True),
        (f"POST /signin/ HTTP/1.1\r\n{head}Content-Length: 1000\r\n\r\n", True),
        (f"GET / HTTP/1.1\r\n{head}X-Slow: ", True),
        (f"POST {files}x HTTP/1.1\r\n{head}Content-Length: 1000\r\n\r\n", True),
    ]
    rare = [
        (f"PUT {files}y HTTP/1.1\r\n{head}Content-Length: 90000000\r\n\r\n{'x' * 300_000}", False),
        (f"GET {files}big HTTP/1.1\r\n{head}\r\n", False),
    ]
    chosen = [[*kinds, rare[i // 5 % 2]][i % 5] for i in range(count)]
    clients = []
    for text, trickles in chosen:
        clients.append(asyncio.create_task(slow_client(port, text.encode(), trickles)))
        # Else all would send in the same moment of each second.
        await asyncio.sleep(1 / count)
    await asyncio.sleep(2)
    opened.set()
    await asyncio.gather(*clients)


async def slow_client(port: int, sent: bytes, trickles: bool) -> None:
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=20_000)
            writer.write(sent)
            while True:
                await asyncio.sleep(1)
                if trickles:
                    writer.write(b"x")
                    await writer.drain()
                    if reader.at_eof():
                        break
                elif not await asyncio.wait_for(reader.read(20_000), 600):
                    break
            writer.close()
        except OSError:
            await asyncio.sleep(1)


def read_nothing(listener: socket.socket) -> None:
    """Accept connections without reading; send as much of the file as the kernel buffers."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    opened = []
    while True:
        connection, _ = listener.accept()
        opened.append(connection)
        if b"big HTTP/1.1" in connection.recv(2000):
            connection.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while connection.send(bytes(MB)):
                    continue


def measure(studio: Studio, count: int, rounds: int) -> dict[bool, dict[str, list[float]]]:
    found = {with_slow: {name: [] for name in COUNTS} for with_slow in (False, True)}
    for turn in range(2 * rounds):
        with_slow = turn % 4 in (1, 2)
        with socket.create_server(("127.0.0.1", 0), backlog=count) as listener:
            elsewhere = multiprocessing.Process(target=read_nothing, args=(listener,))
            elsewhere.start()
            opened, port = multiprocessing.Event(), studio.port if with_slow else listener.getsockname()[1]
            slow = multiprocessing.Process(target=be_slow, args=(port, count, studio.token, studio.files, opened))
            slow.start()
            opened.wait(60)
            for name, times in studio.times().items():
                found[with_slow][name] += times
            for process in (slow, elsewhere):
                process.kill()
                process.join()
        time.sleep(1)
    return found


def main() -> None:
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    count, rounds = (*numbers, *(500, 6)[len(numbers) :])
    with tempfile.TemporaryDirectory() as folder:
        studio = Studio("studio", pathlib.Path(folder))
        studio.start()
        try:
            studio.rest()
            studio.prepare()
            studio.times()
            found = measure(studio, count, rounds)
        finally:
            studio.end()
    for name in COUNTS:
        without, with_slow = (found[slow][name] for slow in (False, True))
        figures = [part_of(times, share) for share in (0.5, 0.95) for times in (without, with_slow)]
        cost = f"{100 * (figures[3] / figures[2] - 1):+.0f} %"
        if "--table" in sys.argv:
            print(f"| {name} | " + " | ".join(f"{figure:.2f} ms" for figure in figures) + f" | {cost} |")
        else:
            p50, p95 = "{:.2f} → {:.2f}".format(*figures[:2]), "{:.2f} → {:.2f}".format(*figures[2:])
            print(
                f"{name}: p50 {p50} ms, p95 {p95} ms ({cost}) with {count} slow clients; {len(without)} requests each"
            )


if __name__ == "__main__":
    main()
