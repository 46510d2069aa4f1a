"""What a script waits for when its studio's PostgreSQL is another machine: each answer that is read is one round trip."""

import re
import tempfile

import psycopg
import pytest
from django.db import IntegrityError, connection

from runs import metrics
from runs.models import MetricSeries, RunParameter
from studio import statements
from studio.database import begin_write
from tests import factories

pytestmark = [pytest.mark.team, pytest.mark.django_db(transaction=True)]
# In libpq's trace: a message of the client's, and after it the first one of the server's.
TURNS = re.compile(r"^\S+ \S+\tF\t(?:(?!^\S+ \S+\t[FB]\t).)*^\S+ \S+\tB\t", re.M | re.S)


def count_round_trips(call) -> int:
    connection.ensure_connection()
    with tempfile.TemporaryFile() as file:
        connection.connection.pgconn.trace(file.fileno())
        try:
            call()
        finally:
            connection.connection.pgconn.untrace()
        file.seek(0)
        return len(TURNS.findall(file.read().decode()))


def test_a_point_is_three_round_trips(api, alice, workspace):
    run, client = factories.make_run(workspace), api(alice)
    address = f"/mlflow/v1.0{workspace.arm_id}/api/2.0/mlflow/runs/log-metric"

    def log(step: int) -> None:
        point = {"run_id": run.run_id, "key": "loss", "value": 0.5, "timestamp": 1_700_000_000_000, "step": step}
        assert client.post(address, point).status_code == 200

    log(1)
    assert count_round_trips(lambda: log(2)) <= 3
    (series,) = MetricSeries.objects.filter(run=run)
    assert (series.count, series.last_step) == (2, 2)
    assert metrics.read_points(series)[0].tolist() == [1, 2]


def test_the_statements_of_a_point_are_planned_once(api, alice, workspace):
    run, client = factories.make_run(workspace), api(alice)
    address = f"/mlflow/v1.0{workspace.arm_id}/api/2.0/mlflow/runs/log-metric"
    for step in range(8):
        point = {"run_id": run.run_id, "key": "loss", "value": 0.5, "timestamp": 1_700_000_000_000, "step": step}
        assert client.post(address, point).status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        prepared = "\n".join(row[0] for row in cursor.fetchall())
    for table in ("accounts_token", "runs_run", "runs_metricseries", "runs_metricchunk"):
        assert table in prepared
    with pytest.raises(KeyError), begin_write():
        run.lock()
        raise KeyError  # A rollback: psycopg prepares the statements again.
    for step in range(8, 16):
        assert client.post(address, point | {"step": step}).status_code == 200
    assert MetricSeries.objects.get(run=run).count == 16


def test_a_connection_that_works_is_not_asked_and_one_that_was_ended_is_replaced():
    connection.ensure_connection()
    assert count_round_trips(connection.is_usable) == 0 and connection.is_usable()
    (pid,) = connection.cursor().execute("SELECT pg_backend_pid()").fetchone()
    settings = connection.settings_dict
    where = {
        "host": settings["HOST"],
        "port": settings["PORT"] or None,
        "user": settings["USER"],
        "dbname": settings["NAME"],
    }
    with psycopg.connect(**where, password=settings["PASSWORD"] or None) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    assert not connection.is_usable()
    connection.close()
    assert connection.cursor().execute("SELECT 1").fetchone() == (1,)


def test_what_fails_in_a_pipeline_is_raised_and_nothing_of_it_stays(workspace):
    run = factories.make_run(workspace)
    names = ["run", "name", "value"]
    with pytest.raises(IntegrityError), begin_write():
        statements.add_rows(RunParameter, names, [(run.pk, "kept", "1")])
        statements.add_rows(RunParameter, names, [(run.pk, "kept", "2")])
    assert not RunParameter.objects.exists()
    with begin_write():
        statements.add_rows(RunParameter, names, [(run.pk, "kept", "3")])
        assert RunParameter.objects.filter(run=run).update(value="4") == 1
    assert RunParameter.objects.get().value == "4"


def test_what_the_database_refuses_at_the_end_is_raised_too(workspace):
    with pytest.raises(IntegrityError), begin_write():
        statements.add_rows(RunParameter, ["run", "name", "value"], [(987_654, "of no run", "1")])
    assert not RunParameter.objects.exists()


def test_a_pipeline_that_its_caller_leaves_by_an_error_is_rolled_back(workspace):
    run = factories.make_run(workspace)
    with pytest.raises(KeyError), begin_write():
        statements.add_rows(RunParameter, ["run", "name", "value"], [(run.pk, "kept", "1")])
        raise KeyError
    assert not RunParameter.objects.exists() and connection.get_autocommit()
