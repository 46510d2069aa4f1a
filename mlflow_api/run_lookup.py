"""Finds the run to log to, by one plain SQL statement, because scripts log single points."""

from django.db import DEFAULT_DB_ALIAS

from mlflow_api.request import MlflowRequest
from runs.models import Run
from studio.database import prepared_cursor
from workspaces.models import Workspace

FIND = f'SELECT id FROM "{Run._meta.db_table}" WHERE workspace_id = %s AND run_id = %s AND deleted_at IS NULL'


def find_run(request: MlflowRequest, run_id: str) -> Run:
    """The run with only its primary key, which is enough to store metrics, params and tags."""
    if request.actor.is_run and request.actor.run_id == run_id:
        return _find_own_run(request)
    if request.actor.is_run:
        return request.open_run(run_id)
    workspace, named = request.require("log"), request.session.named_run
    if named and named[0] == run_id:
        return _of_key(workspace, named[1], run_id)
    with prepared_cursor() as cursor:
        cursor.execute(FIND, [workspace.pk, run_id])
        row = cursor.fetchone()
    if row is None:
        return request.open_run(run_id)
    return _of_key(workspace, row[0], run_id)


def _of_key(workspace: Workspace, key: int, run_id: str) -> Run:
    run = Run.from_db(DEFAULT_DB_ALIAS, ("id", "workspace_id", "run_id"), (key, workspace.pk, run_id))
    run.workspace = workspace
    return run


def _find_own_run(request: MlflowRequest) -> Run:
    """Return the run of the token, which was read together with the token."""
    run = request.actor.run
    run.workspace = request.require("log")
    request.may_write(run)
    return run
