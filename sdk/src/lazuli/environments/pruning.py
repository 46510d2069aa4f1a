"""Remove cached environments: those not used for long, then the least recently used ones until the rest fits."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from typing import Iterator, List, NamedTuple, Optional

from lazuli.environments.cache import READY_FILE, CacheEntry, cache_folder

# 0 means: no limit.
MAX_GB = "LAZULI_ENV_CACHE_GB"
MAX_DAYS = "LAZULI_ENV_CACHE_DAYS"
DEFAULT_GB = 20.0
DEFAULT_DAYS = 60.0
GB = 1024**3
DAY = 86400.0


class BadSetting(Exception):
    """An environment variable is not a number."""


class CachedEnvironment(NamedTuple):
    """An environment of the cache: its key, size (bytes) and the time of its last use (epoch seconds)."""

    key: str
    size: int
    used_at: float

    @property
    def entry(self) -> CacheEntry:
        return CacheEntry(self.key)


def list_cached() -> List[CachedEnvironment]:
    """All that are completely built, the least recently used first."""
    found = []
    base = cache_folder()
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(base):
            # Another process may be removing it.
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                used_at = os.stat(os.path.join(base, name, READY_FILE)).st_mtime
                found.append(CachedEnvironment(name, _folder_size(os.path.join(base, name)), used_at))
    return sorted(found, key=lambda each: each.used_at)


def find_removable(max_gb: Optional[float] = None, max_days: Optional[float] = None) -> List[CachedEnvironment]:
    """The environments over the limits (default: the settings) that are not in use. Raises BadSetting."""
    limit = (_read_setting(MAX_GB, DEFAULT_GB) if max_gb is None else max_gb) * GB
    age = (_read_setting(MAX_DAYS, DEFAULT_DAYS) if max_days is None else max_days) * DAY
    cached = list_cached()
    total, now, removable = sum(each.size for each in cached), time.time(), []
    for each in cached:
        too_old = bool(age) and now - each.used_at > age
        if (too_old or (limit and total > limit)) and not each.entry.is_in_use:
            removable.append(each)
            total -= each.size
    return removable


def prune(max_gb: Optional[float] = None, max_days: Optional[float] = None) -> List[CachedEnvironment]:
    """Remove the environments over the limits, and return them. Raises BadSetting."""
    return [each for each in find_removable(max_gb, max_days) if _remove(each)]


def _remove(each: CachedEnvironment) -> bool:
    with each.entry.lock_if_unused() as free:
        if not free:
            return False
        # Without the marker it counts as not built, in case the removal is interrupted.
        os.remove(os.path.join(each.entry.path, READY_FILE))
        shutil.rmtree(each.entry.path, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            os.remove(each.entry.log_path)
    return True


def _read_setting(name: str, default: float) -> float:
    text = os.environ.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise BadSetting(f"{name}={text!r}: set it to a number, or to 0 for no limit")
    return value


def _folder_size(folder: str) -> int:
    return sum(_list_file_sizes(folder))


def _list_file_sizes(folder: str) -> Iterator[int]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _list_file_sizes(entry.path)
            else:
                yield entry.stat(follow_symlinks=False).st_size
