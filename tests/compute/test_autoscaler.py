"""The number of nodes follows the work between minimum and maximum; which nodes are added and removed."""

import datetime as dt

import pytest
from django.utils import timezone

from compute import autoscaler, queue
from compute.models import ComputeTarget, Node, Scale
from tests import factories

NOW = timezone.now()


def nodes_of(words: str) -> list[Node]:
    """`running idle:90`: a node for each word, in its state for so many seconds."""
    pairs = [word.partition(":") for word in words.split()]
    return [
        Node(name=f"n{i}", state=state, state_at=NOW - dt.timedelta(seconds=int(age or 0)))
        for i, (state, _, age) in enumerate(pairs)
    ]


@pytest.mark.parametrize(
    ("limits", "nodes", "queued", "start", "leave"),
    [
        ((0, 2), "", 0, 0, []),
        ((0, 2), "", 1, 1, []),
        ((0, 2), "", 5, 2, []),
        ((1, 2), "", 0, 1, []),
        ((0, 2), "running", 1, 1, []),
        ((0, 2), "running", 0, 0, []),
        ((0, 2), "preparing", 1, 0, []),
        ((0, 2), "idle:0", 1, 0, []),
        ((0, 2), "idle:119", 0, 0, []),
        ((0, 2), "idle:121", 0, 0, ["n0"]),
        ((1, 2), "idle:999", 0, 0, []),
        ((1, 2), "idle:200 idle:300", 0, 0, ["n1"]),
        ((0, 2), "idle:300 running", 0, 0, ["n0"]),
        ((0, 2), "idle:300", 1, 0, []),
        ((0, 1), "idle:5 running", 0, 0, ["n0"]),
        ((0, 1), "running running", 0, 0, []),
        ((0, 4), "unusable leaving running", 1, 1, []),
        ((0, 2), "unusable:1 unusable:1 unusable:1", 1, 0, []),
        ((0, 2), "unusable:40 unusable:40 unusable:40", 1, 1, []),
    ],
)
def test_plan(limits, nodes, queued, start, leave):
    plan = autoscaler.plan_nodes(Scale(*limits, 120), nodes_of(nodes), queued, NOW)
    assert (plan.start, [node.name for node in plan.leave]) == (start, leave)


def test_work_brings_a_node_on_the_least_loaded_host(
    cluster, host, alice, notified, django_capture_on_commit_callbacks
):
    busy = factories.make_host("busy", heartbeat_at=timezone.now())
    other = factories.make_target(cluster.workspace)
    factories.make_node(other, busy)
    queue.enqueue(cluster, "run:one", {}, alice)
    with django_capture_on_commit_callbacks(execute=True):
        autoscaler.autoscale()
    node = cluster.nodes.get()
    assert (node.host, node.state) == (host, "preparing")
    assert node.name.startswith("aml-cpu-cluster-")
    assert ("lazuli.agent.host.notify", "host.box") in notified
    autoscaler.autoscale()
    assert cluster.nodes.count() == 1


def test_without_a_living_host_work_waits(cluster, alice):
    factories.make_host(heartbeat_at=timezone.now() - dt.timedelta(minutes=5))
    queue.enqueue(cluster, "run:one", {}, alice)
    autoscaler.autoscale()
    assert cluster.nodes.count() == 0


def ago(seconds: float) -> dt.datetime:
    return timezone.now() - dt.timedelta(seconds=seconds)


def test_a_host_that_has_just_fallen_silent_gets_no_node(cluster, alice):
    factories.make_host("a-silent", heartbeat_at=ago(12))
    busy = factories.make_host("busy", heartbeat_at=ago(3))
    factories.make_node(factories.make_target(cluster.workspace), busy)
    queue.enqueue(cluster, "run:one", {}, alice)
    autoscaler.autoscale()
    assert cluster.nodes.get().host == busy


def test_of_hosts_that_are_all_silent_for_a_moment_one_gets_the_node(cluster, alice):
    """Such as after a restart of the web server, to which all report."""
    silent = factories.make_host("silent", heartbeat_at=ago(12))
    queue.enqueue(cluster, "run:one", {}, alice)
    autoscaler.autoscale()
    autoscaler.autoscale()
    assert cluster.nodes.get().host == silent


def test_what_a_silent_host_has_not_started_is_started_elsewhere(cluster, alice):
    gone = factories.make_host("gone", heartbeat_at=ago(1))
    queue.enqueue(cluster, "run:one", {}, alice)
    autoscaler.autoscale()
    gone.heartbeat_at = ago(12)
    gone.save()
    living = factories.make_host("living", heartbeat_at=ago(3))
    autoscaler.autoscale()
    first, second = cluster.nodes.order_by("created_at")
    assert (first.host, first.state, second.host, second.state) == (gone, "leaving", living, "preparing")
    assert first.message == "Its host gone stopped responding before it was started."


def test_a_node_idle_for_too_long_leaves(cluster, node):
    Node.objects.update(state_at=timezone.now() - dt.timedelta(seconds=cluster.cluster.idle_seconds + 1))
    autoscaler.autoscale()
    assert Node.objects.get().state == "leaving"


def test_a_lost_node_is_replaced_and_shown_for_a_while(cluster, node, alice):
    queue.enqueue(cluster, "run:one", {}, alice)
    queue.enqueue(cluster, "run:two", {}, alice)
    queue.claim_work(node)
    node.mark_lost("Node node-a was lost.")
    autoscaler.autoscale()
    assert cluster.nodes.present().usable().count() == 1
    Node.objects.filter(pk=node.pk).update(state_at=timezone.now() - dt.timedelta(minutes=6))
    autoscaler.autoscale()
    assert not cluster.nodes.present().filter(pk=node.pk).exists()


def test_leaving_nodes_of_a_dead_host_end_by_themselves(cluster, host, node):
    node.leave("")
    host.heartbeat_at = timezone.now() - dt.timedelta(minutes=1)
    host.save()
    autoscaler.autoscale()
    assert Node.objects.get().ended_at


def test_a_deleted_cluster_is_gone_once_its_last_node_has_left(cluster, node, alice):
    queue.enqueue(cluster, "run:held", {}, alice)
    queue.claim_work(node)
    queue.enqueue(cluster, "run:waiting", {}, alice)
    cluster.start_deleting()
    assert dict(cluster.work.values_list("scope", "state")) == {"run:held": "lost", "run:waiting": "canceled"}
    assert set(cluster.work.values_list("reason", flat=True)) == {"The compute target cpu-cluster was deleted."}
    autoscaler.autoscale()
    assert ComputeTarget.objects.get().deleted_at is None
    node.end()
    autoscaler.autoscale()
    assert ComputeTarget.objects.get().deleted_at


def test_looking_at_clusters_with_nothing_to_do_is_cheap(cluster, node, django_assert_max_num_queries):
    # Two of them ask what quotas and budgets hold back.
    with django_assert_max_num_queries(8):
        autoscaler.autoscale()
