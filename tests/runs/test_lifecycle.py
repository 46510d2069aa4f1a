"""How runs move, end, are canceled, and never hang."""

import datetime as dt

import pytest
from django.utils import timezone

from compute import queue
from compute.models import Assignment, Work
from runs.models import Run
from runs.models.runs import RunQuerySet
from runs.tasks import housekeeping, sweep
from studio.errors import Conflict
from tests import factories

S = Run.Status


@pytest.fixture
def run(workspace):
    return factories.make_run(workspace)


@pytest.mark.parametrize(
    "path",
    [
        [S.PREPARING, S.QUEUED, S.RUNNING, S.FINALIZING, S.COMPLETED],
        [S.QUEUED, S.PREPARING, S.RUNNING, S.FINALIZING, S.FAILED],
        [S.RUNNING, S.COMPLETED],
        [S.QUEUED, S.CANCEL_REQUESTED, S.CANCELED],
        [S.RUNNING, S.CANCEL_REQUESTED, S.COMPLETED],
        [S.FAILED],
    ],
)
def test_a_run_goes_through_its_states(run, path):
    for status in path:
        run.move(status)
    assert run.status == path[-1]
    assert [event.status for event in run.events.all()] == path
    assert run.ended_at is not None
    assert (run.started_at is not None) == (S.RUNNING in path)
    assert run.revision == len(path)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (S.COMPLETED, S.RUNNING),
        (S.COMPLETED, S.FAILED),
        (S.FAILED, S.CANCELED),
        (S.RUNNING, S.QUEUED),
        (S.FINALIZING, S.RUNNING),
    ],
)
def test_forbidden_state_changes_are_refused_with_a_message(run, first, then):
    run.move(first)
    with pytest.raises(Conflict, match=f"is {first}; it cannot become {then}"):
        run.move(then)
    assert Run.objects.get(pk=run.pk).status == first


def test_a_report_sent_twice_counts_once(run):
    run.move(S.RUNNING)
    began = run.started_at
    run.move(S.RUNNING)
    assert (run.events.count(), run.started_at) == (1, began)


def test_of_two_that_end_a_run_one_wins(run):
    other = Run.objects.get(pk=run.pk)
    run.move(S.COMPLETED)
    with pytest.raises(Conflict):
        other.fail("X", "too late")
    other.refresh_from_db()
    assert (other.status, other.error) == (S.COMPLETED, {})


def test_progress_after_a_cancel_changes_nothing(run):
    run.move(S.RUNNING)
    run.move(S.CANCEL_REQUESTED)
    run.move(S.FINALIZING)
    assert run.status == S.CANCEL_REQUESTED


def test_an_interactive_run_is_canceled_at_once_and_twice_is_fine(alice_api, started):
    started("r1")
    for _ in range(2):
        answer = alice_api.post("H/runs/r1/cancel")
        assert (answer.status_code, answer.json()["status"]) == (200, "Canceled")


def test_an_ended_run_is_not_canceled(alice_api, started):
    started("r1")
    alice_api.post("H/runs/r1/events", {"status": "Completed"})
    answer = alice_api.post("H/runs/r1/cancel")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "illegal_move")


def test_a_queued_run_is_canceled_at_once_and_its_work_with_it(alice_api, submitted):
    run = submitted()
    assert alice_api.post("H/runs/job1/cancel").json()["status"] == "Canceled"
    run.work.refresh_from_db()
    assert run.work.state == Work.State.CANCELED


def test_a_running_run_learns_of_the_cancel_by_its_heartbeat(alice_api, claimed, run_api):
    claimed()
    runner = run_api("job1", 1)
    runner.post("H/runs/job1/events", {"status": "Running", "node": "node-1"})
    assert runner.post("H/runs/job1/heartbeat").json() == {"status": "Running", "cancelRequested": False}
    assert alice_api.post("H/runs/job1/cancel").json()["status"] == "CancelRequested"
    assert runner.post("H/runs/job1/heartbeat").json() == {"status": "CancelRequested", "cancelRequested": True}
    reply = runner.post("H/runs/job1/events", {"status": "Canceled"}).json()
    assert (reply["status"], reply["node"]) == ("Canceled", "node-1")


def test_a_heartbeat_renews_the_lease(claimed, run_api):
    run = claimed()
    Assignment.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    run_api("job1", 1).post("H/runs/job1/heartbeat")
    run.work.refresh_from_db()
    assert run.work.lead.lease_until > timezone.now()


def test_canceling_a_parent_cancels_its_children(alice_api, started):
    started("p")
    started("c", parentRunId="p")
    alice_api.post("H/runs/p/cancel")
    assert alice_api.get("H/runs/c").json()["status"] == "Canceled"


def test_a_child_that_ends_while_its_parent_is_canceled_keeps_its_end_and_no_other_run_is_left(run, monkeypatch):
    ended, other = (factories.make_run(run.workspace, parent=run) for _ in range(2))
    below = factories.make_run(run.workspace, parent=ended)
    found = RunQuerySet.with_descendants

    def found_too_early(runs):
        keys = found(runs)
        Run.objects.filter(pk=ended.pk).update(status=S.COMPLETED)
        return keys

    monkeypatch.setattr(RunQuerySet, "with_descendants", found_too_early)
    run.cancel()
    states = dict(Run.objects.values_list("pk", "status"))
    assert states == {run.pk: S.CANCELED, ended.pk: S.COMPLETED, other.pk: S.CANCELED, below.pk: S.CANCELED}
    assert [event.status for event in other.events.all()] == [S.CANCELED]
    assert not ended.events.exists()


def test_a_tree_is_canceled_where_queued_and_requested_where_running(run, claimed, submitted):
    running, waiting = claimed("job1"), submitted("job2")
    Run.objects.filter(pk__in=[running.pk, waiting.pk]).update(parent=run)
    run.cancel()
    assert [Run.objects.get(pk=one.pk).status for one in (run, running, waiting)] == [
        S.CANCELED,
        S.CANCEL_REQUESTED,
        S.CANCELED,
    ]
    waiting.work.refresh_from_db()
    assert waiting.work.state == Work.State.CANCELED


def test_what_a_script_submits_between_the_cancel_and_its_end_is_canceled_too(claimed, run_api, submitted):
    run = claimed("job1")
    run.cancel()
    late = submitted("job2")
    Run.objects.filter(pk=late.pk).update(parent=run)
    run_api("job1", 1).post("H/runs/job1/events", {"status": "Canceled"})
    assert Run.objects.get(pk=late.pk).status == S.CANCELED


def test_children_that_only_the_script_could_end_end_with_it(claimed, run_api):
    run = claimed()
    runner = run_api("job1", 1)
    runner.put("H/experiments/exp/runs/kid", {"parentRunId": "job1", "status": "Running"})
    runner.post("H/runs/job1/events", {"status": "Failed", "error": {"code": "E", "message": "m"}})
    assert Run.objects.get(run_id="kid").status == S.CANCELED
    assert run.pk


def test_metrics_of_an_ended_run(alice_api, claimed, run_api):
    claimed()
    runner = run_api("job1", 1)
    batch = {"batchId": "b", "metrics": [{"name": "a", "value": 1}]}
    runner.post("H/runs/job1/events", {"status": "Completed"})
    assert runner.post("H/runs/job1/metrics", batch).status_code == 200
    assert alice_api.post("H/runs/job1/metrics", batch).json()["error"]["code"] == "run_is_final"
    Run.objects.update(ended_at=timezone.now() - dt.timedelta(seconds=61))
    late = runner.post("H/runs/job1/metrics", batch)
    assert (late.status_code, late.json()["error"]["code"]) == (409, "run_is_final")
    assert runner.get("H/runs/job1").status_code == 401


def test_lost_work_ends_its_run_with_the_nodes_name(claimed):
    run = claimed()
    run.move(S.RUNNING)
    Work.objects.update(state=Work.State.LOST, reason="Node node-job1 was lost: it was killed by signal 9.")
    sweep()
    sweep()
    run.refresh_from_db()
    assert (run.status, run.error["code"]) == (S.FAILED, "NodeLost")
    assert "node-job1" in run.error["message"]
    assert run.events.filter(status=S.FAILED).count() == 1


def test_a_canceled_run_whose_node_is_gone_is_canceled(claimed):
    run = claimed()
    run.cancel()
    assert run.status == S.CANCEL_REQUESTED
    Work.objects.update(state=Work.State.LOST, reason="gone")
    sweep()
    run.refresh_from_db()
    assert run.status == S.CANCELED


def test_a_runner_that_ended_in_silence_fails_its_run_after_a_moment(claimed):
    run = claimed()
    assert queue.finish_work(run.work_id, 1)
    sweep()
    run.refresh_from_db()
    assert run.status == S.QUEUED
    Work.objects.update(ended_at=timezone.now() - dt.timedelta(seconds=11))
    sweep()
    run.refresh_from_db()
    assert (run.status, run.error["code"]) == (S.FAILED, "RunnerEnded")


def test_a_local_runner_that_stops_answering_fails_its_run(alice_api, workspace, run_api):
    from tests.runs.conftest import job

    alice_api.put("W/jobs/here", {"properties": job(computeId="local")})
    runner = run_api("here")
    runner.post("H/runs/here/events", {"status": "Running"})
    runner.post("H/runs/here/heartbeat")
    sweep()
    assert alice_api.get("H/runs/here").json()["status"] == "Running"
    Run.objects.update(heartbeat_at=timezone.now() - dt.timedelta(seconds=61))
    sweep()
    reply = alice_api.get("H/runs/here").json()
    assert (reply["status"], reply["error"]["code"]) == ("Failed", "RunnerLost")
    assert "submitter's machine" in reply["error"]["message"]


def test_a_run_whose_work_was_taken_away_does_not_hang(submitted):
    run = submitted()
    Work.objects.all().delete()
    sweep()
    run.refresh_from_db()
    assert (run.status, run.error["code"]) == (S.FAILED, "WorkLost")
    assert "cpu-cluster" in run.error["message"]


def test_an_interactive_run_without_a_runner_is_left_alone(started):
    run = started("r1")
    Run.objects.update(created_at=timezone.now() - dt.timedelta(days=3))
    sweep()
    run.refresh_from_db()
    assert run.status == S.RUNNING


def test_housekeeping_forgets_old_batches_and_joins_what_ended(started, alice_api):
    from runs import metrics
    from runs.files import artifacts
    from runs.models import ArtifactSegment, MetricBatch, MetricChunk

    run = started("r1")
    for number in range(3):
        metrics.store_batch(run, str(number), [{"name": "a", "value": number}])
        artifacts.append_to_artifact(run, "log", number, b"%d" % number)
    housekeeping()
    assert (MetricBatch.objects.count(), MetricChunk.objects.count(), ArtifactSegment.objects.count()) == (3, 3, 3)
    run.move(S.COMPLETED)
    ago = timezone.now() - dt.timedelta(days=2)
    Run.objects.update(ended_at=ago)
    MetricBatch.objects.update(at=ago)
    for _ in range(2):
        housekeeping()
    assert (MetricBatch.objects.count(), MetricChunk.objects.count(), ArtifactSegment.objects.count()) == (0, 1, 1)


def test_housekeeping_leaves_the_trash_alone(started, alice_api):
    started("r1").move(S.COMPLETED)
    assert alice_api.delete("H/runs/r1").status_code == 200
    housekeeping()
    assert Run.objects.exists()


def test_deleting_a_parent_takes_its_children(alice_api, started):
    started("p")
    started("c", parentRunId="p")
    alice_api.post("H/runs/p/events", {"status": "Completed"})
    answer = alice_api.delete("H/runs/p")
    assert answer.status_code == 409 and "c has not ended" in answer.json()["error"]["message"]
    assert alice_api.get("H/runs/p").status_code == 200
    alice_api.post("H/runs/c/cancel")
    assert alice_api.delete("H/runs/p").status_code == 200
    assert not Run.objects.filter(deleted_at=None).exists()
