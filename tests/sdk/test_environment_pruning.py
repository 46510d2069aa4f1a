"""The cache of built environments is kept small, and nothing that runs loses its Python."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from lazuli import cli
from lazuli.environments import pruning
from lazuli.environments.cache import CacheEntry

MB = 1024**2


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Makes an environment that was last used some days ago."""
    monkeypatch.setenv("LAZULI_ENV_CACHE", str(tmp_path))
    for name in (pruning.MAX_GB, pruning.MAX_DAYS):
        monkeypatch.delenv(name, raising=False)

    def make(key, days, size=MB):
        entry = CacheEntry(key)
        os.makedirs(os.path.dirname(entry.python))
        with open(entry.python, "wb") as file:
            file.truncate(size)
        entry.mark_ready("{}")
        then = time.time() - days * pruning.DAY
        os.utime(os.path.join(entry.path, "ready"), (then, then))
        return entry

    return make


def keys(kept):
    return [each.key for each in kept]


def test_the_long_unused_go(made):
    made("old", 61), made("fresh", 1)
    assert keys(pruning.prune()) == ["old"]
    assert keys(pruning.list_cached()) == ["fresh"]
    assert not os.path.exists(CacheEntry("old").path)


def test_the_longest_unused_are_removed(made):
    for day in (1, 2, 3):
        made(f"day{day}", day)
    assert keys(pruning.prune(max_gb=2.5 * MB / pruning.GB)) == ["day3"]
    assert keys(pruning.list_cached()) == ["day2", "day1"]


def test_what_another_process_uses_stays(made):
    made("old", 100)
    code = "import sys; from lazuli.environments.cache import CacheEntry; print(CacheEntry('old').mark_in_use(), flush=True); sys.stdin.read()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "True\n"
    # To hold it is to use it: it would stay for its age alone.
    os.utime(os.path.join(CacheEntry("old").path, "ready"), (0, 0))
    assert pruning.prune() == [] and CacheEntry("old").is_in_use
    process.communicate("")
    assert keys(pruning.prune()) == ["old"]


def test_what_is_being_removed_is_not_taken(made):
    entry = made("one", 1)
    with entry.lock_if_unused() as free:
        assert free and not entry.mark_in_use()


def test_zero_in_the_settings_means_no_limit_and_nonsense_is_reported(made, monkeypatch):
    made("old", 1000)
    monkeypatch.setenv(pruning.MAX_DAYS, "0")
    monkeypatch.setenv(pruning.MAX_GB, "0")
    assert pruning.prune() == []
    monkeypatch.setenv(pruning.MAX_GB, "much")
    with pytest.raises(pruning.BadSetting, match="LAZULI_ENV_CACHE_GB='much': set it to a number"):
        pruning.prune()


def test_commands(made, capsys):
    made("old", 90), made("fresh", 1)
    assert cli.main(["environments", "list", "-o", "tsv"]) == cli.OK
    assert [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()] == ["old", "fresh"]
    assert cli.main(["environments", "prune", "--dry-run", "-o", "tsv"]) == cli.OK
    assert capsys.readouterr().out.startswith("old\t1.0\t") and len(pruning.list_cached()) == 2
    cli.main(["environments", "prune", "--unused-days", "0.5"])
    assert pruning.list_cached() == []
    made("last", 0)
    cli.main(["environments", "prune", "--max-gb", "0"])
    assert pruning.list_cached() == []
