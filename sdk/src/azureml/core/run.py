"""`Run`: one execution with its metrics, files, tags and children."""

from __future__ import annotations

import importlib
import os
import time
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, cast

from lazuli.runs import metric_values, waiting
from lazuli.runs.details import select_details
from lazuli.runs.experiments import experiment_path
from lazuli.runs.files import Artifact, list_folder_files, normalize_name
from lazuli.runs.filters import RunFilter
from lazuli.runs.metrics_queue import MetricsQueue
from lazuli.runs.run_client import RunClient
from lazuli.runs.run_error import describe_error
from lazuli.runs.tag_values import convert_to_texts
from lazuli.runs.waiting import POST_PROCESSING_STATES, RUNNING_STATES

from azureml import _absent, _html_table
from azureml._unused import warn_of_unused
from azureml.core import _interactive, _registry
from azureml.core._metrics import make_metrics_queue
from azureml.core._offline_run import _OfflineRun as _OfflineRun
from azureml.core._registry import RunFactory
from azureml.core._run_inputs import InputDatasets, LinkOutput, OutputDatasets
from azureml.core.keyvault import Keyvault
from azureml.exceptions import AzureMLException, SnapshotException, UserErrorException

__all__ = ["InputDatasets", "LinkOutput", "OutputDatasets", "Run", "get_run"]

Json = Dict[str, Any]


class Run:
    """A run on the server. Its properties are read from the server when they are needed."""

    DELIM = "#"
    EXPERIMENT_ID_PATH = "/experiments/id/{0}"
    EXPERIMENT_NAME_PATH = "/experiments/{0}"
    RUN_PATH = "/runs/{0}"
    TID_FMT = "&tid={0}"
    WORKSPACE_FMT = "?wsid=/subscriptions/{0}/resourcegroups/{1}/workspaces/{2}"

    def __init__(self, experiment: Any, run_id: str, outputs: Any = None, **kwargs: Any):
        warn_of_unused("Run", **kwargs)
        self._experiment = experiment
        self._run_id = run_id
        self._outputs = [outputs] if isinstance(outputs, str) else list(outputs or [])
        self._dto: Optional[Json] = kwargs.get("_run_dto")
        self._remote = RunClient(experiment.workspace._remote, run_id)
        self._files = self._remote.files
        self._metrics: Optional[MetricsQueue] = None
        self._warned_of_description = False
        self._parent: Optional[Run] = None
        self._session: Any = None
        self._started_at: Optional[float] = None

    # ---- finding

    @classmethod
    def get_context(cls, allow_offline: bool = True, used_for_context_manager: bool = False, **kwargs: Any) -> Any:
        """The run of this script; outside of one an offline run, or RunEnvironmentException if that is not allowed."""
        warn_of_unused("Run.get_context", **kwargs)
        return _registry.find_run_context(allow_offline)

    @classmethod
    def get_submitted_run(cls, **kwargs: Any) -> Any:
        """The older name of `get_context(allow_offline=False)`."""
        return cls.get_context(allow_offline=False, **kwargs)

    @staticmethod
    def get(workspace: Any, run_id: str) -> Run:
        """The run of this id. Raises UserErrorException if the workspace has no such run."""
        return _make_run_in_workspace(workspace, RunClient(workspace._remote, run_id).get())

    @staticmethod
    def list(
        experiment: Any,
        type: Optional[str] = None,
        tags: Any = None,
        properties: Any = None,
        status: Optional[str] = None,
        include_children: bool = False,
        _rehydrate_runs: bool = True,
        filter: Optional[str] = None,
    ) -> Iterator[Run]:
        """The runs of the experiment, newest first; `filter` is in the language of the query box of its page."""
        path = experiment_path(experiment.workspace._remote, experiment.name) + "/runs"
        children = "true" if include_children else None
        params = {"includeChildren": children, "status": status, "type": type, "filter": filter}
        wanted = RunFilter(type, tags, properties, status)
        for dto in experiment.workspace._client.items(path, params):
            if wanted.matches(dto):
                yield _make_run(experiment, dto, _rehydrate_runs)

    @staticmethod
    def list_by_compute(
        compute: Any,
        type: Optional[str] = None,
        tags: Any = None,
        properties: Any = None,
        status: Optional[str] = None,
    ) -> Iterator[Run]:
        """The runs of the workspace on this compute, newest first."""
        wanted = RunFilter(type, tags, properties, status)
        for dto in compute.workspace._client.items(f"{compute.workspace._history}/runs", {"includeChildren": "true"}):
            if dto.get("target") == compute.name and wanted.matches(dto):
                yield _make_run_in_workspace(compute.workspace, dto)

    @staticmethod
    def add_type_provider(runtype: str, run_factory: RunFactory) -> None:
        """Let `run_factory(experiment, run_dto)` make the objects for runs of this type."""
        _registry.run_factories[runtype] = run_factory

    @classmethod
    def _start_logging(
        cls,
        experiment: Any,
        outputs: Any = None,
        snapshot_directory: Optional[str] = ".",
        display_name: Optional[str] = None,
        run_id: Optional[str] = None,
        **kwargs: Any,
    ) -> Run:
        warn_of_unused("Experiment.start_logging", 4, **kwargs)
        created = _interactive.create_run(
            experiment.workspace._remote, experiment.name, run_id, snapshot_directory, display_name
        )
        return cls._started_here(experiment, created, outputs)

    @staticmethod
    def _started_here(experiment: Any, dto: Json, outputs: Any) -> Run:
        run = Run(experiment, dto["runId"], outputs, _run_dto=dto)
        run._started_at = time.time()
        return run

    # ---- properties

    @property
    def id(self) -> str:
        return self._run_id

    @property
    def experiment(self) -> Any:
        return self._experiment

    @property
    def identity(self) -> str:
        return f"{type(self).__name__}{self.DELIM}{self._run_id}"

    @property
    def number(self) -> Optional[int]:
        return self._data().get("runNumber")

    @property
    def name(self) -> Optional[str]:
        return self.display_name

    @property
    def display_name(self) -> Optional[str]:
        return self._data().get("displayName")

    @display_name.setter
    def display_name(self, value: str) -> None:
        self._patch(displayName=value)

    @property
    def description(self) -> Optional[str]:
        return self._data().get("description")

    @description.setter
    def description(self, value: str) -> None:
        self._patch(description=value)

    @property
    def type(self) -> Optional[str]:
        return self._data().get("runType")

    @property
    def status(self) -> Optional[str]:
        return self._data().get("status")

    @property
    def tags(self) -> Dict[str, str]:
        return dict(self._data().get("tags") or {})

    @property
    def properties(self) -> Dict[str, str]:
        return dict(self._data().get("properties") or {})

    @property
    def parent(self) -> Optional[Run]:
        """The parent run, or None. Always the same object, so that metrics logged with `run.parent.log(...)` stay in order."""
        parent_id = self._data().get("parentRunId")
        if parent_id and self._parent is None:
            self._parent = Run.get(self._experiment.workspace, parent_id)
        return self._parent

    @property
    def portal_url(self) -> str:
        return str(self._client.base_url)

    def get_portal_url(self) -> str:
        """The run's page in the studio."""
        return str(self._data().get("portalUrl") or f"{self.portal_url}/runs/{self._run_id}")

    @classmethod
    def get_docs_url(cls) -> str:
        return "https://learn.microsoft.com/python/api/azureml-core/azureml.core.run.Run"

    def get_status(self) -> Optional[str]:
        if self._dto is None or self._dto.get("status") not in waiting.FINAL_STATES:
            self._refresh()
        return self.status

    def get_detailed_status(self) -> Json:
        """A dict with `status`, and in `details` what a queued run is waiting for."""
        details = self._remote.get_full_details()
        events = details.get("events") or []
        return {"status": details["status"], "details": events[-1].get("message") if events else None}

    def get_tags(self) -> Dict[str, str]:
        self._refresh()
        return self.tags

    def get_properties(self) -> Dict[str, str]:
        self._refresh()
        return self.properties

    def get_details(self) -> Json:
        """All details of the run as a dict, without empty keys."""
        found = self._remote.get_full_details()
        self._dto = dict(found)
        return select_details(found)

    def get_details_with_logs(self) -> Json:
        details = self.get_details()
        names = details.get("logFiles") or {}
        details["logFiles"] = {name: self._files.read(name).decode(errors="replace") for name in names}
        return details

    def get_environment(self) -> Any:
        """The environment of the script. Raises UserErrorException for a run that was not submitted as one."""
        from azureml.core.environment import environment_from_dict  # start-up time

        definition = (self._remote.get_full_details().get("runDefinition") or {}).get("environment")
        if not definition:
            raise UserErrorException("The run has no environment: it was not submitted as a script.")
        return environment_from_dict(definition)

    def __repr__(self) -> str:
        return "Run({})".format(",\n".join(f"{name}: {value}" for name, value in self._summary_cells().items()))

    def _repr_html_(self) -> str:
        cells: Dict[str, Any] = dict(self._summary_cells())
        cells["Details Page"] = ("Link to the studio", self.get_portal_url())
        cells["Docs Page"] = ("Link to Documentation", self.get_docs_url())
        return _html_table.render_table(cells)

    def _summary_cells(self) -> Dict[str, str]:
        shown = {"Experiment": self._experiment.name, "Id": self._run_id}
        return dict(shown, Type=str(self.type), Status=str(self.status))

    # ---- metrics

    def log(self, name: str, value: Any, description: str = "", step: Optional[int] = None) -> None:
        """Log one value; values of the same name make a series."""
        self._log_metric(metric_values.scalar_metric(name, value, step), description)

    def log_list(self, name: str, value: Any, description: str = "") -> None:
        self._log_metric(metric_values.list_metric(name, value), description)

    def log_row(self, name: str, description: Optional[str] = None, **kwargs: Any) -> None:
        self._log_metric(metric_values.row_metric(name, kwargs), description)

    def log_table(self, name: str, value: Dict[str, Any], description: str = "") -> None:
        self._log_metric(metric_values.table_metric(name, value), description)

    def log_image(self, name: str, path: Optional[str] = None, plot: Any = None, description: str = "") -> None:
        """Log an image file, or anything with `savefig`, such as matplotlib's pyplot or a figure."""
        stored_as, content = metric_values.read_image(name, path, plot)
        self._log_file(name, "image", stored_as, content, description)

    def log_confusion_matrix(self, name: str, value: Any, description: str = "") -> None:
        self._log_json(name, "confusion_matrix", value, description)

    def log_residuals(self, name: str, value: Any, description: str = "") -> None:
        self._log_json(name, "residuals", value, description)

    def log_predictions(self, name: str, value: Any, description: str = "") -> None:
        self._log_json(name, "predictions", value, description)

    def log_accuracy_table(self, name: str, value: Any, description: str = "") -> None:
        self._log_json(name, "accuracy_table", value, description)

    def get_metrics(
        self,
        name: Optional[str] = None,
        recursive: bool = False,
        run_type: Optional[str] = None,
        populate: bool = False,
    ) -> Json:
        """The logged values by name; with `recursive` by run id and name, with those of all descendants.

        A metric is a single value, a list, or for a table a dict of lists; `populate` replaces the address of an image
        or a JSON metric by its content (bytes).
        """
        warn_of_unused("Run.get_metrics", run_type=run_type)
        self.flush()
        found: Dict[str, Json] = {}
        for series in self._remote.list_metrics(name, recursive):
            value = metric_values.decode_series(series) if series["values"] else None
            if populate and series["kind"] in metric_values.FILE_KINDS:
                value = self._files.read(str(value).split(f"dcid.{self._run_id}/", 1)[-1])
            found.setdefault(series.get("runId") or self._run_id, {})[series["name"]] = value
        return found if recursive else found.get(self._run_id, {})

    def flush(self, timeout_seconds: float = 300) -> None:
        """Wait until the server has received everything that was logged. Raises AzureMLException after the timeout."""
        if self._metrics is not None and not self._metrics.flush(timeout_seconds):
            raise AzureMLException(f"{self._metrics.pending} metric(s) have not been sent after {timeout_seconds} s.")

    def _log_metric(self, metric: Json, description: Optional[str] = None) -> None:
        self._check_open()
        if description and not self._warned_of_description:
            self._warned_of_description = True
            warn_of_unused(f"Run.log ({metric['name']!r})", 4, description=description)
        if self._metrics is None:
            self._metrics = make_metrics_queue(self._remote, self._experiment.workspace._auth)
        for part in metric_values.split_metric(metric):
            self._metrics.put(part)

    def _check_open(self) -> None:
        """Raises UserErrorException once the end of the run is known here; else the server refuses, and that is printed."""
        if (self._dto or {}).get("status") in waiting.FINAL_STATES:
            raise UserErrorException(f"The run {self._run_id} is {self.status}; it accepts no more metrics.")

    def _log_json(self, name: str, kind: str, value: Any, description: str) -> None:
        text = metric_values.encode_json_text(value, kind.replace("_", " "))
        self._log_file(name, kind, name, text.encode(), description)

    def _log_file(self, name: str, kind: str, path: str, content: Any, description: str) -> None:
        metric = metric_values.file_metric(name, kind, normalize_name(path))
        self._check_open()
        self._files.upload(path, content)
        self._log_metric(metric, description)

    # ---- files

    def upload_file(self, name: str, path_or_stream: Any, datastore_name: Optional[str] = None) -> Artifact:
        return self._files.for_datastore(datastore_name).upload(name, path_or_stream)

    def upload_files(
        self,
        names: Iterable[str],
        paths: Iterable[str],
        return_artifacts: bool = False,
        timeout_seconds: Optional[int] = None,
        datastore_name: Optional[str] = None,
    ) -> Dict[str, Artifact]:
        warn_of_unused("Run.upload_files", timeout_seconds=timeout_seconds)
        names, paths = list_of(names), list_of(paths)
        if len(names) != len(paths):
            raise UserErrorException(f"There are {len(names)} names, but {len(paths)} paths.")
        return self._files.for_datastore(datastore_name).upload_files(zip(names, paths))

    def upload_folder(self, name: str, path: str, datastore_name: Optional[str] = None) -> Dict[str, Artifact]:
        return self._files.for_datastore(datastore_name).upload_files(list_folder_files(name, path))

    def get_file_names(self) -> List[str]:
        return self._files.list_names()

    def download_file(
        self, name: str, output_file_path: Optional[str] = None, _validate_checksum: bool = False
    ) -> None:
        """Save one file into the current folder under its own name, unless a path or folder is given.

        Raises UserErrorException if the run has no such file.
        """
        target = output_file_path or os.path.basename(name)
        if os.path.isdir(target) or target.endswith("/"):
            target = os.path.join(target, os.path.basename(name))
        self._files.download(name, target)

    def download_files(
        self,
        prefix: Optional[str] = None,
        output_directory: Optional[str] = None,
        output_paths: Any = None,
        batch_size: int = 100,
        append_prefix: bool = True,
        timeout_seconds: Optional[int] = None,
    ) -> None:
        """Save all files below `prefix` with their folders; `append_prefix=False` leaves the prefix out of the paths."""
        warn_of_unused("Run.download_files", timeout_seconds=timeout_seconds)
        self._files.download_files(prefix, output_directory, output_paths, append_prefix)

    def get_all_logs(self, destination: Optional[str] = None) -> List[str]:
        """Save every log into a folder (default: `assets/<run id>`), and return the paths."""
        folder = destination or os.path.join("assets", self._run_id)
        targets = {name: os.path.join(folder, *name.split("/")) for name in self.get_details().get("logFiles") or {}}
        for name, target in targets.items():
            self._files.download(name, target)
        return list_of(targets.values())

    # ---- tags, properties, secrets, models

    def tag(self, key: str, value: Optional[str] = None) -> None:
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        self._patch(tags=convert_to_texts(tags, "tag", "tags"))

    def remove_tags(self, tags: Any) -> None:
        self._patch(removeTags=[tags] if isinstance(tags, str) else list_of(tags))

    def add_properties(self, properties: Mapping[str, Any]) -> None:
        """Add properties; the value of an existing one cannot be changed."""
        self._patch(properties=convert_to_texts(properties, "property", "properties"))

    def get_secret(self, name: str) -> str:
        """The value of a secret in the workspace's key vault; the logs of the run show stars in its place."""
        return Keyvault(self.experiment.workspace).get_secret(name)

    def get_secrets(self, secrets: Iterable[str]) -> Dict[str, Optional[str]]:
        """The values by name; None for a name that is not there."""
        return Keyvault(self.experiment.workspace).get_secrets(secrets)

    def register_model(
        self,
        model_name: str,
        model_path: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
        properties: Optional[Dict[str, str]] = None,
        model_framework: Optional[str] = None,
        model_framework_version: Optional[str] = None,
        description: Optional[str] = None,
        datasets: Any = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Register a file or folder of the run, by default the one of the model's name. Raises ModelPathNotFoundException."""
        warn_of_unused("Run.register_model", **kwargs)
        details = (tags, properties, description, model_framework, model_framework_version)
        references = (datasets, sample_input_dataset, sample_output_dataset, resource_configuration)
        return _registry.register_model(self, model_name, model_path, details, references)

    # ---- snapshot

    def take_snapshot(self, file_or_folder_path: str) -> str:
        from lazuli.runs import snapshots  # start-up time

        if self.get_snapshot_id():
            raise SnapshotException(f"The run {self._run_id} already has a snapshot.")
        snapshot_id = snapshots.upload_snapshot(self._experiment.workspace._remote, file_or_folder_path)
        self.add_properties({"ContentSnapshotId": snapshot_id})
        return snapshot_id

    def get_snapshot_id(self) -> Optional[str]:
        return self.get_properties().get("ContentSnapshotId")

    def restore_snapshot(self, snapshot_id: Optional[str] = None, path: Optional[str] = None) -> str:
        """Save the snapshot as a zip into the folder `path`, and return the path of the zip."""
        from lazuli.runs import snapshots  # start-up time

        snapshot_id = snapshot_id or self.get_snapshot_id()
        if not snapshot_id:
            raise SnapshotException(f"The run {self._run_id} has no snapshot.")
        return snapshots.download_snapshot(self._experiment.workspace._remote, snapshot_id, path)

    # ---- children

    def child_run(self, name: Optional[str] = None, run_id: Optional[str] = None, outputs: Any = None) -> Run:
        """Start an interactive run below this one; call its `complete()` at the end."""
        created = _interactive.create_child_run(self._remote, self._experiment.name, name, run_id)
        return self._started_here(self._experiment, created, outputs)

    def create_children(
        self, count: Optional[int] = None, tag_key: Optional[str] = None, tag_values: Any = None
    ) -> List[Run]:
        """Start `count` children, or one for each of `tag_values`, with the tag `tag_key` set to it."""
        return _interactive.start_children(self, count, tag_key, tag_values)

    def get_children(
        self,
        recursive: bool = False,
        tags: Any = None,
        properties: Any = None,
        type: Optional[str] = None,
        status: Optional[str] = None,
        _rehydrate_runs: bool = True,
    ) -> Iterator[Run]:
        wanted = RunFilter(type, tags, properties, status)
        for dto in self._client.items(f"{self._remote.path}/children", {"recursive": "true" if recursive else None}):
            if wanted.matches(dto):
                yield _make_run(self._experiment, dto, _rehydrate_runs)

    def submit_child(self, config: Any, tags: Optional[Dict[str, str]] = None, **kwargs: Any) -> Run:
        """Submit a script as a child of this run."""
        return cast(Run, self._experiment._submit_script(config, tags=tags, parent_run_id=self._run_id, **kwargs))

    # ---- state

    def start(self) -> None:
        self._report_status("Running")

    def complete(self, _set_status: bool = True) -> None:
        """Send the waiting metrics, upload the outputs, and end the run as Completed."""
        self.flush()
        self._upload_outputs()
        if _set_status:
            self._report_status("Completed")

    def fail(self, error_details: Any = None, error_code: Optional[str] = None, _set_status: bool = True) -> None:
        """The same as `complete()`, but end the run as Failed; `error_details` is a text or an exception."""
        self.flush()
        self._upload_outputs()
        if _set_status:
            self._report_status("Failed", error=describe_error(error_details, error_code))

    def cancel(self) -> None:
        self._dto = self._remote.cancel()

    def clean(self) -> List[str]:
        """The local files of the run that were removed: none, because the runner removes them itself."""
        return []

    def wait_for_completion(
        self, show_output: bool = False, wait_post_processing: bool = False, raise_on_error: bool = True
    ) -> Json:
        """Wait for the end of the run and return its details; `show_output=True` prints the log while it grows.

        Raises ActivityFailedException if the run failed and `raise_on_error` is true.
        """
        if wait_post_processing:
            # As in SDK v1, this applies to the rest of the process.
            RUNNING_STATES.extend(state for state in POST_PROCESSING_STATES if state not in RUNNING_STATES)
        self.flush()
        return waiting.wait_for_run(self, self._files, show_output, RUNNING_STATES, raise_on_error)

    def __enter__(self) -> Run:
        self._session = _interactive.LoggedBlock(self)
        self._session.start()
        return self

    def __exit__(self, exit_type: Any, value: Any, traceback: Any) -> None:
        session, self._session = self._session, None
        session.end(exit_type, value, traceback)

    def _upload_outputs(self) -> None:
        if self._started_at is not None:
            _interactive.upload_outputs(self._files, self._outputs, self._started_at)

    # ---- the server

    @property
    def _client(self) -> Any:
        return self._experiment.workspace._client

    def _data(self) -> Json:
        if self._dto is None:
            self._refresh()
        return self._dto or {}

    def _refresh(self) -> None:
        self._dto = self._remote.get()

    def _patch(self, **body: Any) -> None:
        self._dto = self._remote.update(**body)

    def _report_status(self, status: str, **body: Any) -> None:
        self._dto = self._remote.report_event(status=status, **body)


list_of = list  # For the body of the class, where `Run.list` hides the builtin.


def __getattr__(name: str) -> Any:
    if name == "_SubmittedRun":
        return importlib.import_module("azureml.core._run_context")._SubmittedRun
    return _absent.find_missing(__name__)(name)


def get_run(experiment: Any, run_id: str, rehydrate: bool = True, clean_up: bool = True) -> Run:
    """The run of this id in the experiment's workspace. Raises UserErrorException if there is none."""
    return _make_run(experiment, RunClient(experiment.workspace._remote, run_id).get(), rehydrate)


def _make_run(experiment: Any, dto: Json, rehydrate: bool = True) -> Run:
    """The object for a run: of the class that is registered for its type, else a plain `Run`."""
    factory = _registry.run_factories.get(str(dto.get("runType"))) if rehydrate else None
    return factory(experiment, dto) if factory is not None else Run(experiment, dto["runId"], _run_dto=dto)


def _make_run_in_workspace(workspace: Any, dto: Json) -> Run:
    return _make_run(workspace._experiment(dto["experimentName"], _id=dto.get("experimentId")), dto)
