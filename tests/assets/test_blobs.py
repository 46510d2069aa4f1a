"""The files of a datastore as blobs of Azure's storage, as the storage client of azure-ai-ml requests them."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from registry.models import WorkspaceFile
from runs.files import artifacts
from studio import storage
from tests import factories
from tests.test_openapi import WORKSPACE_PATH

STORE = f"{WORKSPACE_PATH}/datastores/workspaceblobstore"
CONTAINER = f"{STORE}/blobs/workspaceblobstore.blob.localhost:8000/a-container"


@pytest.fixture
def send(db, workspace, alice):
    """Sends a request with the token of alice, or of another person."""

    def send(method, address, body=b"", person=alice, **headers):
        token = factories.make_token(person)
        content = {"content_type": "application/octet-stream"} if method == "PUT" else {}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Client().generic(method, address, body, headers={"Authorization": f"Bearer {token}", **named}, **content)

    return send


def bytes_of(response) -> bytes:
    return b"".join(response.streaming_content)


def test_the_account_is_the_address_of_the_blobs(send, settings):
    found = send("GET", STORE).json()["properties"]
    assert found["accountName"] == f"testserver{STORE}/blobs/workspaceblobstore"
    assert found["credentials"] == {"credentialsType": "None"} and found["storageAccount"]


def test_a_blob_is_stored_found_read_and_listed(send):
    assert {send("HEAD", f"{CONTAINER}/in/{name}").status_code for name in ("a.txt", "")} == {404}
    stored = send("PUT", f"{CONTAINER}/in/a.txt", b"hello", x_ms_blob_type="BlockBlob")
    assert stored.status_code == 201 and stored["ETag"] and stored["Last-Modified"].endswith("GMT")
    head = send("HEAD", f"{CONTAINER}/in/a.txt")
    assert (head["Content-Length"], head["x-ms-blob-type"], head["ETag"]) == ("5", "BlockBlob", stored["ETag"])
    part = send("GET", f"{CONTAINER}/in/a.txt", x_ms_range="bytes=1-30000000")
    assert (part.status_code, part["Content-Range"], bytes_of(part)) == (206, "bytes 1-4/5", b"ello")
    assert send("GET", f"{CONTAINER}/in/a.txt", If_Match='"other"').status_code == 412
    assert send("PUT", f"{CONTAINER}/in/a.txt?comp=metadata", x_ms_meta_name="a").status_code == 200
    assert send("PUT", f"{CONTAINER}/in/a.txt", b"again", If_None_Match="*").status_code == 409
    send("PUT", f"{CONTAINER}/in/b.txt")
    assert send("GET", f"{CONTAINER}/in/b.txt", x_ms_range="bytes=0-9").status_code == 416
    first = send("GET", f"{CONTAINER}?restype=container&comp=list&prefix=in/&maxresults=1").content.decode()
    assert re.findall("<Name>(.*?)</Name>", first) == ["in/a.txt"] and "<Content-Length>5<" in first
    marker = re.search("<NextMarker>(.+)</NextMarker>", first)[1]
    rest = send("GET", f"{CONTAINER}?restype=container&comp=list&prefix=in/&marker={marker}").content.decode()
    assert re.findall("<Name>(.*?)</Name>", rest) == ["in/b.txt"] and "<NextMarker />" in rest
    # The same files by the other route.
    assert bytes_of(send("GET", f"{STORE}/files/content?path=in/a.txt")) == b"hello"


def test_a_large_blob_is_put_together_of_its_blocks(send):
    for name, content in (("MDAx", b"one "), ("MDAy", b"two "), ("MDAz", b"three")):
        assert send("PUT", f"{CONTAINER}/big.bin?comp=block&blockid={name}", content).status_code == 201
    assert send("HEAD", f"{CONTAINER}/big.bin").status_code == 404
    wrong = send("PUT", f"{CONTAINER}/big.bin?comp=blocklist", b"<BlockList><Latest>MDA5</Latest></BlockList>")
    assert wrong.status_code == 400 and "was not sent" in wrong.content.decode()
    names = "".join(f"<Latest>{name}</Latest>" for name in ("MDAy", "MDAx", "MDAz"))
    assert (
        send("PUT", f"{CONTAINER}/big.bin?comp=blocklist", f"<BlockList>{names}</BlockList>".encode()).status_code
        == 201
    )
    assert bytes_of(send("GET", f"{CONTAINER}/big.bin")) == b"two one three"
    listed = send("GET", f"{CONTAINER}?comp=list&prefix=b").content.decode()
    assert re.findall("<Name>(.*?)</Name>", listed) == ["big.bin"]


def test_readers_read_strangers_see_nothing_and_other_requests_are_refused(send, workspace, bob, mallory):
    send("PUT", f"{CONTAINER}/a.txt", b"x")
    assert bytes_of(send("GET", f"{CONTAINER}/a.txt", person=bob)) == b"x"
    for address in (f"{CONTAINER}/a.txt", f"{CONTAINER}/b.txt?comp=block&blockid=MDAx"):
        assert send("PUT", address, b"y", person=bob).status_code == 403
        assert send("PUT", address, b"y", person=mallory).status_code == 404
    assert send("GET", f"{CONTAINER}?comp=list", person=mallory).status_code == 404
    for address in (f"{CONTAINER}/a.txt?comp=page", f"{CONTAINER}/../secret", f"{CONTAINER}/a%2F..%2Fb"):
        assert 400 <= send("PUT", address, b"y").status_code < 500
    assert send("GET", f"{CONTAINER}?comp=acl").status_code == 415


def test_files_of_jobs_and_models_are_read_as_blobs_of_the_artifact_store(send, workspace, mallory):
    store = CONTAINER.replace("workspaceblobstore", "workspaceartifactstore")
    run = factories.make_run(workspace, run_id="r1")
    artifacts.store_artifact(run, "outputs/a.txt", [b"of the job"])
    storage.put_bytes("k1", b"of the model")
    WorkspaceFile.objects.create(workspace=workspace, path="LocalUpload/1/m.pkl", size=12, key="k1")
    for folder, path, content in (
        ("ExperimentRun/dcid.r1/outputs", "a.txt", b"of the job"),
        ("LocalUpload/1", "m.pkl", b"of the model"),
    ):
        listed = send("GET", f"{store}?comp=list&prefix={folder}/").content.decode()
        assert re.findall("<Name>(.*?)</Name>", listed) == [f"{folder}/{path}"]
        part = send("GET", f"{store}/{folder}/{path}", x_ms_range="bytes=3-99")
        assert (part.status_code, bytes_of(part)) == (206, content[3:])
        with CaptureQueriesContext(connection) as queries:
            send("HEAD", f"{store}/{folder}/{path}")
        assert not any('"path" LIKE' in query["sql"] for query in queries)
        assert send("HEAD", f"{store}/{folder}").status_code == 404
        assert send("GET", f"{store}/{folder}/{path}", person=mallory).status_code == 404
    send("PUT", f"{store}/own.txt", b"own")
    assert re.findall("<Name>(.*?)</Name>", send("GET", f"{store}?comp=list").content.decode()) == ["own.txt"]
    assert bytes_of(send("GET", f"{store}/own.txt")) == b"own"
