"""Large files that the SDK sends: with one request, and in pieces once that has broken off."""

import hashlib
import os
import warnings

import httpx
import pytest
from azureml.core import Experiment
from lazuli import client, file_batches, large_files, models
from lazuli.data import transfer
from lazuli.errors import Unreachable

from registry import version_files
from registry.models import WorkspaceFile
from studio import storage

DATA = bytes(range(250)) * 4


class Unsteady(httpx.BaseTransport):
    """Breaks off the requests with these numbers among those that send a body of a file."""

    def __init__(self, transport, breaks):
        self.transport, self.breaks, self.sent = transport, breaks, []

    def handle_request(self, request):
        if request.method == "PUT" and "octet-stream" in request.headers.get("Content-Type", ""):
            body = request.read()
            self.sent.append(len(body))
            if len(self.sent) in self.breaks:
                raise httpx.WriteError("broken pipe")
        return self.transport.handle_request(request)


@pytest.fixture
def unsteady(ws, monkeypatch):
    """A connection over which requests with files break off, by their numbers."""
    monkeypatch.setattr(file_batches, "SMALL", 100)
    monkeypatch.setattr(large_files, "LARGE", 500)
    monkeypatch.setattr(large_files, "PIECE", 300)
    monkeypatch.setattr(transfer, "THREADS", 1)
    warnings.simplefilter("ignore", DeprecationWarning)

    def start(*breaks):
        found = Unsteady(client.default_transport, breaks)
        monkeypatch.setattr(client, "default_transport", found)
        ws._client.close()
        ws._client.breaks_off = False
        monkeypatch.setattr(ws._client, "_sleep", lambda seconds: None)
        return found

    return start


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "large.bin"
    path.write_bytes(DATA)
    return path


def download(store, tmp_path):
    store.download(str(tmp_path / "back"), "large.bin", overwrite=True, show_progress=False)
    return (tmp_path / "back" / "large.bin").read_bytes()


def test_a_file_is_sent_whole_and_in_pieces_once_that_has_broken_off(ws, unsteady, source, tmp_path):
    store = ws.get_default_datastore()
    found = unsteady()
    store.upload_files([str(source)], show_progress=False)
    assert found.sent == [1000]
    found.sent, found.breaks = [], (1, 3)
    store.upload_files([str(source)], overwrite=True, show_progress=False)
    # The second piece is repeated; the last request makes the file.
    assert found.sent == [1000, 0, 300, 300, 300, 300, 100, 0]
    assert download(store, tmp_path) == DATA
    assert not [batch for batch in storage.list_area("w") if any("/uploads/" in item["path"] for item in batch)]
    found.sent, found.breaks = [], ()
    store.upload_files([str(source)], overwrite=True, show_progress=False)
    assert found.sent == [0, 300, 300, 300, 100, 0], "the connection has broken off before"
    found.sent = []
    store.upload_files([str(source)], show_progress=False)
    assert found.sent == [0], "what is there already is not sent"


def test_another_process_continues_where_one_has_stopped(ws, unsteady, source, tmp_path, monkeypatch):
    store, found = ws.get_default_datastore(), unsteady(1, *range(5, 60))
    with pytest.raises(Unreachable):
        store.upload_files([str(source)], show_progress=False)
    found.breaks, found.sent, ws._client.breaks_off = (), [], False
    store.upload_files([str(source)], show_progress=False)
    assert found.sent == [0, 300, 100, 0] and download(store, tmp_path) == DATA


def test_pieces_of_another_content_are_not_used(ws, unsteady, source, tmp_path):
    store, found, state = ws.get_default_datastore(), unsteady(1, *range(5, 60)), os.stat(source)
    with pytest.raises(Unreachable):
        store.upload_files([str(source)], show_progress=False)
    source.write_bytes(DATA[::-1])
    os.utime(source, ns=(state.st_atime_ns, state.st_mtime_ns))
    found.breaks, found.sent = (), []
    store.upload_files([str(source)], show_progress=False)
    assert found.sent == [0, 300, 300, 300, 100, 0] and download(store, tmp_path) == DATA[::-1]


def test_a_file_that_changes_while_it_is_sent_is_an_error(ws, unsteady, source, monkeypatch):
    store, _ = ws.get_default_datastore(), unsteady(1)

    def change(block):
        os.utime(source, (1, 1))
        return hashlib.sha256(block).hexdigest()

    monkeypatch.setattr(large_files, "hash_bytes", change)
    with pytest.raises(Exception, match="has changed while it was sent"):
        store.upload_files([str(source)], show_progress=False)


def test_a_request_that_would_take_long_becomes_pieces(ws, unsteady, source, tmp_path, monkeypatch):
    monkeypatch.setattr(large_files, "WATCHED_SECONDS", -1.0)
    monkeypatch.setattr(large_files, "LONG_SECONDS", 0.0)
    store, found = ws.get_default_datastore(), unsteady()
    store.upload_files([str(source)], show_progress=False)
    assert found.sent == [0, 300, 300, 300, 100, 0] and download(store, tmp_path) == DATA


def test_files_of_jobs_and_models_go_the_same_way(ws, unsteady, source, tmp_path):
    run = Experiment(ws, "large").start_logging(snapshot_directory=None)
    found = unsteady(1)
    run.upload_file("outputs/large.bin", str(source))
    assert found.sent == [1000, 0, 300, 300, 300, 100, 0]
    run.download_file("outputs/large.bin", str(tmp_path / "a.bin"))
    assert (tmp_path / "a.bin").read_bytes() == DATA
    # Not by Model.register, whose threads would have another connection to the test's database.
    models._put(ws._remote, "LocalUpload/1/large.bin", str(source))
    assert found.sent[7:] == [300, 300, 300, 100, 0]
    assert b"".join(version_files.stream_file(WorkspaceFile.objects.get())) == DATA
    run.complete()


def test_an_older_studio_gets_one_request(ws, unsteady, source, tmp_path, monkeypatch):
    monkeypatch.setattr(large_files._Upload, "find_pieces", lambda upload: None)
    store, found = ws.get_default_datastore(), unsteady(1)
    store.upload_files([str(source)], show_progress=False)
    assert found.sent == [1000, 1000] and download(store, tmp_path) == DATA
