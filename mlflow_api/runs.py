"""Creating, ending, deleting and restoring runs in MLflow's API."""

import uuid

from django.utils import timezone

from mlflow_api import messages, run_messages, tags, validation
from mlflow_api.errors import invalid_parameter, not_found
from mlflow_api.random_names import random_name
from mlflow_api.request import MlflowRequest
from mlflow_api.run_messages import RunInfo
from runs import submission
from runs.models import Run
from studio.database import begin_write
from studio.formats import to_millis

RUN_TYPE = "mlflow"
# The SDK's tag for a run that should be the job's own (sdk/src/lazuli/mlflow_job.py), and tags that MLflow's client gives to new runs.
JOB_RUN = "lazuli.jobRun"
OF_A_NEW_RUN = ("mlflow.source.", "mlflow.user")


def create(request: MlflowRequest) -> dict:
    given = dict(request.fields.pairs("tags"))
    experiment = request.open_experiment("log")
    if given.pop(JOB_RUN, "") == request.actor.run_id and messages.PARENT not in given and request.actor.is_run:
        own = request.open_run(request.actor.run_id)
        if own.experiment_id == experiment.pk:
            return _go_on(request, own, given)
    parent, kept = _parent(request, given)
    if request.actor.is_run:
        submission.require_create(request.actor, request.workspace, parent)
    else:
        request.require("submit")
    run_id = uuid.uuid4().hex
    start = messages.parse_millis(request.fields.integer("start_time", to_millis(timezone.now())), "start_time")
    name, user = _name(request, given), request.fields.text("user_id", "")
    if user not in ("", messages.NOBODY) and messages.USER not in kept:
        kept[messages.USER] = user
    kept = {key: tags.check_tag(key, value) for key, value in kept.items() if key not in (messages.NAME, messages.NOTE)}
    with begin_write():
        run = submission.create_run(
            request.actor,
            experiment,
            run_id,
            parent,
            display_name=validation.check_value(validation.check_visible_name(name, "Run name"), "Run name", 256),
            description=validation.check_value(given.get(messages.NOTE, ""), f"Tag value of '{messages.NOTE}'"),
            run_type=RUN_TYPE,
            status=Run.Status.RUNNING,
            started_at=start,
            tags=kept,
        )
    return {"run": run_messages.message_of_new(run, kept)}


def _go_on(request: MlflowRequest, run: Run, given: dict) -> dict:
    """Return the job's own run instead of a new one, updated with the request's fields."""
    name = request.fields.text("run_name", "")
    said = {key: value for key, value in given.items() if not key.startswith(OF_A_NEW_RUN)}
    said |= {messages.NAME: name} if name else {}
    if said:
        tags.store_tags(request, run, said)
    return {"run": run_messages.messages_of_keys([run.pk])[0]}


def _name(request: MlflowRequest, given: dict) -> str:
    name, tag = request.fields.text("run_name", ""), given.get(messages.NAME, "")
    if name and tag and name != tag:
        raise invalid_parameter(
            f"Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values (run_name="
            f"'{name}', mlflow.runName='{tag}')."
        )
    return name or tag or random_name()


def _parent(request: MlflowRequest, given: dict) -> tuple[Run | None, dict]:
    """The parent, and the tags without it. A run created with a run token is a child of that run."""
    run_id = given.get(messages.PARENT) or request.actor.run_id
    parent = run_id and request.own_runs().filter(run_id=run_id, deleted_at=None).select_related("root").first()
    if not parent:
        return None, given
    parent.workspace = request.workspace
    request.may_write(parent)
    return parent, {key: value for key, value in given.items() if key != messages.PARENT}


def get(request: MlflowRequest) -> dict:
    return {"run": run_messages.messages_of([request.run_info()])[0]}


def update(request: MlflowRequest) -> dict:
    run = request.open_run()
    status, name = request.fields.text("status", ""), request.fields.text("run_name", "")
    if status and status not in messages.OUR_STATUS:
        raise invalid_parameter(
            f"Invalid value \"{status}\" for parameter 'status' supplied: write one of {', '.join(messages.OUR_STATUS)}."
        )
    end = (
        messages.parse_millis(request.fields.integer("end_time"), "end_time") if "end_time" in request.fields else None
    )
    if name:
        run.edit(display_name=name)
    if status and (run.work_id or run.heartbeat_at):
        _report_to_supervised(request, run, status)
    elif status:
        run.set_client_status(messages.OUR_STATUS[status], ended_at=end)
    user = run.tag_rows.filter(name=messages.USER).values_list("value", flat=True).first() or ""
    return {"run_info": RunInfo.of(run).message(user)}


def _report_to_supervised(request: MlflowRequest, run: Run, status: str) -> None:
    """A runner ends this run when its script has ended; earlier reports of MLflow are only recorded."""
    if status == "FAILED" and run.is_active:
        run.warn("MLflow's run was ended as FAILED by the script.", source="mlflow")
    elif status == "KILLED" and run.is_active and not request.actor.is_run:
        run.cancel()


def delete(request: MlflowRequest) -> dict:
    run = request.writable_run()
    run.delete(supervised_only=True)
    return {}


def restore(request: MlflowRequest) -> dict:
    run = request.writable_run()
    if run.deleted_at:
        run.restore()
    return {}


def delete_tag(request: MlflowRequest) -> dict:
    run = request.open_run()
    key = request.fields.text("key")
    if not tags.remove_tag(run, key):
        raise not_found(f"No tag with name: {key} in run with id {run.run_id}")
    return {}
