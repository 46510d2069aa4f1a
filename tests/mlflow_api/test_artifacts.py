"""Files through MLflow's artifact proxy: in parts, in ranges, and not at all where the client has them."""

import obstore
import pytest
from django.conf import settings
from django.test import Client

from studio import storage
from tests.mlflow_api.tracking import INVALID, MISSING


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    local = obstore.store.LocalStore(tmp_path, automatic_cleanup=True)
    monkeypatch.setattr(storage, "open_store", lambda: local)
    return tmp_path


class Upload:
    """A file of the run, sent as MLflow's client does."""

    def __init__(self, tracking, name: str = "w.bin"):
        run = tracking.run(tracking.new_run())["info"]
        self.tracking, self.name = tracking, name
        self.base = tracking.base.removesuffix("mlflow/") + "mlflow-artifacts/"
        self.root_path = run["artifact_uri"].removeprefix("mlflow-artifacts:/")

    def ask(self, act: str, **body):
        body["path"] = f"/home/me/{self.name}"
        return self.tracking._read(self.tracking.api.post(f"{self.base}mpu/{act}/{self.root_path}", body))

    def begin(self, count: int) -> "Upload":
        found = self.ask("create", num_parts=count)
        self.id, self.parts = found["upload_id"], found["credentials"]
        return self

    def send(self, number: int, data: bytes) -> dict:
        url = self.parts[number - 1]["url"].removeprefix(settings.PUBLIC_URL)
        return {"part_number": number, "etag": self.tracking.api.put(url, data)["ETag"]}

    def end(self, *parts):
        return self.ask("complete", upload_id=self.id, parts=list(parts))

    def get(self, **headers):
        address = f"{self.base}artifacts/{self.root_path}/{self.name}"
        return self.tracking.api.client.get(address, headers=headers)

    def content(self) -> bytes:
        return b"".join(self.get().streaming_content)


def files_in(folder) -> int:
    return sum(file.is_file() for file in folder.rglob("*"))


@pytest.fixture
def upload(tracking):
    return Upload(tracking).begin(3)


def test_addresses_of_files_begin_with_the_public_one(tracking, settings):
    settings.PUBLIC_URL = "https://studio.example.org"
    upload = Upload(tracking).begin(1)
    assert upload.parts[0]["url"].startswith("https://studio.example.org/mlflow/")
    upload.end(upload.send(1, b"abc"))
    found = tracking._read(tracking.api.get(f"{upload.base}presigned/{upload.root_path}/{upload.name}"))
    assert found["url"].startswith("https://studio.example.org/history/v1.0/subscriptions/")
    path = found["url"].removeprefix("https://studio.example.org")
    assert b"".join(Client().get(path).streaming_content) == b"abc"


def test_parts_may_come_in_any_order_and_again(upload, folder):
    third, first, lost, second = (upload.send(n, data) for n, data in [(3, b"c"), (1, b"a" * 9), (2, b"x"), (2, b"bb")])
    assert upload.end(second, third, first) == {}
    assert upload.content() == b"a" * 9 + b"bb" + b"c"
    assert files_in(folder) == 3, "the part that was sent again is freed"
    assert upload.end(lost, third, first) == MISSING


def test_an_upload_may_be_ended_twice_and_not_aborted_then(upload):
    parts = [upload.send(number, b"%d" % number * 5) for number in (1, 2, 3)]
    assert upload.end(*parts) == upload.end(*parts) == {}
    assert upload.ask("abort", upload_id=upload.id) == {}
    assert upload.content() == b"111112222233333"


def test_an_aborted_upload_leaves_nothing(upload, folder):
    parts = [upload.send(number, b"x") for number in (1, 2, 3)]
    assert upload.ask("abort", upload_id=upload.id) == upload.ask("abort", upload_id=upload.id) == {}
    assert upload.end(*parts) == MISSING
    assert (files_in(folder), upload.get().status_code) == (0, 404)


def test_wrong_parts_are_refused(upload, tracking):
    one, two = upload.send(1, b"1"), upload.send(2, b"2")
    other = Upload(tracking).begin(1).send(1, b"x")
    for parts in [[], [two], [one, one], [one, other], [one, {**two, "part_number": 3}], [one, {"etag": "x"}]]:
        assert upload.end(*parts) == INVALID, parts
    assert upload.ask("complete", upload_id="x", parts=[one]) == INVALID
    assert upload.ask("create", num_parts=0) == upload.ask("create", num_parts=10_001) == INVALID
    assert upload.get().status_code == 404


def test_two_uploads_of_one_file_do_not_meet(upload, tracking):
    first = upload.send(1, b"first")
    second = Upload(tracking)
    second.root_path = upload.root_path
    second.begin(1)
    part = second.send(1, b"second")
    assert second.id != upload.id and second.end(part) == {}
    assert upload.end(first) == {} and upload.content() == b"first"


def test_ranges_across_parts(upload):
    upload.end(*[upload.send(number, b"%d" % number * 5) for number in (1, 2, 3)])
    for requested, status, content in [
        ("bytes=3-11", 206, b"112222233"),
        ("bytes=6-8", 206, b"222"),
        ("bytes=15-", 416, b""),
    ]:
        got = upload.get(Range=requested)
        assert (got.status_code, got.getvalue()) == (status, content)
        assert got["Content-Range"].endswith("/15")


def test_who_has_the_file_is_not_sent_it(upload):
    upload.end(upload.send(1, b"abc"))
    tag = upload.get()["ETag"]
    assert upload.get(**{"If-None-Match": tag}).status_code == 304
    assert upload.get(**{"If-None-Match": '"other"'}).status_code == 200
    assert upload.get(**{"If-Range": tag, "Range": "bytes=1-"}).getvalue() == b"bc"
    assert upload.get(**{"If-Range": '"other"', "Range": "bytes=1-"}).getvalue() == b"abc"
