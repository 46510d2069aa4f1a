"""`python -m lazuli.scoring.replica SOCKET`: one process of a deployed service, on a node.

It fetches the entry script and the models, starts the scoring server, and sends its log and state to the studio.
"""

from __future__ import annotations

import collections
import json
import os
import shutil
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from typing import IO, Any, Deque, Dict, List, Optional
from urllib.parse import quote, urlencode

from lazuli.runner.work_folder import unpack_snapshot
from lazuli.scoring.server_process import ServerProcess
from lazuli.scoring.warm_packages import IMPORTED, LIST_VARIABLE, PLAIN_VARIABLE

Json = Dict[str, Any]
TIMEOUT, TRIES = 30.0, 5
# Between two reports: while it starts people watch the log, and later requests need the processors.
FIRST_SECONDS, SEND_SECONDS, READY_SECONDS = 0.15, 0.3, 1.0
# Characters of one report, and of the error that says why init() failed.
MAX_LOG, MAX_ERROR = 90_000, 15_000
# Records of requests: in one report, and while the studio does not answer.
MAX_REQUESTS, MAX_WAITING = 100, 500
# Bytes of the records in one report: more follow in the next one.
MAX_REPORT = 1_000_000
# Records of collected rows in one report.
MAX_COLLECTED = 50
# The file that exists while bodies and answers are recorded.
DATA_SWITCH = "collect-data"
MODELS = "azureml-models"
# Answers after which the same report may be accepted later.
TEMPORARY = (408, 425, 429)


class Refused(OSError):
    """The studio does not accept a request, and would not later."""


class Studio:
    def __init__(self, url: str, token: str):
        self._url, self._token = f"{url.rstrip('/')}/nodes/v1/services", token

    def open(self, path: str, body: Any = None) -> Any:
        """Send a request and return the response as a file. Temporary failures are retried."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        for attempt in range(TRIES):
            request = urllib.request.Request(self._url + path, data, headers)
            try:
                return urllib.request.urlopen(request, timeout=TIMEOUT)
            except urllib.error.HTTPError as error:
                is_refused = error.code < 500 and error.code not in TEMPORARY
                if is_refused or attempt == TRIES - 1:
                    text = f"The studio refused {path}: {error.read().decode(errors='replace')[:500]}"
                    raise (Refused if is_refused else OSError)(text) from error
            except OSError:
                if attempt == TRIES - 1:
                    raise
            time.sleep(0.5 * 2**attempt)
        raise AssertionError("unreachable")

    def save(self, path: str, target: str) -> None:
        os.makedirs(os.path.dirname(os.path.abspath(target)), exist_ok=True)
        with self.open(path) as answer, open(target, "wb") as file:
            shutil.copyfileobj(answer, file, 1024 * 1024)


class Log:
    """Lines that are printed here too, and sent to the studio at most a few times a second."""

    def __init__(self, studio: Studio):
        self._studio, self._waiting, self._all = studio, "", ""
        # Records of requests that are not sent yet; the oldest are lost while the studio does not answer.
        self._requests: Deque[Json] = collections.deque(maxlen=MAX_WAITING)
        # Rows that the script collects, in the same way.
        self._collected: Deque[Json] = collections.deque(maxlen=MAX_WAITING)
        self._lock, self._changed = threading.Lock(), threading.Event()
        # One report at a time: a state is known no earlier than the lines before it.
        self._sending = threading.Lock()
        self.state = "starting"
        # The example of a request in the next report.
        self._example: Json = {}
        threading.Thread(target=self._send_for_good, daemon=True).start()

    def write(self, text: str) -> None:
        print(text, end="", flush=True)
        with self._lock:
            self._waiting, self._all = (self._waiting + text)[-MAX_LOG:], (self._all + text)[-MAX_ERROR:]
        self._changed.set()

    def add_requests(self, pipe: IO[bytes]) -> None:
        """Send the records of requests that come from the pipe, until its end."""
        for line in pipe:
            with self._lock:
                record = json.loads(line)
                if "collected" in record:
                    self._collected.append(record["collected"])
                else:
                    self._requests.append(record)
            self._changed.set()

    def set_state(self, state: str) -> None:
        self.state = state
        self.send()

    def send_example(self, example: Json) -> None:
        """Once, after it is ready: the studio may refuse it."""
        self._example = example
        self.send()

    def fail(self) -> None:
        self.state = "failed"
        self.send(self._all.strip())

    def _send_for_good(self) -> None:
        # The report that a forked replica is ready comes sooner, and takes the first lines along.
        time.sleep(FIRST_SECONDS)
        while self._changed.wait():
            self._changed.clear()
            self.send()
            time.sleep(READY_SECONDS if self.state == "ready" else SEND_SECONDS)

    def send(self, error: str = "") -> None:
        with self._sending:
            self._send_report(error)

    def _send_report(self, error: str) -> None:
        with self._lock:
            text, self._waiting = self._waiting, ""
            requests = self._take_requests()
            collected = [self._collected.popleft() for _ in range(min(len(self._collected), MAX_COLLECTED))]
            if self._collected:
                self._changed.set()
        report: Json = {"state": self.state, "error": error, "log": text, "requests": requests, "collected": collected}
        if self._example:
            report["example"], self._example = self._example, {}
        try:
            with self._studio.open("/report", report) as answer:
                switch_data(json.loads(answer.read() or b"{}").get("collectsData", False))
        except OSError as failure:
            print(f"The log could not be sent: {failure}", file=sys.stderr)
            is_refused = isinstance(failure, Refused)
            self._keep(text, requests, is_refused)
            if not is_refused:
                self._collected.extendleft(reversed(collected[len(self._collected) - MAX_WAITING :]))

    def _take_requests(self) -> List[Json]:
        taken: List[Json] = []
        size = 0
        while self._requests and len(taken) < MAX_REQUESTS and size < MAX_REPORT:
            taken.append(self._requests.popleft())
            size += len(taken[-1].get("body", "")) + len(taken[-1].get("answer", ""))
        if self._requests:
            self._changed.set()
        return taken

    def _keep(self, text: str, requests: List[Json], is_refused: bool) -> None:
        """Send it with the next report. What was refused would be refused again: first the requests are left out, then
        the lines."""
        with self._lock:
            if requests or not is_refused:
                self._waiting = (text + self._waiting)[-MAX_LOG:]
            if requests and is_refused:
                self._changed.set()
            elif requests:
                space = MAX_WAITING - len(self._requests)
                self._requests.extendleft(reversed(requests[len(requests) - min(space, len(requests)) :]))


def switch_data(is_on: bool) -> None:
    """Begin or stop to record bodies and answers."""
    if is_on and not os.path.exists(DATA_SWITCH):
        open(DATA_SWITCH, "wb").close()
    elif not is_on and os.path.exists(DATA_SWITCH):
        os.remove(DATA_SWITCH)


def fetch_files(studio: Studio, plan: Json) -> None:
    """The code into `code/`, and each model into `azureml-models/NAME/VERSION/`, under its own name."""
    os.makedirs("code")
    if plan["entryScript"]:
        studio.save("/code", "code.zip")
        with open("code.zip", "rb") as archive:
            unpack_snapshot(archive, "code")
        os.remove("code.zip")
    os.makedirs(MODELS)
    for model in plan["models"]:
        folder = os.path.join(MODELS, model["name"], str(model["version"]), model["root"])
        os.makedirs(folder, exist_ok=True)
        for path in model["files"]:
            address = f"/models/{quote(model['name'], safe='')}/{model['version']}?{urlencode({'path': path})}"
            studio.save(address, os.path.join(folder, *path.split("/")))


def make_variables(plan: Json) -> Dict[str, str]:
    """The variables of an entry script, without the token of this process."""
    root = os.getcwd()
    models = os.path.join(root, MODELS)
    if len(plan["models"]) == 1:
        models = os.path.join(models, plan["models"][0]["name"], str(plan["models"][0]["version"]))
    kept = {name: value for name, value in os.environ.items() if name not in ("LAZULI_TOKEN",)}
    return {
        **kept,
        "AZUREML_MODEL_DIR": models,
        "AZUREML_ENTRY_SCRIPT": plan["entryScript"],
        "AML_APP_ROOT": os.path.join(root, "code"),
        "AZUREML_SOURCE_DIRECTORY": os.path.join(root, "code"),
        "SERVICE_NAME": plan["service"],
        "WORKSPACE_NAME": plan["workspace"],
        "LAZULI_CONCURRENCY": str(plan["concurrency"]),
        "LAZULI_DATA_SWITCH": os.path.join(root, DATA_SWITCH),
        "LAZULI_SCORING_TIMEOUT": str(plan["timeoutSeconds"]),
        LIST_VARIABLE: os.path.join(root, IMPORTED),
        "PYTHONUNBUFFERED": "1",
    }


def run_replica(socket_path: str, server: Optional[ServerProcess] = None) -> int:
    server = server or ServerProcess()
    studio = Studio(os.environ["LAZULI_URL"], os.environ["LAZULI_TOKEN"])
    log = Log(studio)
    try:
        with studio.open("/plan") as answer:
            plan = json.load(answer)
        fetch_files(studio, plan)
        switch_data(plan.get("collectsData", False))
    except (OSError, ValueError) as error:
        log.write(f"The files of the service could not be fetched: {error}\n")
        log.fail()
        return 1
    began = time.monotonic()
    script = plan["entryScript"] or "--mlflow"
    served = plan["entryScript"] or "the MLflow model"
    danger = os.environ.pop(PLAIN_VARIABLE, "")
    why = f"It is not forked from a warm parent. {danger}\n" if danger else ""
    log.write(f"Starting {served} with {len(plan['models'])} model(s){server.how}.\n{why}")
    server.start([script, "--unix", socket_path], "code", make_variables(plan))
    threading.Thread(target=log.add_requests, args=(server.records,), daemon=True).start()
    signal.signal(signal.SIGTERM, lambda number, frame: server.send_signal(signal.SIGTERM))
    for line in server.stdout:
        text = line.decode("utf-8", "replace")
        if log.state == "starting" and text.startswith('{"listening":'):
            # A service whose script prints nothing has a log too.
            log.write(f"init() returned after {time.monotonic() - began:.1f} seconds; the service is ready.\n")
            log.set_state("ready")
            example = _read_example(text)
            if example:
                log.send_example(example)
        else:
            log.write(text)
    return _report_end(log, server.wait())


def _read_example(line: str) -> Json:
    """The example that the scoring server has written; empty if a script has written the line."""
    try:
        found = json.loads(line).get("example")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _report_end(log: Log, status: int) -> int:
    if log.state == "starting":
        log.write(f"The scoring server ended with exit code {status} before init() had returned.\n")
        log.fail()
    elif status:
        log.write(f"The scoring server ended with exit code {status}.\n")
        log.send()
    return status


def main(arguments: List[str]) -> int:
    return run_replica(arguments[0])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
