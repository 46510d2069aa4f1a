"""The run that something is logged to, by one plain statement: scripts log one point at a time."""

from django.db import connection

from mlflow_api.request import MlflowRequest
from runs.models import Run

FIND = f'SELECT id, workspace_id, run_id FROM "{Run._meta.db_table}" WHERE workspace_id = %s AND run_id = %s AND deleted_at IS NULL'


def find_run(request: MlflowRequest, run_id: str) -> Run:
    """With its key and nothing else of its row; that is all that storing metrics, params and tags needs."""
    if request.actor.is_run and request.actor.run_id == run_id:
        return _own(request)
    if request.actor.is_run:
        return request.open_run(run_id)
    workspace = request.require("log")
    with connection.cursor() as cursor:
        cursor.execute(FIND, [workspace.pk, run_id])
        row = cursor.fetchone()
    if row is None:
        return request.open_run(run_id)
    run = Run.from_db(connection.alias, ("id", "workspace_id", "run_id"), row)
    run.workspace = workspace
    return run


def _own(request: MlflowRequest) -> Run:
    """The run whose token asks was read when the token was."""
    run = request.actor.run
    run.workspace = request.require("log")
    request.may_write(run)
    return run
