"""`make bench-requests`: six requests of MLflow's API by plain HTTP, one kept-alive connection each, beside FastTrackML.

The servers take turns, a few calls each, so that a busy machine slows all of them alike. `ms` is the median on the clock,
`server` the processor time that all processes of a server took for one call. `--before CHECKOUT` measures the studio of
another checkout (with its own .venv) in the same turns; `--postgres` puts all on the PostgreSQL server of DATABASE_URL.
"""

import argparse
import dataclasses
import os
import pathlib
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable

from servers import FastTrackML, Ours, Server, new_database
from tracking_client import EPOCH, Api

RUNS, PAGE, CALLS = 200, 100, 20
# The most that a call may take, in ms: the aim on two quiet cores, on SQLite.
AIMS = {
    "experiments/get": 1.0,
    "runs/get": 1.5,
    "runs/create": 2.0,
    "runs/create and log-batch": 4.5,
    "log-metric": 1.1,
    "search of 100": 8.0,
}
ABOUT = {
    "experiments/get": "`experiments/get`, what a request costs at least",
    "runs/create and log-batch": "`runs/create` and `log-batch` of 5 metrics and 5 params",
    "search of 100": f"search, {PAGE} of {RUNS} runs, filtered and ordered by a metric",
}


@dataclasses.dataclass
class Figures:
    seconds: list[float] = dataclasses.field(default_factory=list)
    processor: list[float] = dataclasses.field(default_factory=list)

    @property
    def ms(self) -> float:
        return statistics.median(self.seconds) * 1000

    @property
    def server_ms(self) -> float:
        """The mean: clocks of processes tick too coarsely for a median."""
        return statistics.fmean(self.processor) * 1000


class Client:
    """One server, with an experiment of runs to ask for."""

    def __init__(self, server: Server):
        self.server, self.api, self.step = server, Api(server.url, server.token), 0
        self.experiment = self.api.new_experiment()
        self.runs = [self.make_run() for _ in range(RUNS)]
        self.figures = {name: Figures() for name in AIMS}

    def calls(self) -> dict[str, Callable[[], object]]:
        experiment, run = f"experiments/get?experiment_id={self.experiment}", f"runs/get?run_id={self.runs[7]}"
        return {
            "experiments/get": lambda: self.api.call("GET", experiment),
            "runs/get": lambda: self.api.call("GET", run),
            "runs/create": lambda: self.api.new_run(self.experiment, self.number()),
            "runs/create and log-batch": self.make_run,
            "log-metric": self.log_metric,
            "search of 100": self.search,
        }

    def number(self) -> int:
        self.step += 1
        return self.step

    def make_run(self) -> str:
        run, number = self.api.new_run(self.experiment, self.number()), self.step
        values = [{"key": f"metric_{n}", "value": number + n / 10, "timestamp": EPOCH, "step": 0} for n in range(5)]
        params = [{"key": f"param_{n}", "value": str(number * n)} for n in range(5)]
        self.api.post("runs/log-batch", run_id=run, metrics=values, params=params)
        return run

    def log_metric(self) -> None:
        number = self.number()
        point = {"key": "loss", "value": number / 7, "timestamp": EPOCH + number, "step": number}
        self.api.post("runs/log-metric", run_id=self.runs[9], **point)

    def search(self) -> None:
        query = {"filter": "metrics.metric_1 > 3", "order_by": ["metrics.metric_2 DESC"], "max_results": PAGE}
        found = self.api.post("runs/search", experiment_ids=[self.experiment], **query)["runs"]
        if len(found) != PAGE:
            raise ValueError(f"{len(found)} runs came back")

    def warm_up(self, call: Callable[[], object]) -> None:
        self.api.connection.close()
        for _ in range(CALLS):
            call()

    def measure(self, name: str, call: Callable[[], object], times: int) -> None:
        # A server may have closed a connection that was idle while it was the others' turn.
        self.api.connection.close()
        call()
        figures, spent = self.figures[name], self.server.cpu()
        for _ in range(times):
            begun = time.perf_counter()
            call()
            figures.seconds.append(time.perf_counter() - begun)
        figures.processor.append((self.server.cpu() - spent) / times)


def measure(clients: list[Client], seconds: float) -> None:
    for name in AIMS:
        calls = [client.calls()[name] for client in clients]
        for client, call in zip(clients, calls, strict=True):
            client.warm_up(call)
        turn, end = 0, time.monotonic() + seconds / len(AIMS)
        while time.monotonic() < end or turn < 3:
            # Now the one begins, now the other.
            order = [(turn + index) % len(clients) for index in range(len(clients))]
            for index in order:
                clients[index].measure(name, calls[index], CALLS)
            turn += 1


def table(clients: list[Client]) -> str:
    names = [client.server.name for client in clients]
    head = [f"{name}: ms | server" for name in names]
    lines = ["| request | " + " | ".join(head) + " | to reach |", "|---|" + "--:|" * (2 * len(names) + 1)]
    for name, aim in AIMS.items():
        cells = [f"{c.figures[name].ms:.2f} | {c.figures[name].server_ms:.2f}" for c in clients]
        lines.append(f"| {ABOUT.get(name, f'`{name}`')} | " + " | ".join(cells) + f" | ≤ {aim:g} ms |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120, help="for all rows together (120)")
    parser.add_argument("--before", type=pathlib.Path, metavar="CHECKOUT", help="an earlier state beside it")
    parser.add_argument("--postgres", action="store_true", help="all on the PostgreSQL server of DATABASE_URL")
    args = parser.parse_args()
    # Servers are ended on a SIGTERM too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    FastTrackML.install()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lazuli-bench-"))
    store = new_database("fasttrackml") if args.postgres else ""
    servers: list[Server] = [FastTrackML(folder / "fasttrackml", store)]
    if args.before:
        store = new_database("before") if args.postgres else ""
        servers.append(Ours("before", folder / "before", args.before.resolve(), store))
    servers.append(Ours("Lazuli Studio", folder / "ours"))
    try:
        for server in servers:
            server.start()
            if isinstance(server, Ours):
                server.open()
        clients = [Client(server) for server in servers]
        for server in servers:
            server.rest()
        measure(clients, args.seconds)
        print(f"load {os.getloadavg()[0]:.1f}\n\n{table(clients)}")
    finally:
        for server in servers:
            server.end()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
