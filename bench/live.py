"""Browsers that watch runs while scripts log to them: `python bench/live.py [seconds] [--pages 200] [--runs 50] [--others 0]`.

200 pages poll the metrics of 50 live runs each second and their state each two, as the page's code does, and each of
these runs is sent 250 points a second by one request. Says how long the polls took and how late the writers were, and
fails on an error or a point that is not there at the end. `--others 4` lets four processes that only compute share the
processors with the server and with this script, whose own delays are part of the figures.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from http.cookiejar import CookieJar
from urllib.parse import urlsplit

from servers import ROOT, Ours

sys.path.insert(0, str(ROOT))
PAGES, RUNS, POINTS, KEYS = 200, 50, 250, 5
EPOCH = 1_700_000_000_000


@dataclasses.dataclass
class Watched:
    """A run: the address of its page, the primary keys of its series, and how many points each was sent."""

    run_id: str
    path: str
    series: list[int]
    sent: int = 0


class Connection:
    """The least of HTTP that is needed, for the client's time is part of what is measured."""

    def __init__(self, port: int, headers: dict[str, str]):
        self.port, self.reader, self.writer = port, None, None
        self.head = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "127.0.0.1", **headers}.items())

    async def call(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        self.writer.write(f"{method} {path} HTTP/1.1\r\n{self.head}{length}\r\n".encode() + body)
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        data = await self.reader.readexactly(int(fields.get("content-length", 0)))
        if fields.get("connection") == "close":
            self.writer.close()
            self.writer = None
        return int(lines[0].split()[1]), data


@dataclasses.dataclass
class Seen:
    """The results."""

    polls: list[float] = dataclasses.field(default_factory=list)
    states: list[float] = dataclasses.field(default_factory=list)
    writes: list[float] = dataclasses.field(default_factory=list)
    late: list[float] = dataclasses.field(default_factory=list)
    errors: list[str] = dataclasses.field(default_factory=list)


async def timed(seen: Seen, times: list[float], connection: Connection, *request) -> bytes:
    begun = time.perf_counter()
    status, data = await connection.call(*request)
    times.append(time.perf_counter() - begun)
    if status >= 400:
        seen.errors.append(f"{request[1]}: {status} {data[:200]}")
    return data


async def browse(seen: Seen, connection: Connection, run: Watched, until: float) -> None:
    """The metrics tab: it asks for what is new, waits a second, and asks again."""
    await asyncio.sleep(random.random())
    counts, revision, turn = dict.fromkeys(run.series, run.sent), "", 0
    while time.time() < until:
        after = ",".join(f"{pk}:{count}" for pk, count in counts.items())
        data = await timed(
            seen, seen.polls, connection, "GET", f"{run.path}metrics/data/?seen={revision}&after={after}"
        )
        if data:
            news = json.loads(data)
            revision = news["seen"]
            counts |= {line["id"]: line["count"] for line in news["points"]}
        if turn % 2 == 0:
            await timed(seen, seen.states, connection, "GET", f"{run.path}state/?seen={revision}&tab=metrics")
        turn += 1
        await asyncio.sleep(1.0)


async def log(seen: Seen, connection: Connection, path: str, run: Watched, until: float) -> None:
    """A script: a batch each second, at its time or, if the server is late, as soon as it can."""
    due = time.time() + random.random()
    while due < until:
        await asyncio.sleep(max(0.0, due - time.time()))
        seen.late.append(time.time() - due)
        body = json.dumps({"run_id": run.run_id, "metrics": batch(run.sent)}).encode()
        await timed(seen, seen.writes, connection, "POST", f"{path}/api/2.0/mlflow/runs/log-batch", body)
        run.sent += POINTS // KEYS
        due += 1.0


def batch(first: int) -> list[dict]:
    steps = range(first, first + POINTS // KEYS)
    return [{"key": f"m{k}", "value": s / 7, "timestamp": EPOCH + s, "step": s} for s in steps for k in range(KEYS)]


async def load(studio: Ours, cookie: str, runs: list[Watched], pages: int, seconds: float) -> Seen:
    seen, until = Seen(), time.time() + seconds
    path = urlsplit(studio.url).path
    with_token = {"Authorization": f"Bearer {studio.token}", "Content-Type": "application/json"}
    browsers = [
        browse(seen, Connection(studio.port, {"Cookie": cookie}), runs[n % len(runs)], until) for n in range(pages)
    ]
    writers = [log(seen, Connection(studio.port, with_token), path, run, until) for run in runs]
    await asyncio.gather(*browsers, *writers)
    return seen


def make_runs(studio: Ours, count: int) -> list[Watched]:
    """Live runs with the first points of their series; this process looks at the studio's own database for that."""
    os.environ.update(studio.env, DJANGO_SETTINGS_MODULE="studio.settings")
    import django

    django.setup()
    from django.urls import reverse

    from accounts.models import User
    from runs import metrics
    from runs.models import Experiment, Run
    from workspaces.models import Workspace

    workspace, user = Workspace.objects.get(), User.objects.order_by("pk").first()
    experiment = Experiment.objects.create(workspace=workspace, name="live", run_count=count, created_by=user)
    runs = []
    for number in range(1, count + 1):
        fields = {"run_id": f"live_{number}", "display_name": f"live-{number}", "status": "Running"}
        run = Run.objects.create(
            workspace=workspace, experiment=experiment, number=number, created_by=user, run_type="mlflow", **fields
        )
        first = [{"name": p["key"], "value": p["value"], "time": p["timestamp"], "step": p["step"]} for p in batch(0)]
        metrics.store_batch(run, "", first)
        path = reverse("runs:run_detail", args=[workspace.slug, run.run_id])
        pks = list(run.metrics.values_list("pk", flat=True))
        runs.append(Watched(run.run_id, path, pks, POINTS // KEYS))
    return runs


def sign_in(studio: Ours) -> str:
    command = [sys.executable, "manage.py", "signin"]
    link = subprocess.run(command, cwd=ROOT, env=studio.env, stdout=subprocess.PIPE, text=True, check=True).stdout
    jar = CookieJar()
    urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar)).open(link.strip().split()[-1]).close()
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


def lost(runs: list[Watched]) -> int:
    """Points that were accepted and are not there, or are wrong."""
    from runs import metrics
    from runs.models import MetricSeries

    missing = 0
    for run in runs:
        for series in MetricSeries.objects.filter(run__run_id=run.run_id):
            steps, _, values = metrics.read_points(series)
            right = sum(s == n and v == n / 7 for n, (s, v) in enumerate(zip(steps, values, strict=True)))
            missing += run.sent - right
    return missing


def report(seen: Seen, runs: list[Watched], seconds: float, spent: float) -> dict:
    """`seconds` really passed: writers that are late send what is left to send."""
    sent = sum((run.sent * KEYS) - POINTS for run in runs)
    figures = {"points/s": sent / seconds, "polls/s": (len(seen.polls) + len(seen.states)) / seconds}
    for name in ("polls", "states", "writes", "late"):
        times = sorted(getattr(seen, name))
        cuts = statistics.quantiles(times, n=20)
        figures |= {
            f"{name} p50 ms": cuts[9] * 1000,
            f"{name} p95 ms": cuts[18] * 1000,
            f"{name} max ms": times[-1] * 1000,
        }
    return figures | {"server's processor seconds per second": spent, "errors": len(seen.errors), "lost": lost(runs)}


@contextlib.contextmanager
def others_compute(count: int):
    """So many processes that only compute."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def measure(seconds: float, pages: int = PAGES, run_count: int = RUNS, others: int = 0) -> dict:
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lazuli-bench-"))
    studio = Ours("studio", folder)
    try:
        studio.start()
        studio.rest()
        studio.open()
        runs, cookie, before = make_runs(studio, run_count), sign_in(studio), studio.cpu()
        begun = time.monotonic()
        with others_compute(others):
            seen = asyncio.run(load(studio, cookie, runs, pages, seconds))
        passed = time.monotonic() - begun
        figures = report(seen, runs, passed, (studio.cpu() - before) / passed)
    finally:
        studio.end()
        shutil.rmtree(folder, ignore_errors=True)
    for error in seen.errors[:5]:
        print(error, file=sys.stderr)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seconds", type=float, nargs="?", default=60)
    parser.add_argument("--pages", type=int, default=PAGES)
    parser.add_argument("--runs", type=int, default=RUNS, help="each has one writer (50)")
    parser.add_argument("--others", type=int, default=0, help="processes that only compute (0)")
    options = parser.parse_args()
    found = measure(options.seconds, options.pages, options.runs, options.others)
    for name, value in found.items():
        print(f"{name:40} {value:,.4g}")
    sys.exit(1 if found["errors"] or found["lost"] else 0)


if __name__ == "__main__":
    main()
