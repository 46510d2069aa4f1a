"""Many small files of a run in one request: all are stored or none is."""

import json

import obstore
import pytest

from assets.data import file_batches
from runs.files import artifact_batches, artifacts
from runs.models import Artifact, ArtifactSegment
from studio import storage
from studio.errors import Conflict, Invalid

FILES = "H/runs/r1/artifacts"


@pytest.fixture
def run(started):
    return started("r1")


def pack(contents: dict[str, bytes]) -> bytes:
    listed = [{"path": path, "size": len(data)} for path, data in contents.items()]
    return json.dumps({"files": listed}).encode() + b"\n" + b"".join(contents.values())


def count_objects() -> int:
    return sum(len(batch) for batch in obstore.list(storage.open_store()))


def test_files_are_stored_and_read_in_one_request(alice_api, run):
    contents = {"a.txt": b"text", "in/é #1.bin": b"\0" * 1000, "empty": b""}
    revision = run.revision
    answer = alice_api.put(FILES, data=pack(contents))
    assert answer.json() == {"stored": 3, "skipped": []}
    run.refresh_from_db()
    assert run.revision == revision + 1 and run.artifacts.get(path="a.txt").content_type == "text/plain"
    artifacts.append_to_artifact(run, "a.txt", 4, b" in two parts")
    answer = alice_api.post(f"{FILES}/download", {"paths": ["none", *contents]})
    line, _, rest = b"".join(answer.streaming_content).partition(b"\n")
    assert rest == b"text in two parts" + b"\0" * 1000
    found = json.loads(line)
    assert found["missing"] == ["none"] and [row["size"] for row in found["files"]] == [17, 1000, 0]
    assert alice_api.post(f"{FILES}/download", {"paths": []}).status_code == 400


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ({"ok": b"x", "there/file": b"x"}, "has a file there/file already"),
        ({"ok": b"x", "there": b"x"}, "has a folder there"),
        ({"ok": b"x", "there/file/a": b"x"}, "has a file there/file"),
        ({"ok": b"x", "ok/a": b"x"}, "ok cannot be a file and the folder of ok/a"),
        ({"ok": b"x", "../a": b"x"}, "'../a' is not a path"),
    ],
)
def test_a_batch_with_a_wrong_file_stores_nothing(alice_api, run, contents, words):
    artifacts.store_artifact(run, "there/file", [b"x"])
    answer = alice_api.put(FILES, data=pack(contents))
    assert answer.status_code in (400, 409) and words in answer.json()["error"]["message"]
    assert Artifact.objects.count() == ArtifactSegment.objects.count() == count_objects() == 1


def test_the_number_of_queries_does_not_grow_with_the_files(alice_api, run, django_assert_max_num_queries):
    for count in (2, 300):
        contents = {f"{count}/{number}/{name}": b"" for number in range(count // 2) for name in "ab"}
        with django_assert_max_num_queries(16):
            assert alice_api.put(FILES, data=pack(contents)).json()["stored"] == count
    with pytest.raises(Conflict, match="has a folder 300/7, so 300/7 cannot"):
        artifacts.check_free(run, ["other", "300/7"])


def test_what_fails_after_the_bytes_leaves_none(run, monkeypatch):
    listed = [file_batches.BatchFile(path=path, size=1) for path in "ab"]
    with pytest.raises(Invalid, match="ended in b"):
        artifact_batches.store_artifacts(run, listed, file_batches.BodyParts([b"1"]))
    assert count_objects() == 0
    artifacts.store_artifact(run, "b", [b"x"])
    # Another request stores the same path between the check and the rows.
    monkeypatch.setattr(artifacts, "check_free", lambda *args, **words: None)
    with pytest.raises(Conflict, match="has a file b already"):
        artifact_batches.store_artifacts(run, listed, file_batches.BodyParts([b"12"]))
    assert count_objects() == 1 and Artifact.objects.count() == 1
