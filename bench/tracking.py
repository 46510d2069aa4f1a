"""`make bench-tracking`: our tracking server, MLflow's own and FastTrackML, measured in one sitting; writes docs/speed.md.

What a server cannot do is shown as a fail. --quick takes small sizes and one round, some four minutes; --only names measurements; --postgres takes DATABASE_URL
for both servers (`python deploy/team_servers.py .venv/bin/python bench/tracking.py --postgres`), and writes
docs/speed_postgresql.md.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

import live
import psutil
import psycopg
from servers import ROOT, UV, FastTrackML, Mlflow, Ours, Server, Stub, installed_version, new_database

GO = "FastTrackML"
PYTHON = ROOT / ".cache" / "mlflow-server" / "bin" / "python"
FULL = {"seconds": 8, "batches": 50, "points": 1_000_000, "runs": 10_000, "repeats": 9, "megabytes": 200}
QUICK = {"seconds": 3, "batches": 20, "points": 100_000, "runs": 300, "repeats": 5, "megabytes": 50}


@dataclasses.dataclass
class Row:
    key: str
    what: str
    unit: str
    target: float | None = None
    more_is_better: bool = False
    # The ratio to reach to FastTrackML, and the share of the rate of a server that responds immediately.
    go_target: float | None = None
    share_target: float | None = None

    def best(self, values: list[float]) -> float:
        return (max if self.more_is_better else min)(values)

    def ratio(self, ours: float, theirs: float) -> float:
        return ours / theirs if self.more_is_better else theirs / ours


ROWS = [
    Row("start", "second start to the first page", "s", 3),
    Row("memory", "idle memory of all processes (PSS)", "MB", 4),
    Row("client_1", "`log_metric` with MLflow's client, 1 thread", "calls/s", 5, True, 1.1, 0.6),
    Row("client_8", "the same, 8 threads in 4 processes", "calls/s", 5, True, 1.1, 0.6),
    Row("plain_1", "one point with plain HTTP, 1 connection", "calls/s", 5, True),
    Row("plain_8", "the same, 8 connections", "calls/s", 5, True),
    Row("batch", "`log_batch` of 1,000 with plain HTTP", "points/s", 10, True, 4),
    Row("million", "{points:,} points over 10 keys with MLflow's client", "s", 8, share_target=0.6),
    Row("bytes", "database per point", "bytes", 10),
    Row("history", "history of {tenth:,} points of one key, plain", "s", 10),
    Row("chart", "chart of 320 of these points", "s", 10),
    Row("fill", "creation of runs with 5 metrics and 5 params", "runs/s", None, True, 1),
    Row("search", "search of {runs:,} runs: filter and order by metrics, first 100, median", "s", 20),
    Row("upload", "artifact of {megabytes} MB: upload with MLflow's client", "MB/s", 2, True),
    Row("download", "the same, download", "MB/s", 2, True),
    Row("plain_upload", "the same upload with plain HTTP", "MB/s", 2, True),
    Row("plain_download", "the same download with plain HTTP", "MB/s", 2, True),
    Row("growth", "additional memory for both transfers, maximum (RSS)", "MB"),
]
# What is measured again in each round; the others take long, or leave behind what later ones read.
ONCE = {"million", "fill", "artifact", "plain_artifact"}
# The figures of each measurement, and what one needs of an earlier one.
GIVES = {
    "singles": {"client_1", "client_8"},
    "plain_singles": {"plain_1", "plain_8"},
    "batches": {"batch"},
    "million": {"million", "bytes", "history", "chart"},
    "history": {"history"},
    "chart": {"chart"},
    "fill": {"fill", "search"},
    "search": {"search"},
    "artifact": {"upload", "download", "growth"},
    "plain_artifact": {"plain_upload", "plain_download"},
}
NEEDS = {"history": {"run"}, "chart": {"run"}, "search": {"experiment"}}
ORDER = [
    "singles",
    "plain_singles",
    "batches",
    "million",
    "history",
    "chart",
    "fill",
    "search",
    "artifact",
    "plain_artifact",
]


class Sitting:
    def __init__(self, sizes: dict, rounds: int):
        self.sizes, self.rounds = sizes, rounds
        # {server: {figure: [values]}}
        self.found: dict[str, dict[str, list[float]]] = {}
        # The figures that could not be measured, by server.
        self.failed: dict[str, set[str]] = {}
        # What a later measurement needs of an earlier one, by store: both of MLflow's share one.
        self.kept: dict[str, dict] = {}

    def note(self, server: Server, figures: dict) -> None:
        for key, value in figures.items():
            self.found.setdefault(server.name, {}).setdefault(key, []).append(value)
            print(f"{server.name:>18}  {key:10} {value:,.4g}", flush=True)

    def begin(self, server: Server) -> None:
        """The second start is measured: the first one makes the database."""
        server.start()
        server.rest()
        server.end()
        self.note(server, {"start": server.start()})
        server.rest()
        self.note(server, {"memory": server.memory()})

    def measure(self, name: str, servers: list[Server]) -> None:
        for _ in range(1 if name in ONCE else self.rounds):
            for server in servers:
                # One fill of the store that MLflow's servers share is enough.
                if name not in ("million", "fill") or store(server) not in self.kept.get(name, {}):
                    self._measure(name, server)

    def _measure(self, name: str, server: Server) -> None:
        known = {key: value for kept in self.kept.values() for key, value in kept.get(store(server), {}).items()}
        if not NEEDS.get(name, set()) <= known.keys():
            return
        task = {"url": server.url, "token": server.token, **self.sizes, **known}
        if name == "artifact":
            # What a first transfer loads once is no part of what each one takes.
            in_client(name, {**task, "megabytes": 1}, check=False)
        disk, held = self._disk(server), server.watch_peak()
        try:
            figures = in_client(name, task)
        except subprocess.CalledProcessError:
            self.failed.setdefault(server.name, set()).update(GIVES[name])
            print(f"{server.name:>18}  {name:10} fails", flush=True)
            return
        if name == "million" and disk:
            figures["bytes"] = (self._disk(server) - disk) / self.sizes["points"]
        if name == "artifact":
            figures["growth"] = server.peak() - held
        later = {key: figures.pop(key) for key in ("run", "experiment") if key in figures}
        if later:
            self.kept.setdefault(name, {})[store(server)] = later
        self.note(server, figures)

    def against_stub(self, folder: pathlib.Path, only: list[str] | None) -> None:
        limit = Stub("a server that responds immediately", folder)
        limit.start()
        task = {"url": limit.url, "token": "none", "stored": False, **self.sizes}
        try:
            for name in [name for name in ("singles", "plain_singles", "million") if not only or name in only]:
                figures = in_client(name, task)
                self.note(limit, {key: value for key, value in figures.items() if key != "run"})
        finally:
            limit.end()

    def _disk(self, server: Server) -> int:
        if server.database.exists():
            return server.disk()
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            name = {Mlflow: "mlflow", FastTrackML: "fasttrackml"}.get(type(server), connection.info.dbname)
            return connection.execute("SELECT pg_database_size(%s::name)", [name]).fetchone()[0]

    def value(self, name: str, row: Row) -> float | None:
        values = self.found.get(name, {}).get(row.key)
        return statistics.median(values) if values else None


def store(server: Server) -> str:
    return server.store if isinstance(server, Mlflow) else server.name


def in_client(name: str, task: dict, check: bool = True) -> dict:
    """The measurement runs where MLflow is installed."""
    command = [str(PYTHON), str(ROOT / "bench" / "tracking_client.py"), name, json.dumps(task)]
    env = {**os.environ, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, stdout=subprocess.PIPE, check=check, env=env)
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else {}


def install(postgres: bool) -> str:
    """MLflow's server in an environment of its own; its version."""
    if not PYTHON.exists():
        subprocess.run([UV, "venv", "-q", "--python", sys.executable, str(PYTHON.parent.parent)], check=True)
        subprocess.run([UV, "pip", "install", "-q", "--python", str(PYTHON), "mlflow>=3.17,<4"], check=True)
    if postgres:
        subprocess.run([UV, "pip", "install", "-q", "--python", str(PYTHON), "psycopg2-binary"], check=True)
    return installed_version(PYTHON, "mlflow")


def sit(args: argparse.Namespace, folder: pathlib.Path) -> tuple[Sitting, list[str]]:
    sitting = Sitting(QUICK if args.quick else FULL, 1 if args.quick else args.rounds)
    stores = {name: new_database(name) if args.postgres else "" for name in ("mlflow", "fasttrackml")}
    stores["mlflow"] = stores["mlflow"].replace("postgresql:", "postgresql+psycopg2:", 1)
    ours = Ours("Lazuli Studio", folder / "ours")
    peers: list[Server] = [
        Mlflow(PYTHON, workers, folder / "mlflow", stores["mlflow"]) for workers in ((1,) if args.quick else (1, 2))
    ]
    peers.append(FastTrackML(folder / "fasttrackml", stores["fasttrackml"]))
    try:
        for server in (ours, *peers):
            sitting.begin(server)
        ours.open()
        for name in [name for name in ORDER if not args.only or name in args.only]:
            sitting.measure(name, [ours, *peers])
        sitting.against_stub(folder / "stub", args.only)
    finally:
        for server in (ours, *peers):
            server.end()
    return sitting, [peer.name for peer in peers]


def table(sitting: Sitting, peers: list[str]) -> str:
    lines = [
        "| what | Lazuli Studio | MLflow | ratio | target | reached | FastTrackML | ratio | target | reached |",
        "|---|--:|--:|--:|--:|---|--:|--:|--:|---|",
    ]
    sizes = {**sitting.sizes, "tenth": sitting.sizes["points"] // 10}
    for row in ROWS:
        ours = sitting.value("Lazuli Studio", row)
        theirs = [value for peer in peers if peer != GO and (value := sitting.value(peer, row)) is not None]
        go = sitting.value(GO, row)
        if ours is None and not theirs and go is None:
            continue
        best = row.best(theirs) if theirs else None
        cells = [row.what.format(**sizes), shown(sitting, "Lazuli Studio", row, ours)]
        cells += [shown(sitting, peers[0], row, best), *judged(row, ours, best, row.target)]
        cells += [shown(sitting, GO, row, go), *judged(row, ours, go, row.go_target)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def shown(sitting: Sitting, server: str, row: Row, value: float | None) -> str:
    if value is not None:
        return f"{number(value)} {row.unit}"
    return "fails" if row.key in sitting.failed.get(server, set()) else "–"


def judged(row: Row, ours: float | None, theirs: float | None, target: float | None) -> list[str]:
    if not ours or not theirs:
        return ["–", "–", "–"]
    ratio = row.ratio(ours, theirs)
    if target is None:
        return [f"{ratio:.1f} ×", "–", "–"]
    return [f"{ratio:.1f} ×", f"≥ {target:g} ×", "yes" if ratio >= target else "**no**"]


def limits(sitting: Sitting) -> str:
    name = "a server that responds immediately"
    lines = ["| against a server that responds immediately | measured | ours | share | target | reached |"]
    lines.append("|---|--:|--:|--:|--:|---|")
    sizes = {**sitting.sizes, "tenth": sitting.sizes["points"] // 10}
    for row in ROWS:
        limit, ours = sitting.value(name, row), sitting.value("Lazuli Studio", row)
        if not limit or not ours:
            continue
        share = ours / limit if row.more_is_better else limit / ours
        cells = [row.what.format(**sizes), f"{number(limit)} {row.unit}", f"{number(ours)} {row.unit}", f"{share:.0%}"]
        aim = row.share_target
        cells += [f"≥ {aim:.0%}", "yes" if share >= aim else "**no**"] if aim else ["–", "–"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


BUSY = """

**Other programs were running at the same time**: times are much longer than on an idle machine, and ratios vary."""
# The measurements of bench/live.py, with the largest value that is allowed.
LIVE = {
    "points/s": None,
    "polls/s": None,
    "polls p50 ms": None,
    "polls p95 ms": 300,
    "states p95 ms": 300,
    "writes p95 ms": 300,
    "late p95 ms": None,
    "server's processor seconds per second": None,
    "errors": 0,
    "lost": 0,
}


def watched(found: dict) -> str:
    lines = ["| figure | measured | allowed | reached |", "|---|--:|--:|---|"]
    for name, limit in LIVE.items():
        kept = ["–", "–"] if limit is None else [f"≤ {limit}", "yes" if found[name] <= limit else "**no**"]
        lines.append("| " + " | ".join([name, number(found[name]), *kept]) + " |")
    return "\n".join(lines)


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def page(title: str, sitting: Sitting, peers: list[str], about: str, found: dict) -> str:
    return f"""# {title}

{about}

{table(sitting, peers)}

## The limit of MLflow's client

Most of the time of a call is spent in MLflow's client itself: it builds each request, point by point, and parses the response.
The same measurements against a server that responds immediately and stores nothing (`bench/stub.py`):

{limits(sitting)}

So with MLflow's client, the ratio to MLflow's server cannot be higher than this table allows; the rows for plain HTTP compare
the servers alone. [Where a logged point's time goes](architecture.md#where-a-logged-points-time-goes) has a profile.
Lists and searches over 100,000 jobs have [a page of their own](search_speed.md).

## While pages watch live runs

{live.PAGES} pages poll {live.RUNS} live runs while each run receives {live.POINTS} points a second, with two web processes
(`bench/live.py`). `polls` request new points each second, `states` the run's state every two seconds, and `late` is the delay with which
a script sent its points. No point may be lost: at the end all are compared.

{watched(found)}
"""


def described(peers: list[str], version: str, args: argparse.Namespace, load: float) -> str:
    gigabytes = psutil.virtual_memory().total / 1024**3
    machine = f"{os.cpu_count()} cores, {gigabytes:.0f} GB, {platform.system()}, Python {platform.python_version()}"
    how = " with small sizes (`--quick`)" if args.quick else ""
    return f"""Measured by `make bench-tracking`{how}, which rewrites this page: the studio, {version}, all on
{"PostgreSQL" if args.postgres else "SQLite"}, started and measured by one script in one session, alternating. Of MLflow's settings
({", ".join(peer for peer in peers if peer != GO)}) the best one counts for each row; a server *fails* where it returned an error or a wrong response. All written data is read back and compared.
FastTrackML gives MLflow's client the path of a folder, so the client copies artifacts there itself, without a server. Machine:
{machine}, load {load:.1f} before the start. The clients run on the same machine and are part of every figure.{BUSY if load > 1 else ""}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument(
        "--rounds",
        type=int,
        default=3,
        help="how often short measurements are repeated, alternating; the median counts",
    )
    parser.add_argument("--postgres", action="store_true", help="both servers on the PostgreSQL server of DATABASE_URL")
    parser.add_argument(
        "--only", nargs="*", choices=ORDER, help="run only these measurements and print them, without writing the page"
    )
    args = parser.parse_args()
    # Servers are ended on a SIGTERM too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    load = os.getloadavg()[0]
    version = f"MLflow {install(args.postgres)}'s own server and FastTrackML {FastTrackML.install()}"
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lazuli-bench-"))
    try:
        sitting, peers = sit(args, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(table(sitting, peers), limits(sitting), sep="\n\n")
    if not args.only:
        found = live.measure(15 if args.quick else 60)
        title, name = ("Speed on PostgreSQL", "speed_postgresql.md") if args.postgres else ("Speed", "speed.md")
        text = page(title, sitting, peers, described(peers, version, args, load), found)
        (ROOT / "docs" / name).write_text(text)
        print("\n" + watched(found))


if __name__ == "__main__":
    main()
