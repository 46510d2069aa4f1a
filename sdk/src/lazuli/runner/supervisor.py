"""Run one script on this machine, from unpacking its snapshot to reporting how it ended."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import tempfile
import threading
import time
import zipfile
from typing import Any, Callable, Dict, List, Optional, Union

from lazuli import errors, isolation, processes
from lazuli.environments.cache import BuildFailed
from lazuli.environments.images import ImageProblem, ImageUse
from lazuli.errors import ServiceException, UserErrorException
from lazuli.masking import FETCHED_VARIABLE, Masker
from lazuli.runner import failure_reasons, gang, mpi, uploads
from lazuli.runner.gang import Gang, NotTogether
from lazuli.runner.gpu_variables import build_gpu_variables
from lazuli.runner.interpreter import Interpreter, find_interpreter
from lazuli.runner.left_metrics import send_left_metrics
from lazuli.runner.log_stream import LogStream
from lazuli.runner.process_logs import split_log
from lazuli.runner.run_api import RunApi, retry_while_unavailable
from lazuli.runner.run_data import RunData
from lazuli.runner.script_container import NO_CONTAINER, ScriptContainer, describe_image, find_image_use
from lazuli.runner.script_fence import ScriptFence
from lazuli.runner.script_limits import OUT_OF_DISK, TOO_MANY_FILES, ScriptLimits
from lazuli.runner.script_process import KILL, ScriptProcess
from lazuli.runner.spec import Spec
from lazuli.runner.status_reporter import StatusReporter
from lazuli.runner.stop_monitor import CANCELED, LOST, SHUT_DOWN, StopMonitor
from lazuli.runner.work_folder import BadSnapshot, WorkFolder, unpack_snapshot
from lazuli.runs import metrics_spool

STD_LOG = "user_logs/std_log.txt"
BUILD_LOG = "azureml-logs/20_image_build_log.txt"
MAX_WARNINGS = 20
POLL_SECONDS = 0.2
# A machine that is shutting down leaves seconds, not minutes.
SHUTDOWN_SECONDS = 3.0
TIMED_OUT, OVER_LIMIT = "timed out", "over a limit"


class RunEnded(Exception):
    """The run is over before its script has started."""


@dataclasses.dataclass
class Outcome:
    status: str
    error: Optional[Dict[str, Any]] = None
    message: Optional[str] = None


def supervise_run(spec: Spec, transport: Any = None) -> int:
    """Run the script and report its end; return 0 if the server knows how the run ended, else 1."""
    api = RunApi(spec, transport)
    reporter = StatusReporter(api, _make_masker(spec), is_lead=spec.rank == 0)
    monitor = StopMonitor(api)
    monitor.start()
    reporter.report("Preparing", node=spec.node)
    try:
        outcome = _run_in_folder(spec, api, reporter, monitor)
    except OSError as error:
        outcome = Outcome(
            "Failed", {"code": "MachineProblem", "message": f"The machine could not run the script: {error}"}
        )
    try:
        # The heartbeats continue until the end is reported, however long the server is unreachable.
        return _report(reporter, monitor, outcome)
    finally:
        monitor.close()


def _make_masker(spec: Spec, folder: Optional[WorkFolder] = None) -> Masker:
    variables = {**os.environ, **spec.user_variables()}
    return Masker.for_variables(variables, spec.token, folder.fetched_secrets if folder else None)


def _run_in_folder(spec: Spec, api: RunApi, reporter: StatusReporter, monitor: StopMonitor) -> Outcome:
    folder = WorkFolder(spec.run_id)
    try:
        outcome = _Attempt(spec, api, reporter, monitor, folder).execute()
        # While the folder still says what the script has read from the key vault.
        masker = _make_masker(spec, folder)
        return dataclasses.replace(
            outcome, error=masker.mask_json(outcome.error), message=masker.mask_json(outcome.message)
        )
    finally:
        folder.remove()


def _report(reporter: StatusReporter, monitor: StopMonitor, outcome: Outcome) -> int:
    if monitor.reason == LOST:
        # Another attempt has the run now, and reports for it. If the token is refused, the node reports why, from the runner's log.
        return 1 if monitor.is_token_refused else 0
    reporter.report(outcome.status, error=outcome.error, message=outcome.message)
    delivered = reporter.close(monitor.shut_down, SHUTDOWN_SECONDS)
    return 0 if delivered and reporter.refusal is None else 1


class _Attempt:
    """One attempt to execute the run, in its work folder."""

    def __init__(self, spec: Spec, api: RunApi, reporter: StatusReporter, monitor: StopMonitor, folder: WorkFolder):
        self._spec = spec
        self._api = api
        self._reporter = reporter
        self._monitor = monitor
        self._folder = folder
        self._is_unpacked = False
        # The image in whose container the script runs.
        self._use: Optional[ImageUse] = None
        # The error of a script that exceeds a limit.
        self._excess: Optional[Dict[str, str]] = None
        self._gang = Gang(spec, monitor.stop_event, api.transport) if spec.distribution or spec.node_count > 1 else None
        # Whether mpirun starts the processes.
        self._has_mpi = False
        self._data = RunData(spec, folder.make_folder("data"), api.transport) if spec.inputs or spec.outputs else None

    def execute(self) -> Outcome:
        try:
            interpreter = self._prepare()
            status = self._run_script(interpreter)
            return self._finalize(status)
        except (RunEnded, NotTogether) as error:
            return self._outcome_if_stopped() or Outcome("Failed", {"code": "UserError", "message": str(error)})
        finally:
            if self._data:
                self._data.close()

    # ---- preparing

    def _prepare(self) -> Interpreter:
        """Fetch the snapshot and prepare the interpreter at the same time."""
        problems: List[str] = []
        fetch = threading.Thread(target=self._fetch_snapshot, args=(problems,), name="snapshot", daemon=True)
        fetch.start()
        interpreter = self._prepare_interpreter()
        while fetch.is_alive():
            fetch.join(POLL_SECONDS)
            if self._monitor.is_stopped:
                raise RunEnded(str(self._monitor.reason))
        if problems:
            raise RunEnded(problems[0])
        return interpreter

    def _fetch_snapshot(self, problems: List[str]) -> None:
        try:
            if self._spec.snapshot_id:
                with tempfile.TemporaryFile(dir=self._folder.path) as archive:
                    retry_while_unavailable(
                        lambda: self._api.download_snapshot(archive), stopped=self._monitor.stop_event
                    )
                    unpack_snapshot(archive, self._folder.code)
            self._folder.create_output_folders(self._spec.directories_to_watch)
            self._prepare_data()
            if not self._spec.experiment_id:
                run = retry_while_unavailable(self._api.get_run, stopped=self._monitor.stop_event)
                self._spec.experiment_id = run.get("experimentId")
        except (UserErrorException, ServiceException, errors.Unreachable) as error:
            what = "The data" if self._is_unpacked else "The snapshot"
            problems.append(f"{what} could not be fetched: {error.message}")
        except (BadSnapshot, zipfile.BadZipFile, OSError) as error:
            problems.append(f"The snapshot could not be unpacked: {error}")

    def _prepare_data(self) -> None:
        """Fetch the inputs, and put their paths into the arguments."""
        if self._data is None:
            return
        self._is_unpacked = True
        self._data.fetch_inputs()
        self._data.make_outputs()
        self._spec.argv = [self._data.replace_texts(word) for word in self._spec.argv or []] or None
        self._spec.command = self._data.replace_texts(self._spec.command) if self._spec.command else None

    def _prepare_interpreter(self) -> Interpreter:
        stream: List[LogStream] = []

        def log(text: str) -> None:
            with open(self._folder.build_log, "a", encoding="utf-8") as file:
                file.write(text)
            if not stream:
                stream.append(
                    LogStream(self._api, self._folder.build_log, self._name_log(BUILD_LOG), _make_masker(self._spec))
                )

        try:
            found = self._find_interpreter(log, lambda: self._monitor.is_stopped)
            self._report_warnings(found.warnings)
            return found
        except BuildFailed as error:
            raise RunEnded(f"The environment could not be built: {error}") from error
        finally:
            for opened in stream:
                # The script does not wait until the log is uploaded.
                threading.Thread(target=opened.close, daemon=True).start()

    def _find_interpreter(self, log: Callable[[str], None], cancelled: Callable[[], bool]) -> Interpreter:
        """In the image of the environment; where it cannot be used, on the machine itself, with a warning."""
        try:
            self._use = find_image_use(self._spec, log, cancelled)
            found = find_interpreter(self._spec, log, cancelled, self._use)
            if self._use:
                self._reporter.report("Preparing", container=self._use.facts)
            return found
        except ImageProblem as problem:
            self._use = None
            text = f"{describe_image(self._spec)} is not used: {problem}. {NO_CONTAINER}"
            log(f"WARNING: {text}\n")
            self._spec.warnings.append(text)
            self._report_warnings([text])
            return find_interpreter(self._spec, log, cancelled)

    def _report_warnings(self, warnings: List[str]) -> None:
        """Report what the run's environment leaves out; the build log has the full list."""
        shown = warnings[:MAX_WARNINGS]
        if len(warnings) > MAX_WARNINGS:
            shown.append(f"{len(warnings) - MAX_WARNINGS} more warnings are in {BUILD_LOG}.")
        for text in shown:
            self._reporter.report("Preparing", warning={"source": "environment", "message": text})

    # ---- running

    def _run_script(self, interpreter: Interpreter) -> int:
        if self._monitor.is_stopped:
            raise RunEnded(str(self._monitor.reason))
        if self._gang:
            self._gang.wait_for_nodes()
        logs = LogStream(self._api, self._folder.log, self._name_log(STD_LOG), _make_masker(self._spec, self._folder))
        # The other nodes would write files of the same names.
        watched = self._spec.directories_to_watch if self._spec.rank == 0 else []
        folders = uploads.LogFolderUploader(self._api, self._folder.code, watched)
        kills = processes.count_memory_kills()
        try:
            limits = ScriptLimits(self._spec.memory_gb, folder=self._folder.path)
            script = self._start(interpreter)
            self._reporter.report("Running", node=self._spec.node)
            status = self._wait_for_script(script, limits)
            self._note_memory_kills(status, processes.count_memory_kills() - kills)
            self._log_notes_on_folders()
            self._send_left_metrics()
            if self._gang and self._spec.rank == 0 and status == 0:
                self._gang.wait_for_others()
        finally:
            self._close_logs(logs, folders)
        self._upload_process_logs()
        return status

    def _note_memory_kills(self, status: int, count: int) -> None:
        """The kernel kills a container that exceeds its memory, before anybody looks."""
        if count > 0 and self._use and self._use.engine.has_limits and status == -KILL:
            self._excess = self._excess or {
                "code": "OutOfMemory",
                "message": f"The script used more than its part of the node's memory, {self._spec.memory_gb or 0:.1f} GB. "
                "Choose a larger size, or request more of the node.",
            }
        else:
            self._report_memory_kills(count)

    def _report_memory_kills(self, count: int) -> None:
        """A process that the script started may be among them; the script itself may have gone on without it."""
        if count <= 0 or self._monitor.reason == LOST:
            return
        killed = "a process" if count == 1 else f"{count} processes"
        text = f"The machine ran out of memory while the script ran, and the system killed {killed}, maybe of this job."
        self._reporter.report("Running", warning={"source": "memory", "message": text})

    def _name_log(self, name: str) -> str:
        """Each node of a job has logs of its own; those of the first have the names of a job of one node."""
        return name if self._spec.rank == 0 else name.replace(".txt", f"_process_{self._spec.rank}.txt")

    def _log_notes_on_folders(self) -> None:
        folders = [uploads.OUTPUTS, *self._spec.directories_to_watch]
        with open(self._folder.log, "a", encoding="utf-8") as log:
            for describe in (uploads.describe_missing, uploads.describe_renamed):
                log.writelines(f"{line}\n" for line in describe(self._folder.code, folders))

    def _send_left_metrics(self) -> None:
        if self._monitor.reason == LOST:
            return
        for problem in send_left_metrics(self._api, self._folder.metrics, self._monitor.shut_down):
            with open(self._folder.log, "a", encoding="utf-8") as log:
                log.write(f"{problem}\n")

    def _start(self, interpreter: Interpreter) -> ScriptProcess:
        command = interpreter.build_command(self._spec)
        if self._gang:
            command = self._build_gang_command(self._gang, command, interpreter)
        with open(self._folder.log, "a", encoding="utf-8") as log:
            log.writelines(f"WARNING: {text}\n" for text in self._spec.warnings)
            if self._use:
                log.write(f"The script runs in a container of {self._use.description}.\n")
            log.writelines(f"{line}\n" for line in (self._data.lines if self._data else []))
        try:
            linked = self._data.linked_folders if self._data else []
            if self._use:
                container = ScriptContainer(self._use, self._spec, self._folder, interpreter, linked)
                return container.start(command, self._build_variables(interpreter, container))
            # Without a fence, a script could change the files to which these folders have links.
            required = {isolation.MODE_VARIABLE: "required"} if linked else {}
            fence = ScriptFence(self._folder, interpreter, {**os.environ, **required}, linked)
            variables = self._build_variables(interpreter, fence)
            script = ScriptProcess(command, self._folder.code, variables, self._folder.log, fence.enter)
        except isolation.NotIsolated as error:
            raise RunEnded(
                f"The node may run scripts only in isolation (NODE_ISOLATION=required), but {error}."
            ) from error
        except (OSError, subprocess.SubprocessError) as error:
            raise RunEnded(f"{_to_text(command)} could not be started: {error}") from error
        fence.close()
        fence.compile_modules()
        return script

    def _build_gang_command(self, nodes: Gang, command: Any, interpreter: Interpreter) -> List[str]:
        # In a container, the processes get their variables alone.
        self._has_mpi = self._use is None and mpi.is_found(self._spec, interpreter.python)
        if self._has_mpi:
            return mpi.build_command(nodes, command, interpreter.python, self._folder)
        return gang.build_command(command, nodes.build_variables(), interpreter.python, self._folder.tools)

    def _build_variables(self, interpreter: Interpreter, fence: Union[ScriptFence, ScriptContainer]) -> Dict[str, str]:
        inherited = fence.inherit_variables(os.environ)
        inherited["TMPDIR"] = self._folder.temporary
        found = fence.change_variables(interpreter.build_variables(inherited, self._folder.tools))
        return {
            **found,
            **(mpi.build_variables(self._folder, found.get("PATH", os.defpath)) if self._has_mpi else {}),
            **self._spec.environment_for_script(self._folder.code),
            metrics_spool.VARIABLE: self._folder.metrics,
            FETCHED_VARIABLE: self._folder.fetched_secrets,
            **(self._data.variables if self._data else {}),
            **build_gpu_variables(os.environ),
        }

    def _wait_for_script(self, script: ScriptProcess, limits: ScriptLimits) -> int:
        limit = self._spec.timeout_seconds
        deadline = time.monotonic() + limit if limit else None
        while True:
            status = script.wait(POLL_SECONDS)
            if status is not None:
                # Background processes of the script end with it.
                script.kill_remaining()
                return status
            if deadline is not None and time.monotonic() > deadline:
                self._monitor.stop(TIMED_OUT)
            self._excess = self._excess or limits.find_excess()
            if self._excess:
                self._monitor.stop(OVER_LIMIT)
            if self._monitor.is_stopped:
                return script.stop(self._grace_seconds())

    def _grace_seconds(self) -> float:
        if self._monitor.reason in (LOST, OVER_LIMIT):
            return 0.0
        return min(self._spec.grace_seconds, SHUTDOWN_SECONDS if self._monitor.reason == SHUT_DOWN else 600.0)

    def _close_logs(self, logs: LogStream, folders: uploads.LogFolderUploader) -> None:
        if self._monitor.reason == LOST:
            return
        logs.close(self._monitor.shut_down, SHUTDOWN_SECONDS)
        if not self._monitor.shut_down.is_set():
            folders.close(self._monitor.shut_down)

    def _upload_process_logs(self) -> None:
        ranks = self._gang.list_ranks() if self._gang else []
        if self._gang and self._has_mpi:
            # Their lines all come to the first node.
            ranks = list(range(len(ranks) * self._gang.size)) if self._spec.rank == 0 else []
        if len(ranks) < 2 or self._monitor.reason in (LOST, SHUT_DOWN):
            return
        masker = _make_masker(self._spec, self._folder)
        for name, path in split_log(self._folder.log, ranks, self._folder.make_folder("process_logs")).items():
            LogStream(self._api, path, name, masker).close(self._monitor.shut_down, SHUTDOWN_SECONDS)

    # ---- ending

    def _finalize(self, status: int) -> Outcome:
        if self._monitor.reason in (LOST, SHUT_DOWN):
            return self._outcome_if_stopped() or Outcome("Failed")
        if self._excess and self._excess["code"] in (OUT_OF_DISK, TOO_MANY_FILES):
            # Stored, its outputs would take the same space once more.
            return self._outcome_if_stopped() or Outcome("Failed", self._excess)
        self._reporter.report("Finalizing")
        problems = uploads.upload_outputs(self._api, self._folder.code, self._monitor.shut_down)
        problems += self._store_data(status == 0 and self._outcome_if_stopped() is None)
        stopped = self._outcome_if_stopped()
        if stopped is not None:
            return stopped
        if status and self._excess:
            return Outcome("Failed", self._excess)
        if status:
            name = str(self._spec.environment.get("name") or "of the run")
            is_isolated = isolation.is_wanted(os.environ) or self._use is not None
            found = failure_reasons.describe_failure(status, self._folder.log, name, self._folder.code, is_isolated)
            if self._gang:
                found["message"] = f"On {self._spec.node}, node {self._spec.rank} of the job: {found['message']}"
            return Outcome("Failed", found)
        if problems:
            text = "The script succeeded, but its outputs could not be uploaded: " + "; ".join(problems[:5])
            return Outcome("Failed", {"code": "OutputsNotSaved", "message": text})
        return Outcome("Completed")

    def _store_data(self, succeeded: bool) -> List[str]:
        """The error of output data that could not be stored."""
        if self._data is None:
            return []
        try:
            self._data.store_outputs(succeeded)
        except (UserErrorException, ServiceException, errors.Unreachable) as error:
            return [error.message]
        except OSError as error:
            return [str(error)]
        return []

    def _outcome_if_stopped(self) -> Optional[Outcome]:
        outcomes: Dict[str, Callable[[], Outcome]] = {
            CANCELED: lambda: Outcome("Canceled", message="The run was canceled."),
            TIMED_OUT: lambda: self._make_failure(
                "TimedOut", "longer than the allowed " + _format_limit(self._spec.timeout_seconds or 0)
            ),
            SHUT_DOWN: lambda: Outcome(
                "Failed", {"code": "MachineShutDown", "message": self._name_machine() + " was shut down."}
            ),
            OVER_LIMIT: lambda: Outcome("Failed", self._excess),
            LOST: lambda: Outcome("Failed"),
        }
        make = outcomes.get(str(self._monitor.reason))
        return make() if make else None

    def _make_failure(self, code: str, why: str) -> Outcome:
        return Outcome("Failed", {"code": code, "message": f"The script ran {why}."})

    def _name_machine(self) -> str:
        return f"The machine of node {self._spec.node}" if self._spec.node else "The machine"


def _format_limit(seconds: float) -> str:
    """In the largest unit of which it is a whole number: 20 minutes."""
    for unit, name in ((3600, "hour"), (60, "minute")):
        if seconds >= unit and seconds % unit == 0:
            return f"{seconds // unit:.0f} {name}{'' if seconds == unit else 's'}"
    return f"{seconds:g} second{'' if seconds == 1 else 's'}"


def _to_text(command: Any) -> str:
    return command if isinstance(command, str) else " ".join(command)
