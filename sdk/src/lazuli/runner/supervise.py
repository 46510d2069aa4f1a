"""The life of one run on this machine, from the snapshot to the report of its end."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import tempfile
import threading
import time
import zipfile
from typing import Any, Callable, Dict, List, Optional

from lazuli import errors
from lazuli.errors import ServiceException
from lazuli.runner import collect, reasons
from lazuli.runner.interpreter import Interpreter, find
from lazuli.runner.log_stream import LogStream
from lazuli.runner.reporter import Reporter
from lazuli.runner.script import Script
from lazuli.runner.server import RunServer, insist
from lazuli.runner.spec import PRIVATE, Spec
from lazuli.runner.watch import CANCELED, LOST, SHUT_DOWN, Watch
from lazuli.runner.workdir import BadSnapshot, WorkFolder, unpack

STD_LOG = "user_logs/std_log.txt"
BUILD_LOG = "azureml-logs/20_image_build_log.txt"
TURN_SECONDS = 0.2
# A machine that shuts down gives seconds, not minutes.
LAST_WORDS_SECONDS = 3.0
TIMED_OUT = "timed out"


class Ended(Exception):
    """The run is over before its script has started, or instead of it."""


@dataclasses.dataclass
class Outcome:
    status: str
    error: Optional[Dict[str, Any]] = None
    message: Optional[str] = None


def supervise(spec: Spec, transport: Any = None) -> int:
    """0 when the server knows how the run ended."""
    server = RunServer(spec, transport)
    reporter = Reporter(server)
    watch = Watch(server)
    watch.start()
    reporter.send("Preparing", node=spec.node)
    try:
        outcome = _in_a_folder(spec, server, reporter, watch)
    except OSError as error:
        outcome = Outcome("Failed", {"code": "MachineProblem", "message": f"The machine could not run it: {error}"})
    finally:
        watch.close()
    return _report(reporter, watch, outcome)


def _in_a_folder(spec: Spec, server: RunServer, reporter: Reporter, watch: Watch) -> Outcome:
    folder = WorkFolder(spec.run_id)
    try:
        return _Attempt(spec, server, reporter, watch, folder).go()
    finally:
        folder.remove()


def _report(reporter: Reporter, watch: Watch, outcome: Outcome) -> int:
    if watch.reason == LOST:
        # Whoever has the run now reports for it.
        return 0
    reporter.send(outcome.status, error=outcome.error, message=outcome.message)
    told = reporter.close(LAST_WORDS_SECONDS if watch.reason == SHUT_DOWN else None)
    return 0 if told and reporter.refused is None else 1


class _Attempt:
    def __init__(self, spec: Spec, server: RunServer, reporter: Reporter, watch: Watch, folder: WorkFolder):
        self._spec = spec
        self._server = server
        self._reporter = reporter
        self._watch = watch
        self._folder = folder

    def go(self) -> Outcome:
        try:
            interpreter = self._prepare()
            status = self._run(interpreter)
            return self._finalize(status)
        except Ended as error:
            return self._stopped() or Outcome("Failed", {"code": "UserError", "message": str(error)})

    # ---- preparing

    def _prepare(self) -> Interpreter:
        """Snapshot and environment come side by side."""
        problems: List[str] = []
        fetch = threading.Thread(target=self._fetch, args=(problems,), name="snapshot", daemon=True)
        fetch.start()
        interpreter = self._interpreter()
        while fetch.is_alive():
            fetch.join(TURN_SECONDS)
            if self._watch.stopped:
                raise Ended(str(self._watch.reason))
        if problems:
            raise Ended(problems[0])
        return interpreter

    def _fetch(self, problems: List[str]) -> None:
        try:
            if self._spec.snapshot_id:
                with tempfile.TemporaryFile(dir=self._folder.path) as archive:
                    insist(lambda: self._server.download_snapshot(archive), given_up=self._watch.event)
                    unpack(archive, self._folder.code)
            self._folder.prepare(self._spec.directories_to_watch)
            if not self._spec.experiment_id:
                run = insist(self._server.run, given_up=self._watch.event)
                self._spec.experiment_id = run.get("experimentId")
        except (ServiceException, errors.Unreachable) as error:
            problems.append(f"The snapshot could not be fetched: {error.message}")
        except (BadSnapshot, zipfile.BadZipFile, OSError) as error:
            problems.append(f"The snapshot could not be unpacked: {error}")

    def _interpreter(self) -> Interpreter:
        from lazuli import environments

        stream: List[LogStream] = []

        def log(text: str) -> None:
            with open(self._folder.build_log, "a", encoding="utf-8") as file:
                file.write(text)
            if not stream:
                stream.append(LogStream(self._server, self._folder.build_log, BUILD_LOG))

        try:
            return find(self._spec, log, lambda: self._watch.stopped)
        except environments.BuildFailed as error:
            raise Ended(f"The environment could not be built: {error}") from error
        finally:
            for opened in stream:
                # The script need not wait until the log has gone up.
                threading.Thread(target=opened.close, daemon=True).start()

    # ---- running

    def _run(self, interpreter: Interpreter) -> int:
        if self._watch.stopped:
            raise Ended(str(self._watch.reason))
        logs = LogStream(self._server, self._folder.spool, STD_LOG)
        folders = collect.LogFolders(self._server, self._folder.code, self._spec.directories_to_watch)
        try:
            script = self._start(interpreter)
            self._reporter.send("Running", node=self._spec.node)
            status = self._wait(script)
        finally:
            self._close_logs(logs, folders)
        return status

    def _start(self, interpreter: Interpreter) -> Script:
        command = interpreter.command(self._spec)
        try:
            return Script(command, self._folder.code, self._variables(interpreter), self._folder.spool)
        except (OSError, subprocess.SubprocessError) as error:
            raise Ended(f"{_shown(command)} could not be started: {error}") from error

    def _variables(self, interpreter: Interpreter) -> Dict[str, str]:
        inherited = {key: value for key, value in os.environ.items() if key not in PRIVATE}
        inherited["TMPDIR"] = self._folder.temporary
        return {**interpreter.variables(inherited), **self._spec.variables(self._folder.code)}

    def _wait(self, script: Script) -> int:
        limit = self._spec.timeout_seconds
        deadline = time.monotonic() + limit if limit else None
        while True:
            status = script.wait(TURN_SECONDS)
            if status is not None:
                # What the script left running in the background ends with it.
                script.sweep()
                return status
            if deadline is not None and time.monotonic() > deadline:
                self._watch.stop(TIMED_OUT)
            if self._watch.stopped:
                return script.end(self._grace())

    def _grace(self) -> float:
        if self._watch.reason == LOST:
            return 0.0
        return min(self._spec.grace_seconds, LAST_WORDS_SECONDS if self._watch.reason == SHUT_DOWN else 600.0)

    def _close_logs(self, logs: LogStream, folders: collect.LogFolders) -> None:
        if self._watch.reason == LOST:
            return
        if self._watch.reason == SHUT_DOWN:
            logs.close(LAST_WORDS_SECONDS)
            return
        logs.close()
        folders.close()

    # ---- the end

    def _finalize(self, status: int) -> Outcome:
        if self._watch.reason in (LOST, SHUT_DOWN):
            return self._stopped() or Outcome("Failed")
        self._reporter.send("Finalizing")
        problems = collect.upload_outputs(self._server, self._folder.code, threading.Event())
        stopped = self._stopped()
        if stopped is not None:
            return stopped
        if status:
            name = str(self._spec.environment.get("name") or "of the run")
            return Outcome("Failed", reasons.of_script(status, self._folder.spool, name))
        if problems:
            text = "The script ended well, but its outputs could not be saved: " + "; ".join(problems[:5])
            return Outcome("Failed", {"code": "OutputsNotSaved", "message": text})
        return Outcome("Completed")

    def _stopped(self) -> Optional[Outcome]:
        words: Dict[str, Callable[[], Outcome]] = {
            CANCELED: lambda: Outcome("Canceled", message="The run was canceled."),
            TIMED_OUT: lambda: self._failed("TimedOut", f"longer than the {self._spec.timeout_seconds:.0f} s allowed"),
            SHUT_DOWN: lambda: Outcome("Failed", {"code": "MachineShutDown", "message": self._where() + " shut down."}),
            LOST: lambda: Outcome("Failed"),
        }
        make = words.get(str(self._watch.reason))
        return make() if make else None

    def _failed(self, code: str, why: str) -> Outcome:
        return Outcome("Failed", {"code": code, "message": f"The script ran {why}."})

    def _where(self) -> str:
        return f"The machine of the node {self._spec.node} was" if self._spec.node else "The machine was"


def _shown(command: Any) -> str:
    return command if isinstance(command, str) else " ".join(command)
