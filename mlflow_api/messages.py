"""Rows as MLflow's messages. Fields without a value are left out."""

import collections
import datetime as dt

from mlflow_api.errors import invalid
from registry.models import RunModel
from runs.models import Experiment, MetricSeries, Run, RunParameter, RunTag
from runs.models.lineage import RunDataset
from studio.formats import NON_FINITE, from_millis, non_finite_word, to_millis

NOTE, NAME, PARENT, USER = "mlflow.note.content", "mlflow.runName", "mlflow.parentRunId", "mlflow.user"
# What MLflow's clients send, and expect, where they know no user.
NOBODY = "unknown"
# These tags are columns here, so that a name, a description or a parent is one thing, whoever changes it.
COLUMNS = {NOTE, NAME, PARENT}
WAITING = {
    Run.Status.NOT_STARTED,
    Run.Status.PREPARING,
    Run.Status.PROVISIONING,
    Run.Status.STARTING,
    Run.Status.QUEUED,
}
STATUS: dict[str, str] = {
    **dict.fromkeys(WAITING, "SCHEDULED"),
    Run.Status.RUNNING: "RUNNING",
    Run.Status.FINALIZING: "RUNNING",
    Run.Status.CANCEL_REQUESTED: "RUNNING",
    Run.Status.COMPLETED: "FINISHED",
    Run.Status.FAILED: "FAILED",
    Run.Status.CANCELED: "KILLED",
}
OUR_STATUS = {
    "SCHEDULED": Run.Status.QUEUED,
    "RUNNING": Run.Status.RUNNING,
    "FINISHED": Run.Status.COMPLETED,
    "FAILED": Run.Status.FAILED,
    "KILLED": Run.Status.CANCELED,
}


def parse_millis(millis: int, name: str) -> dt.datetime:
    try:
        return from_millis(millis)
    except (ValueError, OverflowError, OSError) as error:
        raise invalid(f"Invalid value {millis} for parameter '{name}' supplied: no time in ms since 1970.") from error


def number(value: float):
    """JSON has no word for what is not finite; MLflow writes texts."""
    return non_finite_word(value) or value


def experiment_message(row: Experiment) -> dict:
    tags = {**row.tags, **({NOTE: row.description} if row.description else {})}
    return {
        "experiment_id": str(row.experiment_id),
        "name": row.name,
        "artifact_location": experiment_location(row),
        "lifecycle_stage": "deleted" if row.deleted_at else "active",
        "last_update_time": to_millis(row.updated_at),
        "creation_time": to_millis(row.created_at),
        **({"tags": key_value_list(tags.items())} if tags else {}),
    }


def experiment_location(row: Experiment) -> str:
    return f"mlflow-artifacts:/{row.experiment_id}"


def artifact_uri(run: Run) -> str:
    return f"{experiment_location(run.experiment)}/{run.run_id}/artifacts"


def key_value_list(pairs) -> list[dict]:
    return [{"key": key, "value": value} for key, value in pairs]


def run_info(run: Run, user: str) -> dict:
    return {
        "run_id": run.run_id,
        "run_uuid": run.run_id,
        "run_name": run.display_name,
        "experiment_id": str(run.experiment.experiment_id),
        "user_id": user or NOBODY,
        "status": STATUS[run.status],
        "start_time": to_millis(run.started_at or run.created_at),
        **({"end_time": to_millis(run.ended_at)} if run.ended_at else {}),
        "artifact_uri": artifact_uri(run),
        "lifecycle_stage": "deleted" if run.deleted_at else "active",
    }


def run_message(row: Run) -> dict:
    return run_messages([row])[0]


def run_messages(rows: list[Run]) -> list[dict]:
    """Runs with all their data, in a fixed number of queries."""
    keys = [row.pk for row in rows]
    tags = _grouped(RunTag.objects.filter(run__in=keys).values_list("run_id", "name", "value"))
    params = _grouped(RunParameter.objects.filter(run__in=keys).values_list("run_id", "name", "value"))
    metrics = _metrics(keys)
    datasets, models = _datasets(keys), _models(keys)
    return [
        _run_message(row, tags[row.pk], params[row.pk], metrics[row.pk], datasets[row.pk], models[row.pk])
        for row in rows
    ]


def _run_message(row: Run, tags, params, metrics, datasets, models) -> dict:
    tags = dict(tags) | {NAME: row.display_name}
    if row.description:
        tags[NOTE] = row.description
    if row.parent:
        tags[PARENT] = row.parent.run_id
    data = {"metrics": metrics, "params": key_value_list(params), "tags": key_value_list(tags.items())}
    message = {
        "info": run_info(row, tags.get(USER, "")),
        "data": {name: value for name, value in data.items() if value},
    }
    inputs = {"dataset_inputs": datasets, "model_inputs": [{"model_id": m} for m, _, made in models if not made]}
    message["inputs"] = {name: value for name, value in inputs.items() if value}
    outputs = [{"model_id": model_id, "step": step} for model_id, step, made in models if made]
    message["outputs"] = {"model_outputs": outputs} if outputs else {}
    return message


def _grouped(rows) -> dict:
    found = collections.defaultdict(list)
    for key, *rest in rows:
        found[key].append(tuple(rest))
    return found


def numeric_series():
    """The series that MLflow has a word for."""
    kinds = [MetricSeries.Kind.SCALAR, MetricSeries.Kind.LIST]
    return MetricSeries.objects.filter(kind__in=kinds).exclude(last=None, values=MetricSeries.Values.JSON)


def _metrics(keys) -> dict:
    found = collections.defaultdict(list)
    rows = numeric_series().filter(run__in=keys).order_by("run_id", "name")
    for key, name, last, shown, step, at in rows.values_list("run_id", "name", "last", "shown", "last_step", "last_at"):
        if last is None and shown != "NaN":
            continue
        value = shown if shown in NON_FINITE else last
        found[key].append({"key": name, "value": value, "timestamp": to_millis(at), "step": step})
    return found


def _datasets(keys) -> dict:
    found = collections.defaultdict(list)
    for row in RunDataset.objects.filter(run__in=keys):
        names = ("name", "digest", "source_type", "source", "schema", "profile")
        dataset = {name: getattr(row, name) for name in names if getattr(row, name)}
        found[row.run_id].append({"tags": key_value_list(row.tags.items()), "dataset": dataset})
    return found


def _models(keys) -> dict:
    return _grouped(RunModel.objects.filter(run__in=keys).values_list("run_id", "model_id", "step", "made"))
