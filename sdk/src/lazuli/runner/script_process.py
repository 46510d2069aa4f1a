"""The process of the script: started in its own session, and stopped with every process that it started."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Union

from lazuli import processes

MARK = "LAZULI_SCRIPT_MARK"
# The most files that a process of a script can have open, whatever it asks for.
MAX_OPEN_FILES = 65_536
PR_SET_PDEATHSIG = 1
WINDOWS_NEW_GROUP = 0x00000200
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
# Waits until the runner's end of the pipe closes, however the runner ended, and then kills all of the script. The words
# after the first two are a command that removes its container.
GUARDIAN = """
read -r _
kill -9 -- "-$1"
for folder in $(grep -lsa "$2" /proc/[0-9]*/environ); do
    pid=${folder#/proc/}
    kill -9 "${pid%/environ}"
done
shift 2
"$@"
"""


class ScriptProcess:
    """The running script. Its output goes to the file `log_path`; `command` is a list, or a text for a shell.

    `enter_fence` is called in the new process, before the script.
    """

    # The command that removes its container, and the variables for it.
    removal: Sequence[str] = ()
    removal_variables: Mapping[str, str] = {}

    def __init__(
        self,
        command: Union[str, List[str]],
        folder: str,
        variables: Dict[str, str],
        log_path: str,
        enter_fence: Optional[Callable[[], None]] = None,
        mark: str = "",
    ):
        # Every process of the script inherits the mark, even one that leaves the session.
        self._mark = mark or uuid.uuid4().hex
        self._process: Any
        options: Dict[str, Any] = {"start_new_session": True, "preexec_fn": _prepare_child(enter_fence)}
        if os.name == "nt":
            options = {"creationflags": WINDOWS_NEW_GROUP}
        if isinstance(command, str):
            # As in Azure; where there is no bash, the system's own shell.
            options.update(shell=True, executable=shutil.which("bash") if os.name != "nt" else None)
        with open(log_path, "ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=dict(variables, **{MARK: self._mark}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **options,
            )
        self._guardian = self._start_guardian()

    def _start_guardian(self) -> "Optional[subprocess.Popen[bytes]]":
        if os.name == "nt":
            return None
        return subprocess.Popen(
            ["/bin/sh", "-c", GUARDIAN, "guardian", str(self.pid), f"{MARK}={self._mark}", *self.removal],
            env={"PATH": os.environ.get("PATH", os.defpath), **self.removal_variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        pid: int = self._process.pid
        return pid

    def wait(self, seconds: float) -> Optional[int]:
        """The exit status, or None if the script is still running after so many seconds."""
        try:
            status: int = self._process.wait(seconds)
            return status
        except subprocess.TimeoutExpired:
            processes.wait_for_lost(self._own_children())
            return None

    def stop(self, grace_seconds: float) -> int:
        """Send SIGTERM to the group, wait for the grace time, then kill what is left; return the exit status."""
        self._signal(signal.SIGTERM)
        status = self.wait(grace_seconds) if grace_seconds > 0 else None
        if status is None:
            self._signal(KILL)
            status = self._process.wait()
        self.kill_remaining()
        return status

    def kill_remaining(self) -> None:
        """Kill what an ended script left behind: its group, every process with the mark, all descendants.

        A process that leaves the session and clears its environment has no mark, but it is still a descendant of the runner.
        Then the guardian is not needed any more.
        """
        self._signal(KILL)
        for _ in range(3):
            left = list(find_marked_processes(self._mark))
            if not left:
                break
            for pid in left:
                _kill(pid)
            time.sleep(0.05)
        if not processes.kill_descendants(self._own_children()):
            print("Some processes of the script could not be ended.", file=sys.stderr)
        self._stop_guardian()

    def _own_children(self) -> List[int]:
        return [self.pid, self._guardian.pid] if self._guardian else [self.pid]

    def _stop_guardian(self) -> None:
        # Before another process group can have the same number.
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


def find_marked_processes(mark: str) -> Iterator[int]:
    """The pids of the processes that have the mark, from /proc; without /proc only the process group is known."""
    needle = f"{MARK}={mark}".encode()
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else []:
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                found = needle in file.read().split(b"\0")
        except OSError:
            # It has ended, or belongs to another user.
            continue
        if found:
            yield int(name)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _prepare_child(enter_fence: Optional[Callable[[], None]]) -> Optional[Callable[[], None]]:
    """On Linux, let the kernel end the script when the runner is killed and cannot do it itself, write no core files, and
    limit the files that it can open. Then enter the fence.
    """
    if not sys.platform.startswith("linux"):
        return None
    import ctypes  # optional: a Python may be built without it
    import resource  # platform: not Windows

    prctl = ctypes.CDLL(None).prctl
    # The lower one is what a process gets unless it asks for more.
    soft, hard = (
        MAX_OPEN_FILES if limit == resource.RLIM_INFINITY else min(limit, MAX_OPEN_FILES)
        for limit in resource.getrlimit(resource.RLIMIT_NOFILE)
    )

    def before_exec() -> None:
        prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        if enter_fence is not None:
            enter_fence()

    return before_exec
