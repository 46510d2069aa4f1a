"""Celery messages that only notify. Every receiver also polls, so a lost message costs only seconds.

They are sent on commit, because before that there is nothing to see, and by a separate thread: no request waits for Redis,
not even for one that accepts connections and never answers.
"""

import atexit
import functools
import logging
import threading
import time

from celery import Celery
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError
from lazuli.agent.broker import HOST_TASK, NODE_TASK, build_broker_settings, get_cluster_queue, get_host_queue

logger = logging.getLogger(__name__)
# After this time the receiver has polled anyway.
EXPIRES_SECONDS = 30
# How long the thread waits for Redis, and how long it pauses after a failure.
TIMEOUT_SECONDS, PAUSE_SECONDS = 1.0, 5.0
# How long an ending process waits for its last messages.
LAST_SECONDS = 0.5


def notify_cluster(target_id: int) -> None:
    """Notify the nodes of this cluster of possible work."""
    _send_on_commit(NODE_TASK, get_cluster_queue(target_id))


def notify_host(host_name: str) -> None:
    """Notify this host of possible changes of its nodes."""
    _send_on_commit(HOST_TASK, get_host_queue(host_name))


def notify_autoscaler() -> None:
    notify_control("compute.tasks.autoscale")


def notify_control(task: str) -> None:
    """Notify the control worker of possible work for this task."""
    _send_on_commit(task, "control")


def _send_on_commit(task: str, queue: str) -> None:
    transaction.on_commit(functools.partial(_send, task, queue))


def _send(task: str, queue: str) -> None:
    outbox.add(task, queue)


class Outbox:
    """Messages to send; a message that is added again before it was sent is sent once."""

    def __init__(self):
        self._changed = threading.Condition()
        self._waiting: set[tuple[str, str]] = set()
        self._thread: threading.Thread | None = None
        self._is_sending = False
        self._is_unreachable = False
        self._paused_until = 0.0

    def add(self, task: str, queue: str) -> None:
        """Add a message; returns at once. While Redis does not answer, the message is dropped: polls find the row
        anyway."""
        with self._changed:
            if time.monotonic() < self._paused_until:
                return
            self._waiting.add((task, queue))
            # A forked process does not have the thread.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._send_for_good, name="notifications", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self, seconds: float) -> bool:
        """Wait until all messages are sent or dropped, at most for this time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._is_sending, seconds)

    def _send_for_good(self) -> None:
        while True:
            with self._changed:
                self._is_sending = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting)
                taken, self._waiting, self._is_sending = sorted(self._waiting), set(), True
            self._send_all(taken)

    def _send_all(self, messages: list[tuple[str, str]]) -> None:
        try:
            for task, queue in messages:
                _sender().send_task(task, queue=queue, expires=EXPIRES_SECONDS, retry=False, ignore_result=True)
        except (OperationalError, OSError) as error:
            # Logged once, not for every message.
            if not self._is_unreachable:
                logger.warning("Redis does not answer (%s); work starts some seconds later until it does.", error)
            self._is_unreachable = True
            with self._changed:
                self._waiting.clear()
                self._paused_until = time.monotonic() + PAUSE_SECONDS
        else:
            self._is_unreachable = False


@functools.cache
def _sender() -> Celery:
    """An app only for sending, which gives up quickly; that of a worker would wait for Redis."""
    app = Celery("notifications", set_as_current=False)
    app.config_from_object(build_broker_settings(settings.REDIS_URL))
    app.conf.broker_transport_options |= {
        "socket_connect_timeout": TIMEOUT_SECONDS,
        "socket_timeout": TIMEOUT_SECONDS,
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0,
        "interval_max": 0,
    }
    return app


outbox = Outbox()
atexit.register(outbox.flush, LAST_SECONDS)
