"""Experiments: runs that belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Union, cast

from lazuli.errors import NotFound
from lazuli.runs.experiments import check_experiment_name, create_experiment, experiment_path
from lazuli.workspace_config import find_config_file, read_json_object

from azureml import _absent, _html_table
from azureml._unused import warn_of_unused
from azureml.core import _registry
from azureml.core._run_data import attach_data
from azureml.core.run import Run
from azureml.core.script_run import ScriptRun
from azureml.core.script_run_config import ScriptRunConfig, get_run_config_from_script_run
from azureml.exceptions import ExperimentExecutionException, UserErrorException

if TYPE_CHECKING:
    import builtins

    from azureml.core.authentication import AbstractAuthentication
    from azureml.core.workspace import Workspace

Json = Dict[str, Any]
Pairs = Union[str, Dict[str, Any], List[Any], None]


class ViewType:
    """The experiments that `Experiment.list` returns."""

    ActiveOnly = "ActiveOnly"
    ArchivedOnly = "ArchivedOnly"
    All = "All"


class Experiment:
    """An experiment of a workspace; it is created if it does not exist."""

    DELIM = "#"
    EXPERIMENT_NAME_PATH = "/experiments/{0}"
    EXPERIMENT_ID_PATH = "/experiments/id/{0}"
    WORKSPACE_FMT = "?wsid=/subscriptions/{0}/resourcegroups/{1}/workspaces/{2}"
    TID_FMT = "&tid={0}"

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        _skip_name_validation: bool = False,
        _id: Optional[str] = None,
        _archived_time: Optional[str] = None,
        _create_in_cloud: bool = True,
        _experiment_dto: Optional[Json] = None,
        **kwargs: Any,
    ):
        warn_of_unused("Experiment", **kwargs)
        if not _skip_name_validation:
            check_experiment_name(name)
        self._workspace = workspace
        self._name = name
        self._id = _id
        self._archived_time = _archived_time
        self._dto: Optional[Json] = _experiment_dto
        if _create_in_cloud and _experiment_dto is None:
            self._dto = create_experiment(workspace._remote, name)

    @property
    def name(self) -> str:
        return self._name

    @property
    def id(self) -> str:
        return self._id or cast(str, self._loaded_dto["experimentId"])

    @property
    def workspace(self) -> Workspace:
        return self._workspace

    @property
    def workspace_object(self) -> Workspace:
        return self._workspace

    @property
    def tags(self) -> Dict[str, str]:
        return dict(self._loaded_dto.get("tags") or {})

    @property
    def archived_time(self) -> Optional[str]:
        return self._archived_time or self._loaded_dto.get("archivedTime")

    @property
    def portal_url(self) -> str:
        """The address of the experiment's page in the studio."""
        return cast(str, self._loaded_dto["portalUrl"])

    @property
    def identity(self) -> str:
        return f"{type(self).__name__}{self.DELIM}{self._name}"

    # ---- runs

    def submit(self, config: Any, tags: Optional[Dict[str, str]] = None, **kwargs: Any) -> Run:
        """Start a run of what `config` describes, and return it without waiting for it.

        Raises ExperimentExecutionException if `config` cannot be submitted.
        """
        submitter = getattr(config, "_submit_to", None)
        run = cast(Run, submitter(self, **kwargs) if submitter is not None else self._submit_script(config, **kwargs))
        if tags:
            run.set_tags(tags)
        return run

    def _submit_script(
        self,
        config: Any,
        run_id: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
        parent_run_id: Optional[str] = None,
        **kwargs: Any,
    ) -> ScriptRun:
        if not isinstance(config, ScriptRunConfig):
            raise ExperimentExecutionException(
                f"A {type(config).__name__} cannot be submitted; pass a ScriptRunConfig, or the configuration of a "
                "service that this version of Lazuli Studio has."
            )
        warn_of_unused("Experiment.submit", 4, **kwargs)
        from lazuli.runs.submission import submit_job  # start-up time

        run_config, folder = get_run_config_from_script_run(config), config.source_directory
        attach_data(run_config, self.workspace)
        remote, definition = self.workspace._remote, run_config._to_dict()
        run = submit_job(remote, self.name, definition, folder, run_id=run_id, tags=tags, parent_run_id=parent_run_id)
        return ScriptRun(self, run.id, directory=folder, _run_config=run_config)

    def start_logging(self, *args: Any, **kwargs: Any) -> Run:
        """Start an interactive run in this process (outputs=, snapshot_directory=, display_name=)."""
        return Run._start_logging(self, *args, **kwargs)

    def get_runs(
        self,
        type: Optional[str] = None,
        tags: Pairs = None,
        properties: Pairs = None,
        include_children: bool = False,
        filter: Optional[str] = None,
    ) -> Iterator[Run]:
        """The runs, newest first; `filter` is a query like "metrics.loss < 0.1 and params.model = 'svm'"."""
        return Run.list(self, type, tags, properties, include_children=include_children, filter=filter)

    # ---- tags and archive

    def set_tags(self, tags: Dict[str, Any]) -> None:
        """Add or change tags; other tags keep their values."""
        self._patch({"tags": dict(self.tags, **{key: _to_text(value) for key, value in tags.items()})})

    def tag(self, key: str, value: Optional[str] = None) -> None:
        self.set_tags({key: value})

    def remove_tags(self, tags: Union[str, builtins.list[str]]) -> None:
        removed = {tags} if isinstance(tags, str) else set(tags)
        self.refresh()
        self._patch({"tags": {key: value for key, value in self.tags.items() if key not in removed}})

    def archive(self) -> None:
        """Take the experiment out of the lists; its runs stay."""
        self._patch({"archived": True})

    def reactivate(self, new_name: Optional[str] = None) -> None:
        """Make an archived experiment active again, under another name if one is given."""
        if new_name is not None:
            check_experiment_name(new_name)
        self._patch({"archived": False, **({"name": new_name} if new_name else {})})
        self._name = self._loaded_dto["name"]

    def refresh(self) -> None:
        """Read the present state of the experiment from the server."""
        self._archived_time = None
        try:
            self._dto = self._workspace._client.get(self._path)
        except NotFound as error:
            raise UserErrorException(
                f"The workspace {self._workspace.name} has no experiment {self._name!r}."
            ) from error

    @staticmethod
    def delete(workspace: Workspace, experiment_id: str) -> None:
        """Delete an experiment with its runs."""
        found = [dto for dto in _list_resources(workspace) if experiment_id in (dto["experimentId"], dto["name"])]
        if not found:
            raise UserErrorException(f"The workspace {workspace.name} has no experiment with the id {experiment_id!r}.")
        workspace._client.request("DELETE", experiment_path(workspace._remote, found[0]["name"]))

    # ---- finding

    @staticmethod
    def list(
        workspace: Workspace,
        experiment_name: Optional[str] = None,
        view_type: str = ViewType.ActiveOnly,
        tags: Pairs = None,
    ) -> builtins.list[Experiment]:
        """The experiments of a workspace."""
        if view_type not in (ViewType.ActiveOnly, ViewType.ArchivedOnly, ViewType.All):
            raise UserErrorException(f"view_type is {view_type!r}; use 'ActiveOnly', 'ArchivedOnly' or 'All'.")
        return [
            Experiment(workspace, dto["name"], _skip_name_validation=True, _experiment_dto=dto)
            for dto in _list_resources(workspace, name=experiment_name, viewType=view_type)
            if _has_tags(dto.get("tags") or {}, tags)
        ]

    @staticmethod
    def from_directory(path: str, auth: Optional[AbstractAuthentication] = None) -> Experiment:
        """The experiment of a project folder: the one that its configuration names, else one with the folder's name."""
        file = find_config_file(path)
        content = read_json_object(file)
        folder = file.parent.parent if file.parent.name in (".azureml", "aml_config") else file.parent
        name = content.get("ExperimentName") or content.get("RunHistoryName") or folder.name
        return Experiment(_registry.load_workspace(str(file), auth), name)

    @classmethod
    def get_docs_url(cls) -> str:
        return "https://learn.microsoft.com/python/api/azureml-core/azureml.core.experiment.experiment"

    def get_portal_url(self) -> str:
        return self.portal_url

    # ---- display

    def __repr__(self) -> str:
        return f"Experiment(Name: {self._name},\nWorkspace: {self._workspace.name})"

    def _repr_html_(self) -> str:
        return _html_table.render_table(
            {
                "Name": self._name,
                "Workspace": self._workspace.name,
                "Report Page": ("Link to the studio", self.portal_url),
                "Docs Page": ("Link to Documentation", self.get_docs_url()),
            }
        )

    @property
    def _path(self) -> str:
        return experiment_path(self._workspace._remote, self._name)

    @property
    def _loaded_dto(self) -> Json:
        if self._dto is None:
            self.refresh()
        return cast(Json, self._dto)

    def _patch(self, body: Json) -> None:
        self._archived_time = None
        self._dto = self._workspace._client.request("PATCH", self._path, json=body).json()


def _list_resources(workspace: Workspace, **filters: Optional[str]) -> Iterator[Json]:
    return workspace._client.items(workspace._history + "/experiments", filters)


def _has_tags(present: Dict[str, str], wanted: Pairs) -> bool:
    if not wanted:
        return True
    if isinstance(wanted, str):
        return wanted in present
    if isinstance(wanted, dict):
        return all(key in present and value in (None, present[key]) for key, value in wanted.items())
    return all(key in present for key in wanted)


def _to_text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


__getattr__ = _absent.find_missing(__name__)
