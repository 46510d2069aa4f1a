"""Work is queued, claimed, done, canceled or lost, and only one can win each step."""

import datetime as dt
import threading

import pytest
from django.db import connection
from django.utils import timezone

from compute import lost_nodes, queue
from compute.models import Assignment, Node, Work
from studio.errors import Conflict
from tests import factories


@pytest.fixture
def enqueue(cluster, alice):
    def put(scope="run:one", **fields):
        return queue.enqueue(cluster, scope, {"command": "true"}, alice, **fields)

    return put


def test_enqueue_rings_cluster_and_autoscaler_when_it_commits(
    enqueue, cluster, notified, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        enqueue()
        assert notified == []
    assert notified == [("lazuli.agent.node.notify", f"cluster.{cluster.pk}"), ("compute.tasks.autoscale", "control")]


def test_a_target_that_is_being_deleted_takes_no_work(enqueue, cluster):
    cluster.start_deleting()
    with pytest.raises(Conflict, match="cpu-cluster is being deleted"):
        enqueue()


def test_claim_leases_the_work_and_makes_the_node_run(enqueue, node, settings):
    before = timezone.now()
    enqueue()
    work = queue.claim_work(node)
    assert (work.state, work.attempt, work.node) == ("claimed", 1, node)
    assert work.lead.lease_until - before >= dt.timedelta(seconds=settings.NODE_LEASE_SECONDS)
    assert Node.objects.get().state == "running"


def test_higher_priority_first_then_oldest(enqueue, cluster, host):
    low, second, first = enqueue("run:low"), enqueue("run:second", priority=1), enqueue("run:third", priority=1)
    taken = [queue.claim_work(factories.make_node(cluster, host, state="idle")).scope for _ in range(3)]
    assert taken == [second.scope, first.scope, low.scope]


def test_nothing_to_claim_leaves_the_node_idle(node):
    assert queue.claim_work(node) is None
    assert Node.objects.get().state == "idle"


def test_work_of_another_cluster_is_not_claimed(enqueue, workspace, host):
    enqueue()
    assert queue.claim_work(factories.make_node(factories.make_target(workspace), host, state="idle")) is None


@pytest.mark.parametrize("state", ["leaving", "unusable"])
def test_a_node_that_is_to_leave_claims_nothing(enqueue, cluster, host, state):
    work = enqueue()
    assert queue.claim_work(factories.make_node(cluster, host, state=state)) is None
    assert Work.objects.get(pk=work.pk).state == "queued"


def test_a_claim_whose_answer_was_lost_is_given_again_and_fences_off_the_first(enqueue, node):
    enqueue("run:one")
    enqueue("run:two")
    first, again = queue.claim_work(node), queue.claim_work(node)
    assert (again.pk, again.attempt) == (first.pk, 2)
    assert not queue.renew_lease(first.pk, first.attempt)
    assert queue.renew_lease(again.pk, again.attempt)


def test_renew_prolongs_the_lease_of_the_present_attempt_only(enqueue, node):
    enqueue()
    work = queue.claim_work(node)
    Assignment.objects.update(lease_until=timezone.now())
    assert not queue.renew_lease(work.pk, work.attempt + 1)
    assert queue.renew_lease(work.pk, work.attempt)
    assert Assignment.objects.get().lease_until > timezone.now() + dt.timedelta(seconds=20)


def test_finish_frees_the_node_once(enqueue, node):
    enqueue()
    work = queue.claim_work(node)
    assert not queue.finish_work(work.pk, work.attempt - 1)
    assert queue.finish_work(work.pk, work.attempt)
    assert not queue.finish_work(work.pk, work.attempt)
    assert (Work.objects.get().state, Node.objects.get().state) == ("done", "idle")


def test_cancel_takes_queued_work_out_and_leaves_held_work_to_its_runner(enqueue, node):
    held = enqueue("run:held")
    queue.claim_work(node)
    waiting = enqueue("run:waiting")
    assert queue.cancel_queued([waiting.pk, held.pk]) == {waiting.pk}
    assert Work.objects.get(pk=waiting.pk).state == "canceled"
    assert Work.objects.get(pk=held.pk).state == "claimed"


def test_reap_leaves_the_living_alone(enqueue, node):
    enqueue()
    queue.claim_work(node)
    assert lost_nodes.reap_lost() == 0
    assert Work.objects.get().state == "claimed"


def test_reap_gives_up_work_whose_lease_has_ended(enqueue, node):
    enqueue()
    queue.claim_work(node)
    Assignment.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    assert lost_nodes.reap_lost() == 1
    work = Work.objects.get()
    assert work.state == "lost"
    assert work.reason == "Node node-a was lost: its runner sent no heartbeat for 30 seconds."


def test_reap_gives_up_a_silent_node_and_its_work(enqueue, node):
    enqueue()
    work = queue.claim_work(node)
    Node.objects.update(heartbeat_at=timezone.now() - dt.timedelta(seconds=31))
    Assignment.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    lost_nodes.reap_lost()
    work.refresh_from_db()
    node.refresh_from_db()
    assert (node.state, work.state) == ("unusable", "lost")
    assert work.reason.startswith("Node node-a was lost: it has sent no heartbeat since")


def test_a_silent_node_whose_runner_lives_is_not_lost(enqueue, node):
    enqueue()
    work = queue.claim_work(node)
    Node.objects.update(heartbeat_at=timezone.now() - dt.timedelta(hours=1))
    assert lost_nodes.reap_lost() == 0
    assert queue.renew_lease(work.pk, work.attempt)
    node.refresh_from_db()
    assert (node.state, Work.objects.get().state) == ("running", "claimed")


def test_a_new_node_has_time_for_its_first_sign(cluster, host):
    node = factories.make_node(cluster, host)
    Node.objects.update(created_at=timezone.now() - dt.timedelta(seconds=40))
    lost_nodes.reap_lost()
    assert Node.objects.get().state == "preparing"
    Node.objects.update(created_at=timezone.now() - dt.timedelta(seconds=Node.START_SECONDS + 1))
    lost_nodes.reap_lost()
    assert Node.objects.get(pk=node.pk).state == "unusable"


def test_reap_gives_up_work_whose_node_has_ended(enqueue, node):
    enqueue()
    queue.claim_work(node)
    Node.objects.update(ended_at=timezone.now())
    assert lost_nodes.reap_lost() == 1
    assert "node-a" in Work.objects.get().reason


def test_a_node_that_comes_back_after_its_work_was_lost_changes_nothing(enqueue, node):
    enqueue()
    work = queue.claim_work(node)
    node.mark_lost("Node node-a was lost.")
    assert not queue.renew_lease(work.pk, work.attempt)
    assert not queue.finish_work(work.pk, work.attempt)
    assert Work.objects.get().state == "lost"


@pytest.mark.django_db(transaction=True)
def test_two_nodes_that_claim_at_once_get_different_work(notified):
    alice, workspace = factories.make_user("alice"), factories.make_workspace()
    cluster, host = factories.make_target(workspace), factories.make_host()
    for number in range(6):
        queue.enqueue(cluster, f"run:{number}", {}, alice)
    nodes = [factories.make_node(cluster, host, state="idle") for _ in range(4)]
    start, taken = threading.Barrier(len(nodes)), []

    def work_off(node):
        try:
            start.wait()
            while work := queue.claim_work(node):
                taken.append(work.scope)
                queue.finish_work(work.pk, work.attempt)
        finally:
            connection.close()

    threads = [threading.Thread(target=work_off, args=(node,)) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [f"run:{number}" for number in range(6)]
    assert set(Work.objects.values_list("attempt", "state")) == {(1, "done")}
