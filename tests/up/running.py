"""A whole studio, started as `make up` does, on a folder and a port of its own."""

import os
import pathlib
import re
import socket
import subprocess
import sys
import time

import psutil

from tests import databases

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# What the tests themselves run with.
NOT_OURS = {"DATABASE_URL", "REDIS_URL", "STORAGE_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE", "PUBLIC_URL", "HOST"}
COLOUR = re.compile(r"\x1b\[\d+m")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Studio:
    def __init__(self, folder: pathlib.Path, **settings):
        self.data, self.log = folder / "data", folder / "up.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        kept = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
        self.env = {
            **kept,
            "DATA_DIR": str(self.data),
            "PORT": str(self.port),
            "SAMPLE": "0",
            "OWNER": "olga",
            # More than the machine has: the jobs of the tests mostly wait.
            "HOST_CORES": "64",
            "HOST_MEMORY_GB": "512",
            # The search for one takes the processor from the tests.
            "NODE_CONTAINER_ENGINE": "none",
            **settings,
        }
        self.process = None

    def with_tables(self) -> "Studio":
        """Begins with the empty database of the tests if there is one: what the migrations do is for others to prove."""
        template = databases.get_template()
        if template.exists():
            self.data.mkdir(mode=0o700)
            databases.copy(template, self.data / "studio.sqlite3")
            (self.data / "studio.sqlite3").chmod(0o600)
        return self

    def start(self) -> "Studio":
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "studio.up"]
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.env, stdout=log, stderr=log, start_new_session=True
            )
        try:
            self.wait_for("is ready", 120)
        except AssertionError:
            self.end()
            raise
        return self

    def refused(self, **settings) -> str:
        """What a start that must not succeed says."""
        command = [sys.executable, "-m", "studio.up"]
        ended = subprocess.run(
            command, cwd=ROOT, env={**self.env, **settings}, capture_output=True, text=True, timeout=30
        )
        assert ended.returncode == 1, ended.stdout
        return ended.stdout + ended.stderr

    def wait_for(self, words: str, seconds: float = 60, times: int = 1) -> None:
        deadline = time.monotonic() + seconds
        while self.text().count(words) < times:
            assert self.process.poll() is None, f"the studio ended: {self.text()}"
            assert time.monotonic() < deadline, f"no {words!r} within {seconds} s: {self.text()}"
            time.sleep(0.1)

    def text(self) -> str:
        return COLOUR.sub("", self.log.read_text(errors="replace"))

    def manage(self, *words: str) -> str:
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(
            command, cwd=ROOT, env=self.env, capture_output=True, text=True, check=True
        ).stdout.strip()

    def family(self) -> list[psutil.Process]:
        """All processes of this studio, the supervisor excluded."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def pids_of(self, word: str) -> list[int]:
        """The supervisor's own children with this word in their command."""
        return [child.pid for child in psutil.Process(self.process.pid).children() if word in command_of(child)]

    def runs(self, words: str) -> bool:
        return any(words in command_of(process) for process in self.family())

    def end(self) -> None:
        if self.process and self.process.poll() is None:
            family = self.family()
            self.process.terminate()
            self.process.wait(20)
            for process in psutil.wait_procs(family, timeout=5)[1]:
                process.kill()


def command_of(process: psutil.Process) -> str:
    """Its command line; empty once it has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def living(processes: list[psutil.Process]) -> list[str]:
    """Those that still run, by their command lines."""
    return [command_of(process) for process in psutil.wait_procs(processes, timeout=0.1)[1] if command_of(process)]
