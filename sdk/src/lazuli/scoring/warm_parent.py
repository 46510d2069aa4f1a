"""`python -m lazuli.scoring.warm_parent`: has imported the usual packages of an environment, and forks replicas that
share them with it.

The node worker starts it, fenced, with a listening socket and a line of settings at its standard input, which stays open
as long as replicas may be forked. The runner of a replica connects, shows a file that no fenced process can open, and
sends what the replica needs. This process loads no code of services, and ends when it was not needed for a while.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import gc
import hashlib
import importlib
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import threading
import time
import traceback
from typing import Any, Dict, List, NoReturn, Optional, Tuple

from lazuli import isolation, processes
from lazuli.processes import set_process_name
from lazuli.scoring import replica, warm_packages
from lazuli.scoring.forked_server import ForkedServer, replace_variables

IDLE_SECONDS = 600.0
REQUEST_SECONDS = 1.0
# Threads that a library ends before a fork take a moment.
THREAD_SECONDS = 1.0
# That of pyarrow's allocator, which gives memory back; jemalloc does without it in a forked process.
HARMLESS_THREADS = {"jemalloc_bg_thd"}
MAX_REQUEST = 4 * 1024 * 1024
# Its exit status if replicas cannot be forked from it.
UNSAFE = 4


def main() -> int:
    set_process_name("lazuli-warm")
    # The current folder is no place for modules.
    sys.path = [path for path in sys.path if path not in ("", os.getcwd())]
    settings = json.loads(_read_line(0))
    gc.disable()
    with open(warm_packages.MODULES, encoding="utf-8") as file:
        import_modules(json.load(file))
    danger = find_danger()
    if danger:
        print(danger, flush=True)
        return UNSAFE
    warm_packages.note_inherited()
    gc.enable()
    gc.collect()
    # A collection in a child would copy the pages that it shares with this process.
    gc.freeze()
    listener = socket.socket(fileno=int(settings["listener"]))
    parent = WarmParent(listener, settings["key"], float(settings.get("idleSeconds", IDLE_SECONDS)))
    open(warm_packages.READY, "wb").close()
    parent.serve()
    return 0


def _read_line(descriptor: int) -> bytes:
    """Byte by byte, so that nothing is left in a buffer."""
    line = b""
    while not line.endswith(b"\n"):
        letter = os.read(descriptor, 1)
        if not letter:
            break
        line += letter
    return line


def import_modules(names: List[str]) -> None:
    for name in warm_packages.choose_usual(names):
        try:
            importlib.import_module(name)
        # Whatever a package raises: a replica that needs it imports it itself, and shows the error.
        except BaseException as error:
            print(f"{name} could not be imported: {error!r}", flush=True)


def find_danger() -> str:
    """Why replicas cannot be forked from this process; empty if they can."""
    if threading.active_count() > 1:
        names = ", ".join(thread.name for thread in threading.enumerate()[1:])
        return f"A package has started a thread: {names}"
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    # OpenBLAS ends its threads before a fork and starts others when they are needed; other libraries do not.
    deadline = time.monotonic() + THREAD_SECONDS
    while find_threads():
        if time.monotonic() > deadline:
            return f"A package has started threads that a fork would not take along: {', '.join(find_threads())}"
        time.sleep(0.01)
    opened = (_read_link(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd"))
    return "A package has opened a GPU." if any(path.startswith("/dev/nvidia") for path in opened) else ""


def find_threads() -> List[str]:
    """The names of the threads that a forked process would miss."""
    found = []
    for number in set(os.listdir("/proc/self/task")) - {str(os.getpid())}:
        # A thread may end meanwhile.
        with contextlib.suppress(OSError), open(f"/proc/self/task/{number}/comm", encoding="utf-8") as file:
            found.append(file.read().strip())
    return [name for name in found if name not in HARMLESS_THREADS]


def _read_link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


class WarmParent:
    def __init__(self, listener: socket.socket, key: List[int], idle_seconds: float):
        self._listener: Optional[socket.socket] = listener
        self._key, self._idle_seconds = tuple(key), idle_seconds
        # The connections of the runners by the replicas that they wait for.
        self._children: Dict[int, socket.socket] = {}
        self._paths = list_module_files()
        self._files = describe_files(self._paths)
        self._used_at = time.monotonic()
        self._waking, waking = os.pipe()
        for end in (self._waking, waking):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
        self._waking_end = waking

    def serve(self) -> None:
        """Until no replica is left and none will come."""
        while self._listener is not None or self._children:
            waited: List[Any] = [self._waking] + ([self._listener, 0] if self._listener else [])
            ready = select.select(waited, [], [], self._idle_seconds / 4)[0]
            self._reap()
            if 0 in ready and not os.read(0, 1):
                self._retire()
            elif self._listener in ready and self._listener is not None:
                self._accept()
            elif not self._children and time.monotonic() - self._used_at > self._idle_seconds:
                self._retire()

    def _retire(self) -> None:
        """Fork no further replicas."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            with contextlib.suppress(OSError):
                os.remove(warm_packages.READY)

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._waking, 1000)
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._used_at = time.monotonic()
            connection = self._children.pop(pid, None)
            if connection:
                _say(connection, {"status": -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)})
                connection.close()

    def _accept(self) -> None:
        assert self._listener is not None
        connection, _ = self._listener.accept()
        connection.settimeout(REQUEST_SECONDS)
        opened: List[int] = []
        try:
            request = _receive_request(connection, opened, self._key)
            if describe_files(self._paths) != self._files:
                _say(connection, {"refused": "the packages of the environment have changed"})
                self._retire()
                connection.close()
                return
            self._fork(connection, request, opened)
        except (OSError, ValueError) as error:
            print(f"A request was refused: {error}", flush=True)
            connection.close()
        finally:
            for descriptor in opened:
                os.close(descriptor)

    def _fork(self, connection: socket.socket, request: Dict[str, Any], opened: List[int]) -> None:
        pid = os.fork()
        if pid == 0:
            self._forget_all(connection)
            _become_replica(request, opened)
        self._used_at = time.monotonic()
        self._children[pid] = connection
        _say(connection, {"pid": pid})

    def _forget_all(self, connection: socket.socket) -> None:
        """In the child: what belongs to the parent alone."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for each in [*self._children.values(), connection, self._listener]:
            if each is not None:
                each.close()
        os.close(self._waking)
        os.close(self._waking_end)


def list_module_files() -> str:
    """The paths of the files of all loaded modules, in one piece."""
    found = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return "\0".join(path for path in found if isinstance(path, str))


def describe_files(paths: str) -> bytes:
    """Tells whether files were replaced, by their sizes and times. It looks at no module: what it looks at is copied, and
    replicas share it no longer."""
    found = hashlib.sha256()
    for path in paths.split("\0"):
        try:
            status = os.stat(path)
            found.update(b"%d %d," % (status.st_size, status.st_mtime_ns))
        except OSError:
            found.update(b"-,")
    return found.digest()


def _receive_request(connection: socket.socket, opened: List[int], key: Tuple[int, ...]) -> Dict[str, Any]:
    """The request, and in `opened` the descriptors that came with it. Raises ValueError for one without the key."""
    numbers = array.array("i")
    space = socket.CMSG_SPACE(4 * numbers.itemsize)
    size, ancillary, _, _ = connection.recvmsg(4, space, socket.MSG_WAITALL)
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
    opened += numbers
    if not opened or not _is_key(opened[0], key):
        raise ValueError("it does not come from a runner of this node")
    os.close(opened.pop(0))
    length = struct.unpack("!I", size)[0] if len(size) == 4 else 0
    content = b""
    while len(content) < min(length, MAX_REQUEST):
        part = connection.recv(length - len(content))
        if not part:
            raise ValueError("it ended early")
        content += part
    request: Dict[str, Any] = json.loads(content)
    return request


def _is_key(descriptor: int, key: Tuple[int, ...]) -> bool:
    """Whether it is the key file, opened for reading: to open a path alone needs no permission."""
    found = os.fstat(descriptor)
    return (found.st_dev, found.st_ino) == key and not fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_PATH


def _say(connection: socket.socket, message: Dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(json.dumps(message).encode() + b"\n")


def _become_replica(request: Dict[str, Any], opened: List[int]) -> NoReturn:
    """In the child: a process as if it was started for this service alone."""
    try:
        os.setsid()
        processes.become_subreaper()
        set_process_name("lazuli-replica")
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        log, *rulesets = opened
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        replace_variables(request["variables"])
        os.chdir(request["folder"])
        added = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        sys.path = [*(path for path in added if path and path not in sys.path), *sys.path]
        for ruleset in rulesets:
            isolation.Fence(ruleset).enter()
        for descriptor in opened:
            os.close(descriptor)
        opened.clear()
        status = replica.run_replica(request["socket"], ForkedServer())
    # What the parent handles is no reason for this process to continue as one.
    except (OSError, ValueError, KeyError, isolation.NotIsolated):
        traceback.print_exc()
        status = 1
    sys.exit(status)


if __name__ == "__main__":
    sys.exit(main())
