"""Checks of the doctor of this machine: its limits, memory, clock and temporary folder."""

import os
import pathlib
import resource
import tempfile
import time

import psutil
import redis
from django.conf import settings
from django.db import DatabaseError, connection

from studio.findings import Finding, fail, passed, warn

LOW_INODES, LOW_FILES = 50_000, 4096
LOW_MEMORY_MB = 400
MAX_SKEW_SECONDS = 2
SLOW_MS = 25
ANSWERS = 5


def check_inodes() -> Finding:
    what, disk = "inodes", os.statvfs(settings.DATA_DIR)
    # Some file systems, such as Btrfs, have no limit and report 0.
    if not disk.f_files:
        return passed(what, "The file system has no limit of files.")
    text = f"{disk.f_favail:,} more files fit on the disk of {settings.DATA_DIR}."
    if disk.f_favail < LOW_INODES:
        return warn(what, text, "Delete old environments and unused files, or move DATA_DIR to another disk.")
    return passed(what, text)


def check_open_files() -> Finding:
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= limit < LOW_FILES:
        text = f"A process may open {limit:,} files; each connection and log is one."
        return warn("open files", text, "Raise it: LimitNOFILE=65536 in systemd's unit, or `ulimit -n`.")
    return passed("open files", "No limit." if limit < 0 else f"A process may open {limit:,}.")


def check_memory() -> Finding:
    free = psutil.virtual_memory().available // 1024**2
    text = f"{free:,} MB are available."
    if free < LOW_MEMORY_MB:
        return warn("memory", text, "Stop programs or nodes, or add memory: the system kills jobs when none is left.")
    return passed("memory", text)


def check_temporary_folder() -> Finding:
    what, folder = "temporary folder", tempfile.gettempdir()
    try:
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"doctor")
            file.flush()
    except OSError as error:
        return fail(what, f"{folder} cannot be written: {error.strerror}.", "Correct its mode (1777), or set TMPDIR.")
    return passed(what, f"{folder} can be written.")


def check_clock() -> Finding:
    """Compare this machine's clock with those of the database and Redis: leases and links depend on them."""
    what, skews = "clock", {}
    if connection.vendor == "postgresql":
        skews["the database"] = _measure_skew(_read_database_clock)
    skews["Redis"] = _measure_skew(_read_redis_clock)
    known = {name: skew for name, skew in skews.items() if skew is not None}
    if not known:
        return passed(what, "There is no other clock to compare with.")
    name, skew = max(known.items(), key=lambda item: abs(item[1]))
    if abs(skew) > MAX_SKEW_SECONDS:
        text = f"This machine is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} {name}."
        return warn(what, text, "Run a time service such as chrony or systemd-timesyncd on every machine.")
    return passed(what, f"It agrees with {' and '.join(known)}.")


def _measure_skew(read) -> float | None:
    before = time.time()
    try:
        other = read()
    except (DatabaseError, redis.RedisError, OSError):
        return None
    return (before + time.time()) / 2 - other


def _read_database_clock() -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXTRACT(EPOCH FROM clock_timestamp())")
        return float(cursor.fetchone()[0])


def _read_redis_clock() -> float:
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
        seconds, micros = client.time()
    return seconds + micros / 1e6


def check_database_speed() -> Finding:
    """The version of the database, and the best time of a few answers."""
    what, times = "database speed", []
    with connection.cursor() as cursor:
        for _ in range(ANSWERS):
            began = time.perf_counter()
            cursor.execute("SELECT 1")
            times.append((time.perf_counter() - began) * 1000)
    version = ".".join(map(str, connection.get_database_version()))
    text = f"{connection.display_name} {version} answers in {min(times):.1f} ms."
    if min(times) > SLOW_MS:
        return warn(what, text, "Each page asks it ten to thirty times: bring it nearer, or look at its load.")
    return passed(what, text)


def check_key_modes() -> Finding:
    what = "key files"
    names = ["secret.key", "vault.keys"]
    files = [path for name in names if (path := pathlib.Path(settings.DATA_DIR, name)).exists()]
    open_ones = [path for path in files if path.stat().st_mode & 0o077]
    if open_ones:
        named = " ".join(map(str, open_ones))
        return fail(what, f"Other accounts can read {named}.", f"Type: chmod 600 {named}")
    return passed(what, "Only this account can read them.")


CHECKS = [
    check_inodes,
    check_open_files,
    check_memory,
    check_temporary_folder,
    check_key_modes,
    check_clock,
    check_database_speed,
]
