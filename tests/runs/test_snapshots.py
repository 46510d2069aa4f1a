"""Snapshots: kept once per content, checked without being unpacked."""

import hashlib
import io
import uuid
import zipfile

import pytest

from runs.files import snapshots
from runs.models import Snapshot
from studio.errors import Invalid
from tests.runs.test_artifacts import body, stored_keys

FILES = {"train.py": b"print('hi')\n", "lib/é.py": b"x = 1\n", "data/": b""}


def zipped(files, **info) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items() if isinstance(files, dict) else files:
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            for field, value in info.items():
                setattr(entry, field, value)
            archive.writestr(entry, content)
    return buffer.getvalue()


def digest_of(files: dict) -> str:
    lines = sorted(f"{name}\0{hashlib.sha256(content).hexdigest()}\n".encode() for name, content in files.items())
    return hashlib.sha256(b"".join(lines)).hexdigest()


def put(caller, files=FILES, *, digest=None, data=None, snapshot_id=None):
    address = f"C/snapshots/{snapshot_id or uuid.uuid4()}?hash={digest_of(files) if digest is None else digest}"
    return caller.put(address, data=zipped(files) if data is None else data)


def test_code_goes_in_and_out(alice_api, bob_api):
    reply = put(alice_api)
    assert reply.status_code == 201
    assert reply.json()["files"] == [{"path": "lib/é.py", "size": 6}, {"path": "train.py", "size": 12}]
    found = bob_api.get(f"C/snapshots?hash={digest_of(FILES)}").json()["value"]
    assert [row["id"] for row in found] == [reply.json()["id"]]
    archive = zipfile.ZipFile(io.BytesIO(body(bob_api.get(f"C/snapshots/{reply.json()['id']}/zip"))))
    assert archive.read("train.py") == FILES["train.py"]
    assert bob_api.get(f"C/snapshots/{reply.json()['id']}").json()["hash"] == digest_of(FILES)
    assert bob_api.get("C/snapshots?hash=00").json()["value"] == []


def test_the_same_content_is_kept_once(alice_api):
    first, second = put(alice_api), put(alice_api)
    assert second.status_code == 200
    assert first.json()["id"] == second.json()["id"]
    assert len(stored_keys()) == 1


def test_an_id_keeps_its_content(alice_api):
    first = put(alice_api)
    assert put(alice_api, {"other.py": b""}, snapshot_id=first.json()["id"]).status_code == 409
    assert put(alice_api, snapshot_id="not-a-uuid").status_code == 400


def test_a_wrong_hash_is_refused(alice_api):
    answer = put(alice_api, digest="0" * 64)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "hash_mismatch")
    assert stored_keys() == set()


def test_an_empty_folder_is_a_snapshot(alice_api):
    assert put(alice_api, {}).json()["hash"] == hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize(
    "data", [b"", b"not a zip", zipped(FILES)[:-30], zipped(FILES)[:20] + b"\xff" * 20 + zipped(FILES)[40:]]
)
def test_what_is_no_zip_is_refused(alice_api, data):
    answer = put(alice_api, data=data)
    assert answer.status_code == 400
    assert not Snapshot.objects.exists()


@pytest.mark.parametrize("name", ["../evil.py", "/etc/passwd", "a/../../b", "a\\..\\b", "C:\\x", "a\nb", "a//b"])
def test_names_that_leave_the_folder_are_refused(alice_api, name):
    answer = put(alice_api, digest="", data=zipped({name: b"x"}))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "archive_unsafe")


def test_links_and_doubles_are_refused(alice_api):
    link = zipped({"link": b"/etc/passwd"}, external_attr=0o120777 << 16, create_system=3)
    assert put(alice_api, digest="", data=link).json()["error"]["code"] == "archive_unsafe"
    with pytest.warns(UserWarning, match="Duplicate name"):
        double = zipped([("a", b"1"), ("a", b"2")])
    assert put(alice_api, digest="", data=double).json()["error"]["code"] == "archive_unsafe"


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_zip_that_is_compressed_in_another_way_is_refused_before_it_is_unpacked(alice_api, method):
    damaged = bytearray(zipped({"a.py": b"x" * 1000}, compress_type=method))
    start = damaged.find(b"a.py") + 13
    damaged[start : start + 10] = b"\xff" * 10
    answer = put(alice_api, digest="", data=bytes(damaged))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "archive_unsafe")


def test_the_size_of_a_zip_is_counted_while_it_is_unpacked(alice_api, settings):
    settings.SNAPSHOT_MAX_BYTES = 1_000_000
    bomb = zipped({"zeros": bytes(3_000_000), "small": b""})
    assert len(bomb) < 10_000
    answer = put(alice_api, digest="", data=bomb)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "snapshot_too_large")
    assert "zeros" in answer.json()["error"]["message"]


def test_a_zip_that_is_too_large_is_refused_by_its_length(alice_api, settings):
    settings.SNAPSHOT_MAX_BYTES = 100
    assert put(alice_api, digest="", data=b"x" * 101).status_code == 413


def test_one_file_is_read_without_the_rest(alice_api):
    row = Snapshot.objects.get(snapshot_id=put(alice_api).json()["id"])
    assert snapshots.read_file(row, "train.py") == b"print('hi')\n"
    assert snapshots.read_file(row, "train.py", max_bytes=5) == b"print"
    with pytest.raises(Invalid):
        snapshots.read_file(row, "nothing.py")


def test_a_run_token_fetches_its_own_code_only(alice_api, started, run_api):
    mine, other = put(alice_api).json()["id"], put(alice_api, {"b.py": b""}).json()["id"]
    started("r1", snapshotId=mine)
    assert run_api("r1").get(f"C/snapshots/{mine}/zip").status_code == 200
    assert run_api("r1").get(f"C/snapshots/{other}").status_code == 404


def test_what_no_run_has_is_forgotten(alice_api, started):
    import datetime as dt

    from django.utils import timezone

    from runs.tasks import housekeeping

    kept, lost = put(alice_api).json()["id"], put(alice_api, {"b.py": b""}).json()["id"]
    started("r1", snapshotId=kept)
    housekeeping()
    assert Snapshot.objects.count() == 2
    Snapshot.objects.update(used_at=timezone.now() - dt.timedelta(days=2))
    housekeeping()
    assert [str(row.snapshot_id) for row in Snapshot.objects.all()] == [kept]
    assert lost != kept and len(stored_keys()) == 1
