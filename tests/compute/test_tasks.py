"""The reaper gives everyone a chance after a pause of its own."""

import pytest

from compute import queue, tasks


@pytest.fixture
def clock(monkeypatch, settings):
    """The wall clock in seconds, and how often work was reaped."""
    state = {"now": 1000.0, "reaped": 0}
    monkeypatch.setattr(tasks, "_last_reap", 0.0)
    monkeypatch.setattr(tasks, "_grace_until", 0.0)
    monkeypatch.setattr(tasks.time, "time", lambda: state["now"])
    monkeypatch.setattr(queue, "reap", lambda: state.update(reaped=state["reaped"] + 1))
    settings.NODE_LEASE_SECONDS = 30
    return state


def reap_for(clock, seconds: int) -> int:
    """Reap every 5 s for so long; returns how often it was done in earnest."""
    before = clock["reaped"]
    for _ in range(0, seconds, 5):
        tasks.reap()
        clock["now"] += 5
    return clock["reaped"] - before


def test_the_first_half_lease_after_a_start_loses_nobody(clock):
    assert reap_for(clock, 15) == 0
    assert reap_for(clock, 15) == 3


def test_a_machine_that_slept_first_lets_everyone_show_a_sign(clock):
    reap_for(clock, 60)
    clock["now"] += 3600
    assert reap_for(clock, 15) == 0
    assert reap_for(clock, 10) == 2
