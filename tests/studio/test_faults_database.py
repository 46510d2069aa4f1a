"""A database that is locked for 35 seconds, one that is stopped for 20, and a disk that fills up, in a started studio with a job and a client that logs."""

import contextlib
import os
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

import pytest
from azureml.core import Experiment, Workspace
from azureml.exceptions import ServiceException

from deploy import team_servers
from tests.compute.cluster_stack import Stack, until
from tests.up.running import Studio

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
LOCKED_SECONDS = 35
STOPPED_SECONDS = 20
# A build of an environment leaves 512 MiB of the disk.
DISK_MB, RESERVE_MB = 900, 60


@pytest.fixture
def disk():
    """A disk of its own, on which the data folder lies."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = pathlib.Path("/tmp", f"lazuli-disk-{os.getpid()}")
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "none", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)
    folder.rmdir()


@contextlib.contextmanager
def started(folder, work, **settings):
    studio = Studio(folder, **settings)
    studio.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAZULI_URL", studio.url)
        patch.setenv("LAZULI_TOKEN", studio.manage("token", "faults"))
        try:
            yield Stack(studio, Workspace.from_config(str(studio.data / "config.json")), work)
        finally:
            studio.end()


class Logger(threading.Thread):
    """Logs a number ten times a second until it is ended."""

    def __init__(self, workspace):
        super().__init__(daemon=True)
        self.run_ = Experiment(workspace, "logging").start_logging(snapshot_directory=None)
        self.count, self.is_over = 0, threading.Event()

    def run(self):
        while not self.is_over.wait(0.1):
            self.run_.log("x", self.count)
            self.count += 1

    def end(self) -> list[float]:
        """What the server has once all is sent."""
        self.is_over.set()
        self.join()
        self.run_.flush()
        return self.run_.get_metrics()["x"]


def fill(disk: pathlib.Path, leave_mb: int) -> None:
    with (disk / "filler").open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize > leave_mb * 2**20:
            file.write(b"x" * 2**18)


def patch_run(stack, run_id: str) -> tuple[int, str, float]:
    """Status, Retry-After and seconds of a request that writes."""
    path = f"/history/v1.0{stack.workspace._path}/runs/{run_id}"
    headers = {"Authorization": f"Bearer {os.environ['LAZULI_TOKEN']}", "Content-Type": "application/json"}
    request = urllib.request.Request(stack.studio.url + path, b'{"displayName": "new"}', headers, method="PATCH")
    began = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, "", time.monotonic() - began
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers.get("Retry-After", ""), time.monotonic() - began


def test_a_database_that_is_locked_for_35_seconds_loses_no_job_and_no_point(tmp_path, tmp_path_factory):
    with started(tmp_path, tmp_path_factory.mktemp("work")) as stack:
        cluster = stack.cluster("cluster")
        job = stack.submit(cluster, 50)
        assert until(lambda: job.get_status() == "Running", 90)
        logger = Logger(stack.workspace)
        logger.start()
        other = sqlite3.connect(stack.studio.data / "studio.sqlite3", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        locked = time.monotonic()
        answers = []
        while time.monotonic() - locked < LOCKED_SECONDS:
            answers.append(patch_run(stack, job.id))
            began = time.monotonic()
            assert job.get_status() == "Running"
            answers.append((200, "read", time.monotonic() - began))
        other.execute("ROLLBACK")
        writes = [answer for answer in answers if answer[1] != "read"]
        assert writes and {answer[0] for answer in writes} == {503} and all(answer[1] for answer in writes)
        assert max(answer[2] for answer in answers) < 15
        assert until(lambda: patch_run(stack, job.id)[0] == 200, 30)
        assert until(lambda: job.get_status() == "Completed", 90), job.get_details()
        assert logger.end() == list(range(logger.count))
        assert "Traceback" not in stack.studio.text()


@pytest.fixture
def postgresql():
    """The address of a server and functions that stop it and start it again."""
    programs = team_servers.look_for_servers()
    if programs is None:
        pytest.skip("there is no PostgreSQL here")
    user = team_servers.unprivileged()
    with tempfile.TemporaryDirectory(prefix="lazuli-postgresql-") as folder, contextlib.ExitStack() as stack:
        home = pathlib.Path(folder)
        if user:
            shutil.chown(home, user)
        first = stack.enter_context(contextlib.ExitStack())
        url = first.enter_context(team_servers.postgresql(home, *programs[:2], user))

        def start_again() -> None:
            stack.enter_context(team_servers.started_postgresql(home, programs[1], user))

        yield url, first.close, start_again


def test_a_postgresql_that_is_stopped_for_20_seconds_loses_no_job_and_no_point(postgresql, tmp_path, tmp_path_factory):
    url, stop, start_again = postgresql
    with started(tmp_path, tmp_path_factory.mktemp("work"), DATABASE_URL=url) as stack:
        cluster = stack.cluster("cluster")
        job = stack.submit(cluster, 25)
        assert until(lambda: job.get_status() == "Running", 90)
        logger = Logger(stack.workspace)
        logger.start()
        assert until(lambda: len(logger.run_.get_metrics().get("x", [])) > 5, 20)
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        assert browser.open(stack.studio.manage("signin"), timeout=60).status == 200
        stop()
        stopped = time.monotonic()
        answers = []
        while time.monotonic() - stopped < STOPPED_SECONDS:
            answers.append(patch_run(stack, job.id))
            page = read_page(browser, stack.studio.url)
            assert page[0] == 503 and page[1], page
            time.sleep(0.5)
        assert {answer[0] for answer in answers} == {503} and all(answer[1] for answer in answers)
        assert max(answer[2] for answer in answers) < 5
        start_again()
        assert until(lambda: patch_run(stack, job.id)[0] == 200, 10)
        assert until(lambda: job.get_status() == "Completed", 60), job.get_details()
        assert logger.end() == list(range(logger.count))
        again = stack.submit(cluster, 0.1)
        assert until(lambda: again.get_status() == "Completed", 30)
        assert "Traceback" not in stack.studio.text()


def read_page(browser, url: str) -> tuple[int, str]:
    """Status and Retry-After."""
    try:
        with browser.open(url, timeout=60) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers.get("Retry-After", "")


def test_a_disk_that_fills_up_refuses_files_first_and_heals_by_itself(disk, tmp_path_factory):
    with started(disk, tmp_path_factory.mktemp("work"), DISK_RESERVE_MB=str(RESERVE_MB)) as stack:
        cluster = stack.cluster("cluster")
        job = stack.submit(cluster, 40)
        assert until(lambda: job.get_status() == "Running", 90)
        logger = Logger(stack.workspace)
        logger.start()
        big = tmp_path_factory.mktemp("files") / "big.bin"
        big.write_bytes(b"x" * 2**20)
        fill(disk, RESERVE_MB - 10)
        with pytest.raises(ServiceException, match="no more files are stored") as refused:
            logger.run_.upload_file("big.bin", str(big))
        assert refused.value.status_code == 507
        before = len(logger.run_.get_metrics().get("x", []))
        assert until(lambda: len(logger.run_.get_metrics()["x"]) > before, 10)
        fill(disk, 0)
        assert until(lambda: patch_run(stack, job.id)[0] == 507, 20)
        time.sleep(35)
        (disk / "filler").unlink()
        assert until(lambda: patch_run(stack, job.id)[0] == 200, 30)
        assert until(lambda: job.get_status() == "Completed", 90), job.get_details()
        logger.run_.upload_file("big.bin", str(big))
        assert logger.end() == list(range(logger.count))
