"""Names that a disk takes and a run does not."""

import os

import pytest
from lazuli.artifact_names import make_readable, rename_refused
from lazuli.errors import SnapshotException, UserErrorException
from lazuli.runs.files import RunFiles, list_folder_files
from lazuli.runs.snapshots import collect_files

from studio.file_paths import check_path


@pytest.mark.parametrize("name", ["outputs/a.csv", "outputs/ä 100%.txt", "a", "outputs/日本/模型.pt", "outputs/🙂"])
def test_a_good_name_stays(name):
    assert make_readable(name) == name


@pytest.mark.parametrize(
    ("raw", "readable"),
    [
        (b"outputs/caf\xe9.txt", "outputs/caf%E9.txt"),
        (b"outputs/\xff\xfe/x", "outputs/%FF%FE/x"),
        (b"outputs/a\tb\nc", "outputs/a%09b%0Ac"),
        (b"outputs/a\\b", "outputs/a%5Cb"),
        (b"outputs/\xe2\x80\xa8", "outputs/%E2%80%A8"),
    ],
)
def test_another_name_is_escaped_as_in_a_url(raw, readable):
    assert make_readable(os.fsdecode(raw)) == check_path(readable)


@pytest.mark.parametrize("raw", [b"outputs/" + b"\xff" * 255, b"outputs/" + b"\xff" * 250 + b"/" + b"x" * 255])
def test_an_escaped_name_is_not_too_long(raw):
    assert check_path(make_readable(os.fsdecode(raw)))


def test_a_path_that_is_too_long_keeps_its_last_part():
    assert make_readable("outputs/" + "deep/" * 300 + "a.csv").startswith("outputs/")
    assert check_path(make_readable("outputs/" + "deep/" * 300 + "a.csv")).endswith("/a.csv")


def test_no_two_files_get_one_name():
    pairs = [(os.fsdecode(raw), str(number)) for number, raw in enumerate([b"a\xe9", b"a%E9", b"b"])]
    renamed = dict(rename_refused(pairs))
    assert len(renamed) == 3 and renamed["a%E9"] == "1" and renamed["b"] == "2"


def test_upload_folder_renames_and_a_snapshot_refuses(tmp_path):
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("x")
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    assert [name for name, _ in list_folder_files("data", str(tmp_path))] == ["data/caf%E9.txt"]
    with pytest.raises(
        UserErrorException, match=r"caf\\xe9.txt' is not a valid name for a file of a run: it is not UTF-8"
    ):
        RunFiles(None, "/runs/run_1", "run_1", "/uploads").upload(os.fsdecode(b"caf\xe9.txt"), b"x")
    with pytest.raises(SnapshotException, match=r"caf\\xe9.txt' is not readable UTF-8"):
        collect_files(str(tmp_path))
