"""`Run`: one execution with its metrics, files, tags and children."""

from __future__ import annotations

import logging
import os
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional

from azureml import _html
from azureml.core import _follow, _metrics, _run_details, _run_factory
from azureml.core._artifacts import Artifact, RunFiles, clean_name, folder_files
from azureml.core._follow import POST_PROCESSING_STATES, RUNNING_STATES
from azureml.core._metrics_queue import MetricsQueue
from azureml.core._run_errors import error_body
from azureml.core._run_factory import RunFactory, run_in_workspace, run_of
from azureml.core._run_filter import Wanted
from azureml.core._run_inputs import InputDatasets, LinkOutput, OutputDatasets
from azureml.exceptions import AzureMLException, SnapshotException, UserErrorException
from lazuli import errors
from lazuli.client import quote_segment

__all__ = ["InputDatasets", "LinkOutput", "OutputDatasets", "Run", "get_run"]

logger = logging.getLogger("azureml")

MAX_CHILDREN = 100

Json = Dict[str, Any]


class Run:
    """A run of the server. What it is called and what state it is in is asked when needed."""

    DELIM = "#"
    EXPERIMENT_ID_PATH = "/experiments/id/{0}"
    EXPERIMENT_NAME_PATH = "/experiments/{0}"
    RUN_PATH = "/runs/{0}"
    TID_FMT = "&tid={0}"
    WORKSPACE_FMT = "?wsid=/subscriptions/{0}/resourcegroups/{1}/workspaces/{2}"

    def __init__(self, experiment: Any, run_id: str, outputs: Any = None, **kwargs: Any):
        self._experiment = experiment
        self._run_id = run_id
        self._outputs = [outputs] if isinstance(outputs, str) else list(outputs or [])
        self._dto: Optional[Json] = kwargs.get("_run_dto")
        self._address = f"{experiment.workspace._history}/runs/{quote_segment(run_id)}"
        self._files = RunFiles(self._client, self._address, run_id)
        self._metrics: Optional[MetricsQueue] = None
        self._session: Any = None
        self._started_at: Optional[float] = None

    # ---- finding

    @classmethod
    def get_context(cls, allow_offline: bool = True, used_for_context_manager: bool = False, **kwargs: Any) -> Any:
        """The run that this script belongs to; outside of one an offline run, which prints what is logged."""
        from azureml.core import _run_context

        return _run_context.find(allow_offline)

    @classmethod
    def get_submitted_run(cls, **kwargs: Any) -> Any:
        """The older name of `get_context(allow_offline=False)`."""
        return cls.get_context(allow_offline=False)

    @staticmethod
    def get(workspace: Any, run_id: str) -> Run:
        address = f"{workspace._history}/runs/{quote_segment(run_id)}"
        try:
            dto = workspace._client.get(address)
        except errors.NotFound as error:
            text = f"The workspace has no run {run_id!r}."
            raise UserErrorException(text, inner_exception=error) from error
        return run_in_workspace(workspace, dto)

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
        """The experiment's runs, newest first; `filter` is what one would write into the query box of its page."""
        address = f"{experiment.workspace._history}/experiments/{quote_segment(experiment.name)}/runs"
        params = {"includeChildren": "true" if include_children else None, "status": status, "type": type}
        params["filter"] = filter
        wanted = Wanted(type, tags, properties, status)
        for dto in experiment.workspace._client.items(address, params):
            if wanted.fits(dto):
                yield run_of(experiment, dto, _rehydrate_runs)

    @staticmethod
    def list_by_compute(
        compute: Any,
        type: Optional[str] = None,
        tags: Any = None,
        properties: Any = None,
        status: Optional[str] = None,
    ) -> Iterator[Run]:
        """The runs of the workspace on this compute, newest first."""
        wanted = Wanted(type, tags, properties, status)
        address = compute.workspace._history + "/runs"
        for dto in compute.workspace._client.items(address, {"includeChildren": "true"}):
            if dto.get("target") == compute.name and wanted.fits(dto):
                yield run_in_workspace(compute.workspace, dto)

    @staticmethod
    def add_type_provider(runtype: str, run_factory: RunFactory) -> None:
        """`run_factory(experiment, run_dto)` makes the objects for runs of this type."""
        _run_factory.factories[runtype] = run_factory

    @classmethod
    def _start_logging(
        cls,
        experiment: Any,
        outputs: Any = None,
        snapshot_directory: Optional[str] = ".",
        display_name: Optional[str] = None,
        **kwargs: Any,
    ) -> Run:
        from azureml.core import _interactive

        return _interactive.start(experiment, outputs, snapshot_directory, display_name, kwargs.get("run_id"))

    # ---- what it is

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
        parent_id = self._data().get("parentRunId")
        return Run.get(self._experiment.workspace, parent_id) if parent_id else None

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
        if self._dto is None or self._dto.get("status") not in _follow.TERMINAL:
            self._refresh()
        return self.status

    def get_detailed_status(self) -> Json:
        """The status, and for a queued run what it waits for."""
        details = self._client.get(f"{self._address}/details")
        events = details.get("events") or []
        return {"status": details["status"], "details": events[-1].get("message") if events else None}

    def get_tags(self) -> Dict[str, str]:
        self._refresh()
        return self.tags

    def get_properties(self) -> Dict[str, str]:
        self._refresh()
        return self.properties

    def get_details(self) -> Json:
        """All that is known about the run, without what has no value."""
        found = self._client.get(f"{self._address}/details")
        self._dto = dict(found)
        return _run_details.shown(found)

    def get_details_with_logs(self) -> Json:
        details = self.get_details()
        logs = details.get("logFiles") or {}
        details["logFiles"] = {name: self._files.content(name).decode(errors="replace") for name in logs}
        return details

    def get_environment(self) -> Any:
        """The environment that the script ran in."""
        from azureml.core.environment import environment_from_dict

        definition = (self._client.get(f"{self._address}/details").get("runDefinition") or {}).get("environment")
        if not definition:
            raise UserErrorException("The run has no environment: it was not submitted as a script.")
        return environment_from_dict(definition)

    def __repr__(self) -> str:
        cells = ", ".join(f"{name}: {value}" for name, value in self._cells().items())
        return f"Run({cells})".replace(", ", ",\n")

    def _repr_html_(self) -> str:
        cells: Dict[str, Any] = dict(self._cells())
        cells["Details Page"] = ("Link to the studio", self.get_portal_url())
        cells["Docs Page"] = ("Link to Documentation", self.get_docs_url())
        return _html.table(cells)

    def _cells(self) -> Dict[str, str]:
        shown = {"Experiment": self._experiment.name, "Id": self._run_id}
        return dict(shown, Type=str(self.type), Status=str(self.status))

    # ---- metrics

    def log(self, name: str, value: Any, description: str = "", step: Optional[int] = None) -> None:
        """One value; several of the same name make a series."""
        self._put(_metrics.scalar(name, value, step))

    def log_list(self, name: str, value: Any, description: str = "") -> None:
        self._put(_metrics.value_list(name, value))

    def log_row(self, name: str, description: Optional[str] = None, **kwargs: Any) -> None:
        self._put(_metrics.row(name, kwargs))

    def log_table(self, name: str, value: Dict[str, Any], description: str = "") -> None:
        self._put(_metrics.table(name, value))

    def log_image(self, name: str, path: Optional[str] = None, plot: Any = None, description: str = "") -> None:
        """An image file, or anything with `savefig`, such as matplotlib's pyplot or a figure."""
        stored_as, content = _metrics.image_source(name, path, plot)
        self._log_file(name, "image", stored_as, content)

    def log_confusion_matrix(self, name: str, value: Any, description: str = "") -> None:
        self._log_json(name, "confusion_matrix", value)

    def log_residuals(self, name: str, value: Any, description: str = "") -> None:
        self._log_json(name, "residuals", value)

    def log_predictions(self, name: str, value: Any, description: str = "") -> None:
        self._log_json(name, "predictions", value)

    def log_accuracy_table(self, name: str, value: Any, description: str = "") -> None:
        self._log_json(name, "accuracy_table", value)

    def get_metrics(
        self,
        name: Optional[str] = None,
        recursive: bool = False,
        run_type: Optional[str] = None,
        populate: bool = False,
    ) -> Json:
        """What has been logged, by name; with `recursive` by run id and name, for all descendants too."""
        self.flush()
        params = {"name": name, "recursive": "true" if recursive else None}
        found: Dict[str, Json] = {}
        for series in self._client.items(f"{self._address}/metrics", params):
            value = _metrics.decode(series) if series["values"] else None
            if populate and series["kind"] in _metrics.FILE_KINDS:
                value = self._populated(str(value))
            found.setdefault(series.get("runId") or self._run_id, {})[series["name"]] = value
        return found if recursive else found.get(self._run_id, {})

    def flush(self, timeout_seconds: float = 300) -> None:
        """Wait until all that was logged is with the server."""
        if self._metrics is not None and not self._metrics.flush(timeout_seconds):
            raise AzureMLException(
                f"{self._metrics.pending} metric(s) are still on their way after {timeout_seconds} s."
            )

    def _put(self, metric: Json) -> None:
        if self._metrics is None:
            self._metrics = MetricsQueue(self._send_metrics, f"Run {self._run_id}")
        for piece in _metrics.pieces(metric):
            self._metrics.put(piece)

    def _send_metrics(self, batch_id: str, metrics: Iterable[Json]) -> None:
        body = {"batchId": batch_id, "metrics": list_of(metrics)}
        self._client.request("POST", f"{self._address}/metrics", json=body, repeatable=True)

    def _log_json(self, name: str, kind: str, value: Any) -> None:
        self._log_file(name, kind, name, _metrics.json_text(value, kind.replace("_", " ")).encode())

    def _log_file(self, name: str, kind: str, path: str, content: Any) -> None:
        metric = _metrics.file_backed(name, kind, clean_name(path))
        self._files.upload(path, content)
        self._put(metric)

    def _populated(self, address: str) -> bytes:
        return self._files.content(address.split(f"dcid.{self._run_id}/", 1)[-1])

    # ---- files

    def upload_file(self, name: str, path_or_stream: Any, datastore_name: Optional[str] = None) -> Artifact:
        return self._files.upload(name, path_or_stream)

    def upload_files(
        self,
        names: Iterable[str],
        paths: Iterable[str],
        return_artifacts: bool = False,
        timeout_seconds: Optional[int] = None,
        datastore_name: Optional[str] = None,
    ) -> Dict[str, Artifact]:
        names, paths = list_of(names), list_of(paths)
        if len(names) != len(paths):
            raise UserErrorException(f"{len(names)} names do not fit {len(paths)} paths.")
        return self._files.upload_many(zip(names, paths))

    def upload_folder(self, name: str, path: str, datastore_name: Optional[str] = None) -> Dict[str, Artifact]:
        return self._files.upload_many(folder_files(name, path))

    def get_file_names(self) -> List[str]:
        return self._files.names()

    def download_file(
        self, name: str, output_file_path: Optional[str] = None, _validate_checksum: bool = False
    ) -> None:
        """Into the current folder under its own name, unless a path (or a folder) is given."""
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
        """All files below `prefix`, with their folders; `append_prefix=False` leaves the prefix out of them."""
        from azureml.core import _download

        _download.many(self._files, prefix, output_directory, output_paths, append_prefix)

    def get_all_logs(self, destination: Optional[str] = None) -> List[str]:
        """Download every log; the paths of the files."""
        folder = destination or os.path.join("assets", self._run_id)
        names = list(self.get_details().get("logFiles") or {})
        targets = [os.path.join(folder, *name.split("/")) for name in names]
        for name, target in zip(names, targets):
            self._files.download(name, target)
        return targets

    # ---- tags, properties, secrets, models

    def tag(self, key: str, value: Optional[str] = None) -> None:
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        self._patch(tags=_texts(tags, "tag"))

    def remove_tags(self, tags: Any) -> None:
        self._patch(removeTags=[tags] if isinstance(tags, str) else list_of(tags))

    def add_properties(self, properties: Mapping[str, Any]) -> None:
        """Properties are for ever: one that is there cannot be changed."""
        self._patch(properties=_texts(properties, "property"))

    def get_secret(self, name: str) -> str:
        raise errors.NotAvailable("the workspace's key vault", "Run.get_secret")

    def get_secrets(self, secrets: Iterable[str]) -> Dict[str, str]:
        raise errors.NotAvailable("the workspace's key vault", "Run.get_secrets")

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
        raise errors.NotAvailable("the model registry", "Run.register_model")

    # ---- snapshot

    def take_snapshot(self, file_or_folder_path: str) -> str:
        from azureml.core import _snapshot

        if self.get_snapshot_id():
            raise SnapshotException(f"The run {self._run_id} has a snapshot already.")
        snapshot_id = _snapshot.take(self._experiment.workspace, file_or_folder_path)
        self.add_properties({"ContentSnapshotId": snapshot_id})
        return snapshot_id

    def get_snapshot_id(self) -> Optional[str]:
        return self.get_properties().get("ContentSnapshotId")

    def restore_snapshot(self, snapshot_id: Optional[str] = None, path: Optional[str] = None) -> str:
        """Download the snapshot as a zip; its path."""
        from azureml.core import _snapshot

        wanted = snapshot_id or self.get_snapshot_id()
        if not wanted:
            raise SnapshotException(f"The run {self._run_id} has no snapshot.")
        return _snapshot.restore(self._experiment.workspace, wanted, path)

    # ---- children

    def child_run(self, name: Optional[str] = None, run_id: Optional[str] = None, outputs: Any = None) -> Run:
        """An interactive run below this one; call its `complete()` at the end."""
        from azureml.core import _interactive

        return _interactive.start_child(self, name, run_id, outputs)

    def create_children(
        self, count: Optional[int] = None, tag_key: Optional[str] = None, tag_values: Any = None
    ) -> List[Run]:
        """`count` children, or one for each of `tag_values`, tagged with it."""
        if (count is None) == (tag_values is None) or (tag_values is not None) != (tag_key is not None):
            raise UserErrorException("Give count, or tag_key with tag_values.")
        values = list_of(tag_values) if tag_values is not None else [None] * int(count or 0)
        if not 0 < len(values) <= MAX_CHILDREN:
            raise UserErrorException(f"{len(values)} children; 1 to {MAX_CHILDREN} can be made at once.")
        made = []
        for number, value in enumerate(values):
            child = self.child_run()
            tags = {"azureml.batch_child_number": str(number)}
            child.set_tags(tags if tag_key is None else {**tags, tag_key: value})
            made.append(child)
        return made

    def get_children(
        self,
        recursive: bool = False,
        tags: Any = None,
        properties: Any = None,
        type: Optional[str] = None,
        status: Optional[str] = None,
        _rehydrate_runs: bool = True,
    ) -> Iterator[Run]:
        wanted = Wanted(type, tags, properties, status)
        params = {"recursive": "true" if recursive else None}
        for dto in self._client.items(f"{self._address}/children", params):
            if wanted.fits(dto):
                yield run_of(self._experiment, dto, _rehydrate_runs)

    def submit_child(self, config: Any, tags: Optional[Dict[str, str]] = None, **kwargs: Any) -> Run:
        """Submit a script as a child of this run."""
        from azureml.core import script_run_config

        run: Run = script_run_config._submit(self._experiment, config, tags=tags, parent_run_id=self._run_id, **kwargs)
        return run

    # ---- its life

    def start(self) -> None:
        self._event("Running")

    def complete(self, _set_status: bool = True) -> None:
        """Send what is left, upload the outputs, and end the run as Completed."""
        self.flush()
        self._collect()
        if _set_status:
            self._event("Completed")

    def fail(self, error_details: Any = None, error_code: Optional[str] = None, _set_status: bool = True) -> None:
        """The same, ended as Failed; `error_details` is a text or an exception."""
        self.flush()
        self._collect()
        if _set_status:
            self._event("Failed", error=error_body(error_details, error_code))

    def cancel(self) -> None:
        self._dto = self._client.request("POST", f"{self._address}/cancel", json={}, repeatable=True).json()

    def clean(self) -> List[str]:
        """The files of the run that were removed from this machine: none, since the runner removes them itself."""
        return []

    def wait_for_completion(
        self, show_output: bool = False, wait_post_processing: bool = False, raise_on_error: bool = True
    ) -> Json:
        """Wait for the end; `show_output=True` prints the log as it grows."""
        if wait_post_processing:
            # In SDK v1 too, this stays so for the rest of the process.
            RUNNING_STATES.extend(state for state in POST_PROCESSING_STATES if state not in RUNNING_STATES)
        self.flush()
        return _follow.wait(self, show_output, RUNNING_STATES, raise_on_error)

    def __enter__(self) -> Run:
        from azureml.core import _interactive

        self._session = _interactive.Session(self)
        self._session.begin()
        return self

    def __exit__(self, exit_type: Any, value: Any, traceback: Any) -> None:
        session, self._session = self._session, None
        session.end(exit_type, value, traceback)

    def _collect(self) -> None:
        from azureml.core import _interactive

        _interactive.collect_outputs(self)

    # ---- the server

    @property
    def _client(self) -> Any:
        return self._experiment.workspace._client

    def _data(self) -> Json:
        if self._dto is None:
            self._refresh()
        return self._dto or {}

    def _refresh(self) -> None:
        self._dto = self._client.get(self._address)

    def _patch(self, **body: Any) -> None:
        self._dto = self._client.request("PATCH", self._address, json=body, repeatable=True).json()

    def _event(self, status: str, **body: Any) -> None:
        sent = dict(body, status=status)
        self._dto = self._client.request("POST", f"{self._address}/events", json=sent, repeatable=True).json()


def list_of(values: Iterable[Any]) -> List[Any]:
    """`Run.list` hides the builtin inside the class."""
    return list(values)


def _texts(values: Mapping[str, Any], what: str) -> Dict[str, Optional[str]]:
    if not isinstance(values, Mapping):
        raise UserErrorException(f"{what}s are a dict, not a {type(values).__name__}.")
    for key, value in values.items():
        if value is not None and not isinstance(value, str):
            logger.warning("The %s %r is kept as text: %s", what, key, value)
    return {str(key): value if value is None or isinstance(value, str) else str(value) for key, value in values.items()}


def get_run(experiment: Any, run_id: str, rehydrate: bool = True, clean_up: bool = True) -> Run:
    """The run of this id in the experiment's workspace."""
    address = f"{experiment.workspace._history}/runs/{quote_segment(run_id)}"
    return run_of(experiment, experiment.workspace._client.get(address), rehydrate)
