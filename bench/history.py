"""A workspace with a past: `python bench/history.py 1000` adds that many runs with metrics to the studio of DATA_DIR; the
last one still runs.

Prints, as JSON, the addresses that bench/run.py then measures.
"""

import datetime
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
POINTS = 200


def main(total: int) -> None:
    import django

    django.setup()
    from django.db import transaction
    from django.utils import timezone

    from accounts.actors import Actor
    from accounts.models import User
    from runs.models import Experiment, Run
    from runs.seeding.experiments import add_past_run
    from workspaces.models import Workspace

    workspace, user = Workspace.objects.get(), User.objects.order_by("pk").first()
    experiment = Experiment.objects.create(workspace=workspace, name="a-long-past", created_by=user)
    for number in range(total, 0, -1):
        # One short transaction each: the studio runs meanwhile.
        with transaction.atomic():
            run = add_past_run(Actor(user), experiment, number, points=POINTS)
    # Pages poll only while a run is active; without heartbeats, it would be lost.
    heard = timezone.now() + datetime.timedelta(hours=1)
    Run.objects.filter(pk=run.pk).update(status=Run.Status.RUNNING, ended_at=None, heartbeat_at=heard)
    print(json.dumps(addresses(run)))


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
        "poll, metrics": reverse("runs:run_metrics_data", args=here) + f"?seen={run.revision}&after={series}",
    }


if __name__ == "__main__":
    main(int(sys.argv[1]))
