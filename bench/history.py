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
    from django.db import transaction
    from django.urls import reverse
    from django.utils import timezone

    from runs import metrics
    from runs.models import Experiment, Run, RunTag
    from workspaces.models import User, Workspace

    workspace, user = Workspace.objects.get(), User.objects.order_by("pk").first()
    experiment = Experiment.objects.create(workspace=workspace, name="a-long-past", run_count=total, created_by=user)
    now = timezone.now()
    for number in range(1, total + 1):
        # One short transaction each: the studio runs meanwhile.
        with transaction.atomic():
            begun = now - dt.timedelta(minutes=total - number)
            run = Run.objects.create(
                workspace=workspace,
                experiment=experiment,
                run_id=f"past_{number}",
                number=number,
                display_name=f"past-{number}",
                run_type="azureml.scriptrun",
                status="Completed" if number % 7 else "Failed",
                target_name="cpu-cluster",
                created_by=user,
                created_at=begun,
                started_at=begun,
                ended_at=begun + dt.timedelta(seconds=40),
            )
            RunTag.objects.create(run=run, name="seed", value=str(number))
            for name in ("loss", "accuracy", "validation loss", "validation accuracy"):
                metrics.ingest(run, uuid.uuid4().hex, points(name))
    series = ",".join(f"{one.pk}:{one.count}" for one in run.metrics.all())
    run.refresh_from_db()
    slug = workspace.slug
    addresses = {
        "run page": reverse("runs:run_detail", args=[slug, run.run_id]),
        "run page, metrics": reverse("runs:run_metrics", args=[slug, run.run_id]),
        "all jobs": reverse("runs:jobs", args=[slug]),
        "all experiments": reverse("runs:experiments", args=[slug]),
        "experiment": reverse("runs:experiment_detail", args=[slug, experiment.experiment_id]),
        "poll, state": reverse("runs:run_state", args=[slug, run.run_id]) + f"?seen={run.revision}&tab=overview",
        "poll, metrics": reverse("runs:run_metrics_data", args=[slug, run.run_id]) + f"?after={series}",
    }
    print(json.dumps(addresses))


def points(name: str) -> list[dict]:
    noise, rate = random.random(), random.uniform(5, 50)
    values = [math.exp(-step / rate) + noise * random.random() / 10 for step in range(POINTS)]
    return [
        {"name": name, "kind": "scalar", "step": step, "time": 1_700_000_000_000 + step, "value": value}
        for step, value in enumerate(values)
    ]


if __name__ == "__main__":
    main(int(sys.argv[1]))
