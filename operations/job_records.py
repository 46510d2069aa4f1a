"""Records the result of each periodic task, in the control worker."""

import time

from celery import signals
from django.db import DatabaseError
from django.utils import timezone

from operations.models import JobRecord
from studio import process_counters

# Seconds between two records of a successful task, because some run every 5 seconds.
PAUSE_SECONDS = 30
_begun: dict[str, float] = {}
_recorded: dict[str, float] = {}


def connect_signals() -> None:
    signals.task_prerun.connect(_begin)
    signals.task_postrun.connect(_end)


def _begin(task_id: str = "", **_) -> None:
    _begun[task_id] = time.monotonic()


def _end(task_id: str = "", task=None, state: str = "", retval=None, **_) -> None:
    begun = _begun.pop(task_id, time.monotonic())
    process_counters.store_if_due()
    every = _interval_of(task)
    if not every:
        return
    error = "" if state == "SUCCESS" else f"{type(retval).__name__}: {retval}"[:300]
    now = time.monotonic()
    if not error and now - _recorded.get(task.name, -PAUSE_SECONDS) < PAUSE_SECONDS:
        return
    _recorded[task.name] = now
    record_job(task.name, now - begun, every, error)


def _interval_of(task) -> float:
    """Seconds between two runs; 0 for a task that is not periodic."""
    schedule = task.app.conf.beat_schedule or {} if task else {}
    return next((float(entry["schedule"]) for entry in schedule.values() if entry["task"] == task.name), 0)


def record_job(name: str, seconds: float, every: float, error: str = "") -> None:
    now = timezone.now()
    fields = {
        "ended_at": now,
        "seconds": seconds,
        "every": every,
        "error": error,
        **({} if error else {"succeeded_at": now}),
    }
    try:
        JobRecord.objects.update_or_create(name=name, defaults=fields)
    except DatabaseError:
        # The task had the same problem, and its own error is in the log.
        _recorded.pop(name, None)
