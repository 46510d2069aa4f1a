"""The limits of what a script may write to its folder, and of the files that it may open."""

import collections
import os
import resource
import shutil

import pytest
from lazuli.agent.machine import WrongOffer, read_machine
from lazuli.runner import folder_use, script_limits
from lazuli.runner.folder_use import FolderUse
from lazuli.runner.script_limits import ScriptLimits
from lazuli.runner.script_process import MAX_OPEN_FILES, ScriptProcess

MEGABYTE = 1024**2
Usage = collections.namedtuple("Usage", "total used free")


@pytest.fixture
def look(tmp_path, monkeypatch):
    """A function that writes megabytes or makes files, and returns the error of a script that has done so."""
    monkeypatch.setattr(script_limits, "CHECK_SECONDS", 0)
    monkeypatch.setattr(folder_use, "PAUSE_SECONDS", 0)
    free = [1024**3]
    monkeypatch.setattr(script_limits.shutil, "disk_usage", lambda path: Usage(0, 0, free[0]))
    (tmp_path / "input").write_bytes(os.urandom(3 * MEGABYTE))

    def find(megabytes: float = 0, files: int = 0, left: int = 1024**3):
        limits = ScriptLimits(1000.0, folder=str(tmp_path))
        (tmp_path / "below").mkdir()
        (tmp_path / "below" / "model").write_bytes(os.urandom(int(megabytes * MEGABYTE)))
        (tmp_path / "below" / "same").hardlink_to(tmp_path / "below" / "model")
        for number in range(files):
            (tmp_path / "below" / f"{number}").touch()
        free[0] = left
        found = limits.find_excess()
        free[0] = 1024**3
        shutil.rmtree(tmp_path / "below")
        return found

    return find


def test_what_a_script_writes_to_its_folder_is_limited(look, monkeypatch):
    assert look(1, 3) is None
    monkeypatch.setenv("NODE_DISK_GB", "0.001")
    assert look(0.9) is None
    found = look(2)
    assert found["code"] == "OutOfDisk" and "0.0 GB are allowed (NODE_DISK_GB of this machine)" in found["message"]
    monkeypatch.delenv("NODE_DISK_GB")
    monkeypatch.setattr(script_limits, "DISK_SHARE", 0.001)
    assert "(three quarters of what was free when it started)" in look(2)["message"]
    monkeypatch.setattr(script_limits, "DISK_SHARE", 0.75)
    monkeypatch.setattr(script_limits, "MIN_FREE_BYTES", MEGABYTE)
    assert look(2, left=MEGABYTE) is None and look(0.5, left=0) is None
    assert "only 0 MiB of the machine's disk are still free" in look(2, left=0)["message"]
    monkeypatch.setattr(script_limits, "MAX_FILES", 20)
    assert look(1, 17) is None
    assert look(1, 18)["message"].startswith("The script made 21 files in its folder; 20 are allowed.")


def test_a_large_folder_is_measured_bit_by_bit(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_use, "STEP_SECONDS", 0)
    use = FolderUse(str(tmp_path))
    for number in range(30):
        (tmp_path / f"{number}").write_bytes(b"x")
    use.advance()
    assert 0 < use.new_files < 30
    for _ in range(40):
        use.advance()
    assert use.new_files == 30 and use.written_bytes >= 30


def test_a_script_can_open_many_files_and_not_all(tmp_path):
    log = tmp_path / "log"
    code = (
        "import resource as r; s, h = r.getrlimit(r.RLIMIT_NOFILE); r.setrlimit(r.RLIMIT_NOFILE, (h, h)); print(s, h)"
    )
    script = ScriptProcess(["python3", "-c", code], str(tmp_path), dict(os.environ), str(log))
    assert script.wait(20) == 0
    script.kill_remaining()
    lowest, highest = map(int, log.read_text().split())
    assert lowest <= highest <= MAX_OPEN_FILES
    assert lowest == min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], MAX_OPEN_FILES)


def test_an_agent_refuses_a_limit_that_is_no_number():
    assert read_machine({"NODE_DISK_GB": "50"}).cores
    for wrong in ("much", "0", "-3"):
        with pytest.raises(WrongOffer, match=f"NODE_DISK_GB='{wrong}': write a number from 1"):
            read_machine({"NODE_DISK_GB": wrong})
