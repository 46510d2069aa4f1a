"""`make seed`: what it makes, and that it does so once."""

import dataclasses
import io
import json

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from runs.models import Experiment, MetricSeries, Run
from runs.seeding.experiments import Sizes
from tests import factories
from workspaces.models import Workspace

SIZES = Sizes(runs=22, children=6, metrics=30, points=12_000, images=3)


@pytest.fixture(autouse=True)
def folder(db, settings, tmp_path, monkeypatch):
    """A data folder that no studio has started on."""
    settings.DATA_DIR = tmp_path
    monkeypatch.setenv("OWNER", "olga")
    return tmp_path


def seed(*options: str) -> str:
    printed = io.StringIO()
    call_command("seed", *options, **dataclasses.asdict(SIZES), stdout=printed)
    return printed.getvalue()


def test_an_empty_folder_becomes_a_studio_to_look_at(folder):
    said = seed()
    workspace = Workspace.objects.get()
    assert f"http://testserver/ws/{workspace.slug}/experiments/" in said and f"{folder}" in said
    assert json.loads((folder / "config.json").read_text())["workspace_name"] == workspace.name
    assert User.objects.get().username == "olga"
    assert sorted(Experiment.objects.values_list("name", flat=True)) == [
        "digits-mlp", "learning-rate-sweep", "unusual-sizes"
    ]  # fmt: skip
    assert Run.objects.count() == SIZES.runs
    parent = Run.objects.get(run_type="azureml.HyperDrive")
    assert parent.children.count() == SIZES.children
    check_unusual_runs(Run.objects.filter(experiment__name="unusual-sizes"))
    check_usual_runs(Run.objects.filter(experiment__name="digits-mlp"))


def check_unusual_runs(runs):
    assert {200} <= {len(run.display_name) for run in runs}
    assert any("🚀" in run.display_name for run in runs)
    assert max(run.metrics.count() for run in runs) == SIZES.metrics
    assert MetricSeries.objects.get(name="loss", run__display_name="12,000 points").count == SIZES.points
    assert [run.display_name for run in runs.active()] == ["one that is still running"]


def check_usual_runs(runs):
    failed = runs.filter(status="Failed")
    assert failed and all(run.error["message"] for run in failed)
    assert not runs.active().exists() and all(run.started_at <= run.ended_at for run in runs)
    full = runs.filter(status="Completed").order_by("-pk").first()
    kinds = set(full.metrics.values_list("kind", flat=True))
    assert {"scalar", "table", "image", "confusion_matrix", "residuals"} <= kinds
    paths = set(full.artifacts.values_list("path", flat=True))
    assert {"user_logs/std_log.txt", "outputs/model.pkl", "plots/digits_0.png"} <= paths
    assert full.snapshot and full.tags and full.parameters


def test_the_same_workspace_is_seeded_again_only_on_request():
    seed()
    with pytest.raises(CommandError, match="is seeded already"):
        seed()
    assert Run.objects.count() == SIZES.runs
    seed("--again")
    assert Run.objects.count() == 2 * SIZES.runs
    assert Experiment.objects.filter(name="digits-mlp-2").exists()


def test_one_workspace_of_several_is_named():
    factories.make_user("olga", is_superuser=True)
    other = [factories.make_workspace(name=name) for name in ("first", "second")][1]
    seed("--workspace=second")
    assert set(Run.objects.values_list("workspace", flat=True)) == {other.pk}
    with pytest.raises(CommandError, match=r"no workspace 'third'\. There are: first, second"):
        seed("--workspace=third")
