"""Rows as MLflow's messages. Fields without a value are left out."""

import datetime as dt
import uuid

from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from mlflow_api.errors import invalid_parameter
from runs.models import Experiment, MetricSeries, Run
from studio.formats import from_millis, non_finite_word, to_millis

NOTE, NAME, PARENT, USER = "mlflow.note.content", "mlflow.runName", "mlflow.parentRunId", "mlflow.user"
# The user name that MLflow's clients send and expect for an unknown user.
NOBODY = "unknown"
# These tags are columns here, so that name, description and parent are stored once.
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
        raise invalid_parameter(
            f"Invalid value {millis} for parameter '{name}' supplied: no time in ms since 1970."
        ) from error


def encode_number(value: float):
    """MLflow writes texts for non-finite numbers, which JSON cannot represent."""
    return non_finite_word(value) or value


def experiment_message(row: Experiment) -> dict:
    tags = {**row.tags, **({NOTE: row.description} if row.description else {})}
    return {
        "experiment_id": str(row.experiment_id),
        "name": row.name,
        "artifact_location": experiment_location(row.experiment_id),
        "lifecycle_stage": "deleted" if row.deleted_at else "active",
        "last_update_time": to_millis(row.updated_at),
        "creation_time": to_millis(row.created_at),
        **({"tags": key_value_list(tags.items())} if tags else {}),
    }


def experiment_location(experiment_id: uuid.UUID | str) -> str:
    return f"mlflow-artifacts:/{experiment_id}"


def artifact_uri(experiment_id: uuid.UUID | str, run_id: str) -> str:
    return f"{experiment_location(experiment_id)}/{run_id}/artifacts"


def key_value_list(pairs) -> list[dict]:
    return [{"key": key, "value": value} for key, value in pairs]


# The series that MLflow can represent: their last value is a number, or NaN. One without a point has nothing to show.
NUMERIC = (
    f"last_at IS NOT NULL AND kind IN ('{MetricSeries.Kind.SCALAR}', '{MetricSeries.Kind.LIST}') "
    f"AND (last IS NOT NULL OR \"values\" <> '{MetricSeries.Values.JSON}')"
)


def numeric_series():
    return MetricSeries.objects.filter(RawSQL(NUMERIC, [], output_field=BooleanField()))
