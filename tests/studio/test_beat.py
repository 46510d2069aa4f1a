"""The periodic tasks come from a thread of the control worker."""

import logging
import os
import signal

from celery.beat import SchedulingError

from studio.beat import Beat, BeatThread, shorten
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


def test_a_task_that_cannot_be_sent_is_one_line_in_the_log():
    error = SchedulingError("Couldn't apply scheduled task reap: Connection refused.")
    written = ("Message Error: %s\n%s", (error, ["a stack"]), (type(error), error, None))
    record = logging.LogRecord("celery.beat", logging.ERROR, "", 1, *written)
    assert shorten(record)
    assert (record.getMessage(), record.exc_info) == (str(error), None)
