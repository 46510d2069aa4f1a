"""Files of runs: stored, appended, read in ranges, listed, deleted."""

import random

import obstore
import pytest

from runs.files import artifacts
from runs.models import Artifact, ArtifactSegment
from studio import storage

CONTENT = "H/runs/r1/artifacts/content?path="
APPEND = "H/runs/r1/artifacts/append?path="


def body(response) -> bytes:
    return b"".join(response.streaming_content)


def stored_keys() -> set:
    return {item["path"] for batch in obstore.list(storage.open_store()) for item in batch}


@pytest.fixture
def run(started):
    return started("r1")


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Bytes lie in a folder, as they do in a studio that was given no other place."""
    local = obstore.store.LocalStore(tmp_path, automatic_cleanup=True)
    monkeypatch.setattr(storage, "open_store", lambda: local)
    return tmp_path


def files_in(folder) -> list:
    return [file for file in folder.rglob("*") if file.is_file()]


def test_a_file_goes_in_and_out(run, alice_api, bob_api):
    put = alice_api.put(f"{CONTENT}outputs/a%20b.csv", data=b"x,y\n1,2\n")
    assert put.status_code == 201
    assert put.json()["contentType"] == "text/csv"
    got = bob_api.get(f"{CONTENT}outputs/a%20b.csv")
    assert body(got) == b"x,y\n1,2\n"
    assert (got["Content-Length"], got["Accept-Ranges"], got["X-Content-Type-Options"]) == ("8", "bytes", "nosniff")
    listed = bob_api.get("H/runs/r1/artifacts?prefix=outputs/").json()["value"]
    assert [(row["path"], row["size"]) for row in listed] == [("outputs/a b.csv", 8)]
    assert bob_api.get("H/runs/r1/artifacts?prefix=logs/").json()["value"] == []


def test_an_empty_file_is_a_file(run, alice_api):
    assert alice_api.put(f"{CONTENT}empty", data=b"").status_code == 201
    got = alice_api.get(f"{CONTENT}empty")
    assert (got.status_code, body(got)) == (200, b"")
    assert stored_keys() == set()


def test_the_same_path_again_needs_overwrite(run, alice_api):
    alice_api.put(f"{CONTENT}a", data=b"one")
    assert alice_api.put(f"{CONTENT}a", data=b"two").status_code == 409
    assert alice_api.put(f"{CONTENT}a&overwrite=true", data=b"three").status_code == 201
    assert body(alice_api.get(f"{CONTENT}a")) == b"three"
    assert len(stored_keys()) == 1


def test_a_file_and_a_folder_of_one_name_do_not_meet(run, alice_api):
    alice_api.put(f"{CONTENT}a", data=b"x")
    assert alice_api.put(f"{CONTENT}a/b", data=b"x").json()["error"]["code"] == "path_conflict"
    alice_api.put(f"{CONTENT}c/d", data=b"x")
    assert alice_api.put(f"{CONTENT}c", data=b"x").status_code == 409
    assert alice_api.put(f"{CONTENT}c0", data=b"x").status_code == 201


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "a/../../x",
        "/etc/passwd",
        "a\\b",
        "C:/x",
        "a//b",
        "./a",
        "a/",
        "a\nb",
        "a\0b",
        "",
        "x" * 1001,
        "é" * 200,
    ],
)
def test_unsafe_paths_are_refused_with_a_message(run, alice_api, path):
    from urllib.parse import quote

    for answer in (
        alice_api.put(CONTENT + quote(path, safe=""), data=b"x"),
        alice_api.post(f"{APPEND}{quote(path, safe='')}&offset=0", data=b"x"),
    ):
        assert answer.status_code == 400, path
        # A NUL is refused before any route is asked.
        assert answer.json()["error"]["code"] == ("BadRequest" if "\0" in path else "invalid_path")
    assert not Artifact.objects.exists()


def test_ranges(run, alice_api):
    alice_api.put(f"{CONTENT}a", data=bytes(range(100)))

    def ranged(header):
        got = alice_api.get(f"{CONTENT}a", Range=header)
        return got.status_code, body(got) if got.streaming else b"", got.get("Content-Range")

    assert ranged("bytes=10-19") == (206, bytes(range(10, 20)), "bytes 10-19/100")
    assert ranged("bytes=90-") == (206, bytes(range(90, 100)), "bytes 90-99/100")
    assert ranged("bytes=-5") == (206, bytes(range(95, 100)), "bytes 95-99/100")
    assert ranged("bytes=95-500") == (206, bytes(range(95, 100)), "bytes 95-99/100")
    assert ranged("bytes=100-") == (416, b"", "bytes */100")
    assert ranged("bytes=-0") == (416, b"", "bytes */100")
    for whole in ("bytes=5-2", "bytes=1-2,4-5", "lines=1-2", "bytes=x"):
        assert ranged(whole)[:2] == (200, bytes(range(100)))


def test_head_and_etag(run, alice_api):
    alice_api.put(f"{CONTENT}a", data=b"abc")
    head = alice_api.ask("HEAD", f"{CONTENT}a")
    assert (head.status_code, head["Content-Length"], body(head)) == (200, "3", b"")
    assert alice_api.get(f"{CONTENT}a", **{"If-None-Match": head["ETag"]}).status_code == 304


def test_a_users_page_cannot_run_in_our_origin(run, alice_api):
    alice_api.put(f"{CONTENT}outputs/evil.html", data=b"<script>alert(1)</script>")
    got = alice_api.get(f"{CONTENT}outputs/evil.html")
    assert got["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert got["Content-Disposition"] == 'attachment; filename="evil.html"'


def test_bytes_are_not_compressed_on_the_way(run, alice_api):
    alice_api.put(f"{CONTENT}a.txt", data=b"a" * 5000)
    got = alice_api.get(f"{CONTENT}a.txt", **{"Accept-Encoding": "gzip"})
    assert (got["Content-Encoding"], body(got)) == ("identity", b"a" * 5000)


def test_appending_is_safe_to_repeat(run, alice_api):
    for offset, data in [(0, b"hello "), (6, b"world"), (6, b"world"), (0, b"hello "), (6, b"world!\n"), (13, b"")]:
        answer = alice_api.post(f"{APPEND}log.txt&offset={offset}", data=data)
        assert answer.status_code == 200, (offset, data)
    assert body(alice_api.get(f"{CONTENT}log.txt")) == b"hello world!\n"
    assert answer.json()["size"] == 13


def test_appending_beyond_the_end_tells_the_size(run, alice_api):
    alice_api.post(f"{APPEND}log.txt&offset=0", data=b"abc")
    answer = alice_api.post(f"{APPEND}log.txt&offset=9", data=b"x")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "wrong_offset")
    assert answer.json()["error"]["details"] == [{"code": "size", "message": "3"}]
    assert alice_api.post(f"{APPEND}log.txt&offset=-1", data=b"x").status_code == 400


def test_an_append_has_a_limit(run, alice_api, monkeypatch):
    monkeypatch.setattr(artifacts, "MAX_APPEND_BYTES", 10)
    answer = alice_api.post(f"{APPEND}log.txt&offset=0", data=b"x" * 11)
    assert answer.status_code == 413
    assert "10 bytes" in answer.json()["error"]["message"]


def test_reading_across_many_segments(run, alice_api, monkeypatch):
    monkeypatch.setattr(artifacts, "SEGMENTS", 3)
    artifact = None
    for number in range(10):
        artifact = artifacts.append_to_artifact(run, "log", number * 7, b"%06d\n" % number)
    whole = b"".join(b"%06d\n" % number for number in range(10))
    assert artifacts.read_bytes(artifact) == whole
    for start, length in [(0, 3), (5, 10), (6, 1), (7, 7), (20, 50), (69, 100), (70, 5)]:
        assert artifacts.read_bytes(artifact, start, length) == whole[start : start + length]


def test_compaction_joins_segments_and_frees_the_old(run):
    for number in range(5):
        artifact = artifacts.append_to_artifact(run, "log", number, b"%d" % number)
    reader = artifacts.read_artifact(artifact)
    artifacts.join_segments(artifact)
    assert b"".join(reader) == b"01234"
    assert ArtifactSegment.objects.count() == 1
    assert len(stored_keys()) == 1
    assert artifacts.read_bytes(artifacts.append_to_artifact(run, "log", 5, b"5")) == b"012345"


def test_a_reader_goes_on_when_segments_are_joined_under_it(run):
    for number in range(5):
        artifact = artifacts.append_to_artifact(run, "log", number, b"%d" % number)
    reader = artifacts.read_artifact(artifact)
    first = next(reader)
    artifacts.join_segments(artifact)
    assert first + b"".join(reader) == b"01234"


def test_lost_bytes_are_an_error_and_not_an_empty_file(run):
    artifact = artifacts.store_artifact(run, "a", [b"abc"])
    storage.delete_keys([ArtifactSegment.objects.get().key])
    with pytest.raises(FileNotFoundError):
        artifacts.read_bytes(artifact)


def test_a_body_cut_short_is_not_stored(run, alice_api):
    from io import BytesIO

    from django.test import RequestFactory

    from runs.files import uploads
    from studio.errors import Invalid

    request = RequestFactory().generic("PUT", "/", b"")
    request.META["CONTENT_LENGTH"] = "10"
    request._stream = BytesIO(b"only5")
    with pytest.raises(Invalid, match=r"5 of 10 bytes"):
        artifacts.store_artifact(run, "a", uploads.read_chunks(request))
    assert not Artifact.objects.exists()
    assert stored_keys() == set()


def test_a_chunked_body_that_breaks_off_is_refused_in_words(run):
    from django.test import RequestFactory
    from gunicorn.http.body import ChunkedReader
    from gunicorn.http.unreader import IterUnreader

    from runs.files import uploads
    from studio.errors import Invalid

    for sent in (b"f4240\r\n" + bytes(500_000), b"5\r\nabcdeXX", b"no number\r\n"):
        request = RequestFactory().generic("PUT", "/", b"")
        request.META.pop("CONTENT_LENGTH", None)
        request.META["HTTP_TRANSFER_ENCODING"] = "chunked"
        request.environ["wsgi.input"] = ChunkedReader(request, IterUnreader([sent]))
        with pytest.raises(Invalid, match="connection closed"):
            artifacts.store_artifact(run, "a", uploads.read_chunks(request))
    assert stored_keys() == set()


def test_an_upload_that_ends_with_an_error_leaves_nothing_in_the_folder(folder, run):
    def broken():
        yield from [bytes(3_000_000)] * 3
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        artifacts.store_artifact(run, "a", broken())
    assert files_in(folder) == []


@pytest.mark.parametrize("parts", [[], [b""], [b"a"], [b"", b"b"], [b"a", b"", b"c"], [bytes(2_500_000)] * 3])
def test_the_stored_file_is_complete(folder, run, parts):
    assert artifacts.read_bytes(artifacts.store_artifact(run, "a", parts)) == b"".join(parts)


def test_a_file_in_a_folder_is_sent_by_the_server_itself(folder, run, alice_api):
    content = random.Random(1).randbytes(2_560_000)
    alice_api.put(f"{CONTENT}a", data=content)
    for header, part in [("", content), ("bytes=300-", content[300:]), ("bytes=5-1999999", content[5:2_000_000])]:
        got = alice_api.get(f"{CONTENT}a", **({"Range": header} if header else {}))
        assert got.file_to_stream.tell() == content.index(part[:2000])
        assert (got["Content-Length"], body(got)) == (str(len(part)), part)
    assert not hasattr(alice_api.ask("HEAD", f"{CONTENT}a"), "file_to_stream")


def test_segments_in_a_folder_are_read_one_after_the_other(folder, run):
    for number in range(3):
        artifact = artifacts.append_to_artifact(run, "log", number * 4, b"%03d\n" % number)
    assert artifacts.read_bytes(artifact, 1, 9) == b"00\n001\n00"
    part = artifacts.read_artifact(artifact, 5, 2)
    assert isinstance(part, storage.FileSlice)
    # Its end is that of the part, not of the file.
    with part:
        assert (part.read(-1), part.read()) == (b"01", b"")
    reader = iter(artifacts.read_artifact(artifact))
    first = next(reader)
    artifacts.join_segments(artifact)
    assert first + b"".join(reader) == b"000\n001\n002\n"


def test_a_file_that_lost_its_end_is_an_error(folder, run):
    artifact = artifacts.store_artifact(run, "a", [b"abcdef"])
    [file] = files_in(folder)
    file.write_bytes(b"abc")
    with pytest.raises(FileNotFoundError):
        artifacts.read_bytes(artifact)
    assert artifacts.read_bytes(artifact, 0, 3) == b"abc"


def test_a_chunked_body_without_a_length_is_read(run):
    from io import BytesIO

    from django.test import RequestFactory

    from runs.files import uploads

    request = RequestFactory().generic("PUT", "/", b"")
    request.META.pop("CONTENT_LENGTH", None)
    request.META["HTTP_TRANSFER_ENCODING"] = "chunked"
    request.environ["wsgi.input"] = BytesIO(b"abc" * 300_000)
    assert artifacts.store_artifact(run, "a", uploads.read_chunks(request)).size == 900_000


def test_large_uploads_pass_the_limit_of_json_bodies(run, alice_api, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    assert alice_api.put(f"{CONTENT}big", data=b"x" * 5000).status_code == 201


def test_deleting_a_file_frees_its_bytes(run, alice_api):
    alice_api.put(f"{CONTENT}a", data=b"x")
    assert alice_api.delete(f"{CONTENT}a").status_code == 200
    assert alice_api.get(f"{CONTENT}a").status_code == 404
    assert alice_api.delete(f"{CONTENT}a").status_code == 404
    assert stored_keys() == set()


def test_an_ended_run_takes_files_from_people_only(run, alice_api, run_api):
    import datetime as dt

    from runs.models import Run

    alice_api.post("H/runs/r1/events", {"status": "Completed"})
    assert run_api("r1").put(f"{CONTENT}soon", data=b"x").status_code == 201
    Run.objects.update(ended_at=run.created_at - dt.timedelta(seconds=90))
    late = run_api("r1").put(f"{CONTENT}late", data=b"x")
    assert (late.status_code, late.json()["error"]["code"]) == (409, "run_is_final")
    assert alice_api.put(f"{CONTENT}later", data=b"x").status_code == 201


def test_every_change_raises_the_revision(run, alice_api):
    before = run.revision
    alice_api.post(f"{APPEND}log&offset=0", data=b"x")
    run.refresh_from_db()
    assert run.revision > before
