"""Loads the studio's code once at the start and forks the processes that need it: they start at once and share its memory.

A forked process becomes a child of the supervisor, and once all run, the loader ends. Without it, as on a system other
than Linux or when a process is started again later, each process loads the code itself.
"""

import ctypes
import fcntl
import gc
import importlib
import json
import os
import resource
import runpy
import signal
import socket
import sys
import time

from setproctitle import setproctitle

from studio.up.children import PR_SET_PDEATHSIG, Child, ForkedProcess

# The host agent, which has no Django, is forked once its own code and Celery are loaded.
AGENT = "lazuli.agent.host"
AGENT_MODULES = [
    AGENT, "billiard.pool", "celery.app.amqp", "celery.app.control", "celery.app.events", "celery.app.log",
    "celery.concurrency.solo", "celery.worker.autoscale", "celery.worker.components",
    "celery.worker.consumer.delayed_delivery", "kombu.transport.redis",
]  # fmt: skip
# What the web server and the control worker load beside the apps, partly only when it is needed.
MODULES = [
    "studio.wsgi",
    "studio.serving",
    "gunicorn.app.wsgiapp",
    "studio.control",
    "celery.apps.worker",
    "celery.concurrency.thread",
]
# The line that says so.
LOADED = "loaded"
# Seconds that the supervisor waits for a forked process.
PATIENCE = 5.0
ORDER_BYTES = 64 * 1024
# File descriptors of an order, until they get the numbers that the supervisor knows them by: above all of these, or
# the highest that the process may have.
MANY_FILES, HIGH = 16, 1000


class Loader(Child):
    """The supervisor's side."""

    def __init__(self, env: dict[str, str]):
        super().__init__("loader", [], env=env)
        # It says nothing about a wrong setting: the set-up does, in one line.
        self.is_muted = True
        self.has_loaded = False

    def start(self) -> int:
        self.orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.agent_orders, agents = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.fds = (theirs.fileno(), agents.fileno())
        self.command = [sys.executable, "-m", "studio.up.loader", *map(str, self.fds)]
        with theirs, agents:
            return super().start()

    def _say(self, line: str) -> None:
        if line == LOADED:
            self.has_loaded = True
        else:
            super()._say(line)

    def fork(self, command: list[str], env: dict[str, str], fds: tuple[int, ...]) -> ForkedProcess | None:
        """Runs `python -m MODULE …` in a forked process; None if that failed."""
        if not self.has_loaded or not self.is_running:
            return None
        order = json.dumps({"command": command, "env": env, "fds": fds, "parent": os.getpid()}).encode()
        if len(order) > ORDER_BYTES:
            return None
        orders = self.agent_orders if AGENT in command else self.orders
        orders.settimeout(PATIENCE)
        read, write = os.pipe()
        try:
            socket.send_fds(orders, [order], [write, *fds])
            return ForkedProcess(int(orders.recv(32)), os.fdopen(read, "rb", 0))
        except (OSError, ValueError):
            # It must not carry out the order later.
            self.kill()
            os.close(read)
            return None
        finally:
            os.close(write)


def main() -> None:
    """The loader's own process."""
    orders, agent_orders = (socket.socket(fileno=int(number)) for number in sys.argv[1:])
    gc.disable()
    load_agent()
    if os.fork():
        load()
        print(LOADED)
        order = serve(orders)
    else:
        order = serve(agent_orders)
    if order:
        sys.argv = order["command"][2:]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def load_agent() -> None:
    for name in AGENT_MODULES:
        importlib.import_module(name)
    _freeze()


def load() -> None:
    for name in MODULES:
        importlib.import_module(name)
    # Only once Django is set up.
    from django.apps import apps  # optional
    from django.template import engines
    from django.urls import get_resolver

    # All pages, template tags and tasks, and what a model's first query prepares.
    get_resolver().resolve_error_handler(404)
    engines["django"].from_string("")
    celery = sys.modules["studio.celery"].app
    celery.loader.import_default_modules()
    celery.finalize()
    for model in apps.get_models():
        str(model._base_manager.all().query)
    _freeze()


def _freeze() -> None:
    gc.collect()
    # Garbage collection must not touch shared memory, so that it stays shared.
    gc.freeze()


def serve(orders: socket.socket) -> dict | None:
    """Forks for each order. Returns the order in the forked process, and None in the loader at its end."""
    while True:
        data, files, _, _ = socket.recv_fds(orders, ORDER_BYTES, MANY_FILES)
        if not data:
            return None
        between = os.fork()
        if not between:
            # A process whose parent has ended becomes a child of the supervisor.
            between = os.getpid()
            if os.fork():
                os._exit(0)
            return become(json.loads(data), files, orders, between)
        os.waitpid(between, 0)
        for file in files:
            os.close(file)


def find_high() -> int:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return HIGH if limit < 0 else min(HIGH, limit - 2 * MANY_FILES)


def become(order: dict, files: list[int], orders: socket.socket, between: int) -> dict:
    """In the forked process: everything that `subprocess` would set."""
    os.setsid()
    while os.getppid() == between:
        time.sleep(0.0005)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != order["parent"]:
        os._exit(1)
    orders.send(str(os.getpid()).encode())
    high = find_high()
    kept = [fcntl.fcntl(file, fcntl.F_DUPFD, high) for file in files]
    os.closerange(3, high)
    for file, number in zip(kept, [1, *order["fds"]], strict=True):
        os.dup2(file, number)
    os.dup2(1, 2)
    os.closerange(high, high + len(kept))
    # It looks for its place beside the original variables.
    setproctitle(" ".join(order["command"]))
    os.environ.clear()
    os.environ.update(order["env"])
    gc.enable()
    return order


if __name__ == "__main__":
    main()
