"""Several units of work share a node as far as its cores, memory and GPUs go."""

import pytest
from django.utils import timezone

from compute import autoscaler, keys, queue
from compute.models import Assignment, Node, Resources, Scale, Work
from studio.errors import Invalid
from tests import factories

WHOLE = Resources(4, 16, 1)


@pytest.fixture
def node(cluster, host):
    fields = {"cores": 4, "memory_gb": 16, "gpus": 1, "state": "idle", "heartbeat_at": timezone.now()}
    return factories.make_node(cluster, host, name="node-a", **fields)


@pytest.fixture
def enqueue(cluster, alice):
    cluster.vm_size = "Standard_NC4as_T4_v3"
    return lambda scope, *resources: queue.enqueue(
        cluster, f"run:{scope}", {}, alice, resources=Resources(*resources) if resources else None
    )


def claim_all(node) -> list[str]:
    held = []
    while work := queue.claim_work(node, [one.pk for one in held]):
        held.append(work)
    return [work.subject for work in held]


def test_a_node_takes_work_until_its_cores_are_taken(enqueue, node):
    for number in range(3):
        enqueue(number, 2, 1)
    assert claim_all(node) == ["0", "1"]
    assert node.free_resources() == Resources(0, 14, 1)
    assert queue.has_work_for(node, []) and not queue.has_work_for(
        node, Assignment.objects.values_list("work", flat=True)
    )


def test_memory_and_gpus_count_too(enqueue, node):
    for name, resources in {"big": (1, 10), "bigger": (1, 8), "gpu": (1, 1, 1), "second-gpu": (1, 1, 1)}.items():
        enqueue(name, *resources)
    assert claim_all(node) == ["big", "gpu"]


def test_work_that_asks_for_nothing_gets_a_node_alone(enqueue, node):
    enqueue("small", 1, 1)
    enqueue("whole")
    assert claim_all(node) == ["small"]
    work = Work.objects.get(scope="run:small")
    queue.finish_work(work.pk, work.attempt)
    assert claim_all(node) == ["whole"]


def test_small_work_passes_larger_work_for_a_while_only(enqueue, node):
    enqueue("first", 1, 1)
    first = queue.claim_work(node)
    whole = enqueue("whole")
    second = enqueue("second", 1, 1)
    assert queue.claim_work(node, [first.pk]) == second
    enqueue("third", 1, 1)
    Work.objects.filter(pk=whole.pk).update(queued_at=timezone.now() - queue.PATIENCE)
    assert queue.claim_work(node, [first.pk, second.pk]) is None
    for work in (first, second):
        queue.finish_work(work.pk, 1)
    assert queue.claim_work(node) == whole


def test_a_node_is_idle_only_after_its_last_work(enqueue, node):
    enqueue("one", 1, 1)
    enqueue("two", 1, 1)
    first, second = queue.claim_work(node), queue.claim_work(node, [Work.objects.get(scope="run:one").pk])
    queue.finish_work(first.pk, first.attempt)
    assert Node.objects.get().state == "running" and not node.leave("") and not node.become_idle()
    queue.finish_work(second.pk, second.attempt)
    assert Node.objects.get().state == "idle"


def test_of_several_only_the_one_whose_response_was_lost_is_given_again(enqueue, node):
    enqueue("one", 1, 1)
    enqueue("two", 1, 1)
    one, two = queue.claim_work(node), queue.claim_work(node, [Work.objects.get(scope="run:one").pk])
    again = queue.claim_work(node, [one.pk])
    assert (again.pk, again.attempt) == (two.pk, 2)
    assert queue.renew_lease(one.pk, 1) and not queue.renew_lease(two.pk, 1) and queue.renew_lease(two.pk, 2)


def test_lost_work_takes_its_room_until_its_runner_has_ended(enqueue, node):
    enqueue("whole")
    lost = queue.claim_work(node)
    lost.mark_lost("Its lease ended.")
    enqueue("next")
    assert queue.claim_work(node, [lost.pk]) is None
    assert queue.claim_work(node, []).subject == "next"


def test_a_node_says_which_work_it_holds(api, enqueue, node):
    enqueue("one", 2, 1)
    enqueue("two", 2, 1)
    as_node = api(keys.node_key(node))
    first = as_node.post("/nodes/v1/claim", {"held": []}).json()
    second = as_node.post("/nodes/v1/claim", {"held": [first["id"]]}).json()
    assert (first["scope"], second["scope"]) == ("run:one", "run:two")
    held = [first["id"], second["id"]]
    assert not as_node.post("/nodes/v1/heartbeat", {"work": held}).json()["waiting"]
    assert as_node.post("/nodes/v1/heartbeat", {"work": held[:1]}).json()["waiting"]
    assert as_node.post("/nodes/v1/claim", {"held": ["one"]}).status_code == 422


def test_what_no_node_could_hold_is_refused(enqueue):
    with pytest.raises(Invalid, match="8 cores, 4 GB and 0 GPUs are more than a node of cpu-cluster has: 4 cores"):
        enqueue("large", 8, 4)


@pytest.mark.parametrize(
    ("requested", "free", "further"),
    [
        ([], [], 0),
        ([WHOLE] * 3, [], 3),
        ([WHOLE] * 30, [], 10),
        ([Resources(1, 1)] * 9, [], 3),
        ([Resources(1, 1)] * 5, [Resources(3, 8)], 1),
        ([Resources(1, 10), Resources(1, 10), Resources(3, 2)], [], 2),
        ([WHOLE, Resources(2, 2)], [Resources(2, 4)], 1),
    ],
)
def test_how_many_nodes_the_queue_needs_besides(requested, free, further):
    assert autoscaler.count_further_nodes(requested, free, WHOLE, 10) == further


def test_packed_work_brings_as_many_nodes_as_it_fills(enqueue, cluster, host):
    cluster.cluster.change(Scale(0, 10, 60))
    cluster.save()
    for number in range(6):
        enqueue(number, 2, 1)
    autoscaler.autoscale()
    assert [node.resources for node in cluster.nodes.all()] == [Resources(4, 28, 1)] * 3
