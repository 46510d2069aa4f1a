"""The warm parents of a node: one for each environment whose services have asked for it (lazuli/runner/warm_start.py)."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time
from typing import Any

from lazuli import isolation
from lazuli.runner.warm_start import KEY, SOCKET, SOCKETS, UNSAFE, WANTED, WORK
from lazuli.scoring.warm_packages import MODULES, READY

LOOK_SECONDS = 0.5
# Each has the packages of its environment in memory.
MAX_PARENTS = 4
REFUSED = 4


@dataclasses.dataclass
class Parent:
    folder: pathlib.Path
    process: subprocess.Popen[bytes]
    # The folder of its replicas' sockets.
    sockets: str
    # When the request for it was written.
    wanted_at: float
    is_retired: bool = False

    def retire(self) -> None:
        """Let it fork no more. It ends with its last replica."""
        if not self.is_retired and self.process.stdin:
            self.process.stdin.close()
        self.is_retired = True


class WarmParents:
    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self._parents: list[Parent] = []
        self._next_look = 0.0
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / KEY).touch(mode=0o600)
        # Those of an earlier node worker have ended, or end with their replicas.
        for each in folder.glob(f"*/{WANTED}"):
            self._forget(each.parent)

    @property
    def pids(self) -> list[int]:
        return [parent.process.pid for parent in self._parents]

    def run_round(self) -> None:
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK_SECONDS
        for parent in [one for one in self._parents if one.process.poll() is not None]:
            self._note_end(parent)
        for wanted in self.folder.glob(f"*/{WANTED}"):
            present = [one for one in self._parents if one.folder == wanted.parent and not one.is_retired]
            if not present or present[0].wanted_at < wanted.stat().st_mtime:
                for parent in present:
                    parent.retire()
                self._start(wanted)
        for parent in [one for one in self._parents if not one.is_retired][:-MAX_PARENTS]:
            self._forget(parent.folder)
            parent.retire()

    def shut_down(self) -> None:
        """No more forks. Those with replicas end with the last one."""
        for parent in self._parents:
            parent.retire()

    def _start(self, wanted: pathlib.Path) -> None:
        folder, content, wanted_at = wanted.parent, json.loads(wanted.read_text()), wanted.stat().st_mtime
        work = folder / WORK
        work.mkdir(mode=0o700, exist_ok=True)
        (work / READY).unlink(missing_ok=True)
        (work / MODULES).write_text(json.dumps(content["modules"]))
        sockets = tempfile.mkdtemp(prefix="lazuli-")
        (folder / SOCKETS).write_text(sockets)
        try:
            fence = isolation.make_node_fence(os.environ, content["readable"], [str(work), sockets])
            try:
                self._parents.append(Parent(folder, self._start_process(folder, content, fence), sockets, wanted_at))
            finally:
                if fence:
                    fence.close()
        except (isolation.NotIsolated, OSError, subprocess.SubprocessError) as error:
            (folder / UNSAFE).write_text(str(error))
            self._forget(folder)

    def _start_process(
        self, folder: pathlib.Path, content: dict[str, Any], fence: isolation.Fence | None
    ) -> subprocess.Popen[bytes]:
        key, work = (self.folder / KEY).stat(), folder / WORK
        with _listen(folder / SOCKET) as listener, open(folder / "log", "wb") as log:
            process = subprocess.Popen(
                [content["python"], "-m", "lazuli.scoring.warm_parent"],
                cwd=work,
                env={**content["variables"], "PYTHONPATH": content["import_path"], "HOME": str(work)},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=[listener.fileno()],
                preexec_fn=fence.enter if fence else None,
            )
            settings = {"listener": listener.fileno(), "key": [key.st_dev, key.st_ino]}
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(settings).encode() + b"\n")
            process.stdin.flush()
        return process

    def _note_end(self, parent: Parent) -> None:
        """One that ended as it should was not needed; another one is started when a replica asks again."""
        self._parents.remove(parent)
        with contextlib.suppress(OSError):
            # If it was killed, its replicas still answer there.
            os.rmdir(parent.sockets)
        if parent.process.returncode == REFUSED:
            lines = (parent.folder / "log").read_text(errors="replace").strip().splitlines()
            (parent.folder / UNSAFE).write_text(lines[-1] if lines else "")
        if parent.is_retired:
            return
        parent.retire()
        self._forget(parent.folder)

    def _forget(self, folder: pathlib.Path) -> None:
        (folder / WANTED).unlink(missing_ok=True)
        (folder / WORK / READY).unlink(missing_ok=True)
        (folder / SOCKET).unlink(missing_ok=True)


def _listen(path: pathlib.Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    # The address of a socket has about a hundred characters, so the folder goes by its number.
    folder = os.open(path.parent, os.O_PATH)
    try:
        listener.bind(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)
    listener.listen(64)
    return listener
