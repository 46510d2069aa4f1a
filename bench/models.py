"""How long the server takes for the list of models with 100,000 versions, and for a lineage of 1,000 nodes: `python bench/models.py`.

Fills a new SQLite database in a temporary folder, or the empty one that DATABASE_URL names. The requests are answered in the measuring
process, without a network; a figure is the median of the processor time, in ms.
"""

import os
import pathlib
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
os.environ.setdefault("DATA_DIR", tempfile.mkdtemp(prefix="bench-models-"))
os.environ["DEBUG"] = "False"
MODELS, EACH, TIMES = int(os.environ.get("MODELS", "1000")), 100, 9
RUNS = 998
PAGES = {
    "newest versions": "",
    "all versions": "all=on",
    "all versions, page 2000": "all=on&page=2000",
    "all versions, by name": "all=on&sort=name",
    "newest versions, by name": "sort=name",
    "all versions, by words": "all=on&q=model-77",
    "all versions, one stage": "all=on&stage=Production",
    "all versions, one tag": "all=on&tag=area=7",
    "archived": "archived=1",
}


def fill():
    from django.contrib.auth import get_user_model
    from django.utils import timezone

    from registry.models import Model, ModelVersion
    from tests import factories

    owner = get_user_model().objects.create_superuser("owner")
    workspace = factories.make_workspace(name="bench")
    names = [f"model-{number:04d}" for number in range(MODELS)]
    models = Model.objects.bulk_create([Model(workspace=workspace, name=name, version_count=EACH) for name in names])
    now, rows = timezone.now(), []
    for number in range(1, EACH + 1):
        for index, model in enumerate(models):
            at = now - timezone.timedelta(seconds=(EACH - number) * MODELS + index)
            stage = "Production" if number == EACH - 1 else "None"
            fields = {"stage": stage, "tags": {"area": str(index % 50)}, "created_by": owner, "created_at": at}
            latest = number == EACH
            rows.append(ModelVersion(workspace=workspace, model=model, number=number, is_latest=latest, **fields))
    ModelVersion.objects.bulk_create(rows, batch_size=2_000)
    return owner, workspace


def fill_lineage(workspace):
    """A job that read a data set, registered a version, and nearly a thousand jobs that read it."""
    from registry.models import RunModel
    from tests import factories

    experiment = factories.make_experiment(workspace, "bench")
    source = factories.make_run(workspace, experiment=experiment, run_id="source")
    logged = factories.make_logged_model(experiment, run=source, name="l")
    fields = {"run": source, "source_run_id": "source", "source": f"models:/{logged.model_id}", "logged_model": logged}
    version = factories.make_model_version(workspace, "family", **fields)
    runs = [factories.make_run(workspace, experiment=experiment, run_id=f"reader{number}") for number in range(RUNS)]
    links = [RunModel(run=run, logged_model=logged, model_id=logged.model_id, made=False) for run in runs]
    RunModel.objects.bulk_create(links)
    return version


def measure(client, address: str) -> float:
    times = []
    for _ in range(TIMES):
        started = time.process_time()
        answer = client.get(address)
        times.append((time.process_time() - started) * 1000)
        assert answer.status_code == 200, answer.status_code
    return statistics.median(times)


def main():
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.test import Client

    settings.ALLOWED_HOSTS = ["*"]
    call_command("migrate", verbosity=0)
    owner, workspace = fill()
    client = Client()
    client.force_login(owner)
    print(f"load {os.getloadavg()[0]:.1f}; {MODELS * EACH:,} versions of {MODELS:,} models")
    for name, query in PAGES.items():
        print(f"{name:28} {measure(client, f'/ws/{workspace.slug}/models/?{query}'):8.0f} ms")
    print(f"{'facets of all versions':28} {measure(client, f'/ws/{workspace.slug}/models-facets/?all=on'):8.0f} ms")
    version = fill_lineage(workspace)
    address = f"{version.get_absolute_url()}lineage/"
    print(f"{'lineage of 1,000 nodes':28} {measure(client, address):8.0f} ms")


if __name__ == "__main__":
    main()
