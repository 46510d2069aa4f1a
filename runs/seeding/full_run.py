"""An experiment as a working day leaves it behind: for tests of pages, and to look at them."""

import datetime as dt
import io
import json
import math
import random
import struct
import zipfile
import zlib

from django.utils import timezone

from runs import metrics
from runs.files import artifacts, snapshots
from runs.models import Run
from tests import factories

SCRIPT = '''"""Trains a model."""
from azureml.core import Run

run = Run.get_context()
for epoch in range(100):
    run.log("loss", 1 / (epoch + 1))  # goes down
'''


def png(width: int = 160, height: int = 120, hue: int = 90) -> bytes:
    """A small picture without any imaging library."""
    rows = b"".join(
        b"\0" + bytes(v for x in range(width) for v in (x * 255 // width, y * 255 // height, hue))
        for y in range(height)
    )

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def scalars(name: str, values, start: int = 0) -> list[dict]:
    now = int(timezone.now().timestamp() * 1000)
    return [
        {"name": name, "kind": "scalar", "value": value, "step": start + step, "time": now + step * 1000}
        for step, value in enumerate(values)
    ]


def curve(count: int, seed: int) -> list[float]:
    noise = random.Random(seed)
    return [math.exp(-step / (count / 3)) + noise.random() * 0.08 for step in range(count)]


def log_text(lines: int) -> bytes:
    return b"".join(b"2026-11-24 12:00:%02d epoch %d loss=%.5f\n" % (n % 60, n, 1 / (n + 1)) for n in range(lines))


def make_full_run(experiment, user, **fields) -> Run:
    """A run with something on every tab."""
    run = factories.make_run(
        experiment.workspace, experiment=experiment, created_by=user, run_type="azureml.scriptrun", **fields
    )
    run.edit(
        description="Trains on **digits**, see the [guide](https://example.org/guide).",
        tags={"model": "mlp", "stage": "candidate"},
    )
    run.add_parameters({"learning_rate": "0.01", "hidden": "64"})
    Run.objects.filter(pk=run.pk).update(
        job={"command": "python train.py --epochs 100", "environmentId": "sklearn:3"},
        snapshot=make_snapshot(run, user),
    )
    run.refresh_from_db()
    log_metrics(run)
    add_files(run)
    return run


def log_metrics(run: Run) -> None:
    metrics.ingest(run, "", scalars("loss", curve(300, run.pk)))
    metrics.ingest(run, "", scalars("accuracy", [1 - value for value in curve(60, run.pk + 1)]))
    metrics.ingest(run, "", scalars("observations", [1797]))
    metrics.ingest(run, "", scalars("phase", ["warm-up", "train", "test"]))
    rows = [{"epoch": n, "precision": 0.7 + n / 50, "recall": 0.6 + n / 40, "note": f"epoch {n}"} for n in range(8)]
    metrics.ingest(run, "", [{"name": "per class", "kind": "table", "rows": rows}])
    for name, kind, content in FIGURES:
        artifacts.put(run, name, iter([json.dumps(content).encode()]))
        address = f"aml://artifactId/ExperimentRun/dcid.{run.run_id}/{name}"
        metrics.ingest(run, "", [{"name": name, "kind": kind, "value": address}])
    for step in range(4):
        path = f"plots/digits_{step}.png"
        artifacts.put(run, path, iter([png(hue=60 * step)]))
        metrics.ingest(run, "", [{"name": "digits", "kind": "image", "value": path, "step": step}])


FIGURES = [
    (
        "confusion",
        "confusion_matrix",
        {
            "schema_type": "confusion_matrix",
            "schema_version": "1.0.0",
            "data": {"class_labels": ["0", "1", "2"], "matrix": [[50, 2, 0], [3, 44, 5], [0, 4, 48]]},
        },
    ),
    (
        "residual histogram",
        "residuals",
        {"schema_type": "residuals", "data": {"bin_edges": [-2, -1, 0, 1, 2], "bin_counts": [3, 20, 24, 4]}},
    ),
    (
        "predicted",
        "predictions",
        {
            "schema_type": "predictions",
            "data": {
                "bin_edges": [0, 1, 2, 3],
                "bin_averages": [0.6, 1.4, 2.7],
                "bin_errors": [0.1, 0.2, 0.1],
                "bin_counts": [5, 9, 4],
            },
        },
    ),
    (
        "accuracy table",
        "accuracy_table",
        {
            "schema_type": "accuracy_table",
            "data": {
                "class_labels": ["no", "yes"],
                "probability_thresholds": [0, 0.5, 1],
                "probability_tables": [
                    [[40, 60, 0, 0], [32, 9, 51, 8], [0, 0, 60, 40]],
                    [[60, 40, 0, 0], [50, 8, 32, 10], [0, 0, 40, 60]],
                ],
            },
        },
    ),
]


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
        artifacts.put(run, path, iter([data]))


def make_snapshot(run: Run, user):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("train.py", SCRIPT)
        archive.writestr("data/readme.md", "# Data\n")
        archive.writestr("environment.yml", "name: sklearn\ndependencies:\n  - python=3.11\n")
    return snapshots.store(run.workspace, user, "8c1b6f0a-3d1f-4f56-9d0c-0f2f6a0f7a10", "", iter([file.getvalue()]))


def make_day(workspace, user, count: int = 30):
    """An experiment with runs in every state; the first is full of everything."""
    experiment = factories.make_experiment(workspace, "digits-mlp")
    full = make_full_run(experiment, user)
    finish(full, Run.Status.COMPLETED, minutes=12)
    states = [Run.Status.COMPLETED, Run.Status.COMPLETED, Run.Status.FAILED, Run.Status.CANCELED]
    for number in range(count):
        run = factories.make_run(
            experiment.workspace,
            experiment=experiment,
            created_by=user,
            run_type="azureml.scriptrun",
            target_name="cpu-cluster",
        )
        run.edit(tags={"seed": str(number), "model": "mlp"})
        metrics.ingest(run, "", scalars("loss", curve(40, number)))
        metrics.ingest(run, "", scalars("accuracy", [1 - value for value in curve(40, number)]))
        finish(run, states[number % 4], minutes=number)
    return experiment, full


def finish(run: Run, status, minutes: int = 1) -> None:
    run.move(Run.Status.PREPARING)
    run.start(node="cpu-cluster-1")
    if status == Run.Status.FAILED:
        trace = "Traceback (most recent call last):\n  File \"train.py\", line 3\nModuleNotFoundError: No module named 'torch'"
        run.fail("UserError", "The script ended with exit code 1.", [{"code": "Traceback", "message": trace}])
    else:
        run.move(status)
    start = timezone.now() - dt.timedelta(minutes=3 * minutes + 2)
    Run.objects.filter(pk=run.pk).update(
        created_at=start, started_at=start, ended_at=start + dt.timedelta(minutes=minutes)
    )
    run.refresh_from_db()
