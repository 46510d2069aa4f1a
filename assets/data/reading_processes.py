"""The processes that read data. One is started early, so that the next page does not wait for the engine."""

import contextlib
import subprocess
import sys
import threading

MODULE = "lazuli.data.reading_process"
# The process gets none of the server's variables, because it reads untrusted files.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
# How long one waits for a request: as long as a person looks at a page.
SPARE_SECONDS = 60


def start() -> subprocess.Popen:
    """One that waits for a request on its standard input, and ends when that is closed."""
    command, pipe = [sys.executable, "-m", MODULE], subprocess.PIPE
    return subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, cwd="/", env=ENVIRONMENT, text=True
    )


def end(process: subprocess.Popen) -> None:
    assert process.stdin is not None and process.stdout is not None
    process.kill()
    # What it did not read is still in the pipe's buffer.
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    process.stdout.close()
    process.wait()


class Spare:
    """At most one process that waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen | None = None
        self._timer: threading.Timer | None = None

    def take(self) -> subprocess.Popen:
        """The one that waits, otherwise a new one."""
        process = self._release()
        if process and process.poll() is None:
            return process
        return start()

    def prepare(self) -> None:
        with self._lock:
            if self._process is None:
                self._process = start()
                self._timer = threading.Timer(SPARE_SECONDS, self.end)
                self._timer.daemon = True
                self._timer.start()

    def end(self) -> None:
        if process := self._release():
            end(process)

    def _release(self) -> subprocess.Popen | None:
        with self._lock:
            process, self._process = self._process, None
            if self._timer:
                self._timer.cancel()
            return process


SPARE = Spare()
