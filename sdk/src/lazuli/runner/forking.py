"""`python -m lazuli.runner.forking`: has imported what the runner of a replica needs, and forks one for each order of the node worker.

An order is a line of JSON at its standard input, the answer a line with the pid of the runner. It ends with its input;
its runners continue.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys
from typing import Any, Dict

from lazuli.runner import records

# httpx: no runner can do without a request.
MODULES = ("lazuli.runner.service", "httpx")
READY = b"ready\n"


def main() -> int:
    for name in MODULES:
        importlib.import_module(name)
    gc.collect()
    # A collection in a runner would copy the pages that it shares with this process.
    gc.freeze()
    # The paths of their records by the pids of the runners.
    runners: Dict[int, str] = {}
    signal.signal(signal.SIGCHLD, lambda *_: _note_ends(runners))
    os.write(1, READY)
    for line in sys.stdin.buffer:
        order = json.loads(line)
        # A runner that ends at once must be known by then.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        pid = os.fork()
        if pid == 0:
            _become_runner(order)
            return _run(order)
        runners[pid] = order["record"]
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        os.write(1, b"%d\n" % pid)
    return 0


def _note_ends(runners: Dict[int, str]) -> None:
    """Record how runners have ended that could not do it themselves."""
    while runners:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        record = runners.pop(pid)
        if os.WIFSIGNALED(status):
            records.write_end(record, -os.WTERMSIG(status))
        elif records.read_end(record) is None:
            records.write_end(record, os.WEXITSTATUS(status))


def _become_runner(order: Dict[str, Any]) -> None:
    """In the forked process: everything that `subprocess` would set."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for opened, number in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(opened, number)
    os.close(nothing)
    os.close(log)
    os.environ.clear()
    os.environ.update(order["variables"])
    os.chdir(os.path.dirname(order["spec"]))


def _run(order: Dict[str, Any]) -> int:
    status: int = importlib.import_module(order["module"]).main([order["spec"]])
    return status


if __name__ == "__main__":
    sys.exit(main())
