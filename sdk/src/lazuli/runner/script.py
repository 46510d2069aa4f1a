"""The user's process: started in a session of its own, ended with all that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from typing import Any, Callable, Dict, Iterator, List, Optional, Union

MARK = "LAZULI_SCRIPT_MARK"
PR_SET_PDEATHSIG = 1
WINDOWS_NEW_GROUP = 0x00000200
# Waits until the runner's end of the pipe is closed, by whatever ended the runner, and then ends all of the script.
GUARDIAN = """
read -r _
kill -9 -- "-$1"
for place in $(grep -lsa "$2" /proc/[0-9]*/environ); do
    place=${place#/proc/}
    kill -9 "${place%/environ}"
done
"""


class Script:
    def __init__(self, command: Union[str, List[str]], folder: str, variables: Dict[str, str], log_path: str):
        # Whatever the script starts inherits the mark, even what leaves the session.
        self._mark = uuid.uuid4().hex
        options: Dict[str, Any] = {"start_new_session": True, "preexec_fn": _dies_with_runner()}
        if os.name == "nt":
            options = {"creationflags": WINDOWS_NEW_GROUP}
        with open(log_path, "ab") as log:
            self._process = subprocess.Popen(
                command,
                shell=isinstance(command, str),
                cwd=folder,
                env=dict(variables, **{MARK: self._mark}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **options,
            )
        self._guardian = self._guarded()

    def _guarded(self) -> "Optional[subprocess.Popen[bytes]]":
        if os.name == "nt":
            return None
        return subprocess.Popen(
            ["/bin/sh", "-c", GUARDIAN, "guardian", str(self.pid), f"{MARK}={self._mark}"],
            env={"PATH": os.environ.get("PATH", os.defpath)},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(self, seconds: float) -> Optional[int]:
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def end(self, grace: float) -> int:
        """SIGTERM to the group, time to tidy up, SIGKILL to whatever is left."""
        self._signal(signal.SIGTERM)
        status = self.wait(grace) if grace > 0 else None
        self.sweep()
        return self._process.wait() if status is None else status

    def sweep(self) -> None:
        """Kill the group and every process that carries the mark. Nothing is left to guard then."""
        self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        for _ in range(3):
            left = list(marked_processes(self._mark))
            if not left:
                break
            for pid in left:
                _kill(pid)
            time.sleep(0.05)
        self._dismiss()

    def _dismiss(self) -> None:
        # Before its number may become another group's.
        if self._guardian is not None:
            self._guardian.kill()
            self._guardian.communicate()
            self._guardian = None

    def _signal(self, number: int) -> None:
        if os.name == "nt":
            self._process.terminate()
            return
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):
            return


def marked_processes(mark: str) -> Iterator[int]:
    """By /proc; where there is none, the group is all that is known."""
    needle = f"{MARK}={mark}".encode()
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else []:
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                found = needle in file.read().split(b"\0")
        except OSError:
            # Gone already, or another user's.
            continue
        if found:
            yield int(name)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _dies_with_runner() -> Optional[Callable[[], None]]:
    """Linux ends the script when the runner is killed and so cannot do it itself."""
    if not sys.platform.startswith("linux"):
        return None
    import ctypes

    prctl = ctypes.CDLL(None).prctl

    def before_exec() -> None:
        prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)

    return before_exec
