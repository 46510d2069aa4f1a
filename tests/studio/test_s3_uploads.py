"""Uploads to a bucket that were killed between two parts are aborted."""

import datetime as dt
import http.server
import threading
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from obstore.store import S3Store

from studio import s3_uploads, storage

KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
}
ANSWER = """<?xml version="1.0" encoding="UTF-8"?>
<ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>lab</Bucket>
<Upload><Key>team/w/1/runs/2/old key</Key><UploadId>a/b+c</UploadId><Initiated>2026-01-01T00:00:00.000Z</Initiated></Upload>
<Upload><Key>team/w/1/runs/2/new</Key><UploadId>fresh</UploadId><Initiated>{now}</Initiated></Upload>
</ListMultipartUploadsResult>"""


@pytest.fixture
def service():
    """Answers the list, and keeps what it is sent."""
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self):
            seen.append((self.command, self.path, self.headers["Authorization"]))
            now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
            body = ANSWER.format(now=now).encode() if self.command == "GET" else b""
            self.send_response(200 if body else 204)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_DELETE = answer

        def log_message(self, *words):
            """Not into the output of the tests."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    server.server_close()


def test_requests_are_signed_as_the_documentation_of_s3_does():
    bucket = s3_uploads.Bucket("https://examplebucket.s3.amazonaws.com", "us-east-1", *KEYS.values())
    now = dt.datetime(2013, 5, 24, tzinfo=dt.UTC)
    headers = bucket.sign("GET", f"{bucket.url}/", "lifecycle=", now)
    assert headers["Authorization"].endswith(
        "Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
    )
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in repr(bucket)


def test_old_uploads_of_the_studio_are_aborted_and_young_ones_go_on(service, monkeypatch):
    url, seen = service
    for name, value in {**KEYS, "AWS_ENDPOINT": url, "AWS_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(storage, "open_store", lambda: S3Store("lab", prefix="team"))
    assert storage.delete_unfinished(time.time() - 3600) == (1, 0)
    listed, aborted = seen
    assert listed[0] == "GET" and parse_qs(urlsplit(listed[1]).query)["prefix"] == ["team/w/"]
    assert aborted[:2] == ("DELETE", "/lab/team/w/1/runs/2/old%20key?uploadId=a%2Fb%2Bc")
    assert all("Credential=AKIAIOSFODNN7EXAMPLE/" in authorization for _, _, authorization in seen)


def test_without_keys_the_bucket_is_left_to_its_own_rule(service):
    assert s3_uploads.Bucket.from_environment("lab", {"AWS_ENDPOINT": service[0]}) is None
    assert s3_uploads.abort_old(None, "w/", time.time()) == 0
    assert service[1] == []


def test_a_bucket_that_does_not_answer_is_said_and_does_no_harm(caplog):
    bucket = s3_uploads.Bucket.from_environment("lab", {**KEYS, "AWS_ENDPOINT": "http://127.0.0.1:1"})
    assert s3_uploads.abort_old(bucket, "w/", time.time()) == 0
    assert "could not be listed" in caplog.text


def test_without_an_endpoint_it_is_amazons():
    bucket = s3_uploads.Bucket.from_environment("lab", {**KEYS, "AWS_DEFAULT_REGION": "eu-west-1"})
    assert bucket.url == "https://lab.s3.eu-west-1.amazonaws.com"
