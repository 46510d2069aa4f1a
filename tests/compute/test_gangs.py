"""Work on several nodes: all of them or none, and all of them end together."""

import datetime as dt

import pytest
from django.utils import timezone

from compute import autoscaler, keys, lost_nodes, queue, waiting
from compute.models import Assignment, Node, Scale, Work
from studio.errors import Invalid
from tests import factories


@pytest.fixture
def nodes(cluster, host):
    cluster.cluster.change(Scale(0, 3, 60))
    fields = {"state": "idle", "heartbeat_at": timezone.now()}
    return [factories.make_node(cluster, host, name=f"node-{letter}", **fields) for letter in "ab"]


@pytest.fixture
def enqueue(cluster, alice):
    return lambda scope, count=1: queue.enqueue(cluster, f"run:{scope}", {}, alice, node_count=count)


@pytest.fixture
def gang(enqueue, nodes):
    work = enqueue("gang", 2)
    queue.claim_work(nodes[0])
    work.refresh_from_db()
    return work


def test_one_claim_takes_all_nodes_and_each_gets_its_rank(api, enqueue, nodes, notified):
    enqueue("gang", 2)
    first, second = [api(keys.node_key(node)) for node in nodes]
    claimed = first.post("/nodes/v1/claim", {"held": []}).json()
    assert (claimed["attempt"], claimed["spec"]) == (
        1,
        {"node": "node-a", "memory_gb": 1.0, "rank": 0, "node_count": 2},
    )
    assert set(Node.objects.values_list("state", flat=True)) == {"running"}
    assert second.post("/nodes/v1/heartbeat", {}).json()["waiting"]
    other = second.post("/nodes/v1/claim", {"held": []}).json()
    assert (other["id"], other["attempt"], other["spec"]["rank"]) == (claimed["id"], 1, 1)


def test_without_all_nodes_none_is_taken_and_later_work_waits_for_it(enqueue, nodes):
    enqueue("busy")
    busy = queue.claim_work(nodes[1])
    gang = enqueue("gang", 2)
    later = enqueue("later")
    assert queue.claim_work(nodes[0]) is None
    assert not gang.assignments.exists() and Node.objects.get(name="node-a").state == "idle"
    queue.finish_work(busy.pk, busy.attempt)
    assert queue.claim_work(nodes[0]) == gang
    assert Work.objects.get(pk=later.pk).state == "queued"


def test_work_that_no_nodes_can_become_free_for_holds_up_nothing(enqueue, nodes):
    enqueue("gang", 3)
    small = enqueue("small")
    assert queue.claim_work(nodes[0]) == small


def test_more_nodes_than_the_cluster_may_have_are_refused(enqueue, nodes):
    with pytest.raises(Invalid, match="instanceCount=4: cpu-cluster has at most 3 nodes"):
        enqueue("gang", 4)


def test_a_node_that_never_got_its_part_means_a_new_attempt_of_all(gang, nodes):
    assert queue.claim_work(nodes[1]) == gang
    # It asks again without it.
    queue.claim_work(nodes[1])
    gang.refresh_from_db()
    assert (gang.state, gang.attempt) == ("queued", 2)
    assert not queue.renew_lease(gang.pk, 1, 0)


def test_each_node_has_a_lease_of_its_own(gang, nodes):
    Assignment.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    assert queue.renew_lease(gang.pk, 1, 0)
    assert lost_nodes.reap_lost() == 1
    gang.refresh_from_db()
    assert (gang.state, gang.reason.startswith("Node node-b was lost")) == ("lost", True)
    assert not gang.assignments.current().exists()


def test_it_ends_with_its_last_runner(gang, nodes):
    assert queue.finish_work(gang.pk, 1, node=nodes[1])
    gang.refresh_from_db()
    assert (gang.state, Node.objects.get(name="node-b").state) == ("claimed", "idle")
    assert queue.finish_work(gang.pk, 1, node=nodes[0])
    gang.refresh_from_db()
    assert (gang.state, Node.objects.get(name="node-a").state) == ("done", "idle")


def test_a_runner_that_fails_ends_all(gang, nodes):
    queue.finish_work(gang.pk, 1, "The runner on node node-b was killed by signal 9.", nodes[1])
    gang.refresh_from_db()
    assert (gang.state, gang.reason) == ("done", "The runner on node node-b was killed by signal 9.")
    assert not queue.renew_lease(gang.pk, 1, 0)


def test_nodes_meet_by_the_key_of_the_attempt(gang, nodes, api):
    gang.attempt = 1
    caller, path = api(keys.work_key(gang)), f"/nodes/v1/work/{gang.pk}/peers"
    first = caller.post(path, {"rank": 0, "stage": "ready", "address": "10.0.0.5:4000"}).json()
    assert (first["ready"], first["peers"][0]) == (1, {"node": "node-a", "address": "10.0.0.5:4000"})
    caller.post(path, {"rank": 1, "stage": "ready", "address": "10.0.0.7:4000"})
    both = caller.post(path, {"rank": 0, "stage": "probed"}).json()
    assert (both["ready"], both["probed"], both["ended"]) == (2, 1, 0)
    assert [peer["address"] for peer in both["peers"]] == ["10.0.0.5:4000", "10.0.0.7:4000"]
    queue.finish_work(gang.pk, 1, node=nodes[1])
    assert caller.post(path, {"rank": 0, "stage": "probed"}).json()["ended"] == 1
    assert caller.post(path, {"rank": 0, "stage": "merry"}).status_code == 422
    gang.refresh_from_db()
    gang.queue_again("Preempted.")
    assert caller.post(path, {"rank": 0, "stage": "probed"}).status_code == 409
    assert api(keys.node_key(nodes[0])).post(path, {"rank": 0, "stage": "ready"}).status_code == 401


def test_as_many_nodes_come_as_it_needs(enqueue, cluster, host):
    cluster.cluster.change(Scale(0, 3, 60))
    work = enqueue("gang", 3)
    said = waiting.QueueView(cluster).explain(work).describe(cluster)
    assert "It needs 3 nodes at once; 0 are free. A node will start soon." in said
    autoscaler.autoscale()
    assert cluster.nodes.count() == 3
