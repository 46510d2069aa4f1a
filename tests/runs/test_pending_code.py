"""Code of Azure's v2 clients: files to a signed address, of which a snapshot is made."""

import re

import pytest
from django.test import Client

from assets.data.models import Datastore
from assets.data.stores import DatastoreFiles
from runs.files import pending_code, snapshots
from runs.models import Snapshot


@pytest.fixture
def begin(w, api, alice):
    def begin() -> str:
        answer = api(alice).post(f"{w}/codes/mine/versions/1/startPendingUpload", {}).json()
        reference = answer["blobReferenceForConsumption"]
        assert reference["credential"]["sasUri"].startswith(reference["blobUri"] + "?sig=")
        return re.sub("^https?://[^/]+", "", reference["credential"]["sasUri"])

    return begin


def send(address: str, path: str, content=b"print(1)", **options):
    base, _, signature = address.partition("?")
    more = "".join(f"&{name}={value}" for name, value in options.items())
    return Client().put(f"{base}/{path}?{signature}{more}", content, "application/octet-stream")


def test_files_become_a_snapshot_and_are_deleted(begin, w, api, alice, workspace):
    address = begin()
    assert send(address, "service/score.py").status_code == 201
    assert send(address, "service/parts/a.py", b"A = 1").status_code == 201
    assert send(address, "service/score.py", b"", comp="metadata").status_code == 200
    base, _, signature = address.partition("?")
    assert Client().head(f"{base}/service/score.py?{signature}").status_code == 200
    assert Client().head(f"{base}/service/none.py?{signature}").status_code == 404
    body = {"properties": {"codeUri": f"https://localhost{base}/service", "isAnonymous": True}}
    made = api(alice).put(f"{w}/codes/mine/versions/1", body)
    assert made.status_code == 201, made.json()
    snapshot = Snapshot.objects.get()
    assert made.json()["id"] == f"{w}/codes/{snapshot.snapshot_id}/versions/1"
    assert [file["path"] for file in snapshot.files] == ["parts/a.py", "score.py"]
    assert snapshots.read_file(snapshot, "score.py") == b"print(1)"
    files = DatastoreFiles(Datastore.objects.of(workspace).get(name="workspaceblobstore"))
    assert files.walk("code-uploads/") == []
    assert api(alice).get(made.json()["id"]).json()["properties"]["codeUri"] == made.json()["id"]


def test_a_file_needs_the_signature_of_its_upload(begin, monkeypatch):
    address, other = begin(), begin()
    mixed = f"{address.partition('?')[0]}?{other.partition('?')[2]}"
    for wrong in (mixed, address.replace("sig=", "sig=x"), address.replace("sig=", "signature=")):
        assert send(wrong, "score.py").status_code == 401, wrong
    assert send(address, "../score.py").status_code in (400, 404)
    assert send(address, "score.py", comp="block").status_code == 415
    monkeypatch.setattr(pending_code, "MAX_AGE", -1)
    assert send(address, "score.py").status_code == 401


def test_code_that_was_not_uploaded_is_refused(begin, w, api, alice):
    base = begin().partition("?")[0]
    for uri, words in [
        (f"https://localhost{base}/service", "no files at"),
        ("https://elsewhere/x", "startPendingUpload"),
    ]:
        refused = api(alice).put(f"{w}/codes/mine/versions/1", {"properties": {"codeUri": uri}})
        assert refused.status_code == 400 and words in refused.json()["error"]["message"], uri
