"""The run that something is logged to, by one plain statement: scripts log one point at a time."""

from django.db import connection

from mlflow_api.request import Call
from runs.models import Run

FIND = f'SELECT id, workspace_id, run_id FROM "{Run._meta.db_table}" WHERE workspace_id = %s AND run_id = %s AND deleted_at IS NULL'


def target(call: Call, run_id: str) -> Run:
    """With its key and nothing else of its row; that is all that storing metrics, params and tags needs."""
    if call.actor.is_run and call.actor.run_id == run_id:
        return _own(call)
    if call.actor.is_run:
        return call.open_run(run_id)
    workspace = call.require("log")
    with connection.cursor() as cursor:
        cursor.execute(FIND, [workspace.pk, run_id])
        row = cursor.fetchone()
    if row is None:
        return call.open_run(run_id)
    run = Run.from_db(connection.alias, ("id", "workspace_id", "run_id"), row)
    run.workspace = workspace
    return run


def _own(call: Call) -> Run:
    """The run whose token asks was read when the token was."""
    run = call.actor.run
    run.workspace = call.require("log")
    call.may_write(run)
    return run
