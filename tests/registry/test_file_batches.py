"""Files of a model that share requests: uploaded before it is registered, and downloaded."""

import json

import pytest

from registry.models import WorkspaceFile
from runs.files import artifacts
from tests import factories

V = "/modelmanagement/v1.0{}"
FOLDER = "LocalUpload/new"


def pack(contents: dict[str, bytes]) -> bytes:
    listed = [{"path": path, "size": len(data)} for path, data in contents.items()]
    return json.dumps({"files": listed}).encode() + b"\n" + b"".join(contents.values())


@pytest.fixture
def send(api, w):
    return lambda who, contents: api(who).put(f"{V.format(w)}/files", pack(contents))


@pytest.fixture
def download(api, w):
    def read(who, *paths):
        address = f"{V.format(w)}/models/digits/versions/1/files/download"
        answer = api(who).post(address, {"paths": paths})
        line, _, rest = answer.getvalue().partition(b"\n")
        found = json.loads(line)
        return [(row["path"], row["size"]) for row in found["files"]], found["missing"], rest

    return read


def test_a_model_is_uploaded_registered_and_downloaded(workspace, alice, bob, send, download):
    contents = {f"{FOLDER}/m/MLmodel": b"flavors", f"{FOLDER}/m/data/é #1": b"\0" * 9, f"{FOLDER}/m/empty": b""}
    assert send(alice, contents).json() == {"stored": 3, "skipped": []}
    factories.make_model_version(workspace, "digits", source=f"mlflow-artifacts:/{FOLDER}/m")
    found = download(bob, "empty", "none", "data/é #1", "MLmodel")
    assert found == ([("empty", 0), ("data/é #1", 9), ("MLmodel", 7)], ["none"], b"\0" * 9 + b"flavors")
    answer = send(alice, {f"{FOLDER}/m/more": b"x"})
    assert answer.status_code == 409 and "belongs to the model digits, version 1" in answer.json()["error"]["message"]


def test_files_of_a_job_and_a_model_of_one_file_are_downloaded(workspace, alice, bob, download):
    run = factories.make_run(workspace, run_id="r1")
    for path in ("model/a", "model/b"):
        artifacts.store_artifact(run, path, [path.encode()])
    version = factories.make_model_version(workspace, "digits", source="runs:/r1/model", run=run)
    assert download(bob, "b", "a") == ([("b", 7), ("a", 7)], [], b"model/bmodel/a")
    type(version).objects.filter(pk=version.pk).update(source="runs:/r1/model/a")
    assert download(bob, "model/b", "a") == ([("a", 7)], ["model/b"], b"model/a")


def test_all_are_stored_or_none(workspace, alice, bob, mallory, send):
    send(alice, {f"{FOLDER}/there/file": b"x"})
    for contents, words in {
        (f"{FOLDER}/ok", f"{FOLDER}/there/file"): "There is a file 'LocalUpload/new/there/file' already",
        (f"{FOLDER}/ok", f"{FOLDER}/there"): "'LocalUpload/new/there' is a folder",
        (f"{FOLDER}/ok", f"{FOLDER}/there/file/a"): "'LocalUpload/new/there/file' is a file",
        (f"{FOLDER}/ok", "LocalUpload/other/a"): "begin with LocalUpload/ and the same folder in it",
        ("LocalUpload/ok",): "begin with LocalUpload/ and the same folder in it",
        ("0/run/artifacts/a",): "begin with LocalUpload/ and the same folder in it",
        (f"{FOLDER}/ok", f"{FOLDER}/../a"): "is not a path",
    }.items():
        answer = send(alice, dict.fromkeys(contents, b"x"))
        assert answer.status_code in (400, 409) and words in answer.json()["error"]["message"], contents
    assert (send(bob, {f"{FOLDER}/a": b""}).status_code, send(mallory, {f"{FOLDER}/a": b""}).status_code) == (403, 404)
    assert WorkspaceFile.objects.get().path == f"{FOLDER}/there/file"


def test_the_number_of_queries_does_not_grow_with_the_files(
    workspace, alice, send, download, django_assert_max_num_queries
):
    for count in (2, 100):
        contents = {f"LocalUpload/{count}/m/{number}": b"x" for number in range(count)}
        with django_assert_max_num_queries(20):
            assert send(alice, contents).status_code == 200
    factories.make_model_version(workspace, "digits", source="mlflow-artifacts:/LocalUpload/100/m")
    with django_assert_max_num_queries(20):
        assert len(download(alice, *map(str, range(100)))[0]) == 100
