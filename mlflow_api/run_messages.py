"""MLflow's message of a run with all its data: two statements for any number of runs, none for a new one.

In plain SQL, because a client reads the run again at each step of its script: the ORM takes longer to write seven
statements than the database to answer two.
"""

import datetime as dt
import functools
import uuid
from typing import NamedTuple

from django.db import connection

from mlflow_api.messages import NAME, NOBODY, NOTE, NUMERIC, PARENT, STATUS, USER, artifact_uri, key_value_list
from registry.models import RunModel
from runs.models import Experiment, MetricSeries, Run, RunParameter, RunTag
from runs.models.lineage import RunDataset
from studio.database import prepared_cursor
from studio.formats import NON_FINITE, to_millis

# Runs per statement: SQLite accepts statements up to 1 MB.
BATCH = 2_000
T = {
    model.__name__: f'"{model._meta.db_table}"'
    for model in (Run, Experiment, RunTag, RunParameter, MetricSeries, RunModel, RunDataset)
}
INFO = f"""SELECT r.id, r.run_id, r.display_name, r.description, r.status, r.created_at, r.started_at, r.ended_at,
  r.deleted_at IS NOT NULL, e.experiment_id, p.run_id
FROM {T["Run"]} r JOIN {T["Experiment"]} e ON e.id = r.experiment_id LEFT JOIN {T["Run"]} p ON p.id = r.parent_id WHERE """
BY_ID = INFO + "r.workspace_id = %s AND r.run_id = %s"
TAG, PARAM, METRIC, MODEL, DATASET = range(5)
# PostgreSQL needs the types in the first part of the union.
DATA = f"""
SELECT {TAG} AS part, run_id, name, value, CAST(NULL AS double precision), CAST(NULL AS bigint), CAST(NULL AS timestamptz),
  CAST(NULL AS bigint) FROM {T["RunTag"]} WHERE run_id IN (KEYS)
UNION ALL SELECT {PARAM}, run_id, name, value, NULL, NULL, NULL, NULL FROM {T["RunParameter"]} WHERE run_id IN (KEYS)
UNION ALL SELECT {METRIC}, run_id, name, shown, last, last_step, last_at, NULL FROM {T["MetricSeries"]} WHERE run_id IN (KEYS)
  AND {NUMERIC}
UNION ALL SELECT {MODEL}, run_id, model_id, CASE WHEN made THEN 'made' ELSE '' END, NULL, step, NULL, id FROM {T["RunModel"]}
  WHERE run_id IN (KEYS)
UNION ALL SELECT {DATASET}, run_id, '', '', NULL, NULL, NULL, id FROM {T["RunDataset"]} WHERE run_id IN (KEYS)
ORDER BY 1, 8, 3"""


class RunInfo(NamedTuple):
    """The columns for a run's `info`; the parent by its run id."""

    pk: int
    run_id: str
    display_name: str
    description: str
    status: str
    # In ms.
    started: int
    ended: int | None
    is_deleted: bool
    experiment_id: str
    parent: str | None

    @classmethod
    def of(cls, run: Run) -> "RunInfo":
        return cls(
            run.pk,
            run.run_id,
            run.display_name,
            run.description,
            run.status,
            to_millis(run.started_at or run.created_at),
            to_millis(run.ended_at) if run.ended_at else None,
            bool(run.deleted_at),
            str(run.experiment.experiment_id),
            run.parent.run_id if run.parent else None,
        )

    @classmethod
    def of_row(cls, row: tuple) -> "RunInfo":
        pk, run_id, name, description, status, created, started, ended, is_deleted, experiment, parent = row
        times = as_millis(started or created), ended and as_millis(ended)
        return cls(pk, run_id, name, description, status, *times, bool(is_deleted), as_dashed(experiment), parent)

    def message(self, user: str) -> dict:
        return {
            "run_id": self.run_id,
            "run_uuid": self.run_id,
            "run_name": self.display_name,
            "experiment_id": self.experiment_id,
            "user_id": user or NOBODY,
            "status": STATUS[self.status],
            "start_time": self.started,
            **({"end_time": self.ended} if self.ended is not None else {}),
            "artifact_uri": artifact_uri(self.experiment_id, self.run_id),
            "lifecycle_stage": "deleted" if self.is_deleted else "active",
        }


class RunData:
    """The logged data of a run, sorted by name."""

    def __init__(self) -> None:
        self.tags: dict[str, str] = {}
        self.params: list[tuple[str, str]] = []
        self.metrics: list[dict] = []
        # (model id, step, whether the run created it)
        self.models: list[tuple[str, int, bool]] = []
        self.datasets: list[dict] = []


@functools.lru_cache(maxsize=10_000)
def as_millis(value: str | dt.datetime) -> int:
    """Milliseconds of a time as the database gives it (SQLite: a text); points of one batch share theirs."""
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value).replace(tzinfo=dt.UTC)
    return to_millis(value)


@functools.lru_cache(maxsize=1_000)
def as_dashed(value: str | uuid.UUID) -> str:
    """The text of a UUID as the database gives it (SQLite: a text without dashes)."""
    return str(uuid.UUID(value)) if isinstance(value, str) else str(value)


def find_info(workspace_id: int, run_id: str) -> RunInfo | None:
    """Without permission checks, including the trash."""
    with prepared_cursor() as cursor:
        cursor.execute(BY_ID, [workspace_id, run_id])
        row = cursor.fetchone()
    return row and RunInfo.of_row(row)


def messages_of_keys(keys: list[int]) -> list[dict]:
    """In the order of the keys, without runs that were deleted in the meantime."""
    found = []
    for start in range(0, len(keys), BATCH):
        batch = keys[start : start + BATCH]
        with connection.cursor() as cursor:
            cursor.execute(f"{INFO}r.id IN ({_listed(batch)})")
            infos = {row[0]: RunInfo.of_row(row) for row in cursor.fetchall()}
        found += messages_of([infos[key] for key in batch if key in infos])
    return found


def messages_of(infos: list[RunInfo]) -> list[dict]:
    """At most BATCH runs with all that they have logged."""
    data = read_data([info.pk for info in infos])
    return [message_of(info, data[info.pk]) for info in infos]


def read_data(keys: list[int]) -> dict[int, RunData]:
    found = {key: RunData() for key in keys}
    if not keys:
        return found
    with connection.cursor() as cursor:
        cursor.execute(DATA.replace("KEYS", _listed(keys)))
        rows = cursor.fetchall()
    for part, run, name, text, number, step, at, _ in rows:
        data = found[run]
        if part == TAG:
            data.tags[name] = text
        elif part == PARAM:
            data.params.append((name, text))
        elif part == METRIC:
            value = text if text in NON_FINITE else number
            data.metrics.append({"key": name, "value": value, "timestamp": as_millis(at), "step": step})
        elif part == MODEL:
            data.models.append((name, step, text == "made"))
    if rows and rows[-1][0] == DATASET:
        _read_datasets(found)
    return found


def _listed(keys: list[int]) -> str:
    """Our own whole numbers as SQL, so that no statement has thousands of parameters."""
    return ", ".join([str(int(key)) for key in keys])


def _read_datasets(found: dict[int, RunData]) -> None:
    for row in RunDataset.objects.filter(run__in=list(found)):
        names = ("name", "digest", "source_type", "source", "schema", "profile")
        dataset = {name: getattr(row, name) for name in names if getattr(row, name)}
        found[row.run_id].datasets.append({"tags": key_value_list(row.tags.items()), "dataset": dataset})


def message_of(info: RunInfo, data: RunData) -> dict:
    tags = data.tags | {NAME: info.display_name}
    if info.description:
        tags[NOTE] = info.description
    if info.parent:
        tags[PARENT] = info.parent
    parts = {"metrics": data.metrics, "params": key_value_list(data.params), "tags": key_value_list(tags.items())}
    read = [{"model_id": model_id} for model_id, _, made in data.models if not made]
    inputs = {"dataset_inputs": data.datasets, "model_inputs": read}
    outputs = [{"model_id": model_id, "step": step} for model_id, step, made in data.models if made]
    return {
        "info": info.message(tags.get(USER, "")),
        "data": {name: value for name, value in parts.items() if value},
        "inputs": {name: value for name, value in inputs.items() if value},
        "outputs": {"model_outputs": outputs} if outputs else {},
    }


def message_of_new(run: Run, tags: dict[str, str]) -> dict:
    """The message of a new run, which has only tags."""
    data = RunData()
    data.tags = dict(sorted(tags.items()))
    return message_of(RunInfo.of(run), data)
