"""The rows of a table for clients without the engine: a request holds a thread for a bounded time only."""

import dataclasses
import threading

import pytest

from assets.data import exports, reading, stores
from assets.data.models import Datastore
from studio.errors import NotReady, TooLarge

TABLE = {
    "kind": "tabular",
    "paths": [{"datastore": "workspaceblobstore", "path": "in/a.csv"}],
    "steps": [{"type": "read_delimited"}],
}


@pytest.fixture
def stored(workspace, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    store = Datastore.objects.of(workspace).select_related("workspace").get(name="workspaceblobstore")
    return stores.DatastoreFiles(store).write("in/a.csv", [b"a\n1\n"], overwrite=True)


def test_files_of_a_slow_datastore_are_not_waited_for_without_end(workspace, stored, monkeypatch):
    monkeypatch.setattr(exports, "BOUNDS", dataclasses.replace(exports.BOUNDS, seconds=-1))
    monkeypatch.setattr(stores.DatastoreFiles, "find_local", lambda files, path: None)
    with pytest.raises(TooLarge, match="takes longer than -1 seconds"):
        exports.open_rows(workspace, TABLE)


def test_exports_wait_for_each_other(workspace, stored, monkeypatch):
    monkeypatch.setattr(exports, "SLOTS", threading.BoundedSemaphore(1))
    monkeypatch.setattr(reading, "WAIT_SECONDS", 0)
    with exports.SLOTS, pytest.raises(NotReady, match="Try again in a moment"):
        exports.open_rows(workspace, TABLE)
    with exports.open_rows(workspace, TABLE) as file:
        assert file.read(4) == b"PAR1"
