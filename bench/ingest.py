"""How fast metrics are stored, and how many bytes a point takes: `python bench/ingest.py [points]`.

Runs against DATABASE_URL, or a SQLite file in a folder of its own that is removed afterwards.
"""

import math
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
SINGLE, SIZE = 2_000, 1_000


def main(total: int) -> None:
    folder = tempfile.mkdtemp(prefix="lazuli-bench-")
    os.environ["DATA_DIR"] = folder
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    try:
        measure(total)
    finally:
        shutil.rmtree(folder)


def measure(total: int) -> None:
    from runs.metrics import read_downsampled, read_points, store_batch
    from runs.models import MetricSeries

    single, many = new_run(), new_run()
    say(
        "single points",
        SINGLE,
        timed(lambda: [store_batch(single, str(uuid.uuid4()), [point(n)]) for n in range(SINGLE)]),
    )
    batches = [[point(n) for n in range(start, start + SIZE)] for start in range(0, total, SIZE)]
    say("batches of 1,000", total, timed(lambda: [store_batch(many, str(uuid.uuid4()), batch) for batch in batches]))
    print(f"{stored(many) / total:.1f} bytes a point ({stored(single) / SINGLE:.1f} for single points)")
    series = MetricSeries.objects.get(run=many)
    say("read whole", total, timed(lambda: read_points(series)))
    say("thinned to 1,000", total, timed(lambda: read_downsampled(series, 1000)))
    print(f"poll with one new point: {timed(lambda: read_points(series, total - 1)) * 1000:.1f} ms")


def point(number: int) -> dict:
    value = math.exp(-number / 1e5) + random.random() / 10
    return {"name": "loss", "kind": "scalar", "step": number, "time": 1_790_000_000_000 + number * 13, "value": value}


def new_run():
    from runs.models import Experiment, Run
    from workspaces.models import ResourceGroup, Subscription, Workspace

    group = ResourceGroup.objects.create(
        subscription=Subscription.objects.create(subscription_id=str(uuid.uuid4())), name="g"
    )
    workspace = Workspace.objects.create(resource_group=group, name="bench", slug=uuid.uuid4().hex)
    experiment = Experiment.objects.create(workspace=workspace, name="bench")
    return Run.objects.create(
        workspace=workspace, experiment=experiment, run_id="bench", number=1, display_name="bench"
    )


def stored(run) -> int:
    from runs.models import MetricChunk

    return sum(len(data) for data in MetricChunk.objects.filter(series__run=run).values_list("data", flat=True))


def timed(act) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def say(what: str, count: int, seconds: float) -> None:
    print(f"{what}: {count / seconds:,.0f} points/s ({seconds:.2f} s for {count:,})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
