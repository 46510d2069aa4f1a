"""`make bench-models`: how long the server takes for the registry with 100,000 versions of models, on SQLite and PostgreSQL.

Rewrites docs/model_speed.md. `python bench/models.py --here` fills and measures only the database that DATA_DIR or
DATABASE_URL name, and prints JSON. The requests are answered in the measuring process, without a network.
"""

import argparse
import datetime as dt
import json
import os
import pathlib
import platform
import statistics
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.search import processor_ms, run_benchmark  # noqa: E402 (the folder of the project is on the path now)

EACH, TIMES = 100, 9
LINEAGE = "lineage of 1,000 nodes"
# What the project wants at the median, in ms.
TARGETS = {LINEAGE: 300}
TARGET = 120
PAGES = {
    "newest versions": "",
    "all versions": "all=on",
    "all versions, page 2000": "all=on&page=2000",
    "all versions, by name": "all=on&sort=name",
    "newest versions, by name": "sort=name",
    "all versions, by words": "all=on&q=model-07",
    "all versions, one stage": "all=on&stage=Production",
    "all versions, one tag": "all=on&tag=area=7",
    "archived": "archived=1",
}
SEARCHES = {
    "the newest version of each model": "latest=true",
    "all versions": "",
    "versions of a name": "name=model-0077",
    "versions with a tag": "tag=area=7",
    "versions registered with a data set": "datasetId=2b1c5ce8-6a6a-4a38-8c6b-000000000001",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("versions", type=int, nargs="?", default=100_000)
    parser.add_argument("--here", action="store_true", help="only the database of the environment")
    args = parser.parse_args()
    if args.here:
        print(json.dumps(measure(args.versions // EACH)))
        return
    this = [sys.executable, __file__, str(args.versions), "--here"]
    found = {
        "SQLite": run_benchmark(this),
        "PostgreSQL": run_benchmark([sys.executable, str(ROOT / "deploy" / "team_servers.py"), *this]),
    }
    (ROOT / "docs" / "model_speed.md").write_text(write_page(found, args.versions))


def write_page(found: dict[str, dict], versions: int) -> str:
    first = next(iter(found.values()))
    lines = [
        f"# Speed with {versions:,} versions of models",
        "",
        f"Measured by `make bench-models` on {os.cpu_count()} cores ({platform.system()}, Python {platform.python_version()}, "
        f"{dt.date.today()}, load {first['load']:.0f}): ms of processor time of the server for one request, its database "
        f"included, the median of {TIMES} and the worst, in a workspace with {versions // EACH:,} models of {EACH} versions each. "
        "Values that miss their target are **bold**.",
        "",
        f"| what | {' | '.join(f'{name} | worst' for name in found)} | target |",
        f"|---|{'--:|--:|' * len(found)}--:|",
    ]
    for what in first["rows"]:
        target = TARGETS.get(what.partition(": ")[2], TARGET)
        cells = []
        for answers in found.values():
            middle, worst = statistics.median(answers["rows"][what]), max(answers["rows"][what])
            cells.append(f"{f'**{middle:.0f}**' if middle > target else f'{middle:.0f}'} | {worst:.0f}")
        lines.append(f"| {what} | {' | '.join(cells)} | {target} |")
    lines += [
        "",
        "The lineage joins a data set, jobs that read it, the versions that they registered, and jobs that read those.",
    ]
    return "\n".join(lines) + "\n"


def measure(models: int) -> dict:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
    os.environ["DEBUG"] = "False"
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client

    settings.ALLOWED_HOSTS = ["*"]
    call_command("migrate", verbosity=0)
    owner, workspace = fill(models)
    version = fill_lineage(workspace)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    client = Client()
    client.force_login(owner)
    home, rest = f"/ws/{workspace.slug}", f"/modelmanagement/v1.0{workspace.arm_id}"
    rows = {f"page: {name}": time_of(client, f"{home}/models/?{query}") for name, query in PAGES.items()}
    rows["page: facets of all versions"] = time_of(client, f"{home}/models-facets/?all=on")
    rows["page: a version"] = time_of(client, f"{home}/models/model-0077/versions/50/")
    rows["page: the versions of a model"] = time_of(client, f"{home}/models/model-0077/versions/")
    rows[f"page: {LINEAGE}"] = time_of(client, f"{version.get_absolute_url()}lineage/")
    rows["page: what breaks if the version of this lineage is deleted"] = time_of(
        client, f"{version.get_absolute_url()}delete/"
    )
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {make_token(owner)}"
    rows |= {f"REST: {name}": time_of(client, f"{rest}/models?{query}") for name, query in SEARCHES.items()}
    lineage = f"{rest}/lineage?kind=model&id={version.model.name}:{version.number}"
    rows[f"REST: {LINEAGE}"] = time_of(client, lineage)
    return {"load": os.getloadavg()[0], "rows": rows}


def make_token(owner) -> str:
    from tests import factories

    return factories.make_token(owner)


def fill(models: int):
    from django.contrib.auth import get_user_model
    from django.utils import timezone

    from registry.models import Model, ModelVersion, VersionDataset
    from tests import factories

    owner = get_user_model().objects.create_superuser("owner")
    workspace = factories.make_workspace(name="bench")
    names = [f"model-{number:04d}" for number in range(models)]
    found = Model.objects.bulk_create([Model(workspace=workspace, name=name, version_count=EACH) for name in names])
    now, rows = timezone.now(), []
    for number in range(1, EACH + 1):
        for index, model in enumerate(found):
            at = now - dt.timedelta(seconds=(EACH - number) * models + index)
            stage = "Production" if number == EACH - 1 else "None"
            fields = {"stage": stage, "tags": {"area": str(index % 50)}, "created_by": owner, "created_at": at}
            job = f"job-{number}-{index}"
            fields |= {"source_run_id": job, "source": f"runs:/{job}/outputs/model"}
            fields["datasets"] = [{"name": "training data", "id": f"2b1c5ce8-6a6a-4a38-8c6b-{index:012d}"}]
            latest = number == EACH
            rows.append(ModelVersion(workspace=workspace, model=model, number=number, is_latest=latest, **fields))
    ModelVersion.objects.bulk_create(rows, batch_size=2_000)
    keys = ModelVersion.objects.values_list("pk", "datasets")
    links = [VersionDataset(version_id=key, dataset_id=one["id"]) for key, listed in keys for one in listed]
    VersionDataset.objects.bulk_create(links, batch_size=5_000)
    return owner, workspace


def fill_lineage(workspace):
    """Jobs that read a data set and registered a version each; one of these was read by many jobs."""
    from registry.models import RunModel
    from runs.job_data import SOURCE_TYPE
    from runs.models.lineage import RunDataset
    from tests import factories

    experiment = factories.make_experiment(workspace, "bench")
    reads, data = [], "2b1c5ce8-6a6a-4a38-8c6b-000000009999"
    for number in range(250):
        run = factories.make_run(workspace, experiment=experiment, run_id=f"source{number}")
        reads.append(RunDataset(run=run, name="rows", digest=data, source_type=SOURCE_TYPE, context="training"))
        logged = factories.make_logged_model(experiment, run=run, name=f"l{number}")
        fields = {"run": run, "source_run_id": run.run_id, "source": f"models:/{logged.model_id}"}
        version = factories.make_model_version(workspace, "family", logged_model=logged, **fields)
    RunDataset.objects.bulk_create(reads)
    runs = [factories.make_run(workspace, experiment=experiment, run_id=f"reader{number}") for number in range(498)]
    links = [RunModel(run=run, logged_model=logged, model_id=logged.model_id, made=False) for run in runs]
    RunModel.objects.bulk_create(links)
    return version


def time_of(client, address: str) -> list[float]:
    client.get(address)
    times = []
    for _ in range(TIMES):
        began = processor_ms()
        answer = client.get(address)
        times.append(processor_ms() - began)
        if answer.status_code != 200:
            sys.exit(f"{address}: {answer.status_code}: {answer.content[:500]!r}")
    return times


if __name__ == "__main__":
    main()
