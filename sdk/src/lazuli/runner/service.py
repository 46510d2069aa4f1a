"""Keep a service of kept-up work running on a node: `python -m lazuli.runner.service SPEC.json`

It builds the environment, starts the command and reports every few seconds that it runs, its address, and whether it
responds. When the service ends, or has not answered for too long, this process ends too; the server then starts it again after
a pause, here or on another node.
"""

from __future__ import annotations

import dataclasses
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any, Callable, Dict, List, Optional

from lazuli import errors, isolation, processes
from lazuli.client import Client
from lazuli.environments.cache import BuildFailed
from lazuli.errors import ServiceException
from lazuli.processes import LIFELINE
from lazuli.runner import records
from lazuli.runner.build_report import BuildReport
from lazuli.runner.gpu_variables import build_gpu_variables
from lazuli.runner.interpreter import Interpreter, find_interpreter
from lazuli.runner.run_api import is_temporary
from lazuli.runner.script_fence import ScriptFence
from lazuli.runner.script_limits import ScriptLimits
from lazuli.runner.script_process import ScriptProcess
from lazuli.runner.spec import PRIVATE, BadSpec, Spec
from lazuli.runner.stop_monitor import watch_lifeline
from lazuli.runner.warm_start import WarmStart, find_warm_start, read_danger
from lazuli.runner.work_folder import WorkFolder
from lazuli.scoring.warm_packages import IMPORTED, PLAIN_VARIABLE

# While an environment is being built, somebody may read its log.
FIRST_SECONDS, REPORT_SECONDS, BUILD_REPORT_SECONDS = 0.2, 5.0, 1.0
POLL_SECONDS, START_POLL_SECONDS = 0.25, 0.05
HEALTH_SECONDS = 2.0
BUILDING, STARTING, HEALTHY, UNHEALTHY = "building", "starting", "healthy", "unhealthy"
MAX_PROGRESS = 300
STOPPED, LOST, SHUT_DOWN = "stopped", "lost", "shut down"


@dataclasses.dataclass
class ServiceSpec:
    """The spec of kept-up work; docs/compute.md has the fields."""

    name: str
    process: Spec
    # The folder that it starts in and that is its home, which stays; None for one that is removed at the end.
    folder: Optional[str] = None
    readable: List[str] = dataclasses.field(default_factory=list)
    writable: List[str] = dataclasses.field(default_factory=list)
    # `unix` for a socket in a folder of its own, `tcp` for a free port of this machine alone.
    listen: str = "unix"
    health_path: str = ""
    # How long it may take until it answers for the first time, and how long it may be silent after that.
    start_seconds: float = 180.0
    silent_seconds: float = 60.0
    # Whether its process may be forked from a warm parent: the replica of a service.
    is_replica: bool = False
    # The memory of its part of the node; with more it is ended. 0 or None for no limit of its own.
    memory_gb: Optional[float] = None

    @classmethod
    def read_file(cls, path: str) -> ServiceSpec:
        try:
            with open(path, encoding="utf-8") as file:
                content = json.load(file)
        except (OSError, ValueError) as error:
            raise BadSpec(f"The spec {path} cannot be read: {error}") from error
        missing = [name for name in ("name", "server_url", "argv") if not content.get(name)]
        if missing:
            raise BadSpec(f"The spec lacks {', '.join(missing)}.")
        process = Spec(
            run_id=content["name"],
            experiment="",
            workspace={},
            server_url=content["server_url"],
            token=os.environ.get("AZUREML_RUN_TOKEN", ""),
            argv=content["argv"],
            environment=content.get("environment") or {},
            environment_variables=content.get("environment_variables") or {},
            node=content.get("node"),
            index_url=content.get("index_url"),
            grace_seconds=float(content.get("grace_seconds") or 10.0),
        )
        own = {field.name for field in dataclasses.fields(cls)} - {"name", "process"}
        given = {key: value for key, value in content.items() if key in own and value is not None}
        return cls(content["name"], process, **given)


class Address:
    """The address of the service: `unix:/path` or `host:port`."""

    def __init__(self, listen: str, parent: Optional[str] = None):
        self.folder: Optional[str] = None
        self.port = 0
        if listen == "unix":
            # A short path: the kernel takes about a hundred characters.
            self.folder = tempfile.mkdtemp(prefix="lazuli-", dir=parent)
            self.path = os.path.join(self.folder, "s")
        else:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]

    def __str__(self) -> str:
        return f"unix:{self.path}" if self.folder else f"127.0.0.1:{self.port}"

    def fill(self, text: str) -> str:
        """Fill in the address in a word of the command."""
        return text.replace("{socket}", self.path if self.folder else "").replace("{port}", str(self.port))

    def answers(self, path: str) -> bool:
        """Whether it accepts connections and, if there is a path, answers it without an error of the server."""
        try:
            with self._connect() as connection:
                if not path:
                    return True
                request = http.client.HTTPConnection("localhost", timeout=HEALTH_SECONDS)
                request.sock = connection
                request.request("GET", path)
                return request.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX if self.folder else socket.AF_INET)
        connection.settimeout(HEALTH_SECONDS)
        try:
            connection.connect(self.path if self.folder else ("127.0.0.1", self.port))
        except OSError:
            connection.close()
            raise
        return connection

    def remove(self) -> None:
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


class Reporter:
    """Reports to the server that the service runs, and learns when it must stop. `reason` is None until then."""

    def __init__(self, spec: ServiceSpec, transport: Any = None):
        # Only this process has the key; the service does not get it.
        key, self._work = os.environ.pop("LAZULI_WORK_KEY"), os.environ.pop("LAZULI_WORK_ID")
        self._client = Client(spec.process.server_url, key, transport=transport, attempts=1)
        self.health = STARTING
        # Known before the service starts, but after its environment.
        self.address = ""
        # The last line of the log while the environment is being built.
        self.progress = ""
        self.reason: Optional[str] = None
        self._build = BuildReport()
        # One report at a time, so that each part of a log is sent once.
        self._sending = threading.Lock()
        self._changed = threading.Event()

    def start(self) -> None:
        signal.signal(signal.SIGTERM, lambda number, frame: self.stop(SHUT_DOWN))
        threading.Thread(target=self._report_for_good, name="reports", daemon=True).start()
        if os.environ.get(LIFELINE):
            watch_lifeline(int(os.environ[LIFELINE]), lambda: self.stop(SHUT_DOWN))

    def stop(self, reason: str) -> None:
        self.reason = self.reason or reason

    def set_health(self, health: str) -> None:
        if health != self.health:
            self.health = health
            self._changed.set()

    def note_build(self, text: str) -> None:
        """A line of the log of the environment's build."""
        # No database stores a NUL.
        text = text.replace("\0", "\ufffd")
        print(text, flush=True)
        lines = text.strip().splitlines()
        if self._build.append(text) and lines:
            self.progress = lines[-1].strip()[:MAX_PROGRESS]
            self.set_health(BUILDING)

    def fail_build(self, error: BuildFailed) -> None:
        self.note_build(f"{error}\n")
        self.report()

    def end_build(self, address: Address) -> None:
        self._build.end()
        self.progress, self.address, self.health = "", str(address), STARTING
        self._changed.set()

    def _report_for_good(self) -> None:
        # If the environment is there already, the first report has the address.
        self._changed.wait(FIRST_SECONDS)
        while self.reason is None:
            self._changed.clear()
            self.report()
            self._changed.wait(min(REPORT_SECONDS, BUILD_REPORT_SECONDS if self.health == BUILDING else REPORT_SECONDS))

    def report(self) -> None:
        with self._sending:
            self._send_report()

    def _send_report(self) -> None:
        body: Dict[str, Any] = {"address": self.address, "health": self.health, "progress": self.progress}
        part = self._build.next_part()
        if part:
            body["build"] = part
        try:
            answer = self._client.request("POST", f"/nodes/v1/work/{self._work}/alive", json=body, timeout=10.0)
        except (errors.Unreachable, ServiceException) as error:
            if not is_temporary(error):
                print(f"The report was refused: {error.message}", file=sys.stderr)
                self.stop(LOST)
            return
        if part:
            self._build.accept(part)
        if answer.json().get("stop"):
            self.stop(STOPPED)


def keep_up(spec: ServiceSpec, transport: Any = None) -> int:
    """Run the service until it ends or must stop; return 0 if it was stopped, else 1. The last line printed says why."""
    address: Optional[Address] = None
    folder: Optional[WorkFolder] = None
    reporter = Reporter(spec, transport)
    reporter.start()
    try:
        interpreter = find_interpreter(spec.process, reporter.note_build, lambda: reporter.reason is not None)
        warm = find_warm_start(interpreter, spec.process, build_gpu_variables(os.environ)) if spec.is_replica else None
        # Asked once: a replica can be forked only with folders that its parent can write to.
        sockets = warm.sockets if warm else None
        address = Address(spec.listen, sockets)
        reporter.end_build(address)
        folder = WorkFolder(spec.name, warm.work if warm and sockets else None)
        started = _start(spec, address, folder, interpreter, warm, is_forked=bool(sockets))
        return _supervise(spec, address, folder, started, reporter)
    except (BuildFailed, isolation.NotIsolated, OSError, subprocess.SubprocessError) as error:
        if isinstance(error, BuildFailed):
            reporter.fail_build(error)
        print(f"{spec.name} could not be started: {error}", file=sys.stderr)
        return 0 if reporter.reason else 1
    finally:
        if folder:
            folder.remove()
        if address:
            address.remove()


@dataclasses.dataclass
class Started:
    script: ScriptProcess
    # What to do when it is healthy for the first time.
    note_healthy: Callable[[], None]


def _start(
    spec: ServiceSpec,
    address: Address,
    folder: WorkFolder,
    interpreter: Interpreter,
    warm: Optional[WarmStart],
    is_forked: bool,
) -> Started:
    if spec.folder:
        os.makedirs(spec.folder, mode=0o700, exist_ok=True)
    writable = [path for path in (spec.folder, address.folder, *spec.writable) if path]
    fence = ScriptFence(folder, interpreter, os.environ, spec.readable, writable, home=spec.folder)
    inherited = {key: value for key, value in os.environ.items() if key not in (*PRIVATE, "AZUREML_RUN_TOKEN")}
    inherited["TMPDIR"] = folder.temporary
    variables: Dict[str, str] = {
        **fence.change_variables(interpreter.build_variables(inherited, folder.tools)),
        "LAZULI_URL": spec.process.server_url,
        "LAZULI_TOKEN": spec.process.token,
        "PYTHONUNBUFFERED": "1",
        **spec.process.user_variables(),
        **build_gpu_variables(os.environ),
    }
    command = interpreter.build_command(spec.process)
    command = [address.fill(word) for word in command]
    variables = {name: address.fill(value) for name, value in variables.items()}
    danger = read_danger(interpreter, spec.process) if spec.is_replica else ""
    if danger:
        variables[PLAIN_VARIABLE] = danger
    script = warm.fork(folder, address.path, variables, fence.ruleset) if warm and is_forked else None
    script = script or ScriptProcess(command, spec.folder or folder.code, variables, folder.log, fence.enter)
    fence.close()
    fence.compile_modules()
    imported = os.path.join(folder.code, IMPORTED)
    return Started(script, lambda: warm.want_parent(imported, variables) if warm else None)


def _supervise(spec: ServiceSpec, address: Address, folder: WorkFolder, started: Started, reporter: Reporter) -> int:
    script, has_answered = started.script, False
    healthy_at, next_check, limit = time.monotonic(), 0.0, spec.start_seconds
    limits = ScriptLimits(spec.memory_gb, script.pid)
    while reporter.reason is None:
        status = script.wait(POLL_SECONDS if has_answered else START_POLL_SECONDS)
        if status is not None:
            script.kill_remaining()
            print(f"{spec.name} ended with exit code {status}. {_last_line(folder.log)}".strip(), file=sys.stderr)
            return 1
        excess = limits.find_excess()
        if excess:
            script.stop(0.0)
            print(f"{spec.name} was ended. {excess['message']}", file=sys.stderr)
            return 1
        if time.monotonic() < next_check:
            continue
        # Somebody is waiting for the first answer.
        next_check = time.monotonic() + (START_POLL_SECONDS if reporter.health == STARTING else HEALTH_SECONDS)
        if address.answers(spec.health_path):
            healthy_at, limit = time.monotonic(), spec.silent_seconds
            reporter.set_health(HEALTHY)
            if not has_answered:
                started.note_healthy()
            has_answered = True
        elif time.monotonic() - healthy_at > limit:
            script.stop(spec.process.grace_seconds)
            print(f"{spec.name} did not answer for {limit:.0f} seconds. {_last_line(folder.log)}", file=sys.stderr)
            return 1
        elif reporter.health == HEALTHY:
            reporter.set_health(UNHEALTHY)
    script.stop(spec.process.grace_seconds)
    return 0


def _last_line(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = file.read()[-2000:].strip().splitlines()
    return lines[-1] if lines else ""


def main(arguments: List[str]) -> int:
    record = os.environ.pop(records.VARIABLE, "")
    if record and not records.make_record(record):
        print("This attempt was canceled before it started.", file=sys.stderr)
        return 0
    processes.become_subreaper()
    try:
        status = keep_up(ServiceSpec.read_file(arguments[0]))
    except BadSpec as error:
        print(error, file=sys.stderr)
        status = 2
    processes.kill_descendants()
    if record:
        records.write_end(record, status)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
