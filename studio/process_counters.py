"""Counters and times of this process. Each process stores its own in a file every few seconds; `read_all` adds those of all
processes of this machine, for /metrics."""

import bisect
import contextlib
import fcntl
import functools
import json
import os
import pathlib
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import psutil
from django.conf import settings

# Upper limits in seconds; the last bucket has what is longer.
BUCKETS = (0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
PAUSE_SECONDS = 5
# Series of one name in a process; others are added up under OTHERS, so that wrong addresses cannot fill the memory.
MAX_SERIES, OTHERS = 2000, "others"
SLOW_SECONDS, MAX_SLOW, MAX_SQL = 0.2, 50, 1000
# Clocks that are corrected move the start of a process.
TOLERANCE_SECONDS = 10
ENDED = "ended.json"

_lock = threading.Lock()


def make_counts() -> dict[str, dict[tuple[str, ...], float]]:
    """By name and by the values of the labels."""
    return defaultdict(lambda: defaultdict(float))


def make_times() -> dict[str, dict[tuple[str, ...], list[float]]]:
    """The number in each bucket, and the sum of the seconds."""
    return defaultdict(dict)


_counts, _times = make_counts(), make_times()
# Statements that took long: how often, the longest time, and when the last one ended.
_slow: dict[str, list[float]] = {}
_stored = {"at": 0.0}


def count(name: str, *labels: str, number: float = 1) -> None:
    with _lock:
        series = _counts[name]
        if labels not in series:
            labels = _bound(series, labels)
        series[labels] += number


def observe(name: str, seconds: float, *labels: str, number: float = 1) -> None:
    with _lock:
        series = _times[name]
        found = series.get(labels)
        if found is None:
            found = series.setdefault(_bound(series, labels), [0.0] * (len(BUCKETS) + 2))
        found[bisect.bisect_left(BUCKETS, seconds)] += number
        found[-1] += seconds * number


def note_statement(sql: str, seconds: float) -> None:
    """Remember a statement that took long; it has placeholders instead of values."""
    if seconds < SLOW_SECONDS:
        return
    with _lock:
        found = _slow.setdefault(sql[:MAX_SQL], [0, 0, 0])
        found[:] = found[0] + 1, max(found[1], seconds), time.time()
        if len(_slow) > MAX_SLOW:
            del _slow[min(_slow, key=lambda each: _slow[each][1])]


def _bound(series: dict, labels: tuple[str, ...]) -> tuple[str, ...]:
    return labels if len(series) < MAX_SERIES else (OTHERS,) * len(labels)


def store_if_due() -> None:
    """Store what was counted, unless that was done in the last seconds."""
    now = time.monotonic()
    if now - _stored["at"] >= PAUSE_SECONDS:
        _stored["at"] = now
        # A full disk must not fail the request; what was counted is stored later.
        with contextlib.suppress(OSError):
            store()


def store() -> None:
    with _lock:
        found = _to_json(_counts, _times, _slow)
    _replace(_folder() / _own_name(os.getpid()), found)


def _folder() -> pathlib.Path:
    folder = pathlib.Path(settings.DATA_DIR, "counters")
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


@functools.cache
def _own_name(pid: int) -> str:
    """With the start of the process, because another one may get its number."""
    return f"{pid}-{_start_of(pid)}.json"


def _start_of(pid: int) -> int:
    """0 if it has ended."""
    try:
        return int(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0


def _replace(path: pathlib.Path, found: dict[str, Any]) -> None:
    unfinished = path.with_suffix(f".{threading.get_ident()}.new")
    unfinished.write_text(json.dumps(found))
    unfinished.replace(path)


def _to_json(counts: dict, times: dict, slow: dict) -> dict[str, Any]:
    return {
        "slow": slow,
        "counts": [[name, list(labels), value] for name, series in counts.items() for labels, value in series.items()],
        "times": [[name, list(labels), value] for name, series in times.items() for labels, value in series.items()],
    }


def read_all() -> tuple[dict, dict, dict]:
    """The counts and the times of all processes by name and labels, and slow statements. Files of ended processes become one."""
    folder = _folder()
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ended = [path for path in folder.glob("*-*.json") if not _is_running(path)]
        if ended:
            _replace(folder / ENDED, _to_json(*_add_up(_read([folder / ENDED, *ended]))))
            for path in ended:
                path.unlink()
        return _add_up(_read(folder.glob("*.json")))


def _is_running(path: pathlib.Path) -> bool:
    pid, _, started = path.stem.partition("-")
    found = _start_of(int(pid))
    return found > 0 and abs(found - int(started)) <= TOLERANCE_SECONDS


def _read(paths: Iterable[pathlib.Path]) -> Iterator[dict[str, Any]]:
    for path in paths:
        if path.exists():
            yield json.loads(path.read_text())


def _add_up(parts: Iterable[dict[str, Any]]) -> tuple[dict, dict, dict]:
    counts, times = make_counts(), make_times()
    slow: dict[str, list[float]] = {}
    for part in parts:
        for sql, (number, longest, last) in part["slow"].items():
            known = slow.get(sql, [0, 0, 0])
            slow[sql] = [known[0] + number, max(known[1], longest), max(known[2], last)]
        for name, labels, value in part["counts"]:
            counts[name][tuple(labels)] += value
        for name, labels, values in part["times"]:
            before = times[name].get(tuple(labels), [0.0] * len(values))
            times[name][tuple(labels)] = [one + other for one, other in zip(before, values, strict=True)]
    return counts, times, slow
