"""The common part of host agent and node worker: a Celery worker that receives notifications, and a thread that does the work in
rounds. While the server does not answer, it tries again every second. Needs no Django.

A notification only starts the next round, which the clock starts too. So the process may end at any moment: no message
that it loses matters.
"""

from __future__ import annotations

import abc
import ctypes
import os
import select
import signal
import sys
import threading
import time
import traceback

from lazuli import private_folder
from lazuli.agent.broker import build_broker_settings
from lazuli.agent.server_client import ServerUnreachable

PR_SET_PDEATHSIG = 1


def exit_with_parent(parent_pid: int) -> None:
    """Have this process end by SIGTERM when its parent ends, even if that is killed (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_pid:
        # The parent ended before the call.
        sys.exit(0)


class Agent(abc.ABC):
    """One thread runs rounds until it is stopped; a notification or the clock starts the next round."""

    def __init__(self, name: str):
        self.name = name
        self.wake_event = threading.Event()
        self.is_stopping = False
        self._was_unreachable = False

    @abc.abstractmethod
    def run_round(self, is_notified: bool) -> float:
        """Do one round; `is_notified` if a notification started it, not the clock. Return the longest wait before the next."""

    @abc.abstractmethod
    def shut_down(self) -> None:
        """Called once, after the last round."""

    def run_rounds(self) -> None:
        status = 1
        try:
            is_notified = True
            while not self.is_stopping:
                is_notified = self.wake_event.wait(self._run_round_or_wait(is_notified))
            self.shut_down()
            status = 0
        finally:
            if status:
                # Such as a full disk. A process that only listens would look alive, so it exits and is restarted.
                traceback.print_exc()
            os._exit(status)

    def _run_round_or_wait(self, is_notified: bool) -> float:
        self.wake_event.clear()
        try:
            seconds = self.run_round(is_notified)
        except ServerUnreachable as error:
            if not self._was_unreachable:
                self.log_message(f"the server does not answer ({error}); trying again every second")
            self._was_unreachable = True
            return 1
        self._was_unreachable = False
        return seconds

    def request_stop(self, *_: object) -> None:
        self.is_stopping = True
        self.wake_event.set()

    def log_message(self, message: str) -> None:
        print(f"{self.name}: {message}", file=sys.stderr, flush=True)

    def start(self) -> None:
        """Start the thread first, so that the first round does not wait for the import of Celery."""
        # Runners and their scripts inherit it.
        private_folder.close_new_files()
        # With it Celery would load Django.
        os.environ.pop("DJANGO_SETTINGS_MODULE", None)
        signal.signal(signal.SIGTERM, self.request_stop)
        signal.signal(signal.SIGINT, self.request_stop)
        self._thread = threading.Thread(target=self.run_rounds, name="rounds")
        self._thread.start()

    def wait_until_stopped(self) -> None:
        self._thread.join()

    def stop_with_lifeline(self, descriptor: int) -> None:
        """Exit when the other end of the lifeline closes: nothing is written to it, so readable means closed."""

        def watch() -> None:
            select.select([descriptor], [], [])
            self.request_stop()

        threading.Thread(target=watch, name="lifeline", daemon=True).start()


def listen_for_notifications(agent: Agent, task: str, queue: str, broker_url: str) -> None:
    """Consume the queue in this thread until the process ends. Without a broker only the clock starts rounds."""
    if not broker_url:
        agent.log_message("REDIS_URL is not set, so work starts up to three seconds late")
        return
    from celery import Celery  # start-up time: the first round must not wait for it

    app = Celery(agent.name, set_as_current=True)
    app.config_from_object(build_broker_settings(broker_url))
    app.task(name=task)(agent.wake_event.set)
    while not agent.is_stopping:
        worker = app.WorkController(
            hostname=agent.name, queues=[queue], pool="solo", concurrency=1, without_heartbeat=True,
            without_gossip=True, without_mingle=True,
        )  # fmt: skip
        worker.start()
        # It returns only after an error from which it cannot recover; until it runs again, the clock starts rounds.
        time.sleep(1)
