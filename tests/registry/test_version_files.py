"""A version keeps its files as long as it exists."""

import pytest

from accounts.actors import Actor
from compute import notifications
from registry import registration
from registry.models import Model, ModelVersion, WorkspaceFile
from registry.version_files import files_of
from studio import storage
from tests import factories
from trash import contents, purge


@pytest.fixture
def uploaded(workspace):
    """A version with an uploaded file."""
    storage.put_bytes("k1", b"abc")
    WorkspaceFile.objects.create(workspace=workspace, path="LocalUpload/1/m.pkl", size=3, key="k1")
    return factories.make_model_version(workspace, "digits", source="mlflow-artifacts:/LocalUpload/1/m.pkl")


def paths_of(version: ModelVersion) -> list[str]:
    found = files_of(ModelVersion.objects.get(pk=version.pk))
    return [path for path, _ in found] if found else []


def test_a_deleted_job_or_logged_model_takes_no_files_away(workspace):
    run = factories.make_run(workspace, run_id="r1", status="Completed")
    run.artifacts.create(path="model/MLmodel", size=3)
    of_run = factories.make_model_version(workspace, source="runs:/r1/model", run=run)
    logged = factories.make_logged_model(run.experiment, name="l")
    logged.files.create(path="MLmodel", size=3, key="k")
    of_model = factories.make_model_version(workspace, source=f"models:/{logged.model_id}", logged_model=logged)
    run.delete()
    logged.move_to_trash()
    assert paths_of(of_run) == paths_of(of_model) == ["MLmodel"]


def test_a_copy_has_the_files_of_the_version_that_it_was_made_of(workspace, alice, uploaded):
    copy = registration.register_version(Actor(alice), workspace, "best", "models:/digits/1")
    assert paths_of(copy) == ["m.pkl"]
    uploaded.model.rename("numbers")
    assert paths_of(copy) == ["m.pkl"]
    uploaded.model.rename("digits")
    uploaded.model.move_to_trash(Actor(alice))
    WorkspaceFile.objects.create(workspace=workspace, path="LocalUpload/2/other.pkl", size=3, key="k2")
    factories.make_model_version(workspace, "digits", source="mlflow-artifacts:/LocalUpload/2/other.pkl")
    assert paths_of(copy) == ["m.pkl"]


# A purge has transactions of its own.
@pytest.mark.django_db(transaction=True)
def test_a_purge_keeps_a_version_until_its_copies_are_deleted(workspace, alice, uploaded, monkeypatch):
    monkeypatch.setattr(notifications, "_send", lambda task, queue: None)
    copy = registration.register_version(Actor(alice), workspace, "best", "models:/digits/1")
    for model, left in ((uploaded.model, ["best", "digits"]), (copy.model, [])):
        model.move_to_trash(Actor(alice))
        contents.empty_trash(None, workspace)
        while purge.run_turn():
            """Turn after turn, as the task does."""
        assert [model.name for model in Model.objects.order_by("name")] == left
        assert paths_of(copy) == ["m.pkl"] if left else not WorkspaceFile.objects.exists()
