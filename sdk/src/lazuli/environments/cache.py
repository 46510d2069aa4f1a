"""The cache of built environments: one folder per content, built by one process at a time."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import sys
import time
from typing import IO, Callable, Iterator, List

READY_FILE = "ready"
# The first words of a build log if nothing is built.
IS_CACHED = "The environment is in the cache"
WAIT_SECONDS = 0.2
Log = Callable[[str], None]
Cancelled = Callable[[], bool]


class BuildFailed(Exception):
    """The environment cannot be built; the message says why."""


@dataclasses.dataclass
class Prepared:
    """An environment that is ready: its folder and its interpreter."""

    path: str
    python: str
    # Whether it was built by this call.
    built: bool
    # What is left out or changed.
    warnings: List[str] = dataclasses.field(default_factory=list)


def cache_folder() -> str:
    named = os.environ.get("LAZULI_ENV_CACHE")
    if named:
        return os.path.abspath(os.path.expanduser(named))
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "lazuli", "environments")


class CacheEntry:
    """One environment of the cache: its folder, its locks and its build log."""

    def __init__(self, key: str, is_in_image: bool = False):
        """`is_in_image`: its interpreter is in an image, so that on this machine it is a link to nothing."""
        base = cache_folder()
        self._has_python = os.path.lexists if is_in_image else os.path.exists
        self.path = os.path.join(base, key)
        self.log_path = os.path.join(base, f"{key}.log")
        self._lock_path = os.path.join(base, f"{key}.lock")
        self._use_path = os.path.join(base, f"{key}.use")
        self._marker = os.path.join(self.path, READY_FILE)

    @property
    def python(self) -> str:
        below = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
        return os.path.join(self.path, *below)

    @property
    def is_ready(self) -> bool:
        """Whether it is completely built, and its base interpreter still exists."""
        if not (os.path.exists(self._marker) and self._has_python(self.python)):
            return False
        # The time of the marker is when the environment was used last.
        with contextlib.suppress(OSError):
            os.utime(self._marker)
        return True

    def mark_ready(self, text: str) -> None:
        with open(self._marker, "w", encoding="utf-8") as file:
            file.write(text)

    def read_warnings(self) -> List[str]:
        """Changes by the build because of this machine."""
        with contextlib.suppress(OSError, ValueError), open(self._marker, encoding="utf-8") as file:
            content = json.load(file)
            return [str(each) for each in content.get("warnings") or []] if isinstance(content, dict) else []
        return []

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def mark_in_use(self) -> bool:
        """Keep it from being removed until this process ends; False if it is being removed or does not exist."""
        if sys.platform == "win32":
            # Windows does not remove a program that is running.
            return self.is_ready
        use = open(self._use_path, "a")  # noqa: SIM115 (held open on purpose)
        if not _try_lock(use, shared=True):
            use.close()
            return False
        _use_locks.append(use)
        return self.is_ready

    @property
    def is_in_use(self) -> bool:
        with self.lock_if_unused() as free:
            return not free

    @contextlib.contextmanager
    def lock_if_unused(self) -> Iterator[bool]:
        """Prevent use and building by others within the block; yields False if it is in use already."""
        with open(self._lock_path, "a") as lock, open(self._use_path, "a") as use:
            yield _try_lock(lock) and _try_lock(use)

    @contextlib.contextmanager
    def lock_for_building(self, log: Log, cancelled: Cancelled) -> Iterator[None]:
        """Let one process build; the others wait for it and print its log. Raises BuildFailed if cancelled while waiting."""
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(self._lock_path, "a") as lock:
            log_reader = _BuildLogReader(self.log_path)
            while not _try_lock(lock):
                if cancelled():
                    raise BuildFailed("it was cancelled while another run was building the environment")
                log_reader.print_new(log)
                time.sleep(WAIT_SECONDS)
            log_reader.print_rest(log)
            yield


class _BuildLogReader:
    """Prints the log of another process that builds the same environment, from its start."""

    def __init__(self, path: str):
        self._path = path
        self._offset = 0
        self._waited = False

    def print_new(self, log: Log) -> None:
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

    def print_rest(self, log: Log) -> None:
        if self._waited:
            self.print_new(log)


# The locks of the environments that this process uses; the system releases them when it ends.
_use_locks: List[IO[str]] = []


def _try_lock(file: IO[str], shared: bool = False) -> bool:
    if sys.platform == "win32":
        import msvcrt  # platform: Windows

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl  # platform: not Windows

    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
