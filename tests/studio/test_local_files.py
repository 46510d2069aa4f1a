"""Large files in a folder of this machine."""

import os

import pytest
from obstore.exceptions import AlreadyExistsError
from obstore.exceptions import BaseError as Error

from studio import local_files


def names(folder) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_file_is_written_whole_and_replaced_only_if_that_is_wanted(tmp_path, monkeypatch):
    monkeypatch.setattr(local_files, "WRITTEN", 3)
    path = tmp_path / "in" / "a #1%2F.bin"
    assert local_files.write_file(path, [b"12345", b"", b"678"], overwrite=False) == 8
    with pytest.raises(AlreadyExistsError, match="exists already"):
        local_files.write_file(path, [b"other"], overwrite=False)
    assert path.read_bytes() == b"12345678"
    assert local_files.write_file(path, [b"other"]) == 5
    assert path.read_bytes() == b"other" and names(tmp_path) == ["in/a #1%2F.bin"]


def test_a_disk_without_second_names_replaces_no_file_either(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    local_files.write_file(tmp_path / "a", [b"1"], overwrite=False)
    with pytest.raises(AlreadyExistsError):
        local_files.write_file(tmp_path / "a", [b"2"], overwrite=False)
    assert (tmp_path / "a").read_bytes() == b"1" and names(tmp_path) == ["a"]


def test_a_file_appears_when_it_is_complete_and_one_that_breaks_off_never(tmp_path):
    def chunks():
        yield b"1"
        assert names(tmp_path) == ["a#1", "a#2"]
        raise ConnectionError("the client is gone")

    (tmp_path / "a#1").write_bytes(b"of another upload")
    with pytest.raises(ConnectionError):
        local_files.write_file(tmp_path / "a", chunks())
    assert names(tmp_path) == ["a#1"]


def test_errors_of_the_disk_are_those_of_a_store(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder" / "in").mkdir(parents=True)
    for path, words in {"file/a": "Not a directory", "file/a/b": "Not a directory", "folder": "Is a directory"}.items():
        with pytest.raises(Error, match=words):
            local_files.write_file(tmp_path / path, [b"x"])
    assert names(tmp_path) == ["file"]
