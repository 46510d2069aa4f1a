"""Replicas that are forked from the warm parent of their environment (lazuli/scoring/warm_parent.py), on a node.

    nodes/<node>/warm/key              opened as a proof that a request comes from a runner: no script can open it
    nodes/<node>/warm/<id>/wanted.json what the runner of a replica asks the node worker for: a parent for further ones
    nodes/<node>/warm/<id>/unsafe      why there will be none
    nodes/<node>/warm/<id>/s           the socket of the parent, while work/ready says that it forks
    nodes/<node>/warm/<id>/work        the folders of its replicas
    nodes/<node>/warm/<id>/sockets     the path of the folder of their sockets

One that cannot be forked is started plainly.
"""

from __future__ import annotations

import array
import contextlib
import hashlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import uuid
from typing import Any, Dict, List, Optional

from lazuli import processes
from lazuli.runner import records
from lazuli.runner.interpreter import Interpreter
from lazuli.runner.script_process import MARK, ScriptProcess
from lazuli.runner.spec import Spec
from lazuli.runner.work_folder import WorkFolder
from lazuli.scoring.warm_packages import READY, read_imported

VARIABLE = "LAZULI_WARM_DIR"
ANSWER_SECONDS = 2.0
KEY, WANTED, UNSAFE, SOCKET, SOCKETS, WORK = "key", "wanted.json", "unsafe", "s", "sockets", "work"
# Variables of one replica alone.
OWN_VARIABLES = ("LAZULI_TOKEN", "PYTHONPATH", "PIP_TARGET", "HOME", "TMPDIR", MARK)


class WarmStart:
    """The warm parent of an environment with its variables, which may not exist yet."""

    def __init__(self, root: str, interpreter: Interpreter, spec: Spec):
        self._root, self._interpreter = root, interpreter
        parts = [interpreter.python, interpreter.import_path, sorted(spec.user_variables().items())]
        self.folder = os.path.join(root, hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16])
        self.work = os.path.join(self.folder, WORK)

    @property
    def is_ready(self) -> bool:
        return os.path.exists(os.path.join(self.work, READY))

    @property
    def sockets(self) -> Optional[str]:
        """A folder with a short path, for sockets of its replicas."""
        try:
            with open(os.path.join(self.folder, SOCKETS), encoding="utf-8") as file:
                path = file.read()
        except OSError:
            return None
        return path if self.is_ready and os.path.isdir(path) else None

    def fork(
        self, folder: WorkFolder, address: str, variables: Dict[str, str], ruleset: Optional[int]
    ) -> Optional[ScriptProcess]:
        """A replica in the folder, at the address of a socket; None if the parent does not fork one."""
        mark = uuid.uuid4().hex
        request = {"folder": folder.code, "socket": address, "variables": {**variables, MARK: mark}}
        try:
            connection = connect(os.path.join(self.folder, SOCKET))
            pid = self._ask(connection, request, folder.log, ruleset)
            return ForkedScript(pid, connection, mark)
        except (OSError, ValueError, KeyError) as error:
            print(f"The replica is not forked from a warm parent: {error}", flush=True)
            return None

    def _ask(self, connection: socket.socket, request: Dict[str, Any], log: str, ruleset: Optional[int]) -> int:
        content = json.dumps(request).encode()
        opened = [
            os.open(os.path.join(self._root, KEY), os.O_RDONLY),
            os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT),
        ]
        try:
            numbers = array.array("i", [*opened, *([ruleset] if ruleset is not None else [])])
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers.tobytes())]
            connection.sendmsg([struct.pack("!I", len(content))], ancillary)
            connection.sendall(content)
        finally:
            for descriptor in opened:
                os.close(descriptor)
        answer = read_message(connection)
        if "pid" not in answer:
            raise ValueError(answer.get("refused", "it does not answer"))
        records.note_forked(os.environ["LAZULI_WORK_DIR"], int(answer["pid"]))
        return int(answer["pid"])

    def want_parent(self, imported: str, variables: Dict[str, str]) -> None:
        """Ask the node worker for a parent with what a replica has imported, for the next ones."""
        if os.path.exists(os.path.join(self.folder, UNSAFE)):
            return
        modules, wanted = read_imported(imported), os.path.join(self.folder, WANTED)
        before: List[str] = []
        # The node worker removes it when the parent has ended.
        with contextlib.suppress(OSError, ValueError), open(wanted, encoding="utf-8") as file:
            before = json.load(file)["modules"]
            if set(modules) <= set(before):
                return
        environment = os.path.dirname(os.path.dirname(self._interpreter.python)) if self._interpreter.built else None
        content = {
            "python": self._interpreter.python,
            "readable": [path for path in (environment, self._interpreter.import_path) if path],
            "import_path": self._interpreter.import_path or "",
            "variables": {name: value for name, value in variables.items() if name not in OWN_VARIABLES},
            "modules": [*before, *(name for name in modules if name not in before)],
        }
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        descriptor = os.open(f"{wanted}.{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file)
        os.replace(f"{wanted}.{os.getpid()}", wanted)


def find_warm_start(interpreter: Interpreter, spec: Spec, gpus: Dict[str, str]) -> Optional[WarmStart]:
    """None where replicas are always started plainly: outside a node, with GPUs, or if the packages start threads."""
    root = os.environ.get(VARIABLE)
    if not root or gpus or not processes.IS_LINUX or not hasattr(os, "pidfd_open"):
        return None
    found = WarmStart(root, interpreter, spec)
    return None if os.path.exists(os.path.join(found.folder, UNSAFE)) else found


def read_danger(interpreter: Interpreter, spec: Spec) -> str:
    """Why replicas cannot be forked from a warm parent of the environment; empty if that is not known."""
    root = os.environ.get(VARIABLE)
    if not root:
        return ""
    try:
        with open(os.path.join(WarmStart(root, interpreter, spec).folder, UNSAFE), encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""


def connect(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(ANSWER_SECONDS)
    # The address of a socket has about a hundred characters, so the folder goes by its number.
    folder = os.open(os.path.dirname(path), os.O_PATH)
    try:
        connection.connect(f"/proc/self/fd/{folder}/{os.path.basename(path)}")
    except OSError:
        connection.close()
        raise
    finally:
        os.close(folder)
    return connection


def read_message(connection: socket.socket) -> Dict[str, Any]:
    line = b""
    while not line.endswith(b"\n"):
        part = connection.recv(1000)
        if not part:
            return {}
        line += part
    message: Dict[str, Any] = json.loads(line.splitlines()[0])
    return message


class ForkedScript(ScriptProcess):
    """A process that another one has forked for this one, stopped in the same ways."""

    def __init__(self, pid: int, connection: socket.socket, mark: str):
        self._mark = mark
        self._process = _Forked(pid, connection)
        self._guardian = self._start_guardian()


class _Forked:
    """As subprocess.Popen for a process that is the child of another one."""

    def __init__(self, pid: int, connection: socket.socket):
        self.pid, self._connection = pid, connection
        self._descriptor = os.pidfd_open(pid)
        self._status: Optional[int] = None

    def wait(self, timeout: Optional[float] = None) -> int:
        if self._status is None:
            if not select.select([self._descriptor], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            self._status = self._read_status()
        return self._status

    def _read_status(self) -> int:
        try:
            return int(read_message(self._connection)["status"])
        except (OSError, ValueError, KeyError):
            # Its parent was killed, so nobody knows.
            return -signal.SIGKILL

    def terminate(self) -> None:
        os.kill(self.pid, signal.SIGTERM)
