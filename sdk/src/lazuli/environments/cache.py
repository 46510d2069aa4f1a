"""Where built environments are kept: one folder per content, made by one process at a time."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import sys
import time
from typing import IO, Callable, Iterator, List

READY = "ready"
WAIT_SECONDS = 0.2
Log = Callable[[str], None]
Cancelled = Callable[[], bool]


class BuildFailed(Exception):
    """The environment cannot be made; the text says why."""


@dataclasses.dataclass
class Prepared:
    path: str
    python: str
    # Whether it had to be built just now.
    built: bool


def cache_folder() -> str:
    named = os.environ.get("LAZULI_ENV_CACHE")
    if named:
        return os.path.abspath(os.path.expanduser(named))
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "lazuli", "environments")


class Slot:
    """The place of one environment: its folder, its lock and the log of its building."""

    def __init__(self, key: str):
        base = cache_folder()
        self.path = os.path.join(base, key)
        self.log_path = os.path.join(base, f"{key}.log")
        self._lock_path = os.path.join(base, f"{key}.lock")
        self._use_path = os.path.join(base, f"{key}.use")
        self._marker = os.path.join(self.path, READY)

    @property
    def python(self) -> str:
        below = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
        return os.path.join(self.path, *below)

    @property
    def is_ready(self) -> bool:
        """Built to the end, and its base interpreter is still there."""
        if not (os.path.exists(self._marker) and os.path.exists(self.python)):
            return False
        # So that a cleaner can tell what is used.
        with contextlib.suppress(OSError):
            os.utime(self._marker)
        return True

    def mark_ready(self, text: str) -> None:
        with open(self._marker, "w", encoding="utf-8") as file:
            file.write(text)

    def clear(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def hold(self) -> bool:
        """In use until this process ends; False if it is being removed at this moment, or is gone."""
        if sys.platform == "win32":
            # There a program that runs cannot be removed anyway.
            return self.is_ready
        use = open(self._use_path, "a")  # noqa: SIM115 (held open on purpose)
        if not _try_lock(use, shared=True):
            use.close()
            return False
        _held.append(use)
        return self.is_ready

    @property
    def is_in_use(self) -> bool:
        with self.unused() as free:
            return not free

    @contextlib.contextmanager
    def unused(self) -> Iterator[bool]:
        """Nobody uses or builds it, and nobody begins to within the block; False if that cannot be had now."""
        with open(self._lock_path, "a") as lock, open(self._use_path, "a") as use:
            yield _try_lock(lock) and _try_lock(use)

    @contextlib.contextmanager
    def locked(self, log: Log, cancelled: Cancelled) -> Iterator[None]:
        """Only one process builds; the others wait and show its log."""
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(self._lock_path, "a") as lock:
            follower = _Follower(self.log_path)
            while not _try_lock(lock):
                if cancelled():
                    raise BuildFailed("it was cancelled while another run was building the environment")
                follower.show_new(log)
                time.sleep(WAIT_SECONDS)
            follower.show_last(log)
            yield


class _Follower:
    """Another process's log, from its start. The file is only looked at while that process builds."""

    def __init__(self, path: str):
        self._path = path
        self._offset = 0
        self._waited = False

    def show_new(self, log: Log) -> None:
        if not self._waited:
            log("Another run is building this environment; its log follows.\n")
            self._waited = True
        if os.path.exists(self._path):
            with open(self._path, "rb") as file:
                file.seek(self._offset)
                content = file.read()
            self._offset += len(content)
            if content:
                log(content.decode(errors="replace"))

    def show_last(self, log: Log) -> None:
        if self._waited:
            self.show_new(log)


# The locks of what this process uses; the system lets go of them when it ends.
_held: List[IO[str]] = []


def _try_lock(file: IO[str], shared: bool = False) -> bool:
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
