"""`workspacefilestore`: the file share of Notebooks and compute instances, in which a home belongs to one person."""

import importlib

import pytest
from django.apps import apps
from django.test import Client
from django.utils.http import urlencode
from obstore.store import LocalStore

from accounts.authentication import make_run_token
from assets.data import share_files
from assets.models import Datastore
from notebooks.models import TrashedFile
from studio import storage
from tests import factories
from tests.test_openapi import WORKSPACE_PATH
from workspaces.file_share import share_folder
from workspaces.models import Role

FILES = f"{WORKSPACE_PATH}/datastores/workspacefilestore/files"
PAGE = "/ws/aml-workspace/data/datastores/workspacefilestore/"
DATA = f"{WORKSPACE_PATH}/data"


@pytest.fixture(autouse=True)
def folders(settings, tmp_path, monkeypatch):
    settings.SHARES_DIR = tmp_path / "shares"
    store = LocalStore(tmp_path / "w", mkdir=True)
    monkeypatch.setattr(storage, "open_store", lambda: store)


@pytest.fixture
def share(workspace):
    """`share("alice/a.txt")`: the path in Users."""
    return lambda path: share_folder(workspace) / "Users" / path


@pytest.fixture
def datastore(workspace):
    return Datastore.objects.of(workspace).get(name="workspacefilestore")


@pytest.fixture
def carol(workspace):
    user = factories.make_user("carol")
    factories.give_role(user, Role.CONTRIBUTOR, workspace)
    return user


def client_of(user) -> Client:
    return Client(headers={"Authorization": f"Bearer {factories.make_token(user)}"})


def put(client, path, data=b"text", **query):
    address = f"{FILES}/content?{urlencode({'path': path, **query})}"
    return client.generic("PUT", address, data, "application/octet-stream")


def read(client, path):
    answer = client.get(f"{FILES}/content", {"path": path})
    return answer.status_code, b"".join(answer) if answer.status_code == 200 else answer.json()["error"]["message"]


def list_paths(client, **query) -> list[str]:
    return [row["path"] for row in client.get(FILES, query).json()["value"]]


def test_notebooks_and_the_datastore_have_the_same_files(alice, as_user, workspace, share):
    page, client = as_user(alice), client_of(alice)
    page.generic("POST", "/ws/aml-workspace/notebooks/upload/file/", b"1", QUERY_STRING="path=Users/alice/in/a.csv")
    assert put(client, "Users/shared/b.csv", b"22").status_code == 201 and put(client, "own/c.csv").status_code == 201
    assert share("shared/b.csv").read_bytes() == b"22" and read(client, "Users/alice/in/a.csv") == (200, b"1")
    assert list_paths(client) == ["Users/alice/in/a.csv", "Users/shared/b.csv", "own/c.csv"]
    folders = {"": ["Users", "own"], "Users": ["Users/alice", "Users/shared"], "Users/alice": ["Users/alice/in"]}
    assert {folder: list_paths(client, folder=folder) for folder in folders} == folders
    for prefix, count in (("Users/alice/in/a", 1), ("Users/al", 1), ("Users/alice/x", 0), ("Us", 2), ("Users/x", 0)):
        assert len(list_paths(client, prefix=prefix)) == count, prefix
    assert put(client, "Users/alice/in/a.csv").status_code == 409
    assert put(client, "Users/alice/in/a.csv", b"333", overwrite="true").status_code == 201
    assert share("alice/in/a.csv").read_bytes() == b"333"
    shown = page.get(f"{PAGE}?path=Users/alice/in/a.csv").text
    assert "333" in shown and "moves to the trash of Notebooks" in shown
    assert page.get(f"{PAGE}file/?path=Users/alice/in/a.csv").status_code == 200


def test_a_home_is_found_by_its_person_and_their_jobs_alone(alice, bob, carol, as_user, mallory, workspace):
    put(client_of(alice), "Users/alice/secret.csv", b"1")
    put(client_of(alice), "Users/shared/open.csv", b"2")
    for person in (bob, carol):
        client = client_of(person)
        assert list_paths(client) == ["Users/shared/open.csv"]
        assert list_paths(client, folder="Users") == [f"Users/{person}", "Users/shared"]
        status, message = read(client, "Users/alice/secret.csv")
        assert status == 404 and f"Users/{person} and Users/shared" in message
        assert client.get(FILES, {"folder": "Users/alice"}).status_code == 404
        assert client.get(FILES, {"prefix": "Users/alice/"}).status_code == 404
        assert put(client, "Users/alice/x").status_code == (403 if person == bob else 404)
        batch = client.post(f"{FILES}/download", {"paths": ["Users/alice/secret.csv"]}, "application/json")
        assert b'"missing": ["Users/alice/secret.csv"]' in b"".join(batch.streaming_content)
        assert as_user(person).get(f"{PAGE}?path=Users/alice/secret.csv").status_code == 404
    assert put(client_of(bob), "Users/bob/x").status_code == 403
    assert read(client_of(mallory), "Users/shared/open.csv")[0] == 404
    for person, expected in ((alice, 200), (carol, 404)):
        run = factories.make_run(workspace, created_by=person, status="Running")
        token = make_run_token(person.pk, workspace.pk, run.run_id, 0)
        assert read(Client(headers={"Authorization": f"Bearer {token}"}), "Users/alice/secret.csv")[0] == expected


def test_nothing_beside_homes_and_behind_links_is_read_or_written(alice, workspace, share):
    client = client_of(alice)
    put(client, "Users/alice/a")
    share("alice/link").symlink_to("/etc/hostname")
    share("alice/folder").symlink_to("/etc")
    share("alice/.ssh").mkdir()
    share("alice/.ssh/key").write_text("key")
    (share_folder(workspace) / "trash").mkdir()
    (share_folder(workspace) / "trash" / "x").write_text("x")
    assert list_paths(client) == ["Users/alice/a"] and list_paths(client, folder="Users/alice") == ["Users/alice/a"]
    for path in ("Users/alice/link", "Users/alice/folder/hostname", "Users/alice/.ssh/key", "trash/x", "Users/alice"):
        assert read(client, path)[0] in (400, 404), path
    for path in ("Users/alice/folder/x", "Users/alice/.ssh/x", "Users/x", "Users", "Users/alice", "Users/alice/a/b"):
        assert put(client, path, overwrite="true").status_code in (400, 404, 409), path
    assert put(client, "trash/x").status_code == 201
    assert (share_folder(workspace) / "trash" / "x").read_text() == "x"


def test_a_deleted_file_is_in_the_trash_and_the_folder_has_a_limit(alice, as_user, share, settings):
    client, page = client_of(alice), as_user(alice)
    settings.SHARE_MAX_BYTES = 6
    assert put(client, "Users/shared/a", b"1234").status_code == 201
    refused = put(client, "Users/shared/b", b"567")
    assert refused.status_code == 413 and not share("shared/b").exists()
    for delete in (
        lambda: client.delete(f"{FILES}/content?path=Users/shared/a"),
        lambda: page.post(f"{PAGE}change/", {"act": "delete", "path": "Users/shared/a"}),
    ):
        assert delete().status_code in (200, 302) and not share("shared/a").exists()
        TrashedFile.objects.get(path="Users/shared/a").restore()
        assert share("shared/a").read_bytes() == b"1234"


def test_a_registered_dataset_reads_the_shared_folder_and_no_home(alice, api, workspace):
    client, caller = client_of(alice), api(factories.make_token(alice))
    put(client, "Users/shared/a.csv", b"x\n1\n")
    put(client, "Users/alice/a.csv", b"x\n1\n")

    def register(path):
        uri = f"azureml://datastores/workspacefilestore/paths/{path}"
        return caller.put(f"{DATA}/d/versions/1", {"properties": {"dataType": "uri_file", "dataUri": uri}})

    for path in ("Users/alice/a.csv", "Users/*/a.csv", "Users"):
        answer = register(path)
        assert answer.status_code == 400 and "can be in a home" in answer.json()["error"]["message"], path
    assert register("Users/shared/a.csv").status_code in (200, 201)


def test_files_of_its_own_below_users_are_kept(workspace, datastore):
    files = share_files.DatastoreFiles(datastore)
    files.write("Users/alice/#1 a.csv", [b"1"])
    files.write("other/b.csv", [b"2"])
    migration = importlib.import_module("assets.migrations.0006_files_below_users")
    migration.move_away(apps, None)
    found = share_files.open_files(datastore)
    assert [file.path for file in found.walk()] == ["Users before/alice/#1 a.csv", "other/b.csv"]
    assert found.read("Users before/alice/#1 a.csv", 0, 9) == b"1"
    migration.move_back(apps, None)
    assert files.find("Users/alice/#1 a.csv").size == 1
