"""Inputs that a run mounts: links to files of the machine, which its script reads and cannot change."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from azureml.core import Dataset, Datastore
from lazuli import isolation
from lazuli.data import transfer
from lazuli.data.errors import DatasetExecutionError
from lazuli.data.mounts import MountFolder
from lazuli.runner.run_data import RunData
from lazuli.runner.spec import Spec

from tests.sdk.conftest import SERVER
from tests.sdk.test_isolation import attempt


@pytest.fixture
def node(tmp_path, monkeypatch):
    """The data folder of a node that fences its scripts."""
    monkeypatch.setattr(isolation, "TEMPORARY_FOLDERS", ("/dev/shm",))  # the tests' own folder is in /tmp
    monkeypatch.setenv("LAZULI_HIDDEN_PATHS", str(tmp_path / "node"))
    monkeypatch.setenv("LAZULI_DATA_CACHE", str(tmp_path / "node" / "data"))
    monkeypatch.delenv("NODE_ISOLATION", raising=False)
    monkeypatch.setattr(transfer, "THREADS", 1)
    return tmp_path / "node"


@pytest.fixture
def run(ws, node):
    """`run("r1", dataset)`: the data of a run that mounts it as `a`."""

    def fetch(run_id, dataset, mode="mount"):
        saved = dataset.register(ws, f"d-{run_id}")
        item = {"name": "a", "mode": mode, "variable": "a", "dataset_id": saved.id}
        ids = {"subscription_id": "sdk-tests", "resource_group": "aml-resources", "workspace_name": "aml-workspace"}
        given = {"run_id": run_id, "experiment": "e", "server_url": SERVER, "argv": ["x"], "workspace": ids}
        spec = Spec.from_dict({**given, "inputs": [item]}, "")
        spec.token = ws._client.token()
        data = RunData(spec, str(node / "runs" / run_id))
        data.fetch_inputs()
        return data

    return fetch


@pytest.fixture
def files(ws, tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.txt").write_text(name)
    store = ws.get_default_datastore()
    paths = [str(tmp_path / f"{name}.txt") for name in ("one", "two")]
    store.upload_files(paths, target_path="in", show_progress=False)
    return Dataset.File.from_files((store, "in/*"))


def cached_files(node):
    return [path for path in (node / "data").glob("??/*") if path.is_file()]


def test_a_mount_is_links_and_a_download_is_a_copy(run, files, node, downloads):
    first = run("r1", files)
    folder = Path(first.variables["a"])
    assert folder == node / "runs/r1/inputs/a" and (folder / "one.txt").read_text() == "one"
    assert downloads == ["in/one.txt", "in/two.txt"] and "links to" not in first.lines[0]
    # The mount and the cache have the same bytes once.
    assert {path.stat().st_ino for path in cached_files(node)} == {path.stat().st_ino for path in folder.iterdir()}
    second = run("r2", files)
    assert len(downloads) == 2 and "2 of them links to files of this node" in second.lines[0]
    assert {path.read_text() for path in Path(second.variables["a"]).iterdir()} == {"one", "two"}
    copied = Path(run("r3", files, "download").variables["a"]) / "one.txt"
    assert not copied.is_symlink() and copied.stat().st_nlink == 1 and copied.stat().st_mode & 0o200
    first.close()
    assert not first.linked_folders and not folder.exists() and len(cached_files(node)) == 2


def test_a_script_reads_a_mount_and_cannot_change_what_it_links_to(run, files, node):
    data = run("r1", files)
    other = run("r2", files)
    fence = isolation.make_node_fence(os.environ, data.linked_folders, [str(node / "runs/r1")])
    file, inside = f"{data.variables['a']}/one.txt", data.linked_folders[0]
    found = attempt(
        fence,
        read=f"open('{file}').read() == 'one' or sys.exit(1)",
        names=f"len(os.listdir('{data.variables['a']}')) == 2 or sys.exit(1)",
        mode=f"os.chmod('{file}', 0o666)",
        write=f"open('{file}', 'r+')",
        append=f"open('{file}', 'a')",
        cut=f"os.truncate('{file}', 0)",
        cut_by_reading=f"os.open('{file}', os.O_RDONLY | os.O_TRUNC)",
        again=f"open('/proc/self/fd/%d' % os.open('{file}', os.O_RDONLY), 'r+')",
        remove=f"os.remove('{file}')",
        rename=f"os.rename('{file}', '{file}2')",
        out=f"os.link('{file}', '{node}/runs/r1/own')",
        moved=f"os.rename('{file}', '{node}/runs/r1/own')",
        new=f"open('{data.variables['a']}/new', 'w')",
        new_folder=f"os.mkdir('{inside}/new')",
        cache=f"os.listdir('{node}/data')",
        cached=f"open('{cached_files(node)[0]}')",
        other=f"os.listdir('{other.linked_folders[0]}')",
        own=f"open('{node}/runs/r1/own', 'w')",
        last=f"os.chmod('{file}', 0)",
    )
    assert {name for name, answer in found.items() if answer == "done"} == {"read", "names", "mode", "own", "last"}
    # What it did to the mode does not reach the next job.
    assert (Path(run("r3", files).variables["a"]) / "one.txt").read_text() == "one"


def test_without_a_fence_that_holds_a_mount_is_a_copy(run, files, node, monkeypatch):
    monkeypatch.setattr(isolation, "find_abi", lambda: isolation.TRUNCATE_ABI - 1)
    old_kernel = run("r1", files)
    monkeypatch.undo()
    for run_id, given in (("r2", {"NODE_ISOLATION": "off"}), ("r3", {"NODE_WRITABLE": str(node / "data")})):
        environ = {"LAZULI_HIDDEN_PATHS": str(node), **given}
        assert not (isolation.protects_files(environ) and isolation.is_hidden(str(node / "data"), environ)), run_id
    folder = Path(old_kernel.variables["a"])
    assert old_kernel.linked_folders == [] and not folder.is_symlink()
    assert all(path.stat().st_nlink == 1 and not path.stat().st_mode & 0o222 for path in folder.iterdir())


def test_an_input_that_the_disk_has_no_room_for_is_refused_before_its_first_file(
    run, files, node, downloads, monkeypatch
):
    usage = shutil.disk_usage(node.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=5))
    for mode in ("mount", "download"):
        with pytest.raises(DatasetExecutionError, match=r"The input a: Its 2 files have 0\.0 GB, and the disk"):
            run(mode, files, mode)
    assert not downloads


def test_files_of_a_folder_of_this_machine_are_linked_where_they_are(ws, run, node, downloads, settings, tmp_path):
    folder = tmp_path / "shared"
    (folder / "deep" / "er").mkdir(parents=True)
    for above in (folder, folder / "deep", folder / "deep" / "er", *folder.parents):
        if above.owner() == folder.owner() and str(above).startswith(str(tmp_path)):
            above.chmod(0o755)
    (folder / "deep" / "a #1.csv").write_text("a")
    (folder / "deep" / "er" / "b.csv").write_text("b")
    settings.DATASTORE_ROOTS = [str(tmp_path)]
    store = Datastore.register_folder(ws, "shared", str(folder))
    (tmp_path / "one").write_text("1")
    ws.get_default_datastore().upload_files([str(tmp_path / "one")], target_path="x", show_progress=False)
    data = run("r1", Dataset.File.from_files((store, "deep")))
    mounted = Path(data.variables["a"])
    # A folder that has no other files is one link.
    assert mounted.resolve() == folder / "deep" and (mounted / "er" / "b.csv").read_text() == "b"
    assert not downloads and not cached_files(node) and "2 of them links" in data.lines[0]
    fence = isolation.make_node_fence(os.environ, data.linked_folders, [])
    file = f"{mounted}/a #1.csv"
    found = attempt(fence, read=f"open('{file}').read()", write=f"open('{file}', 'a')", new=f"open('{mounted}/c', 'w')")
    assert found == {"read": "done", "write": "refused", "new": "refused"}
    (folder / "deep" / "other.txt").write_text("other")
    files = Dataset.File.from_files(
        [(store, "deep/*.csv"), (store, "deep/er/*.csv"), (ws.datastores["workspaceblobstore"], "x")]
    )
    mounted = Path(run("r2", files).variables["a"]) / "shared" / "deep"
    assert sorted(os.listdir(mounted)) == ["a #1.csv", "er"] and not mounted.is_symlink()
    assert (mounted / "a #1.csv").readlink() == folder / "deep" / "a #1.csv"
    assert (mounted / "er").readlink() == folder / "deep" / "er"
    assert downloads == ["x/one"] and (mounted.parents[1] / "workspaceblobstore/x/one").read_text() == "1"
    # Where scripts may write, and where they may not read, there are no links.
    for name in ("NODE_WRITABLE", "LAZULI_HIDDEN_PATHS"):
        given = {**os.environ, name: f"{node}{os.pathsep}{folder / 'deep'}"}
        assert not isolation.is_readable(str(folder), given), name


def test_folders_of_killed_runners_are_removed_and_others_stay(tmp_path):
    parent = str(tmp_path / "mounts")
    killed, running = MountFolder(parent), MountFolder(parent)
    (Path(killed.add_folder()) / "a").write_text("a")
    killed._lock.close()
    last = MountFolder(parent)
    assert not Path(killed.path).exists() and Path(running.path).exists() and Path(last.path).exists()
    for one in (running, last):
        one.close()
    assert os.listdir(parent) == []
    shutil.rmtree(parent)
