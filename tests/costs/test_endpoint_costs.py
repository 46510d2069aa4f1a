"""The cost of endpoints: services have the rest of their node, and 1,000 requests have a price."""

import datetime as dt

import pytest
from django.utils import timezone

from compute import queue
from compute.models import Assignment
from costs import node_meter
from costs.endpoint_costs import find_cost
from costs.models import Usage
from endpoints.models import Endpoint, Revision, TrafficMinute
from tests import factories
from tests.html import html_of


@pytest.fixture
def endpoint(workspace, alice):
    return Endpoint.create(workspace, alice, "svc")


def test_services_share_the_rest_of_a_node_that_other_work_leaves(workspace, alice):
    target = factories.make_target(workspace, "cpu-cluster")
    start = timezone.now().replace(hour=9)
    node = factories.make_node(target, cores=4, memory_gb=8, created_at=start)
    assignments = []
    for scope, cores in [("service:1", 0), ("service:2", 0), ("run:a", 1)]:
        work = queue.enqueue(target, scope, {}, alice)
        fields = {"cores": cores, "memory_gb": cores, "claimed_at": start, "attempt": 1}
        assignments.append(Assignment(work=work, node=node, **fields))
    end = start + dt.timedelta(hours=1)
    found = list(node_meter.cut_segments(node, start, end, assignments))
    assert {one.work.scope: one.share for one in found if one.work} == {
        "service:1": 0.375, "service:2": 0.375, "run:a": 0.25,
    }  # fmt: skip
    assert sum(one.share for one in found) == 1


def test_an_endpoint_has_a_cost_for_a_thousand_requests(
    endpoint, workspace, as_user, bob, django_assert_max_num_queries
):
    assert find_cost(endpoint).cost_per_thousand is None
    revision = Revision.objects.create(endpoint=endpoint, number=1, settings={"concurrency": 1})
    now = timezone.now()
    for days, cost in [(0, 0.5), (1, 1.5), (40, 9.0)]:
        day = now - dt.timedelta(days=days)
        times = {"started_at": day, "ended_at": day, "day": day.date(), "seconds": 3600}
        scope = f"service:{revision.pk}"
        Usage.objects.create(kind="job", work_scope=scope, cost=cost, **times, **Usage.path_of(workspace))
    minute = now.replace(second=0, microsecond=0)
    TrafficMinute.objects.create(endpoint=endpoint, minute=minute, statuses={"200": 300, "500": 100})
    with django_assert_max_num_queries(5):
        found = find_cost(endpoint)
    assert (found.requests, found.cost, found.cost_per_thousand, found.hours_per_thousand) == (400, 2.0, 5.0, 5.0)
    page = html_of(as_user(bob).get(f"{endpoint.get_absolute_url()}monitoring/"))
    assert "For 1,000 requests</dt><dd>$5.00" in page
    Usage.objects.update(cost=None)
    assert "5.00 node-hours" in html_of(as_user(bob).get(f"{endpoint.get_absolute_url()}monitoring/"))
