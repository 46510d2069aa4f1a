"""A low-priority node makes room for a dedicated cluster, and its job begins again."""

import pytest
from django.utils import timezone

from compute import autoscaler, queue
from compute.models import Work
from runs import work_kind
from runs.models import Run
from runs.tasks import sweep
from tests import factories


@pytest.fixture
def host(db):
    return factories.make_host("box", cpus=2, heartbeat_at=timezone.now())


@pytest.fixture
def running(workspace, alice, host):
    """A job that runs on a low-priority node, which takes the whole host."""
    target = factories.make_target(workspace, "cheap", vm_priority="LowPriority")
    run = factories.make_run(workspace, run_id="job1", created_by=alice)
    run.work = queue.enqueue(target, work_kind.scope_of(run.run_id), {}, alice)
    run.save(update_fields=["work"])
    node = factories.make_node(target, host, state="idle", cores=2, heartbeat_at=timezone.now())
    queue.claim_work(node)
    run.move(Run.Status.RUNNING, node=node.name)
    return run


@pytest.fixture
def need(workspace, alice):
    """Work of another cluster, for which there is no room."""

    def put(**fields):
        target = factories.make_target(workspace, **fields)
        queue.enqueue(target, "run:other", {}, alice)
        autoscaler.balance_cluster(target)
        return target

    return put


def test_a_dedicated_cluster_takes_the_room_and_the_job_waits_again(running, need, host):
    target = need(name="dedicated")
    node = host.nodes.get()
    assert (node.state, node.message) == ("preempted", "The cluster dedicated needs its capacity on box.")
    running.refresh_from_db()
    assert (running.status, running.node_name, running.started_at) == ("Queued", "", None)
    assert running.events.last().message == f"Waits again. {node.message}"
    work = Work.objects.get(pk=running.work_id)
    assert (work.state, work.attempt) == ("queued", 2)
    assert not queue.renew_lease(work.pk, 1)
    # While it leaves, nothing more is taken; then the room is there.
    autoscaler.balance_cluster(target)
    assert not target.nodes.exists()
    node.end()
    autoscaler.balance_cluster(target)
    assert target.nodes.get().host == host
    sweep()
    running.refresh_from_db()
    assert running.status == "Queued"


def test_a_low_priority_cluster_takes_nothing(running, need, host):
    need(name="cheap-too", vm_priority="LowPriority")
    assert host.nodes.get().state == "running"


def test_a_job_that_was_being_canceled_is_canceled(running, need):
    running.move(Run.Status.CANCEL_REQUESTED)
    need(name="dedicated")
    sweep()
    running.refresh_from_db()
    assert running.status == "Canceled"
