"""Nodes and storage are counted once, whole, and by the price of the time."""

import datetime as dt

import pytest
from django.utils import timezone

from compute import queue
from compute.models import Assignment, Node
from costs import node_meter, storage_meter
from costs.models import Meter, Usage
from tests import factories

NOON = dt.datetime(2026, 3, 4, 12, tzinfo=dt.UTC)


def at(minutes: float) -> dt.datetime:
    return NOON + dt.timedelta(minutes=minutes)


@pytest.fixture
def node(workspace):
    target = factories.make_target(workspace, "cpu-cluster", vm_size="Standard_DS3_v2")
    whole = {"cores": 4, "memory_gb": 14, "gpus": 0}
    return factories.make_node(target, created_at=NOON, state=Node.State.IDLE, name="node-1", **whole)


@pytest.fixture
def work_on(node, alice):
    def make(start: float, end: float | None, name: str = "one", cores: int = 4) -> Assignment:
        work = queue.enqueue(node.target, f"run:{name}", {"experiment": "exp"}, alice)
        times = {"claimed_at": at(start), "ended_at": end and at(end), "lease_until": at(60)}
        return Assignment.objects.create(work=work, node=node, attempt=1, cores=cores, memory_gb=cores, **times)

    return make


def rows() -> list[tuple]:
    """(kind, scope, minutes from noon to the end, minutes)"""
    found = Usage.objects.exclude(kind="storage").order_by("started_at", "pk")
    return [(row.kind, row.work_scope, (row.ended_at - NOON).total_seconds() / 60, row.seconds / 60) for row in found]


def test_work_and_idle_time_are_lines_of_their_own_and_add_up(node, work_on, workspace):
    work_on(2, 5)
    node_meter.count_nodes(at(10))
    assert rows() == [("idle", "", 2, 2), ("job", "run:one", 5, 3), ("idle", "", 10, 5)]
    job = Usage.objects.get(kind="job")
    assert (job.person, job.experiment, job.workspace, job.compute) == ("alice", "exp", workspace.name, "cpu-cluster")
    assert (job.subscription, job.resource_group, job.price, job.cost) == ("sub-1", "aml-resources", None, None)


def test_each_turn_continues_the_rows_of_the_last_one(node, work_on):
    work_on(2, None)
    for minutes in (1, 3, 3, 4, 4.5, 4.2):
        node_meter.count_nodes(at(minutes))
    assert rows() == [("idle", "", 2, 2), ("job", "run:one", 4.5, 2.5)]
    Assignment.objects.update(ended_at=at(6))
    Node.objects.update(ended_at=at(8))
    node_meter.count_nodes(at(9))
    node_meter.count_nodes(at(9.5))
    assert rows() == [("idle", "", 2, 2), ("job", "run:one", 6, 4), ("idle", "", 8, 2)]


def test_rows_are_cut_at_midnight(node, work_on):
    Node.objects.update(created_at=at(11 * 60))
    work_on(11 * 60, 13 * 60)
    node_meter.count_nodes(at(14 * 60))
    found = list(Usage.objects.order_by("started_at").values_list("kind", "day", "seconds"))
    first, second = NOON.date(), NOON.date() + dt.timedelta(days=1)
    assert found == [("job", first, 3600), ("job", second, 3600), ("idle", second, 3600)]


def test_a_new_price_begins_a_new_row_and_keeps_the_old_one(node, settings):
    settings.VM_PRICES = {"standard_ds3_v2": 0.6}
    node_meter.count_nodes(at(10))
    settings.VM_PRICES = {"standard_ds3_v2": 1.2}
    node_meter.count_nodes(at(15))
    found = list(Usage.objects.order_by("started_at").values_list("price", "seconds", "cost"))
    assert found == [(0.6, 600, pytest.approx(0.1)), (1.2, 300, pytest.approx(0.1))]


def test_work_that_shares_a_node_shares_its_time(node, work_on):
    work_on(0, 4, "one", cores=1)
    work_on(2, 4, "two", cores=2)
    node_meter.count_nodes(at(4))
    assert rows() == [("job", "run:one", 4, 1), ("idle", "", 4, 2), ("job", "run:two", 4, 1)]


def test_idle_time_is_not_counted_while_the_studio_was_off(node, work_on):
    node_meter.count_nodes(at(1))
    work_on(20, 30)
    node_meter.count_nodes(at(60))
    node_meter.count_nodes(at(61))
    assert rows() == [("idle", "", 1, 1), ("job", "run:one", 30, 10), ("idle", "", 61, 1)]


def test_a_lost_node_costs_nothing_although_pages_still_show_it(node):
    Node.objects.update(state=Node.State.UNUSABLE, state_at=at(3))
    node_meter.count_nodes(at(8))
    assert rows() == [("idle", "", 3, 3)]


def test_many_nodes_take_few_statements(node, django_assert_max_num_queries):
    for _ in range(20):
        factories.make_node(node.target, node.host, created_at=NOON, state=Node.State.IDLE)
    node_meter.count_nodes(at(1))
    with django_assert_max_num_queries(14):
        assert node_meter.count_nodes(at(2)) == 21
    assert Usage.objects.count() == 21 and Meter.objects.get().counted_until == at(2)


def test_storage_is_counted_by_day_with_its_price(workspace, settings):
    settings.STORAGE_PRICE = 0.73
    run = factories.make_run(workspace)
    run.artifacts.create(path="a", size=2**30)
    storage_meter.count_storage(at(0))
    storage_meter.count_storage(at(60))
    run.artifacts.all().delete()
    storage_meter.count_storage(at(13 * 60))
    storage_meter.count_storage(at(14 * 60))
    found = Usage.objects.order_by("day").values_list("day__day", "byte_seconds", "bytes", "cost")
    gb_hours = [(day, seconds / 2**30 / 3600, size, cost) for day, seconds, size, cost in found]
    assert gb_hours == [(4, 12, 2**30, pytest.approx(0.012)), (5, 1, 0, pytest.approx(0.001))]


def test_what_is_counted_outlives_its_workspace(node, workspace):
    node_meter.count_nodes(at(10))
    workspace.delete()
    assert Usage.objects.get().workspace == "aml-workspace"
    assert timezone.now() > NOON
