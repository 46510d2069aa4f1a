"""A request to the API: actor, workspace, fields, and lookups of the objects that it names."""

import dataclasses
import re
import uuid

from django.http import HttpRequest

from accounts.actors import Actor
from mlflow_api import validation
from mlflow_api.errors import invalid_parameter, not_found
from mlflow_api.request_fields import Fields
from mlflow_api.run_messages import RunInfo, find_info
from mlflow_api.sessions import TokenSession
from runs.api import access as ours
from runs.models import Experiment, Run
from studio.statements import read_row, read_rows
from workspaces.models import Workspace

DEFAULT_ID = "0"


@dataclasses.dataclass
class MlflowRequest:
    http: HttpRequest
    session: TokenSession
    fields: Fields

    @property
    def actor(self) -> Actor:
        return self.session.actor

    @property
    def workspace(self) -> Workspace:
        return self.session.workspace

    def require(self, verb: str) -> Workspace:
        return self.session.require(verb)

    def runs(self):
        """The visible runs; people see deleted ones too."""
        workspace = self.require("read")
        return self._runs(Run.objects.visible_to(self.actor) if self.actor.is_run else Run.objects, workspace)

    def own_runs(self):
        """The runs that a run token may change; people's roles are checked separately."""
        workspace = self.require("read")
        return self._runs(Run.objects.writable_by(self.actor) if self.actor.is_run else Run.objects, workspace)

    @staticmethod
    def _runs(runs, workspace: Workspace):
        return runs.filter(workspace=workspace).select_related("experiment", "work", "parent")

    def run_id(self) -> str:
        name = "run_id" if self.fields.text("run_id", "") or "run_uuid" not in self.fields else "run_uuid"
        return validation.check_run_id(self.fields.text(name))

    def run(self, run_id: str | None = None) -> Run:
        return self._found(self.runs(), self.run_id() if run_id is None else run_id)

    def run_info(self) -> RunInfo:
        """The result of `run`, with one SQL statement if that is enough: for a person, or for a run that reads
        itself."""
        run_id = self.run_id()
        if self.actor.is_run and self.actor.run_id != run_id:
            return RunInfo.of(self.run(run_id))
        found = find_info(self.require("read").pk, run_id)
        if found is None:
            raise not_found(f"Run with id={run_id} not found")
        return found

    def _found(self, runs, run_id: str) -> Run:
        run = runs.filter(run_id=run_id).first()
        if run is None:
            raise not_found(f"Run with id={run_id} not found")
        run.workspace = self.workspace
        return run

    def open_run(self, run_id: str | None = None) -> Run:
        """A run that the actor may write to."""
        run = self.writable_run(run_id)
        if run.deleted_at:
            raise invalid_parameter(f"The run {run.run_id} must be in the 'active' state. Current state is deleted.")
        return run

    def writable_run(self, run_id: str | None = None) -> Run:
        """The same, including the trash."""
        run = self._found(self.own_runs(), self.run_id() if run_id is None else run_id)
        self.may_write(run)
        return run

    def may_write(self, run: Run) -> None:
        if self.actor.is_run:
            ours.check_attempt(self.actor, run)
        else:
            self.require("edit")

    def experiment(self) -> Experiment:
        experiment_id = self.fields.text("experiment_id")
        if experiment_id == DEFAULT_ID:
            return self.default_experiment()
        found = read_row(Experiment, workspace=self.require("read").pk, experiment_id=as_uuid(experiment_id))
        if found is None:
            raise not_found(f"No Experiment with id={experiment_id} exists")
        found.workspace = self.workspace
        return found

    def experiments(self) -> list[Experiment]:
        """The experiments in `experiment_ids`, by one query."""
        named = dict.fromkeys(self.fields.texts("experiment_ids"))
        ids = [as_uuid(name) for name in named if name != DEFAULT_ID]
        rows = read_rows(Experiment, workspace=self.require("read").pk, experiment_id=ids) if ids else []
        found = {row.experiment_id: row for row in rows}
        if lost := next((one for one in ids if one not in found), None):
            raise not_found(f"No Experiment with id={lost} exists")
        return [*found.values(), *([self.default_experiment()] if DEFAULT_ID in named else [])]

    def default_experiment(self) -> Experiment:
        """MLflow's clients expect experiment 0 on every server; here it is the one named Default, created on demand."""
        workspace = self.require("read")
        found = Experiment.objects.default_of(workspace, self.actor)
        found.workspace = workspace
        return found

    def open_experiment(self, verb: str = "edit") -> Experiment:
        """An experiment that the actor may change."""
        self.require(verb)
        found = self.experiment()
        if found.deleted_at:
            raise invalid_parameter(
                f"The experiment {found.experiment_id} must be in the 'active' state. Current state is deleted."
            )
        return found


def as_uuid(experiment_id: str) -> uuid.UUID:
    """MLflow's ids are numbers: such an id is valid here, but never exists."""
    if re.fullmatch(r"-?[0-9]{1,31}", experiment_id):
        return uuid.UUID(int=int(experiment_id) % 2**64)
    try:
        return uuid.UUID(experiment_id)
    except ValueError as error:
        raise invalid_parameter(
            f"Invalid experiment ID: '{experiment_id[:100]}'. Experiment IDs are UUIDs, or 0."
        ) from error
