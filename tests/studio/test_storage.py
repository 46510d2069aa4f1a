"""What uploads that were killed leave behind is found and freed."""

import datetime as dt
import os
import subprocess
import sys
import time

import pytest
from obstore.store import LocalStore

from runs.tasks import housekeeping
from studio import storage
from trash import orphaned_files
from trash.tasks import sweep_storage

HOUR = 3600
# It dies in the middle of an upload, as a web process that is killed.
KILLED = """
import os, signal, sys
import obstore
from obstore.store import LocalStore
def parts():
    for number in range(9):
        yield b"x" * 2**20
        if number == 5:
            os.kill(os.getpid(), signal.SIGKILL)
obstore.put(LocalStore(sys.argv[1], mkdir=True), "w/1/runs/2/key", parts(), chunk_size=2**20, max_concurrency=2)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    store = LocalStore(str(tmp_path), mkdir=True)
    monkeypatch.setattr(storage, "open_store", lambda: store)
    return tmp_path


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def make_old(path, seconds):
    os.utime(path, (time.time() - seconds,) * 2)


def test_what_a_killed_upload_has_written_is_freed_after_an_hour(db, folder, caplog):
    subprocess.run([sys.executable, "-c", KILLED, str(folder)], check=False)
    assert files(folder) == ["w/1/runs/2/key#1"]
    housekeeping()
    assert files(folder) == ["w/1/runs/2/key#1"]
    make_old(folder / "w/1/runs/2/key#1", HOUR + 1)
    housekeeping()
    assert files(folder) == []
    assert "Freed 1 unfinished uploads" in caplog.text


def test_an_upload_that_goes_on_and_a_stored_file_are_left_alone(folder):
    storage.put_bytes("w/1/runs/2/whole", b"abc")
    make_old(folder / "w/1/runs/2/whole", 9 * HOUR)
    (folder / "w/1/runs/2/slow#1").write_bytes(b"abc")
    assert storage.delete_unfinished(time.time() - HOUR) == (0, 0)
    assert files(folder) == ["w/1/runs/2/slow#1", "w/1/runs/2/whole"]


def test_nothing_is_left_of_an_upload_that_breaks_off(folder):
    def parts():
        yield b"x" * 2**20
        yield b"x" * 2**20
        raise OSError("the client is gone")

    with pytest.raises(OSError, match="the client is gone"):
        storage.put_stream("w/1/runs/2/key", parts())
    assert files(folder) == []


def test_no_other_storage_has_a_folder_to_look_through(monkeypatch, settings):
    settings.STORAGE_URL = "memory://"
    monkeypatch.setattr(storage, "open_store", storage.open_store.__wrapped__)
    assert storage.delete_unfinished(time.time()) == (0, 0)


def test_a_file_whose_row_was_never_stored_is_freed_the_next_day(workspace, folder, monkeypatch, caplog):
    key = storage.make_key(f"{workspace.storage_area}/snapshots")
    storage.put_bytes(key, b"lost")
    sweep_storage()
    assert files(folder) == [key]
    monkeypatch.setattr(orphaned_files, "GRACE", dt.timedelta(0))
    sweep_storage()
    assert files(folder) == []
    assert "Freed 4 bytes" in caplog.text
