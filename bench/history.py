"""A workspace with a past: `python bench/history.py 1000` adds that many ended runs with metrics to the studio of DATA_DIR.

Prints, as JSON, the addresses that bench/run.py then measures.
"""

import datetime as dt
import json
import math
import os
import pathlib
import random
import sys
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
POINTS = 200


def main(total: int) -> None:
    import django

    django.setup()
    from accounts.models import User
    from runs.models import Experiment
    from workspaces.models import Workspace

    workspace, user = Workspace.objects.get(), User.objects.order_by("pk").first()
    experiment = Experiment.objects.create(workspace=workspace, name="a-long-past", run_count=total, created_by=user)
    for number in range(1, total + 1):
        run = add_run(experiment, number, minutes_ago=total - number)
    print(json.dumps(addresses(run)))


def add_run(experiment, number: int, minutes_ago: int):
    from django.db import transaction
    from django.utils import timezone

    from runs import metrics
    from runs.models import Run, RunTag

    begun = timezone.now() - dt.timedelta(minutes=minutes_ago)
    fields = {
        "run_id": f"past_{number}",
        "number": number,
        "display_name": f"past-{number}",
        "run_type": "azureml.scriptrun",
        "status": "Completed" if number % 7 else "Failed",
        "target_name": "cpu-cluster",
        "created_by": experiment.created_by,
    }
    times = {"created_at": begun, "started_at": begun, "ended_at": begun + dt.timedelta(seconds=40)}
    # One short transaction each: the studio runs meanwhile.
    with transaction.atomic():
        run = Run.objects.create(workspace=experiment.workspace, experiment=experiment, **fields, **times)
        RunTag.objects.create(run=run, name="seed", value=str(number))
        for name in ("loss", "accuracy", "validation loss", "validation accuracy"):
            metrics.ingest(run, uuid.uuid4().hex, points(name))
    return run


def addresses(run) -> dict[str, str]:
    from django.urls import reverse

    run.refresh_from_db()
    series = ",".join(f"{one.pk}:{one.count}" for one in run.metrics.all())
    slug = run.workspace.slug
    here = [slug, run.run_id]
    return {
        "run page": reverse("runs:run_detail", args=here),
        "run page, metrics": reverse("runs:run_metrics", args=here),
        "all jobs": reverse("runs:jobs", args=[slug]),
        "all experiments": reverse("runs:experiments", args=[slug]),
        "experiment": reverse("runs:experiment_detail", args=[slug, run.experiment.experiment_id]),
        "poll, state": reverse("runs:run_state", args=here) + f"?seen={run.revision}&tab=overview",
        "poll, metrics": reverse("runs:run_metrics_data", args=here) + f"?after={series}",
    }


def points(name: str) -> list[dict]:
    noise, rate = random.random(), random.uniform(5, 50)
    values = [math.exp(-step / rate) + noise * random.random() / 10 for step in range(POINTS)]
    return [
        {"name": name, "kind": "scalar", "step": step, "time": 1_700_000_000_000 + step, "value": value}
        for step, value in enumerate(values)
    ]


if __name__ == "__main__":
    main(int(sys.argv[1]))
