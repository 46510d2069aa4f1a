"""A workspace with a great many ended runs, by bulk SQL: `DATA_DIR=/tmp/many python bench/fill.py 100000`.

Each run has 5 metrics, 5 parameters and 2 tags, all of them copies of one run that is made as any other; only what has
to differ is computed. A second number is the points of each metric. Works on SQLite and, with DATABASE_URL, on PostgreSQL.
"""

import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
METRICS = ["loss", "accuracy", "auc", "f1", "seconds"]
PARAMS = ["model", "depth", "lr", "seed", "data"]
# How many different values each parameter has.
VARIETY = [5, 10, 100, 100_000, 2]


def main(total: int, points: int = 1) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    began = time.perf_counter()
    experiment = fill(total, points)
    print(f"{total:,} runs in {time.perf_counter() - began:.1f} s: {experiment.get_absolute_url()}")


def fill(total: int, points: int = 1):
    """A new experiment with that many runs, in a workspace of its own; each metric has that many points."""
    from django.db import connection, transaction

    from runs.models import MetricChunk, MetricSeries, Run, RunEvent, RunParameter, RunTag

    experiment = _experiment(total)
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # A million jobs take longer than the studio allows a statement.
            cursor.execute("SET LOCAL statement_timeout = 0")
        first = _first_run(experiment, points)
        _copy(cursor, Run, first.pk, _numbers(total), _run_columns(connection.vendor))
        others = f"SELECT id AS run, number FROM runs_run WHERE experiment_id = {experiment.pk} AND id <> {first.pk}"
        number = "CAST(n.number AS bigint)"
        for index, series in enumerate(first.metrics.order_by("pk")):
            value = f"(({number} * 7919 * {index + 1}) % 100003) / 100003.0"
            values = dict.fromkeys(["last", "min", "max"], value)
            _copy(cursor, MetricSeries, series.pk, others, {"run_id": "n.run", **values})
            made = f"SELECT id AS series FROM runs_metricseries WHERE name = '{series.name}' AND run_id IN (SELECT run FROM ({others}) AS o)"
            _copy(cursor, MetricChunk, series.chunks.get().pk, made, {"series_id": "n.series"})
        for row, variety in zip(first.parameter_rows.order_by("pk"), VARIETY, strict=True):
            text = f"'v' || CAST({number} * 7919 % {variety} AS varchar)"
            _copy(cursor, RunParameter, row.pk, others, {"run_id": "n.run", "value": text})
        for row in first.tag_rows.order_by("pk"):
            text = f"'{row.name}' || CAST({number} % 10 AS varchar)"
            _copy(cursor, RunTag, row.pk, others, {"run_id": "n.run", "value": text})
        ended = {"run_id": "n.run", "at": _earlier(connection.vendor, "at")}
        _copy(cursor, RunEvent, first.events.get().pk, others, ended)
    if connection.vendor == "postgresql":
        # As its autovacuum does after a while. Nobody does so on SQLite.
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    return experiment


def _experiment(total: int):
    from accounts.models import User
    from runs.models import Experiment
    from workspaces.models import ResourceGroup, Subscription, Workspace

    user, _ = User.objects.get_or_create(username="bench", defaults={"is_superuser": True})
    number = Workspace.objects.count() + 1
    subscription = Subscription.objects.create(subscription_id=f"bench-{number}")
    group = ResourceGroup.objects.create(subscription=subscription, name="bench")
    workspace = Workspace.objects.create(resource_group=group, name="many", slug=f"many-{number}", created_by=user)
    return Experiment.objects.create(workspace=workspace, name="many", run_count=total, created_by=user)


def _first_run(experiment, points: int):
    """Make a run by the studio's own functions, so that it has everything that a run has."""
    from django.utils import timezone

    from runs import metrics
    from runs.models import Run

    now = timezone.now()
    run = Run.objects.create(
        workspace=experiment.workspace, experiment=experiment, run_id="many_1", number=1, display_name="many 1",
        run_type="mlflow", status="Running", started_at=now, created_at=now, created_by=experiment.created_by,
    )  # fmt: skip
    batch = [
        {"name": name, "kind": "scalar", "step": step, "value": 0.5 + step / 100}
        for step in range(points)
        for name in METRICS
    ]
    metrics.store_batch(run, "first", batch)
    run.add_parameters(dict.fromkeys(PARAMS, "v0"))
    run.edit(tags={"team": "team0", "note": "note0"})
    run.set_client_status("Completed")
    return run


def _numbers(total: int) -> str:
    return (
        f"WITH RECURSIVE numbers(number) AS (SELECT 2 UNION ALL SELECT number + 1 FROM numbers WHERE number < {total}) "
        "SELECT number FROM numbers"
    )


def _earlier(vendor: str, column: str) -> str:
    """A minute earlier for each number."""
    if vendor == "sqlite":
        return f"strftime('%Y-%m-%d %H:%M:%f', t.{column}, '-' || n.number || ' minutes') || '000'"
    return f"t.{column} - n.number * interval '1 minute'"


def _run_columns(vendor: str) -> dict:
    text = "CAST(n.number AS varchar)"
    return {
        "number": "n.number",
        "run_id": f"'many_' || {text}",
        "display_name": f"'many ' || {text}",
        "status": "CASE WHEN n.number % 7 = 0 THEN 'Failed' ELSE 'Completed' END",
        **{column: _earlier(vendor, column) for column in ("created_at", "started_at", "ended_at")},
    }


def _copy(cursor, model, pk: int, source: str, computed: dict) -> None:
    """One row of `model` for each row of `source`: like the row `pk`, but for the computed columns."""
    columns = [field.column for field in model._meta.local_concrete_fields if not field.primary_key]
    table = model._meta.db_table
    values = ", ".join(computed.get(column, f't."{column}"') for column in columns)
    names = ", ".join(f'"{column}"' for column in columns)
    cursor.execute(
        f'INSERT INTO "{table}" ({names}) SELECT {values} FROM "{table}" t, ({source}) AS n WHERE t.id = {pk}'
    )


if __name__ == "__main__":
    main(*([int(word) for word in sys.argv[1:]] or [100_000]))
