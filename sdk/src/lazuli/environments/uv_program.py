"""Run uv: with its output in a build log, or to ask which version of a package would fit."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from typing import Callable, Dict, List, Optional, Sequence

from lazuli.environments.cache import BuildFailed, Cancelled

# Lines of output that are kept to explain a failure, and how long a question may take.
MAX_LINES, MAX_SECONDS = 300, 60


# uv runs the code by which packages are built: it gets no token of the studio.
LEFT_OUT = frozenset(["VIRTUAL_ENV", "UV_CONSTRAINT", "LAZULI_TOKEN", "AZUREML_RUN_TOKEN"])


class UvFailed(Exception):
    """uv ended with an error; `lines` is the end of its output."""

    def __init__(self, lines: List[str]):
        super().__init__(lines[-1] if lines else "uv failed")
        self.lines = lines


class UvProgram:
    """The program uv, whose output goes to `write`, which returns it as it may be shown."""

    def __init__(self, path: str, write: Callable[[str], str], cancelled: Cancelled):
        self._path = path
        self._write = write
        self._cancelled = cancelled
        self._lines: List[str] = []

    def run(self, *arguments: str) -> None:
        """Raises UvFailed, or BuildFailed if cancelled."""
        self._lines = []
        process = subprocess.Popen(
            [self._path, *arguments],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # Not the current folder, whose pyproject.toml or uv.toml uv would read.
            cwd=tempfile.gettempdir(),
        )
        if self._wait_for(process):
            raise UvFailed(self._lines)

    def _wait_for(self, process: "subprocess.Popen[str]") -> int:
        reader = threading.Thread(target=self._read_output, args=(process,), daemon=True)
        reader.start()
        while process.poll() is None:
            if self._cancelled():
                process.terminate()
                process.wait()
                raise BuildFailed("the build was cancelled")
            reader.join(0.1)
        reader.join()
        return process.returncode

    def _read_output(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._lines = [*self._lines[-MAX_LINES:], self._write(line).rstrip()]

    def resolve(self, lines: Sequence[str], *arguments: str) -> Optional[Dict[str, str]]:
        """The version of each package that uv would install for requirement lines; None if it finds none."""
        command = [self._path, "pip", "compile", "--quiet", "--no-header", "--no-annotate", *arguments, "-"]
        try:
            done = subprocess.run(
                command,
                env=_environment(),
                input="\n".join(lines) + "\n",
                capture_output=True,
                text=True,
                errors="replace",
                cwd=tempfile.gettempdir(),
                timeout=MAX_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
        if done.returncode:
            return None
        pins = [line.split(";")[0].strip().partition("==") for line in done.stdout.splitlines()]
        return {name: version.strip() for name, equals, version in pins if equals}


def _environment() -> Dict[str, str]:
    found = {key: value for key, value in os.environ.items() if key not in LEFT_OUT}
    found.setdefault("UV_PYTHON_DOWNLOADS", "never")
    found.update(UV_NO_PROGRESS="1", NO_COLOR="1")
    return found
