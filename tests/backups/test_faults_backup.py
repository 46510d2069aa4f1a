"""A started studio that is backed up while a script logs, killed, and restored into another folder."""

import os
import threading

import pytest
from azureml.core import Experiment, Run, Workspace

from tests.up.running import Studio

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]


class Logger(threading.Thread):
    """Logs numbers as fast as they are acknowledged, with a file for each hundred."""

    def __init__(self, workspace, folder):
        super().__init__(daemon=True)
        self.run_ = Experiment(workspace, "logging").start_logging(snapshot_directory=None)
        self.count, self.is_over, self.folder = 0, threading.Event(), folder

    def run(self):
        while not self.is_over.is_set():
            self.run_.log("x", self.count)
            self.run_.flush()
            self.count += 1
            if self.count % 100 == 0:
                path = self.folder / f"{self.count}.txt"
                path.write_text("x" * self.count)
                self.run_.upload_file(f"outputs/{self.count}.txt", str(path))

    def wait_for(self, count: int) -> None:
        while self.count < count and self.is_alive():
            self.is_over.wait(0.05)
        assert self.is_alive()


def open_workspace(studio: Studio, monkeypatch) -> Workspace:
    monkeypatch.setenv("LAZULI_URL", studio.url)
    monkeypatch.setenv("LAZULI_TOKEN", studio.manage("token", f"faults-{os.urandom(2).hex()}"))
    return Workspace.from_config(str(studio.data / "config.json"))


def test_what_was_acknowledged_before_a_backup_is_in_the_restored_studio(tmp_path, monkeypatch):
    kept, (one, other) = tmp_path / "kept", (tmp_path / "one", tmp_path / "other")
    settings = {"BACKUP_PASSPHRASE": "correct horse", "BACKUP_DIR": str(kept), "LOG_FORMAT": "json"}
    for folder in (one, other):
        folder.mkdir()
    studio = Studio(one, **settings).with_tables().start()
    try:
        logger = Logger(open_workspace(studio, monkeypatch), tmp_path)
        logger.start()
        logger.wait_for(250)
        before = logger.count
        assert "Complete after" in studio.manage("backup")
        logger.wait_for(logger.count + 10)
        logger.is_over.set()
        logger.join()
        assert "all unchanged" in studio.manage("backup", "--check")
    finally:
        studio.process.kill()
        studio.process.wait()
    restored = Studio(other, **settings)
    assert "Restored" in restored.manage("restore", str(kept))
    restored.start()
    try:
        run = Run.get(open_workspace(restored, monkeypatch), logger.run_.id)
        values = run.get_metrics()["x"]
        assert len(values) >= before and values == list(range(len(values)))
        files = [name for name in run.get_file_names() if name.startswith("outputs/")]
        assert len(files) >= before // 100
        run.download_file("outputs/100.txt", str(tmp_path / "back.txt"))
        assert (tmp_path / "back.txt").read_text() == "x" * 100
    finally:
        restored.end()
