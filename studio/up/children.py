"""A process under the supervisor: started in its own session, read line by line, restarted, stopped."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import IO

from studio.up import console

MIN_PAUSE, MAX_PAUSE = 0.3, 10.0
# A process that ran this long is restarted after the shortest pause.
STEADY_SECONDS = 20
PR_SET_PDEATHSIG = 1


def _die_with_parent() -> Callable[[], None] | None:
    """Linux only: the kernel ends the child when the supervisor is gone, even by kill -9."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def prepare() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        # The parent may have ended before the line above.
        if os.getppid() != parent:
            os._exit(1)

    return prepare


class ForkedProcess:
    """The part of a `subprocess.Popen` that `Child` needs."""

    def __init__(self, pid: int, stdout: IO[bytes]):
        self.pid, self.stdout = pid, stdout
        self.returncode: int | None = None

    def poll(self) -> int | None:
        return self._wait(os.WNOHANG)

    def wait(self) -> int | None:
        return self._wait(0)

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def _wait(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


class Child:
    def __init__(self, name: str, command: list[str], *, env: dict[str, str], fds: tuple[int, ...] = (), loader=None):
        self.name, self.command, self.fds = name, command, fds
        self.env = {**os.environ, **env, "PYTHONUNBUFFERED": "1"}
        # A process that can start it faster (studio/up/loader.py).
        self.loader = loader
        self.process: subprocess.Popen | ForkedProcess | None = None
        self.started_at = 0.0
        self.start_at: float | None = None
        self.quick_deaths = 0
        self.max_pause = MAX_PAUSE
        # It is not started again.
        self.is_ending = False
        # Its end is not reported when the studio stops.
        self.is_muted = False
        # A line with this text is dropped.
        self.unsaid = ""
        self._rest = b""

    def start(self) -> int:
        """Starts the process; returns the file descriptor of its output."""
        self.start_at, self.started_at = None, time.monotonic()
        forked = self.loader.fork(self.command, self.env, self.fds) if self.loader else None
        self.process = forked or self._spawn()
        os.set_blocking(self.output.fileno(), False)
        return self.output.fileno()

    def _spawn(self) -> subprocess.Popen:
        return subprocess.Popen(
            self.command,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=self.fds,
            preexec_fn=_die_with_parent(),
        )

    def kill(self) -> None:
        """Kills it with its whole session and waits for its end."""
        self.signal(signal.SIGKILL)
        if self.process:
            self.process.wait()

    @property
    def output(self) -> IO[bytes]:
        """The output of a child that has been started."""
        return self.process.stdout  # type: ignore[union-attr, return-value]

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def read(self) -> bool:
        """Print new output; False at the end of the output."""
        try:
            data = os.read(self.output.fileno(), 65536)
        except BlockingIOError:
            return True
        *lines, self._rest = (self._rest + data).split(b"\n")
        if not data and self._rest:
            lines, self._rest = [self._rest], b""
        for line in lines:
            self._say(line.decode(errors="replace").rstrip())
        return bool(data)

    def _say(self, line: str) -> None:
        if not self.is_muted and not (self.unsaid and self.unsaid in line):
            console.print_line(self.name, line)

    def plan_restart(self) -> None:
        """Called once after the process has ended: prints a line and sets the time of the next start."""
        lived = time.monotonic() - self.started_at
        self.quick_deaths = 0 if lived > STEADY_SECONDS else self.quick_deaths + 1
        pause = min(MIN_PAUSE * 2 ** max(0, self.quick_deaths - 1), self.max_pause)
        console.print_line("up", f"{self.name} {self.ending}; starting it again in {pause:.1f} s")
        self.start_at = time.monotonic() + pause

    @property
    def exit_code(self) -> int:
        """The exit code of a child that has ended."""
        return self.process.returncode  # type: ignore[union-attr, return-value]

    @property
    def has_failed_at_start(self) -> bool:
        """It ended by itself, with an error, soon after it was started."""
        return self.exit_code > 0 and time.monotonic() - self.started_at <= STEADY_SECONDS

    @property
    def ending(self) -> str:
        code = self.exit_code
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"

    def signal(self, number: int) -> None:
        """SIGKILL goes to the whole session, other signals only to the process, which stops its own children in order."""
        if not self.process or (self.process.returncode is not None and number != signal.SIGKILL):
            return
        try:
            if number == signal.SIGKILL:
                os.killpg(self.process.pid, number)
            else:
                self.process.send_signal(number)
        except ProcessLookupError:
            return
