"""A run with content on every tab, and the end of example runs."""

import datetime as dt
import json
import uuid
from collections.abc import Iterable

from django.db.models import Case, DateTimeField, Value, When
from django.utils import timezone

from accounts.actors import Actor
from accounts.models import User
from runs import metrics, submission
from runs.files import artifacts, snapshots
from runs.models import Experiment, Run, Snapshot
from runs.models.status import RunStatus
from runs.seeding.contents import FIGURES, SCRIPT, code_archive, log_text, make_curve, make_png, make_scalars


def make_full_run(experiment: Experiment, user: User, **fields) -> Run:
    """An open run with metrics of every kind, files of many types, logs and code."""
    name = fields.pop("run_id", "") or submission.make_run_name(experiment.name)
    fields = {"display_name": f"run {experiment.run_count + 1}", "run_type": submission.SCRIPT_RUN, **fields}
    tags = {"model": "mlp", "stage": "candidate"}
    run = submission.create_run(Actor(user), experiment, name, None, tags=tags, **fields)
    run.edit(description="Trains on **digits**, see the [guide](https://example.org/guide).")
    run.add_parameters({"learning_rate": "0.01", "hidden": "64"})
    Run.objects.filter(pk=run.pk).update(
        job={"command": "python train.py --epochs 100", "environmentId": "sklearn:3"}, snapshot=store_code(run, user)
    )
    run.refresh_from_db()
    log_metrics(run)
    add_files(run)
    return run


def log_metrics(run: Run) -> None:
    metrics.store_batch(run, "", make_scalars("loss", make_curve(300, run.pk)))
    metrics.store_batch(run, "", make_scalars("accuracy", [1 - value for value in make_curve(60, run.pk + 1)]))
    metrics.store_batch(run, "", make_scalars("observations", [1797]))
    metrics.store_batch(run, "", make_scalars("phase", ["warm-up", "train", "test"]))
    rows = [{"epoch": n, "precision": 0.7 + n / 50, "recall": 0.6 + n / 40, "note": f"epoch {n}"} for n in range(8)]
    metrics.store_batch(run, "", [{"name": "per class", "kind": "table", "rows": rows}])
    for name, kind, content in FIGURES:
        artifacts.store_artifact(run, name, iter([json.dumps(content).encode()]))
        address = f"aml://artifactId/ExperimentRun/dcid.{run.run_id}/{name}"
        metrics.store_batch(run, "", [{"name": name, "kind": kind, "value": address}])
    log_images(run, range(4))


def log_images(run: Run, steps: Iterable[int]) -> None:
    for step in steps:
        path = f"plots/digits_{step}.png"
        artifacts.store_artifact(run, path, iter([make_png(hue=60 * step % 256)]))
        metrics.store_batch(run, "", [{"name": "digits", "kind": "image", "value": path, "step": step}])


def add_files(run: Run) -> None:
    files = {
        "user_logs/std_log.txt": log_text(400),
        "system_logs/runner.log": b"claimed\nprepared\nstarted\n",
        "outputs/model.pkl": b"\x80\x04\0\0\0",
        "outputs/sample.csv": b"a,b,c\n1,2,3\n4,5,6\n",
        "outputs/summary.json": json.dumps({"accuracy": 0.97, "classes": [0, 1, 2]}).encode(),
        "outputs/notes.md": b"# Notes\n\nIt *works*.\n\n<script>alert(1)</script>\n",
        "outputs/report.html": b"<h1>Report</h1><script>document.title='run'</script>",
        "outputs/train.py": SCRIPT.encode(),
    }
    for path, data in files.items():
        artifacts.store_artifact(run, path, iter([data]))


def store_code(run: Run, user: User) -> Snapshot:
    return snapshots.store_snapshot(run.workspace, user, str(uuid.uuid4()), "", iter([code_archive()]))


def finish_run(run: Run, status: RunStatus, minutes: int = 1) -> None:
    """Take a run through its states, with times in the past."""
    run.move(Run.Status.PREPARING)
    run.start(node="cpu-cluster-1")
    if status == Run.Status.FAILED:
        trace = "Traceback (most recent call last):\n  File \"train.py\", line 3\nModuleNotFoundError: No module named 'torch'"
        run.fail("UserError", "The script ended with exit code 1.", [{"code": "Traceback", "message": trace}])
    else:
        run.move(status)
    start = timezone.now() - dt.timedelta(minutes=3 * minutes + 2)
    created, end = start - dt.timedelta(seconds=10), start + dt.timedelta(minutes=minutes)
    Run.objects.filter(pk=run.pk).update(created_at=created, started_at=start, ended_at=end)
    moments = {
        Run.Status.NOT_STARTED: created,
        Run.Status.PREPARING: created + dt.timedelta(seconds=2),
        Run.Status.RUNNING: start,
    }
    known = [When(status=name, then=Value(at, DateTimeField())) for name, at in moments.items()]
    run.events.update(at=Case(*known, default=Value(end, DateTimeField())))
    run.refresh_from_db()
