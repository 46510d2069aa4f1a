"""Large files over REST in pieces: who may send them, what is refused, and the routes that make them a file."""

import hashlib

import pytest
from obstore.store import LocalStore, MemoryStore

from accounts.authentication import make_run_token
from registry.models import WorkspaceFile
from runs.models import Artifact
from studio import storage
from tests import factories

DATA = b"0123456789"


@pytest.fixture(params=["memory", "folder"])
def send(db, workspace, alice, api, monkeypatch, request, tmp_path):
    """Sends a piece, or another request, as alice or another actor; files are kept like those of a bucket or in a folder."""
    store = MemoryStore() if request.param == "memory" else LocalStore(tmp_path, automatic_cleanup=True)
    monkeypatch.setattr(storage, "open_store", lambda: store)

    def send(method, address, body=b"", actor=alice):
        address = address if address.startswith("/") else f"{workspace.arm_id}/{address}"
        words = {"content_type": "application/octet-stream"} if method == "put" else {}
        return getattr(api(actor), method)(address, *([body] if method == "put" else []), **words)

    return send


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def send_all(send, name, actor):
    for start in (0, 4, 8):
        piece = DATA[start : start + 4]
        answer = send("put", f"uploads/{name}?start={start}&sha256={sha256(piece)}", piece, actor)
        assert answer.status_code == 200, answer.text
    return answer.json()


def test_pieces_become_a_file_of_a_datastore_a_job_or_a_model(send, alice, workspace):
    run = factories.make_run(workspace, status="Running")
    found = send_all(send, "a", alice)
    assert found["arrived"] == 10 and found["pieces"][1] == {"start": 4, "size": 4, "sha256": sha256(b"4567")}
    addresses = (
        f"{workspace.arm_id}/datastores/workspaceblobstore/files/content?path=a.bin",
        f"/history/v1.0{workspace.arm_id}/runs/{run.run_id}/artifacts/content?path=a.bin",
        f"/mlflow/v1.0{workspace.arm_id}/api/2.0/mlflow-artifacts/artifacts/LocalUpload/1/a.bin?",
    )
    for address in addresses:
        assert send("put", f"{address}&upload=a&size=11").status_code == 409
        assert send("put", f"{address}&upload=a&size=10").status_code in (200, 201), address
    read = send("get", addresses[0])
    assert b"".join(read.streaming_content) == DATA
    assert Artifact.objects.get(run=run).size == WorkspaceFile.objects.get().size == 10
    assert send("delete", "uploads/a").status_code == 200
    assert send("get", "uploads/a").json() == {"arrived": 0, "pieces": []}


def test_a_piece_that_is_not_what_was_sent_is_refused(send):
    refused = {
        f"uploads/a?sha256={sha256(b'other')}": 400,
        "uploads/a?sha256=12": 400,
        "uploads/a?start=5": 409,
        "uploads/a?start=-1": 409,
    }
    for address, status in refused.items():
        assert send("put", address, DATA).status_code == status, address
    assert send("get", "uploads/a").json()["arrived"] == 0
    send("put", f"uploads/a?sha256={sha256(DATA)}", DATA)
    # The same piece again, and another one instead of it.
    assert send("put", f"uploads/a?sha256={sha256(DATA)}", DATA).json()["arrived"] == 10
    again = send("put", f"uploads/a?sha256={sha256(b'other')}", b"other").json()
    assert again == {"arrived": 5, "pieces": [{"start": 0, "size": 5, "sha256": sha256(b"other")}]}


def test_each_sender_has_pieces_of_its_own(send, alice, bob, mallory, workspace):
    send_all(send, "a", alice)
    run = factories.make_run(workspace, status="Running")
    script = make_run_token(alice.pk, workspace.pk, run.run_id, 0)
    assert send("get", "uploads/a", actor=script).json()["arrived"] == 0
    assert send_all(send, "a", script)["arrived"] == 10
    assert send("get", "uploads/a", actor=bob).json()["arrived"] == 0
    assert [send("put", "uploads/a", DATA, who).status_code for who in (bob, mallory)] == [403, 404]
    assert send("post", "uploads/a").status_code == 405
    assert send("get", "uploads/a").json()["arrived"] == 10
