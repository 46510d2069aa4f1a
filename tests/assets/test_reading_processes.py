"""The process that is started before data has to be read."""

import time

import pytest

from assets.data import reading, reading_processes


@pytest.fixture
def spare(monkeypatch):
    made = reading_processes.Spare()
    monkeypatch.setattr(reading_processes, "SPARE", made)
    yield made
    made.end()


@pytest.fixture
def copy(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    return reading.LocalCopy(str(tmp_path / "a.csv"), reading.SourceFile("a.csv", 8))


DEFINITION = {"kind": "tabular", "paths": [], "steps": [{"type": "read_delimited"}]}


def test_a_page_leaves_a_process_ready_for_the_next_one(spare, copy):
    for _ in range(2):
        waiting = spare._process
        found = reading.read_copies(DEFINITION, [copy], act="rows", limit=5)
        assert found["rows"] == [["1", "2"]]
        assert waiting is None or waiting.returncode is not None, "no process reads twice"
    assert spare._process.poll() is None
    # Work in the background leaves none.
    spare.end()
    reading.read_copies(DEFINITION, [copy], reading.FULL, act="profile")
    assert spare._process is None


def test_one_that_has_ended_is_not_used(spare, copy):
    spare.prepare()
    spare._process.kill()
    spare._process.wait()
    assert reading.read_copies(DEFINITION, [copy], act="rows", limit=5)["rows"] == [["1", "2"]]


def test_nothing_waits_forever(spare, monkeypatch):
    monkeypatch.setattr(reading_processes, "SPARE_SECONDS", 0.05)
    spare.prepare()
    process, until = spare._process, time.monotonic() + 20
    while process.returncode is None and time.monotonic() < until:
        time.sleep(0.05)
    assert process.returncode is not None and spare._process is None


def test_it_ends_with_the_process_that_started_it(copy):
    process = reading_processes.start()
    process.stdin.close()
    assert process.wait(timeout=60) == 0 and process.stdout.read() == ""
    process.stdout.close()
