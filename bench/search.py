"""How long the server takes for lists and searches over very many runs: `DATA_DIR=/tmp/many python bench/search.py`.

Fills the database if it has no such runs yet: `python bench/search.py 100000`. With DATABASE_URL on PostgreSQL, e.g.
`python deploy/team_servers.py python bench/search.py`. The requests are answered in this process, without a network.
"""

import json
import os
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
TIMES = 15
SEARCHES = {
    "filter and order by a metric": ("metrics.accuracy > 0.5", ["metrics.accuracy DESC"]),
    "filter by one metric, order by another": ("metrics.accuracy > 0.99", ["metrics.loss ASC"]),
    "filter by a common parameter, newest first": ("params.model = 'v3'", []),
    "filter by a rare parameter": ("params.seed = 'v77'", []),
    "filter by a tag, order by a metric": ("tags.team = 'team4'", ["metrics.loss ASC"]),
    "filter by two parameters and a metric": ("params.model = 'v3' and params.data = 'v1' and metrics.auc < 0.2", []),
    "order by a parameter": ("", ["params.depth ASC"]),
    "failed ones, newest first": ("attributes.status = 'FAILED'", []),
    "no filter, newest first": ("", []),
}


def main(total: int) -> None:
    import django

    django.setup()
    import fill
    from django.core.management import call_command

    from runs.models import Experiment

    call_command("migrate", verbosity=0)
    experiment = Experiment.objects.filter(name="many", run_count=total).first() or fill.fill(total)
    rows = [*measured_pages(experiment), *measured_searches(experiment)]
    print(f"| over {total:,} runs | p50 ms | worst ms | kB |\n|---|---|---|---|")
    for what, times, size in rows:
        print(f"| {what} | {statistics.median(times):.0f} | {max(times):.0f} | {size / 1000:.0f} |")


def measured_pages(experiment):
    from django.test import Client
    from django.urls import reverse

    client = Client(headers={"Host": "127.0.0.1"})
    client.force_login(experiment.created_by)
    slug = experiment.workspace.slug
    page = reverse("runs:experiment_detail", args=[slug, experiment.experiment_id])
    pages = {
        "experiment page": page,
        "experiment page, sorted by a metric": f"{page}?sort=-metric-accuracy",
        "experiment page, failed ones": f"{page}?status=Failed",
        "experiment page, page 2000": f"{page}?page=2000",
        "experiments": reverse("runs:experiments", args=[slug]),
        "all jobs": reverse("runs:jobs", args=[slug]),
        "trash": reverse("runs:trash", args=[slug]),
    }
    for what, address in pages.items():
        yield what, *timed(lambda address=address: client.get(address))


def measured_searches(experiment):
    from django.test import Client

    from workspaces.models import Token

    token = Token.make(experiment.created_by, "bench", 1)[1]
    client = Client(headers={"Authorization": f"Bearer {token}"})
    address = f"/mlflow/v1.0{experiment.workspace.arm_id}/api/2.0/mlflow/runs/search"
    for what, (text, order_by) in SEARCHES.items():
        body = {
            "experiment_ids": [str(experiment.experiment_id)],
            "filter": text,
            "order_by": order_by,
            "max_results": 100,
        }
        yield what, *timed(lambda body=body: client.post(address, json.dumps(body), "application/json"))


def timed(ask) -> tuple[list[float], int]:
    times = []
    for _ in range(TIMES):
        began = time.perf_counter()
        answer = ask()
        times.append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200:
            sys.exit(f"{answer.status_code}: {answer.content[:500]!r}")
    return times, len(answer.content)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
