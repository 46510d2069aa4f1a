"""A version keeps its files as long as it exists."""

import pytest

from accounts.actors import Actor
from assets.data.models import Datastore
from assets.data.stores import DatastoreFiles
from compute import notifications
from registry import kept_files, registration
from registry.models import Model, ModelVersion, WorkspaceFile
from registry.version_files import files_of, own_path, read_bytes
from runs.files import artifacts
from studio import storage
from studio.errors import Conflict, Invalid
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


@pytest.fixture
def registered(workspace):
    """A version with two files of a job, one of which was uploaded in two parts."""
    run = factories.make_run(workspace, run_id="r1", status="Completed")
    artifacts.store_artifact(run, "model/MLmodel", [b"old"])
    artifacts.store_segments(run, "model/data/m.pkl", [(_stored(b"ab"), 2), (_stored(b"c"), 1)])
    artifacts.store_artifact(run, "other.txt", [b"x"])
    return factories.make_model_version(workspace, "digits", source="runs:/r1/model", run=run)


def _stored(data: bytes) -> str:
    key = storage.make_key("w/1/parts")
    storage.put_bytes(key, data)
    return key


def contents_of(version: ModelVersion) -> dict[str, bytes]:
    return {path: read_bytes(row, row.size) for path, row in files_of(ModelVersion.objects.get(pk=version.pk))}


FILES = {"MLmodel": b"old", "data/m.pkl": b"abc"}


CHANGES = {
    "replaced": lambda run: artifacts.store_artifact(run, "model/MLmodel", [b"new"], overwrite=True),
    "replaced in parts": lambda run: artifacts.store_segments(run, "model/MLmodel", [(_stored(b"new"), 3)]),
    "added": lambda run: artifacts.store_artifact(run, "model/extra", [b"new"]),
    "continued": lambda run: artifacts.append_to_artifact(run, "model/MLmodel", 3, b"new"),
}


@pytest.mark.parametrize("way", CHANGES)
def test_a_version_keeps_its_files_when_those_of_its_job_change(workspace, alice, registered, way):
    copy = registration.register_version(Actor(alice), workspace, "best", "models:/digits/1")
    artifacts.store_artifact(registered.run, "other.txt", [b"y"], overwrite=True)
    assert not WorkspaceFile.objects.exists(), "a file that belongs to no version"
    changed = CHANGES[way](registered.run)
    assert artifacts.read_bytes(changed).endswith(b"new")
    assert contents_of(registered) == contents_of(copy) == FILES


def test_copies_of_a_version_are_made_once_and_cannot_be_changed(workspace, alice, registered):
    for content in (b"new", b"newer"):
        artifacts.store_artifact(registered.run, "model/MLmodel", [content], overwrite=True)
    assert WorkspaceFile.objects.count() == 2 and contents_of(registered) == FILES
    with pytest.raises(Conflict, match="digits, version 1"):
        kept_files.check_changeable(workspace, list(WorkspaceFile.objects.all()))
    artifacts.delete_artifacts(list(registered.run.artifacts.all()))
    assert contents_of(registered) == FILES


def test_files_of_a_version_in_the_trash_are_kept_too(workspace, alice, registered, uploaded):
    registered.move_to_trash(Actor(alice))
    artifacts.delete_artifacts(list(registered.run.artifacts.all()))
    assert contents_of(registered) == FILES
    uploaded.move_to_trash(Actor(alice))
    with pytest.raises(Conflict, match="It is in the trash; delete it permanently first"):
        kept_files.check_changeable(workspace, list(WorkspaceFile.objects.filter(path__endswith="/1/m.pkl")))


def test_the_copies_of_a_version_have_the_names_of_the_originals(workspace, registered):
    run = registered.run
    names = {"": "", "model": "model", "model/data/m.pkl": "m.pkl"}
    versions = {
        path: factories.make_model_version(workspace, source=f"runs:/r1/{path}".rstrip("/"), run=run) for path in names
    }
    before = {path: [name for name, _ in files_of(version)] for path, version in versions.items()}
    artifacts.store_artifact(run, "model/data/m.pkl", [b"new"], overwrite=True)
    for path, version in versions.items():
        found = files_of(ModelVersion.objects.get(pk=version.pk))
        assert found.root and (found.name, [name for name, _ in found]) == (names[path], before[path]), path


def test_of_two_changes_at_once_one_makes_the_copies(registered, monkeypatch):
    copied = kept_files._copy_file

    def copy_while_another_replaces(version, file, folder):
        monkeypatch.setattr(kept_files, "_copy_file", copied)
        artifacts.store_artifact(version.run, "model/MLmodel", [b"new"], overwrite=True)
        return copied(version, file, folder)

    monkeypatch.setattr(kept_files, "_copy_file", copy_while_another_replaces)
    artifacts.store_artifact(registered.run, "model/MLmodel", [b"newer"], overwrite=True)
    assert contents_of(registered) == FILES and WorkspaceFile.objects.count() == 2
    assert artifacts.read_bytes(registered.run.artifacts.get(path="model/MLmodel")) == b"newer"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("first", ["digits", "other"])
def test_a_purge_keeps_the_copies_from_which_another_version_was_registered(
    workspace, alice, registered, monkeypatch, first
):
    monkeypatch.setattr(notifications, "_send", lambda task, queue: None)
    artifacts.store_artifact(registered.run, "model/MLmodel", [b"new"], overwrite=True)
    registered.refresh_from_db()
    factories.make_model_version(workspace, "other", source=f"mlflow-artifacts:/{own_path(registered)}")
    for name in sorted(["digits", "other"], key=lambda name: name != first):
        Model.objects.get(name=name).move_to_trash(Actor(alice))
        contents.empty_trash(None, workspace)
        while purge.run_turn():
            """Turn after turn, as the task does."""
        assert all(contents_of(version) == FILES for version in ModelVersion.objects.all())
        assert ModelVersion.objects.exists() == WorkspaceFile.objects.exists() == (name == first)


@pytest.mark.django_db(transaction=True)
def test_a_purge_deletes_the_copies_with_their_version(workspace, alice, registered, monkeypatch):
    monkeypatch.setattr(notifications, "_send", lambda task, queue: None)
    artifacts.store_artifact(registered.run, "model/MLmodel", [b"new"], overwrite=True)
    registered.model.move_to_trash(Actor(alice))
    contents.empty_trash(None, workspace)
    while purge.run_turn():
        """Turn after turn, as the task does."""
    assert not WorkspaceFile.objects.exists() and registered.run.artifacts.count() == 3


def test_a_version_of_files_in_a_datastore_keeps_them_as_they_were(workspace, alice):
    files = DatastoreFiles(Datastore.objects.of(workspace).get(name="workspaceblobstore"))
    for name in ("MLmodel", "data/model.pkl"):
        files.write(f"LocalUpload/abc/m/{name}", [name.encode()], overwrite=True)
    uri = f"azureml:/{workspace.arm_id}/datastores/workspaceblobstore/paths/LocalUpload/abc/m"
    version = registration.register_version(Actor(alice), workspace, "sent", uri)
    assert version.model_type == ModelVersion.Type.MLFLOW
    files.write("LocalUpload/abc/m/data/model.pkl", [b"changed"], overwrite=True)
    files.delete("LocalUpload/abc/m/MLmodel")
    found = files_of(version)
    assert {path: read_bytes(row, row.size) for path, row in found} == {
        name: name.encode() for name in ("MLmodel", "data/model.pkl")
    }
    before = WorkspaceFile.objects.count()
    for wrong in (uri.replace("/m", "/n"), uri.replace("workspaceblobstore", "none")):
        with pytest.raises(Invalid):
            registration.register_version(Actor(alice), workspace, "sent", wrong)
    with pytest.raises(Conflict):
        registration.register_version(Actor(alice), workspace, "sent", uri.replace("/m", "/m/data"), number=1)
    assert WorkspaceFile.objects.count() == before
