"""Deleted models are in the trash, come back with their versions, and go permanently with their uploads."""

import pytest

from accounts.actors import Actor
from compute import notifications
from registry.models import Model, ModelVersion, WorkspaceFile
from studio import storage
from tests import factories
from trash import contents, purge

TRASH = "/ws/aml-workspace/trash/"


def restore(client, kind, row):
    return client.post(f"{TRASH}restore-model/", {"kind": kind, "key": row.pk}, follow=True)


def test_a_model_comes_back_with_what_was_deleted_with_it(as_user, alice, workspace):
    client, actor = as_user(alice), Actor(alice)
    first = factories.make_model_version(workspace, "digits")
    second = factories.make_model_version(workspace, "digits")
    first.move_to_trash(actor)
    second.model.move_to_trash(actor)
    assert not ModelVersion.objects.present().exists()
    page = client.get(TRASH).content.decode()
    assert "digits, with its versions" in page and "version 1" not in page
    assert b"Restored: digits" in restore(client, "model", second.model).content
    assert [row.number for row in ModelVersion.objects.present()] == [2] and ModelVersion.objects.get(
        is_latest=True
    ) == second
    assert "digits, version 1" in client.get(TRASH).content.decode()
    restore(client, "version", first)
    assert ModelVersion.objects.present().count() == 2 and ModelVersion.objects.get(is_latest=True) == second
    assert restore(client, "version", first).status_code == 409
    assert restore(client, "job", first).status_code == 400


def test_a_name_that_was_taken_meanwhile_is_kept_by_its_new_owner(as_user, alice, workspace):
    gone = factories.make_model_version(workspace, "digits").model
    gone.move_to_trash(Actor(alice))
    factories.make_model_version(workspace, "digits")
    assert restore(as_user(alice), "model", gone).status_code == 409
    assert Model.objects.present().count() == 1


# A purge has transactions of its own.
@pytest.mark.django_db(transaction=True)
def test_a_purge_deletes_models_with_uploads_that_nobody_else_has(workspace, alice, monkeypatch):
    monkeypatch.setattr(notifications, "_send", lambda task, queue: None)
    for number in (1, 2):
        storage.put_bytes(f"k{number}", b"abc")
        fields = {"path": f"LocalUpload/{number}/m.pkl", "size": 3, "key": f"k{number}"}
        WorkspaceFile.objects.create(workspace=workspace, **fields)
        factories.make_model_version(workspace, "digits", source=f"mlflow-artifacts:/LocalUpload/{number}/m.pkl")
    factories.make_model_version(workspace, "copy", source="mlflow-artifacts:/LocalUpload/2/m.pkl")
    Model.objects.get(name="digits").move_to_trash(Actor(alice))
    contents.empty_trash(None, workspace)
    while purge.run_turn():
        """Turn after turn, as the task does."""
    assert [model.name for model in Model.objects.all()] == ["copy"]
    assert [file.path for file in WorkspaceFile.objects.all()] == ["LocalUpload/2/m.pkl"]
