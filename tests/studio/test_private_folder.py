"""The data folder is for the studio's own account alone."""

import os
import pathlib
import stat
import subprocess
import sys
import tempfile

import pytest
from lazuli import private_folder
from lazuli.runner import work_folder

from studio.up import preflight


def mode(path: pathlib.Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):04o}"


@pytest.fixture
def folder(tmp_path) -> pathlib.Path:
    """A data folder as older versions left it: open to everybody."""
    folder = tmp_path / "data"
    for path, content in {
        "secret.key": "k",
        "studio.sqlite3": "db",
        "storage/w/1/object": "bytes",
        "redis/appendonlydir/a.aof": "",
        "nodes/n1/work/runner.log": "",
        "nodes/environments/abc/bin/python": "",
    }.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
        target.chmod(0o644)
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)
    (folder / "nodes/n1/work/tool").touch()
    (folder / "nodes/n1/work/tool").chmod(0o755)
    return folder


def test_an_open_folder_is_closed_to_others_with_all_in_it(folder):
    assert private_folder.close_folder(folder) == 16
    assert (mode(folder), mode(folder / "studio.sqlite3")) == ("0700", "0600")
    assert (mode(folder / "storage/w/1/object"), mode(folder / "nodes/n1/work/tool")) == ("0600", "0700")
    assert private_folder.problem_with(folder) == ""
    assert private_folder.close_folder(folder) == 0


def test_files_that_are_linked_to_the_cache_of_packages_keep_their_modes(folder):
    private_folder.close_folder(folder)
    assert mode(folder / "nodes/environments/abc/bin/python") == "0644"


def test_an_open_file_in_a_closed_folder_is_closed_too(folder):
    private_folder.close_folder(folder)
    (folder / "studio.sqlite3").chmod(0o644)
    assert "chmod -R go=" in private_folder.problem_with(folder)
    assert private_folder.close_folder(folder) == 1
    assert mode(folder / "studio.sqlite3") == "0600"


def test_links_are_not_followed(folder, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch()
    elsewhere.chmod(0o644)
    (folder / "link").symlink_to(elsewhere)
    private_folder.close_folder(folder)
    assert mode(elsewhere) == "0644"


def test_a_new_folder_is_made_private(tmp_path):
    private_folder.close_folder(tmp_path / "new")
    assert mode(tmp_path / "new") == "0700"


@pytest.mark.parametrize("bits", [0o755, 0o1777])
def test_a_folder_that_others_use_is_left_alone_and_refused(tmp_path, bits):
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "letters.txt").touch()
    shared.chmod(bits)
    with pytest.raises(private_folder.NotPrivate, match=r"contains other files .* DATA_DIR="):
        private_folder.close_folder(shared)
    assert mode(shared) == f"{bits:04o}"


def test_the_start_closes_the_folder_and_says_so(folder, capsys):
    before = os.umask(0o022)
    try:
        preflight.check_data_dir(folder)
    finally:
        os.umask(before)
    assert "Other accounts of this machine could read" in capsys.readouterr().out
    preflight.check_data_dir(folder)
    assert capsys.readouterr().out == ""


def test_the_start_refuses_a_folder_that_it_cannot_close(folder, monkeypatch):
    monkeypatch.setattr(pathlib.Path, "chmod", lambda path, mode: (_ for _ in ()).throw(PermissionError(1, "no")))
    with pytest.raises(preflight.StartRefused, match="belongs to another account"):
        preflight.check_data_dir(folder)


def test_the_start_refuses_a_disk_that_keeps_no_rights(folder, monkeypatch):
    monkeypatch.setattr(pathlib.Path, "chmod", lambda path, mode: None)
    with pytest.raises(preflight.StartRefused, match="has no access rights"):
        preflight.check_data_dir(folder)


def test_commands_make_private_files(tmp_path):
    program = "import django; django.setup(); open('made', 'w').close()"
    env = {**os.environ, "DATA_DIR": str(tmp_path / "data"), "DJANGO_SETTINGS_MODULE": "studio.settings"}
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**env, "PYTHONPATH": str(root)},
        check=True,
        preexec_fn=lambda: os.umask(0o022) and None,
    )
    assert mode(tmp_path / "made") == "0600"
    assert mode(tmp_path / "data") == "0700"
    assert mode(tmp_path / "data" / "secret.key") == "0600"


def test_a_local_run_uses_no_folder_that_others_can_change(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("LAZULI_WORK_DIR", raising=False)
    own = pathlib.Path(work_folder.parent_folder())
    assert own == pathlib.Path(work_folder.parent_folder()) and own.stat().st_mode & 0o777 == 0o700
    own.chmod(0o777)
    other = pathlib.Path(work_folder.parent_folder())
    assert other != own and other.stat().st_mode & 0o777 == 0o700
