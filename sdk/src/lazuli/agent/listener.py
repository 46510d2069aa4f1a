"""What host agent and node worker have in common: a Celery worker that only hears the doorbell, and one thread that
does everything by turns. Needs no Django.

Tasks here do nothing but wake the thread, which also wakes by itself. So the process may end at any moment without
losing a message that matters.
"""

from __future__ import annotations

import abc
import ctypes
import os
import signal
import sys
import threading
import time

from lazuli import private_folder
from lazuli.agent.broker import broker_settings
from lazuli.agent.server_client import Unreachable

PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """End by SIGTERM when the parent is gone, even if it was killed (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        # It was gone before the kernel knew our wish.
        sys.exit(0)


class Agent(abc.ABC):
    """One thread takes turns until told to stop; a bell or the clock starts the next turn."""

    def __init__(self, name: str):
        self.name = name
        self.bell = threading.Event()
        self.is_stopping = False
        self._was_unreachable = False

    @abc.abstractmethod
    def turn(self, rung: bool) -> float:
        """Look and act; `rung`: the bell woke us, not the clock. Returns the longest wait before the next turn."""

    @abc.abstractmethod
    def close(self) -> None:
        """Called once, after the last turn."""

    def run(self) -> None:
        rung = True
        while not self.is_stopping:
            rung = self.bell.wait(self._one_turn(rung))
        self.close()
        os._exit(0)

    def _one_turn(self, rung: bool) -> float:
        self.bell.clear()
        try:
            seconds = self.turn(rung)
        except Unreachable as error:
            if not self._was_unreachable:
                self.say(f"the server does not answer ({error}); trying again every second")
            self._was_unreachable = True
            return 1
        self._was_unreachable = False
        return seconds

    def stop(self, *_: object) -> None:
        self.is_stopping = True
        self.bell.set()

    def say(self, message: str) -> None:
        print(f"{self.name}: {message}", file=sys.stderr, flush=True)

    def start(self) -> None:
        """Start the thread first, so that the first turn does not wait for the import of Celery."""
        # Runners and their scripts inherit it.
        private_folder.close_new_files()
        # Celery would load all of Django if it saw this.
        os.environ.pop("DJANGO_SETTINGS_MODULE", None)
        signal.signal(signal.SIGTERM, self.stop)
        signal.signal(signal.SIGINT, self.stop)
        threading.Thread(target=self.run, name="turns").start()


def listen_for_notifications(agent: Agent, task: str, queue: str, broker_url: str) -> None:
    """Consume the queue in this thread until the process ends. Without a broker the clock alone starts turns."""
    if not broker_url:
        agent.say("REDIS_URL is not set, so work starts up to three seconds late")
        return
    from celery import Celery  # start-up time: the first round must not wait for it

    app = Celery(agent.name, set_as_current=True)
    app.config_from_object(broker_settings(broker_url))
    app.task(name=task)(agent.bell.set)
    while not agent.is_stopping:
        worker = app.WorkController(
            hostname=agent.name, queues=[queue], pool="solo", concurrency=1, without_heartbeat=True,
            without_gossip=True, without_mingle=True,
        )  # fmt: skip
        worker.start()
        # It returns only by an error it could not mend; without it work still starts, by the clock.
        time.sleep(1)
