"""The process of the scoring server of a replica that was forked from a warm parent."""

from __future__ import annotations

import json
import os
import random
import sys
from typing import Any, Dict, List, NoReturn, Optional

from lazuli.processes import set_process_name
from lazuli.scoring import __main__ as scoring
from lazuli.scoring.server_process import ServerProcess


class ForkedServer(ServerProcess):
    """Forked before this process has threads; waits until `start` says what to serve, or for the end of this process."""

    how = ", forked from the warm parent of its environment"

    def __init__(self) -> None:
        order, output, records = os.pipe(), os.pipe(), os.pipe()
        self._status: Optional[int] = None
        self._pid = os.fork()
        own = (order[0], output[1], records[1])
        others = (order[1], output[0], records[0])
        for each in own if self._pid else others:
            os.close(each)
        if self._pid == 0:
            _wait_and_serve(*own)
        self._order = os.fdopen(order[1], "w", encoding="utf-8")
        self.stdout, self.records = os.fdopen(output[0], "rb"), os.fdopen(records[0], "rb")

    def start(self, arguments: List[str], folder: str, variables: Dict[str, str]) -> None:
        with self._order as file:
            json.dump({"arguments": arguments, "folder": folder, "variables": variables}, file)

    def send_signal(self, number: int) -> None:
        if self._status is None:
            os.kill(self._pid, number)

    def wait(self) -> int:
        if self._status is None:
            _, status = os.waitpid(self._pid, 0)
            self._status = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        return self._status


def _wait_and_serve(order: int, output: int, records: int) -> NoReturn:
    """Be the scoring server; ends this process."""
    set_process_name("lazuli-scoring")
    with os.fdopen(order, encoding="utf-8") as file:
        text = file.read()
    if not text:
        # The files of the service could not be fetched.
        sys.exit(0)
    order_fields: Dict[str, Any] = json.loads(text)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    replace_variables(order_fields["variables"])
    os.chdir(order_fields["folder"])
    sys.path.insert(0, os.getcwd())
    sys.argv = ["lazuli.scoring", *order_fields["arguments"]]
    _choose_other_random_numbers()
    sys.exit(scoring.main([*order_fields["arguments"], "--telemetry", str(records)]))


def replace_variables(variables: Dict[str, str]) -> None:
    for name in [name for name in os.environ if name not in variables]:
        del os.environ[name]
    os.environ.update(variables)


def _choose_other_random_numbers() -> None:
    """Otherwise all processes of one parent would draw the same numbers."""
    random.seed()
    numbers = sys.modules.get("numpy.random")
    if numbers is not None:
        numbers.seed()
