"""Why work is waiting: all reasons as messages, for every waiting job; and the order of the queue."""

import datetime as dt

import pytest
from django.utils import timezone

from compute import autoscaler, queue, waiting
from compute.models import Resources, Scale, Work
from tests import factories


@pytest.fixture
def enqueue(cluster, alice):
    return lambda scope, **fields: queue.enqueue(cluster, f"run:{scope}", {}, fields.pop("user", alice), **fields)


def explain(work) -> str:
    return waiting.QueueView(work.target).explain(work).describe(work.target)


def test_without_a_machine_it_says_so(enqueue):
    assert explain(enqueue("one")) == (
        "Number 1 in the queue of cpu-cluster. No machine is connected, so no node can start."
    )


def test_what_the_busy_nodes_do_and_how_many_there_may_be(enqueue, node, cluster):
    cluster.cluster.change(Scale(0, 1, 60))
    enqueue("busy")
    queue.claim_work(node)
    Work.objects.update(claimed_at=timezone.now() - dt.timedelta(minutes=5))
    enqueue("first")
    said = explain(enqueue("second"))
    assert said.startswith("Number 2 in the queue of cpu-cluster. Its node is busy with busy for 5 minutes.")
    assert said.endswith("cpu-cluster has at most 1.")


def test_a_full_machine_is_named_with_what_fills_it(enqueue, host, workspace):
    host.cpus = 3
    host.save()
    other = factories.make_target(workspace, "other")
    factories.make_node(other, host, name="aml-other-1", state="running", cores=2)
    said = explain(enqueue("one"))
    assert "box is full: 1 of 3 cores are free. It runs aml-other-1 of other." in said
    other.workspace = factories.make_workspace()
    other.save()
    assert "1 of 3 cores are free. It runs a node of another workspace." in explain(Work.objects.get())


def test_a_size_that_fits_no_machine_is_named(enqueue, host):
    host.cpus = 1
    host.save()
    said = explain(enqueue("one"))
    assert "A node of STANDARD_DS11_V2 needs 2 cores, 14 GB and 0 GPUs, and no connected machine has that much." in said


def test_quarantine_and_drain_are_named(enqueue, host):
    host.drain()
    assert "box accepts no nodes: An administrator is draining it." in explain(enqueue("one"))
    host.reopen()
    for _ in range(3):
        host.record_failure("The runner was killed.")
    assert "box accepts no nodes: It is in quarantine after 3 failures in a row." in explain(enqueue("two"))


def test_packed_work_says_what_it_lacks(enqueue, node, cluster):
    cluster.cluster.change(Scale(0, 1, 60))
    enqueue("busy")
    queue.claim_work(node)
    assert "It needs 2 cores and 4 GB, and no node has that much free." in explain(
        enqueue("two", resources=Resources(2, 4))
    )


def test_the_estimate_comes_from_earlier_jobs(enqueue, node, cluster):
    cluster.cluster.change(Scale(0, 1, 60))
    now = timezone.now()
    for minutes in (10, 20, 90):
        work = enqueue(f"ended-{minutes}")
        Work.objects.filter(pk=work.pk).update(
            state="done", claimed_at=now - dt.timedelta(minutes=minutes), ended_at=now
        )
    enqueue("busy")
    queue.claim_work(node)
    Work.objects.filter(state="claimed").update(claimed_at=now - dt.timedelta(minutes=5))
    assert explain(enqueue("first")).endswith("it starts in about 15 minutes.")
    assert explain(enqueue("second")).endswith("it starts in about 35 minutes.")


def test_many_waiting_jobs_are_explained_by_few_queries(enqueue, node, cluster, django_assert_max_num_queries):
    enqueue("busy")
    queue.claim_work(node)
    works = [enqueue(number) for number in range(30)]
    view = waiting.QueueView(cluster)
    with django_assert_max_num_queries(20):
        assert [view.explain(work).position for work in works] == list(range(1, 31))


def test_who_has_less_running_goes_first_among_equal_priorities(enqueue, node, bob, cluster, host):
    for number in range(3):
        enqueue(f"alice-{number}")
    enqueue("bob", user=bob)
    enqueue("urgent", priority=1)
    taken, last = [], None
    for _ in range(4):
        last = queue.claim_work(factories.make_node(cluster, host, state="idle"))
        taken.append(last.subject)
    assert taken == ["urgent", "bob", "alice-0", "alice-1"]
    assert "of the same person are running; people with fewer go first." not in explain(
        Work.objects.get(scope="run:alice-2")
    )


def test_three_failures_in_a_row_close_a_host_until_it_is_opened_again(enqueue, node, host, cluster):
    for number in range(4):
        enqueue(number)
    for message in ("Killed.", "Killed.", "", "Killed.", "Killed.", "Killed."):
        work = queue.claim_work(node) or queue.claim_work(node)
        queue.finish_work(work.pk, work.attempt, message)
        enqueue(f"more-{message}-{work.subject}")
        host.refresh_from_db()
        node.host = host
    assert host.quarantine_reason == "3 failures in a row. The last: Killed."
    assert queue.claim_work(node) is None
    autoscaler.balance_cluster(cluster)
    node.refresh_from_db()
    assert (node.state, node.message) == ("leaving", "It accepts no more jobs.")
    assert cluster.nodes.count() == 1
    host.reopen()
    autoscaler.balance_cluster(cluster)
    assert cluster.nodes.count() == 3


def test_a_drained_node_ends_its_work_and_leaves(enqueue, node, cluster):
    enqueue("one")
    work = queue.claim_work(node)
    enqueue("two")
    node.drain()
    node.refresh_from_db()
    autoscaler.balance_cluster(cluster)
    node.refresh_from_db()
    assert node.state == "running" and queue.claim_work(node, [work.pk]) is None
    # Another takes its place meanwhile.
    assert cluster.nodes.count() == 2
    queue.finish_work(work.pk, work.attempt)
    autoscaler.balance_cluster(cluster)
    node.refresh_from_db()
    assert node.state == "leaving"
