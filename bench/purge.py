"""Very many runs deleted and freed permanently while others read and write: `python bench/purge.py [runs] [--kill]`.

With DATABASE_URL on PostgreSQL, e.g. `python deploy/team_servers.py python bench/purge.py`. With `--kill` the worker is
killed in the middle. Says how long it took, what was given back, and how long pages and writes took meanwhile.
"""

import dataclasses
import json
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import fill
from live import sign_in
from servers import ROOT, Ours

sys.path.insert(0, str(ROOT))
# Every so many runs one has a file.
FILE_EACH, FILE_BYTES = 50, 50_000
PAUSE = 0.05


@dataclasses.dataclass
class Watch:
    """How long requests took, by what was going on."""

    phase: str = "before"
    done: bool = False
    times: dict = dataclasses.field(default_factory=dict)
    errors: list[str] = dataclasses.field(default_factory=list)

    def repeat(self, what: str, ask) -> None:
        while not self.done:
            phase, begun = self.phase, time.perf_counter()
            try:
                ask()
            except (urllib.error.URLError, OSError) as error:
                self.errors.append(f"{what}, {phase}: {error}")
            self.times.setdefault((what, phase), []).append(time.perf_counter() - begun)
            time.sleep(PAUSE)


class Studio(Ours):
    def ask(self, method: str, path: str, body=None, cookie: str = ""):
        headers = {"Cookie": cookie} if cookie else {"Authorization": f"Bearer {self.token}"}
        data = None if body is None else json.dumps(body).encode()
        headers |= {"Content-Type": "application/json"} if data else {}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            text = answer.read()
        return text if cookie else json.loads(text)

    def worker(self):
        return next(process for process in self.processes() if "studio.control" in " ".join(process.cmdline()))

    def bytes_on_disk(self) -> tuple[int, int]:
        """The sizes of the database, if it is SQLite, and of all files."""
        files = (self.folder / "data").rglob("*")
        sizes = {file: file.stat().st_size for file in files if file.is_file()}
        base = sum(size for file, size in sizes.items() if file.name.startswith("studio.sqlite3"))
        kept = sum(size for file, size in sizes.items() if "storage" in file.parts or "files" in file.parts)
        return base, kept


def many_runs(studio: Studio, total: int):
    os.environ.update(studio.env, DJANGO_SETTINGS_MODULE="studio.settings")
    import django

    django.setup()
    from django.db import transaction

    from runs.models import Artifact, ArtifactSegment
    from studio import storage

    experiment = fill.fill(total)
    with transaction.atomic():
        for run in experiment.runs.select_related("workspace").order_by("pk")[::FILE_EACH]:
            key = storage.make_key(run.storage_area)
            storage.put_bytes(key, b"x" * FILE_BYTES)
            file = Artifact.objects.create(run=run, path="outputs/model.bin", size=FILE_BYTES)
            ArtifactSegment.objects.create(artifact=file, offset=0, size=FILE_BYTES, key=key)
    return experiment


def others(studio: Studio, experiment, watch: Watch) -> list[threading.Thread]:
    """A page of the workspace, the page that shows the progress, and a script that logs, all at once."""
    mlflow = f"{urlsplit(studio.url).path}/api/2.0/mlflow"
    made = studio.ask("POST", f"{mlflow}/runs/create", {"experiment_id": "0", "start_time": 1})
    point = {"run_id": made["run"]["info"]["run_id"], "key": "loss", "value": 1.0, "timestamp": 1}
    cookie, slug = sign_in(studio), experiment.workspace.slug
    requests = {
        "page of jobs": lambda: studio.ask("GET", f"/ws/{slug}/jobs/", cookie=cookie),
        "page of the trash": lambda: studio.ask("GET", f"/ws/{slug}/trash/", cookie=cookie),
        "log_metric": lambda: studio.ask("POST", f"{mlflow}/runs/log-metric", point),
    }
    threads = [threading.Thread(target=watch.repeat, args=one) for one in requests.items()]
    for thread in threads:
        thread.start()
    return threads


def purge(studio: Studio, experiment, watch: Watch, kill: bool) -> dict:
    history = f"/history/v1.0{experiment.workspace.arm_id}"
    time.sleep(5)
    watch.phase, begun = "delete", time.perf_counter()
    studio.ask("DELETE", f"{history}/experiments/{experiment.name}")
    deleted = time.perf_counter() - begun
    watch.phase, begun, cpu = "purge", time.perf_counter(), studio.cpu()
    job = studio.ask("POST", f"{history}/trash/purge", {"experimentNames": [experiment.name]})
    while job["state"] in ("Queued", "Running"):
        time.sleep(0.5)
        job = studio.ask("GET", f"/history/v1.0/purges/{job['purgeId']}")
        if kill and job["runsDone"] > job["runsTotal"] / 3:
            kill = False
            studio.worker().kill()
            print(f"killed after {job['runsDone']:,} runs", flush=True)
    return job | {"seconds to delete": deleted, "seconds to purge": time.perf_counter() - begun, "cpu before": cpu}


def report(job: dict, before: tuple, after: tuple, watch: Watch) -> None:
    for name, value in job.items():
        print(f"{name:20} {value:,.1f}" if isinstance(value, float) else f"{name:20} {value}")
    for what, b, a in zip(("SQLite on disk", "files on disk"), before, after, strict=True):
        print(f"{what:20} {b:,} before, {a:,} after")
    print("\n| what | while | n | p50 ms | p95 ms | most ms |\n|---|---|--:|--:|--:|--:|")
    for (what, phase), times in sorted(watch.times.items()):
        cuts = statistics.quantiles(times, n=20) if len(times) > 1 else times * 19
        print(
            f"| {what} | {phase} | {len(times)} | {cuts[9] * 1000:.0f} | {cuts[18] * 1000:.0f} | {max(times) * 1000:.0f} |"
        )
    print(f"{len(watch.errors)} errors", *watch.errors[:5], sep="\n")


def measure(total: int, kill: bool) -> bool:
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lazuli-bench-"))
    studio, watch, threads = Studio("studio", folder), Watch(), []
    try:
        studio.start()
        studio.rest()
        studio.open()
        experiment = many_runs(studio, total)
        threads = others(studio, experiment, watch)
        before = studio.bytes_on_disk()
        job = purge(studio, experiment, watch, kill)
        report(job, before, studio.bytes_on_disk(), watch)
    finally:
        watch.done = True
        for thread in threads:
            thread.join()
        studio.end()
        shutil.rmtree(folder, ignore_errors=True)
    return job["state"] == "Completed" and not watch.errors


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    sys.exit(not measure(numbers[0] if numbers else 100_000, "--kill" in sys.argv))
