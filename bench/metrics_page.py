"""The metrics tab of one run with very many points: `python bench/metrics_page.py [points per key] [keys]`.

Fills a database of its own, then asks for the page, its first lines and polls as a signed-in browser does, in one process.
"""

import gzip
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
TIMES, SIZE, WIDTH = 15, 10_000, 560


def main(total: int, keys: int) -> None:
    folder = tempfile.mkdtemp(prefix="lazuli-bench-")
    os.environ["DATA_DIR"] = folder
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    try:
        measure(total, keys)
    finally:
        shutil.rmtree(folder)


def measure(total: int, keys: int) -> None:
    from django.conf import settings
    from django.test import Client
    from django.urls import reverse

    settings.ALLOWED_HOSTS = ["*"]
    run = new_run()
    for key in range(keys):
        fill(run, f"train/key{key}", total)
    client = Client(headers={"Accept-Encoding": "gzip"})
    client.force_login(run.created_by)
    pks = ",".join(str(one.pk) for one in run.metrics.all())
    run.refresh_from_db()

    def address(name: str) -> str:
        return reverse(f"runs:{name}", args=[run.workspace.slug, run.run_id])

    lines = address("run_metrics_lines")
    say("page", client, address("run_metrics"))
    say("first lines of all keys", client, f"{lines}?series={pks}&width={WIDTH}")
    near = f"axis=step&from={total // 2}&to={total // 2 + 2000}"
    say("the same, zoomed to 2,000 points", client, f"{lines}?series={pks}&width={WIDTH}&{near}")
    half = f"axis=step&from={total // 4}&to={total * 3 // 4}"
    say("the same, zoomed to half", client, f"{lines}?series={pks}&width={WIDTH}&{half}")
    after = ",".join(f"{one.pk}:{one.count}" for one in run.metrics.all())
    say("poll with nothing new", client, f"{address('run_metrics_data')}?seen={run.revision}&after={after}")


def fill(run, name: str, total: int) -> None:
    import random

    from runs import metrics

    for start in range(0, total, SIZE):
        batch = [
            {
                "name": name,
                "kind": "scalar",
                "step": n,
                "time": 1_790_000_000_000 + n * 13,
                "value": random.random() / (n + 1) ** 0.3,
            }
            for n in range(start, min(start + SIZE, total))
        ]
        metrics.store_batch(run, "", batch)


def new_run():
    from accounts.models import User
    from runs.models import Experiment, Run
    from workspaces.models import ResourceGroup, Subscription, Workspace

    user = User.objects.create(username="bench", is_superuser=True)
    group = ResourceGroup.objects.create(subscription=Subscription.objects.create(subscription_id="bench"), name="g")
    workspace = Workspace.objects.create(resource_group=group, name="bench", slug="bench")
    experiment = Experiment.objects.create(workspace=workspace, name="bench")
    return Run.objects.create(
        workspace=workspace, experiment=experiment, run_id="bench", number=1, display_name="bench",
        status="Running", created_by=user,
    )  # fmt: skip


def say(what: str, client, url: str) -> None:
    """The least of the times and of this process's own is what a busy machine disturbs least."""
    taken, own = [], []
    for _ in range(TIMES):
        began, worked = time.perf_counter(), time.process_time()
        answer = client.get(url)
        taken.append((time.perf_counter() - began) * 1000)
        own.append((time.process_time() - worked) * 1000)
    body = answer.content
    plain = gzip.decompress(body) if answer.headers.get("Content-Encoding") == "gzip" else body
    times = f"first {taken[0]:.0f} ms, p50 {statistics.median(taken):.1f} ms, least {min(taken):.1f} ms ({min(own):.1f} ms own)"
    print(
        f"{what}: {answer.status_code}, {times}, {len(body) / 1000:.1f} kB compressed, {len(plain) / 1000:.0f} kB plain"
    )


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(*(given + [1_000_000, 10][len(given) :]))
