"""Many small files of a datastore in one request: what is stored, skipped and refused, and that nothing is half there."""

import json

import pytest
from django.test import Client
from obstore.store import LocalStore, MemoryStore

from assets.data import file_batches, stores
from assets.models import Datastore
from studio import storage
from tests import factories
from tests.test_openapi import WORKSPACE_PATH

FILES = f"{WORKSPACE_PATH}/datastores/workspaceblobstore/files"


@pytest.fixture(params=["memory", "folder"])
def files(workspace, monkeypatch, request, tmp_path):
    store = MemoryStore() if request.param == "memory" else LocalStore(tmp_path / "w", mkdir=True)
    monkeypatch.setattr(storage, "open_store", lambda: store)
    return stores.DatastoreFiles(Datastore.objects.of(workspace).get(name="workspaceblobstore"))


@pytest.fixture
def client(alice, files):
    return Client(headers={"Authorization": f"Bearer {factories.make_token(alice)}"})


def pack(contents: dict[str, bytes], **sizes) -> bytes:
    listed = [{"path": path, "size": sizes.get(path, len(data))} for path, data in contents.items()]
    return json.dumps({"files": listed}).encode() + b"\n" + b"".join(contents.values())


def upload(client, body: bytes, query: str = ""):
    return client.generic("PUT", FILES + query, body, "application/octet-stream")


def download(client, *paths: str):
    return client.post(f"{FILES}/download", json.dumps({"paths": paths}), "application/json")


def test_files_are_stored_skipped_replaced_and_read_in_one_request(client, files, monkeypatch):
    monkeypatch.setattr(file_batches, "BLOCK", 7)
    contents = {f"in/{number:02} #é%2F.bin": bytes([number]) * number * 99 for number in range(20)}
    assert upload(client, pack(contents)).json() == {"stored": 20, "skipped": []}
    # What has arrived stays at a repeat, and what follows it is stored.
    more = {"in/03 #é%2F.bin": b"other", "later": b"x"}
    assert upload(client, pack(more)).json() == {"stored": 1, "skipped": ["in/03 #é%2F.bin"]}
    assert upload(client, pack(more), "?overwrite=true").json() == {"stored": 2, "skipped": []}
    contents |= more
    answer = download(client, "none", *contents)
    line, _, rest = b"".join(answer.streaming_content).partition(b"\n")
    found = json.loads(line)
    assert found["missing"] == ["none"] and [row["path"] for row in found["files"]] == list(contents)
    assert [row["size"] for row in found["files"]] == [len(data) for data in contents.values()]
    assert rest == b"".join(contents.values()) and int(answer["Content-Length"]) == len(line) + 1 + len(rest)


def test_a_large_file_among_small_ones_is_streamed(client, files, monkeypatch):
    monkeypatch.setattr(file_batches, "MAX_FILE_BYTES", 4)
    files.write("a", iter([b"larger"]))
    files.write("b", iter([b"b"]))
    assert b"".join(download(client, "b", "a").streaming_content).endswith(b"\nblarger")


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ({"ok": b"x", "../a": b"x"}, "'../a' is not a path"),
        ({"ok": b"x", "": b"x"}, "path"),
        ({"ok": b"x", "a#1": b"x"}, "ends in # and digits"),
        ({"ok": b"x", "a": b"x", "a/b": b"x"}, "a cannot be a file and the folder of a/b"),
        ({"ok": b"x", "there": b"x"}, "there is a folder"),
        ({}, "files"),
        ({f"f{number}": b"" for number in range(file_batches.MAX_FILES + 1)}, "at most 500"),
    ],
)
def test_a_batch_with_a_wrong_file_stores_nothing(client, files, contents, words):
    files.write("there/file", iter([b"x"]))
    answer = upload(client, pack(contents), "?overwrite=true")
    assert 400 <= answer.status_code < 500 and words in answer.json()["error"]["message"]
    assert [file.path for file in files.walk()] == ["there/file"]


def test_a_body_that_is_not_what_its_first_line_says_stores_nothing(client, files, monkeypatch):
    twice = json.dumps({"files": [{"path": "a", "size": 0}] * 2}).encode()
    for body, words in {
        pack({"a": b"123"})[:-1]: "After its first line the body has 2 bytes, but its files have 3",
        pack({"a": b"123"}) + b"4": "has 4 bytes, but its files have 3",
        twice: "a is listed twice",
        b"": "The first line of the body is not JSON",
        b"a tar": "is not JSON",
        b"[]": "must be a JSON object",
        b"\xff\xfe": "not UTF-8",
        pack({"a": b""}, a=-1): "size",
        pack({"a": b""}, a=2**20 + 1): "size",
    }.items():
        answer = upload(client, body)
        assert answer.status_code == 400 and words in answer.json()["error"]["message"], answer.content
    monkeypatch.setattr(file_batches, "MAX_LINE_BYTES", 9)
    assert upload(client, pack({"a": b"123"})).status_code == 413
    assert files.walk() == []


def test_a_body_without_a_length_that_ends_early_names_its_file(files):
    body = file_batches.BodyParts([b'{"files": []', b"}\nab", b"c", b"de"])
    assert body.read_line() == b'{"files": []}'
    listed = [file_batches.BatchFile(path=path, size=3) for path in "ab"]
    for file in listed:
        files.check_names([file.path])
    with pytest.raises(file_batches.Invalid, match="ended in b, after 2 of its 3 bytes"):
        file_batches.store_files(files, listed, body, set(), False)
    assert files.walk() == []


def test_a_file_that_arrives_meanwhile_stays(files):
    files.write("a", iter([b"first"]))
    listed, present = [file_batches.BatchFile(path="a", size=3)], set()
    assert file_batches.store_files(files, listed, file_batches.BodyParts([b"new"]), present, False) == 0
    assert present == {"a"} and files.read("a", 0, 5) == b"first"


def test_the_number_of_queries_does_not_grow_with_the_files(client, files, django_assert_max_num_queries):
    for count in (1, 40):
        contents = {f"{count}/{number}": b"x" for number in range(count)}
        with django_assert_max_num_queries(12):
            assert upload(client, pack(contents)).json()["stored"] == count
            assert download(client, *contents).status_code == 200


def test_a_download_names_up_to_500_paths(client):
    assert download(client).status_code == 400
    answer = download(client, *map(str, range(file_batches.MAX_FILES + 1)))
    assert answer.json()["error"]["message"] == "501 paths: name 1 to 500."
    assert download(client, "a/../b").json()["error"]["target"] == "path"
