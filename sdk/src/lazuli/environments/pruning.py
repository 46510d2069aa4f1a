"""Built environments that may go: those unused for long, then the least used ones until the rest fits."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from typing import Iterator, List, NamedTuple, Optional

from lazuli.environments.cache import READY, Slot, cache_folder

# 0 means: no limit.
MOST_GB = "LAZULI_ENV_CACHE_GB"
MOST_DAYS = "LAZULI_ENV_CACHE_DAYS"
DEFAULT_GB = 20.0
DEFAULT_DAYS = 60.0
GB = 1024**3
DAY = 86400.0


class BadSetting(Exception):
    """A variable of the environment holds no number."""


class Kept(NamedTuple):
    """An environment of the cache."""

    key: str
    size: int
    used_at: float

    @property
    def slot(self) -> Slot:
        return Slot(self.key)


def kept() -> List[Kept]:
    """All that are built to the end, the longest unused first."""
    found = []
    base = cache_folder()
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(base):
            # One that is removed at this moment is no longer there.
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                used_at = os.stat(os.path.join(base, name, READY)).st_mtime
                found.append(Kept(name, _size(os.path.join(base, name)), used_at))
    return sorted(found, key=lambda each: each.used_at)


def superfluous(most_gb: Optional[float] = None, most_days: Optional[float] = None) -> List[Kept]:
    """What goes by these limits, or by the settings; whatever is in use now stays."""
    limit = (_setting(MOST_GB, DEFAULT_GB) if most_gb is None else most_gb) * GB
    age = (_setting(MOST_DAYS, DEFAULT_DAYS) if most_days is None else most_days) * DAY
    there = kept()
    total, now, going = sum(each.size for each in there), time.time(), []
    for each in there:
        too_old = bool(age) and now - each.used_at > age
        if (too_old or (limit and total > limit)) and not each.slot.is_in_use:
            going.append(each)
            total -= each.size
    return going


def prune(most_gb: Optional[float] = None, most_days: Optional[float] = None) -> List[Kept]:
    """Remove what is superfluous; what was removed."""
    return [each for each in superfluous(most_gb, most_days) if _remove(each)]


def _remove(each: Kept) -> bool:
    with each.slot.unused() as free:
        if not free:
            return False
        # Without the marker it counts as not built, should the removal be cut short.
        os.remove(os.path.join(each.slot.path, READY))
        shutil.rmtree(each.slot.path, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            os.remove(each.slot.log_path)
    return True


def _setting(name: str, default: float) -> float:
    text = os.environ.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise BadSetting(f"{name}={text!r}: write a number, or 0 for no limit")
    return value


def _size(folder: str) -> int:
    return sum(_file_sizes(folder))


def _file_sizes(folder: str) -> Iterator[int]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _file_sizes(entry.path)
            else:
                yield entry.stat(follow_symlinks=False).st_size
