"""The cache of a node: files that a job has read are not downloaded again, unless they have changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from azureml.core import Dataset
from lazuli.data import sources
from lazuli.data.mounts import MountFolder
from lazuli.data.node_cache import NodeCache


@pytest.fixture
def store(ws, tmp_path):
    found = ws.get_default_datastore()
    upload(found, tmp_path, a="one", b="two")
    return found


def upload(store, tmp_path, **files):
    paths = [tmp_path / f"{name}.txt" for name in files]
    for path, text in zip(paths, files.values(), strict=True):
        path.write_text(text)
    store.upload_files(list(map(str, paths)), target_path="in", overwrite=True, show_progress=False)


def fetch(cache, ws, store, folder):
    found = sources.find_sources(ws._remote, Dataset.File.from_files((store, "in/*"))._definition)
    paths, cached = cache.download_sources(ws._remote, found, str(folder))
    return [Path(path).read_text() for path in paths], cached


def test_what_has_not_changed_is_copied_from_the_node(ws, store, downloads, tmp_path):
    cache = NodeCache(str(tmp_path / "cache"), 10**6)
    assert fetch(cache, ws, store, tmp_path / "1") == (["one", "two"], 0)
    # A job may change its own copy.
    (tmp_path / "1" / "a.txt").write_text("mine")
    assert fetch(cache, ws, store, tmp_path / "2") == (["one", "two"], 6)
    assert downloads == ["in/a.txt", "in/b.txt"]
    upload(store, tmp_path, b="three")
    assert fetch(cache, ws, store, tmp_path / "3") == (["one", "three"], 3)
    assert downloads[2:] == ["in/b.txt"]


def test_what_was_not_used_for_the_longest_time_makes_room(ws, store, downloads, tmp_path):
    cache = NodeCache(str(tmp_path / "cache"), 8)
    fetch(cache, ws, store, tmp_path / "1")
    for path in (tmp_path / "cache").glob("*/*"):
        os.utime(path, (1, 1) if path.read_text() == "one" else (2, 2))
    upload(store, tmp_path, c="six")
    killed = MountFolder(str(tmp_path / "cache" / "mounts"))
    killed._lock.close()
    assert fetch(cache, ws, store, tmp_path / "2")[1] == 6 and not os.path.exists(killed.path)
    assert sum(path.stat().st_size for path in (tmp_path / "cache").glob("*/*")) <= 8


def test_without_room_or_a_folder_nothing_is_stored(ws, store, downloads, tmp_path):
    for number, cache in enumerate((NodeCache("", 100), NodeCache(str(tmp_path / "cache"), 0))):
        assert fetch(cache, ws, store, tmp_path / f"{number}") == (["one", "two"], 0)
    assert not (tmp_path / "cache").exists() and len(downloads) == 4
    given = {"LAZULI_DATA_CACHE": "/x", "LAZULI_DATA_CACHE_GB": "half"}
    assert NodeCache.from_environment(given)._max_bytes == 20 * 10**9
    assert NodeCache.from_environment({"LAZULI_DATA_CACHE": "/x", "LAZULI_DATA_CACHE_GB": "0"})._max_bytes == 0
