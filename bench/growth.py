"""`make bench-growth`: what becomes slower as a studio grows from 1,000 jobs to 1,000,000, on SQLite and PostgreSQL.

`python bench/growth.py SQLite 1000 10000` measures only these, each in a new studio, and keeps what the others showed in
.cache/growth.json; docs/growth.md and its picture are rewritten after each. Requests are answered in the measuring
process, without a network. A million jobs need about 15 GB of disk, and half an hour.
"""

import datetime as dt
import gc
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import growth_page
import search
from servers import ROOT, Ours

sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
SIZES = [1_000, 10_000, 100_000, 1_000_000]
RESULTS = ROOT / ".cache" / "growth.json"
# Five metrics of each job: 100 points.
POINTS = 20
WRITES = 100
PURGED = 1_000
PAGES = {
    "the newest jobs of an experiment": "",
    "sorted by a metric": "sort=-metric-accuracy",
    "sorted by a parameter, each job with its own value": "sort=-param-seed",
    "failed jobs": "status=Failed",
    "filter by a metric": "filter=metrics.accuracy>0.5",
    "filter by two parameters": "filter=params.model='v3' and params.data='v1'",
}
SEARCHES = [
    "no filter, newest first",
    "filter and order by a metric",
    "filter by a rare parameter",
    "filter by a tag, order by a metric",
    "filter by two parameters",
    "order by a parameter of 100,000 values",
    "failed jobs, newest first",
]


def main(words: list[str]) -> None:
    if words[:1] == ["--here"]:
        print(json.dumps(measured(int(words[1]))))
        return
    sizes = [int(word) for word in words if word.isdecimal()] or SIZES
    for database in [word for word in words if not word.isdecimal()] or ["SQLite", "PostgreSQL"]:
        for size in sizes:
            found = run_benchmark(database, size)
            results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
            results.setdefault(database, {})[str(size)] = found
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(results))
            growth_page.write(results)


def run_benchmark(database: str, size: int) -> dict:
    """The last output of a measuring process."""
    start = [sys.executable, str(ROOT / "deploy" / "team_servers.py")] if database == "PostgreSQL" else []
    with tempfile.TemporaryDirectory(prefix="lazuli-growth-") as folder:
        env = {**os.environ, "DATA_DIR": f"{folder}/data"}
        command = [*start, sys.executable, __file__, "--here", str(size)]
        answer = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(answer.stdout.splitlines()[-1])


def measured(total: int) -> dict:
    import django

    django.setup()
    import fill
    from django.core.management import call_command

    pathlib.Path(os.environ["DATA_DIR"]).mkdir(parents=True, exist_ok=True)
    call_command("migrate", verbosity=0)
    gc.collect()
    gc.freeze()
    load, empty = os.getloadavg()[0], measured_writes(fill.fill(10, POINTS))
    lift_limit()
    begun = time.monotonic()
    experiment = fill.fill(total, POINTS)
    print(f"{total:,} jobs after {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    requests = {**measured_pages(experiment), **measured_searches(experiment)}
    writes = measured_writes(experiment)
    lift_limit()
    tasks = measured_tasks()
    rest = {"bytes": size_of_database(), **measured_backup(), **measured_purge(experiment), **measured_start()}
    when = {"date": str(dt.date.today()), "load": load, "python": platform.python_version()}
    return {"requests": requests, "tasks": tasks, "writes": writes, "empty": empty, **rest, **when}


def lift_limit() -> None:
    """Requests limit the statements of their connection to some seconds, also for what follows."""
    from django.db import connection

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout TO 0")


def median_of(name: str, ask) -> float:
    """ms of processor time, its database included."""
    times, _, _ = search.timed(ask)
    print(f"{name}: {statistics.median(times):.1f}", file=sys.stderr, flush=True)
    return statistics.median(times)


def measured_pages(experiment) -> dict[str, float]:
    from django.urls import reverse

    client, slug, page = search.sign_in(experiment), experiment.workspace.slug, search.page_of(experiment)
    # A job in the middle of the index.
    run = experiment.runs.get(number=experiment.run_count // 2)
    series = ",".join(str(pk) for pk in run.metrics.values_list("pk", flat=True))
    here = [slug, run.run_id]
    addresses = {
        "all jobs": (reverse("runs:jobs", args=[slug]), {}),
        "experiments": (reverse("runs:experiments", args=[slug]), {}),
        "home page": (reverse("workspaces:home", args=[slug]), {}),
        "a job": (reverse("runs:run_detail", args=here), {}),
        "metrics of a job": (reverse("runs:run_metrics", args=here), {}),
        "charts of a job": (reverse("runs:run_metrics_lines", args=here), {"series": series, "width": 560}),
        "charts of the newest jobs": (reverse("runs:experiment_charts", args=[slug, experiment.experiment_id]), {}),
    }
    lists = {what: (page, search.dict_of(query)) for what, query in PAGES.items()}
    requested = {f"page: {what}": where for what, where in (lists | addresses).items()}
    return {what: median_of(what, lambda where=where: client.get(*where)) for what, where in requested.items()}


def measured_searches(experiment) -> dict[str, float]:
    post = client_of(experiment)
    found = {}
    for what in SEARCHES:
        text, order_by = search.SEARCHES[what]
        ids = [str(experiment.experiment_id)]
        body = {"experiment_ids": ids, "filter": text, "order_by": order_by, "max_results": 100}
        name = f"search: {what}"
        found[name] = median_of(name, lambda body=body: post("runs/search", body))
    return found


def client_of(experiment):
    """A function that calls MLflow's API as the owner of the experiment."""
    from django.test import Client

    from accounts.models import Token

    token = Token.create_for(experiment.created_by, "bench", 1)[1]
    client = Client(headers={"Host": "127.0.0.1", "Authorization": f"Bearer {token}"})
    address = f"/mlflow/v1.0{experiment.workspace.arm_id}/api/2.0/mlflow"

    def post(path: str, body: dict):
        answer = client.post(f"{address}/{path}", json.dumps(body), "application/json")
        if answer.status_code != 200:
            sys.exit(f"{path}: {answer.status_code} {answer.content[:500]!r}")
        return answer

    return post


def measured_writes(experiment) -> dict[str, float]:
    """ms of processor time for one request of each kind, in a job of the experiment."""
    post = client_of(experiment)
    made, steps = [], iter(range(10**9))

    def make_run() -> None:
        body = {"experiment_id": str(experiment.experiment_id), "start_time": 1}
        made.append(post("runs/create", body).json()["run"]["info"]["run_id"])
        values = [{"key": key, "value": 0.5, "timestamp": 1, "step": 0} for key in ("loss", "accuracy", "auc")]
        params = [{"key": key, "value": f"w{len(made)}"} for key in ("model", "depth", "lr")]
        post("runs/log-batch", {"run_id": made[-1], "metrics": values, "params": params})

    def log_metric() -> None:
        step = next(steps)
        post("runs/log-metric", {"run_id": made[0], "key": "loss", "value": 0.5, "timestamp": 1, "step": step})

    def log_batch() -> None:
        points = [{"key": "many", "value": 0.5, "timestamp": 1, "step": next(steps)} for _ in range(1000)]
        post("runs/log-batch", {"run_id": made[0], "metrics": points})

    acts = {
        "make a job with 3 metrics and 3 parameters": make_run,
        "log 1 point": log_metric,
        "log 1,000 points": log_batch,
    }
    return {what: time_writes(act) for what, act in acts.items()}


def time_writes(act) -> float:
    for _ in range(5):
        act()
    times = []
    for _ in range(WRITES):
        began = search.processor_ms()
        act()
        times.append(search.processor_ms() - began)
    # The mean: some writes also merge what earlier ones left.
    return statistics.mean(times)


def measured_tasks() -> dict[str, float]:
    """ms of processor time that each periodic task needs in a minute without work for it."""
    from studio.celery import app

    found = {}
    app.loader.import_default_modules()
    for entry in app.conf.beat_schedule.values():
        task = app.tasks[entry["task"]]
        task()
        began = search.processor_ms()
        task()
        spent = search.processor_ms() - began
        # Columns that it has not read yet are work.
        if entry["task"] != "runs.tasks.prepare_columns":
            found[entry["task"]] = spent * 60 / entry["schedule"]
        print(f"{entry['task']}: {spent:.1f} of {entry['schedule']:.0f} s", file=sys.stderr, flush=True)
    return found


def size_of_database() -> int:
    from trash import database

    return database.get_size()


def measured_backup() -> dict[str, float]:
    from django.core.management import call_command

    folder = pathlib.Path(os.environ["DATA_DIR"]).parent / "backups"
    begun = time.monotonic()
    call_command("backup", str(folder), stdout=sys.stderr)
    seconds = time.monotonic() - begun
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    shutil.rmtree(folder)
    return {"backup seconds": seconds, "backup bytes": size}


def measured_purge(experiment) -> dict[str, float]:
    """A thousand of the jobs are deleted permanently."""
    from trash import purge
    from trash.models import PurgeJob

    began, begun = search.processor_ms(), time.monotonic()
    experiment.runs.filter(number__lte=PURGED).to_trash()
    trashed = search.processor_ms() - began
    job = purge.queue_purge(experiment.created_by, experiment.workspace, PurgeJob.Scope.TRASH)
    began = search.processor_ms()
    while purge.run_turn():
        pass
    job.refresh_from_db()
    if job.state != PurgeJob.State.COMPLETED:
        sys.exit(f"The purge is {job.state}: {job.error}")
    spent = search.processor_ms() - began
    return {"trash ms": trashed, "purge ms": spent, "purge seconds": time.monotonic() - begun}


def measured_start() -> dict[str, float]:
    """Seconds until a started studio answers its first page, and its memory in MB a while later."""
    studio = Ours("studio", pathlib.Path(os.environ["DATA_DIR"]).parent)
    try:
        seconds = studio.start()
        studio.rest()
        return {"start seconds": seconds, "memory": studio.memory()}
    finally:
        studio.end()


if __name__ == "__main__":
    main(sys.argv[1:])
