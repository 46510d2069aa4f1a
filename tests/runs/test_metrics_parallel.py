"""Writers at the same time, from threads with connections of their own."""

import threading

import pytest
from django.db import connection

from runs import metrics
from runs.models import MetricBatch, MetricSeries
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
WRITERS, BATCHES = 4, 15


def in_threads(*acts):
    errors = []

    def work(act):
        try:
            act()
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_parallel_writers_lose_and_double_nothing():
    run = factories.make_run(factories.make_workspace())

    def writer(number):
        for batch in range(BATCHES):
            points = [{"name": "loss", "value": number * 1000 + batch}, {"name": f"own {number}", "value": batch}]
            # Every batch is sent twice, as after a lost answer.
            metrics.store_batch(run, f"{number}-{batch}", points)
            metrics.store_batch(run, f"{number}-{batch}", points)

    in_threads(*[lambda number=number: writer(number) for number in range(WRITERS)])
    shared = MetricSeries.objects.get(run=run, name="loss")
    values = metrics.read_sdk_values(shared)
    assert shared.count == len(values) == WRITERS * BATCHES
    assert sorted(values) == sorted(n * 1000 + b for n in range(WRITERS) for b in range(BATCHES))
    for number in range(WRITERS):
        assert [value for value in values if value // 1000 == number] == [number * 1000 + b for b in range(BATCHES)]
        assert metrics.read_sdk_values(MetricSeries.objects.get(name=f"own {number}")) == list(range(BATCHES))
    run.refresh_from_db()
    assert run.revision == 2 * WRITERS * BATCHES


def test_one_batch_sent_by_many_at_once_is_stored_once():
    run = factories.make_run(factories.make_workspace())
    in_threads(*[lambda: metrics.store_batch(run, "same", [{"name": "a", "value": 1}])] * 6)
    assert MetricSeries.objects.get(run=run).count == 1
    assert MetricBatch.objects.count() == 1


def test_one_part_appended_by_many_at_once_is_stored_once():
    from runs.files import artifacts

    run = factories.make_run(factories.make_workspace())
    artifacts.append_to_artifact(run, "log", 0, b"start ")
    in_threads(*[lambda: artifacts.append_to_artifact(run, "log", 6, b"middle")] * 5)
    assert artifacts.read_bytes(run.artifacts.get()) == b"start middle"


def test_of_two_writers_of_one_file_one_gets_a_conflict():
    from runs.files import artifacts
    from studio.errors import Conflict

    run = factories.make_run(factories.make_workspace())
    reply = []

    def store(content):
        try:
            artifacts.store_artifact(run, "a.txt", [content])
        except Conflict as error:
            reply.append(error.code)

    in_threads(*[lambda content=content: store(content) for content in (b"one", b"two", b"six")])
    assert reply == ["path_conflict"] * 2
    assert artifacts.read_bytes(run.artifacts.get()) in (b"one", b"two", b"six")


def test_runs_made_at_once_get_numbers_of_their_own():
    from accounts.actors import Actor
    from runs import submission

    workspace = factories.make_workspace()
    actor = Actor(factories.make_user(is_superuser=True))
    body = {"properties": {"command": "x", "computeId": "local", "experimentName": "e"}}
    in_threads(*[lambda n=n: submission.submit_job(actor, workspace, f"r{n}", body) for n in range(6)])
    assert sorted(workspace.runs.values_list("number", flat=True)) == [1, 2, 3, 4, 5, 6]


def test_one_job_submitted_by_many_at_once_is_one_run():
    from accounts.actors import Actor
    from runs import submission

    workspace = factories.make_workspace()
    actor = Actor(factories.make_user(is_superuser=True))
    body = {"properties": {"command": "x", "computeId": "local", "experimentName": "e"}}
    in_threads(*[lambda: submission.submit_job(actor, workspace, "same", body)] * 5)
    assert workspace.runs.count() == 1
