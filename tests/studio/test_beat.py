"""The periodic tasks come from a thread of the control worker."""

import os
import signal

from studio.beat import Beat, BeatThread
from studio.celery import app


def test_the_control_worker_starts_the_beat():
    assert Beat in app.steps["worker"]


def test_a_beat_that_ends_by_itself_ends_its_worker_which_is_started_again(monkeypatch):
    killed = []
    monkeypatch.setattr(os, "kill", lambda *what: killed.append(what))
    thread = BeatThread(app)
    monkeypatch.setattr(thread.service, "start", lambda: None)
    thread.run()
    assert killed == [(os.getpid(), signal.SIGTERM)]
    thread.is_stopping = True
    thread.run()
    assert len(killed) == 1
