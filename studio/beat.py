"""Sends the periodic tasks from a thread of the control worker: a separate process would load all of Django again."""

import logging
import os
import signal
import threading

from celery import beat, bootsteps
from django.conf import settings


class Beat(bootsteps.StartStopStep):
    """A start-up step of the control worker (studio/celery.py)."""

    def start(self, worker) -> None:
        logging.getLogger("celery.beat").addFilter(shorten)
        self.thread = BeatThread(worker.app)
        self.thread.start()

    def stop(self, worker) -> None:
        self.thread.is_stopping = True
        self.thread.service.stop()


def shorten(record: logging.LogRecord) -> bool:
    """Log a task that cannot be sent in one line: without Redis, there are several every five seconds."""
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    if isinstance(error, beat.SchedulingError):
        record.msg, record.args = "%s", (str(error),)
        record.exc_info = record.exc_text = None
    return True


class BeatThread(threading.Thread):
    def __init__(self, app):
        super().__init__(name="beat", daemon=True)
        self.is_stopping = False
        self.service = beat.Service(app, schedule_filename=str(settings.DATA_DIR / "beat"))

    def run(self) -> None:
        try:
            self.service.start()
        finally:
            # Without this thread the worker would do nothing, so it ends, and the supervisor starts another.
            if not self.is_stopping:
                os.kill(os.getpid(), signal.SIGTERM)
