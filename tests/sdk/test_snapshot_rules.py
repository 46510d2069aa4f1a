import hashlib
import io
import subprocess

import pytest
from azureml.exceptions import SnapshotException
from lazuli.runs import git_metadata, snapshots
from lazuli.runs.ignore_rules import IgnoreRules, walk_included

FILES = [
    "a.py",
    "data/big.csv",
    "data/keep.csv",
    "logs/x.log",
    "deep/logs/y.log",
    "deep/build/z.o",
    "build",
    ".git/config",
    "notes [1].txt",
    "foo/bar/baz.txt",
    "#hash",
    "trailing ",
]

IGNORE_TEXTS = [
    "*.csv\n!keep.csv\n",
    "data/*\n!data/keep.csv\n",
    "data/\n!data/keep.csv\n",
    "/build\n",
    "build/\n",
    "logs\n",
    "deep/**\n",
    "**/logs\n",
    "foo/**/baz.txt\n",
    "foo/*\n",
    "*.[co]\n",
    "[!a]*.py\n",
    "\\#hash\n",
    "trailing\\ \n",
    "# comment\n\n  \n*.log\n",
    "notes \\[1\\].txt\n",
    "?.py\n",
    "/*\n!/a.py\n",
    "**\n!*/\n!*.py\n",
]


@pytest.fixture
def folder(tmp_path):
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.mark.parametrize("text", IGNORE_TEXTS)
def test_rules_leave_out_what_git_leaves_out(folder, tmp_path_factory, text):
    ours = set(walk_included(str(folder), IgnoreRules(text)))
    repository = tmp_path_factory.mktemp("git")
    subprocess.run(["git", "init", "-q", str(repository)], check=True)
    for name in FILES:
        if not name.startswith(".git/"):
            (repository / name).parent.mkdir(parents=True, exist_ok=True)
            (repository / name).write_text(name)
    (repository / ".git/info/exclude").write_text(text)
    command = ["git", "-C", str(repository), "ls-files", "-z", "--others", "--exclude-standard"]
    theirs = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")) - {""}
    assert {name for name in ours if not name.startswith(".git/") and not name.endswith("/")} == theirs


def test_without_an_ignore_file_everything_goes_in(folder):
    (folder / "empty").mkdir()
    assert set(walk_included(str(folder), IgnoreRules.from_folder(str(folder)))) == {*FILES, "empty/"}


def test_amlignore_wins_over_gitignore(folder):
    (folder / ".gitignore").write_text("a.py\n")
    (folder / ".amlignore").write_text("build\n")
    found = set(walk_included(str(folder), IgnoreRules.from_folder(str(folder))))
    assert "a.py" in found
    assert "build" not in found


def test_hash_is_the_one_the_server_computes(tmp_path):
    (tmp_path / "b.py").write_bytes(b"2")
    (tmp_path / "a.py").write_bytes(b"1")
    lines = "".join(f"{name}\0{hashlib.sha256(data).hexdigest()}\n" for name, data in [("a.py", b"1"), ("b.py", b"2")])
    assert snapshots.hash_files(snapshots.collect_files(str(tmp_path))) == hashlib.sha256(lines.encode()).hexdigest()


def test_the_same_files_give_the_same_zip(folder, tmp_path_factory):
    import os

    first, second = io.BytesIO(), io.BytesIO()
    snapshots.write_zip(snapshots.collect_files(str(folder)), first)
    os.utime(folder / "a.py", (1, 1))
    snapshots.write_zip(snapshots.collect_files(str(folder)), second)
    assert first.getvalue() == second.getvalue()


def test_too_many_files_name_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshots, "MAX_FILES", 2)
    for number in range(3):
        (tmp_path / f"{number}.txt").write_text("")
    with pytest.raises(SnapshotException, match=r"3 files.*\.amlignore"):
        snapshots.collect_files(str(tmp_path))
    monkeypatch.setenv("AML_SNAPSHOT_NO_FILE_LIMIT", "True")
    assert len(snapshots.collect_files(str(tmp_path))) == 3


def test_too_many_bytes_name_the_largest_file(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshots, "MAX_BYTES", 10)
    (tmp_path / "large.bin").write_bytes(b"x" * 11)
    with pytest.raises(SnapshotException, match=r"large\.bin"):
        snapshots.collect_files(str(tmp_path))


def test_git_properties_name_commit_and_dirt(tmp_path):
    def git(*command):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *command], check=True, capture_output=True)

    assert git_metadata.read_git_properties(str(tmp_path)) == {}
    git("init", "-q", "-b", "main")
    git("remote", "add", "origin", "https://me:secret@example.org/r.git")
    (tmp_path / "a.py").write_text("1")
    git("add", "a.py")
    git("commit", "-q", "-m", "First.")
    found = git_metadata.read_git_properties(str(tmp_path))
    assert found["azureml.git.repository_uri"] == "https://example.org/r.git"
    assert found["azureml.git.branch"] == "main"
    assert found["azureml.git.commit"] == found["mlflow.source.git.commit"]
    assert found["azureml.git.dirty"] == "False"
    (tmp_path / "a.py").write_text("2")
    assert git_metadata.read_git_properties(str(tmp_path))["azureml.git.dirty"] == "True"
