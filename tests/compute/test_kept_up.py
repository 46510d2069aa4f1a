"""Kept-up work is started again when it ends, until somebody stops it."""

import datetime as dt
import math

import pytest
from django.utils import timezone

from compute import autoscaler, keys, lost_nodes, queue, work_kinds
from compute.models import Assignment, Node, Resources, Work

KIND = work_kinds.WorkKind(
    name="echo",
    make_token=lambda work: f"token of {work.subject}",
    page_url=lambda work: f"/echo/{work.subject}",
    life=work_kinds.Life.KEPT_UP,
    action="read_compute",
)


@pytest.fixture
def work(cluster, alice, monkeypatch):
    monkeypatch.setitem(work_kinds.KINDS, KIND.name, KIND)
    return queue.enqueue(cluster, "echo:one", {"argv": ["echo"]}, alice)


@pytest.fixture
def as_node(api, node):
    return api(keys.node_key(node))


def pause(work) -> float:
    work.refresh_from_db()
    return math.ceil((work.not_before - timezone.now()).total_seconds())


def let_it_start() -> None:
    Work.objects.update(not_before=timezone.now() - dt.timedelta(seconds=1))


def run_once(node, work) -> None:
    claimed = queue.claim_work(node)
    assert queue.finish_work(claimed.pk, claimed.attempt, "It ended with exit code 3.")
    work.refresh_from_db()


def test_what_ends_is_queued_again_after_a_pause_that_doubles(work, node):
    for number, seconds in enumerate([1, 2, 4], start=1):
        run_once(node, work)
        assert (work.state, work.restarts, work.reason) == ("queued", number, "It ended with exit code 3.")
        assert pause(work) == seconds and queue.claim_work(node) is None
        let_it_start()
    Work.objects.update(restarts=60)
    run_once(node, work)
    assert pause(work) == 300


def test_the_pause_is_short_again_after_a_long_life(work, node):
    run_once(node, work)
    let_it_start()
    claimed = queue.claim_work(node)
    Work.objects.update(claimed_at=timezone.now() - Work.STEADY)
    queue.finish_work(claimed.pk, claimed.attempt)
    assert pause(work) == 1


def test_a_paused_start_needs_no_node_meanwhile(work, node, cluster):
    Work.objects.update(restarts=60)
    run_once(node, work)
    node.end()
    autoscaler.autoscale()
    assert not cluster.nodes.present().exists()
    let_it_start()
    autoscaler.autoscale()
    assert cluster.nodes.present().count() == 1


def test_a_lost_node_means_a_new_attempt_elsewhere(work, node):
    claimed = queue.claim_work(node)
    Node.objects.update(heartbeat_at=timezone.now() - dt.timedelta(minutes=1))
    Assignment.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    assert lost_nodes.reap_lost() == 0
    work.refresh_from_db()
    assert (work.state, Node.objects.get().state) == ("queued", "unusable")
    assert work.reason.startswith("Node node-a was lost")
    # The runner on the lost node is refused at once, before another has the work.
    assert not queue.renew_lease(claimed.pk, claimed.attempt)


def test_the_service_reports_with_the_key_of_its_attempt(work, as_node, api):
    claimed = as_node.post("/nodes/v1/claim").json()
    assert (claimed["life"], claimed["token"]) == ("kept-up", "token of one")
    alive, body = f"/nodes/v1/work/{work.pk}/alive", {"address": "unix:/tmp/s", "health": "healthy"}
    assert api(claimed["key"]).post(alive, body).json() == {"stop": False}
    lead = work.lead
    assert (lead.address, lead.health, lead.lease_until > timezone.now()) == ("unix:/tmp/s", "healthy", True)
    for key in (claimed["key"][:-1], claimed["token"], keys.node_key(lead.node)):
        assert api(key).post(alive, body).status_code == 401
    assert api(claimed["key"]).post(alive, {"health": "merry"}).status_code == 422
    Work.objects.update(attempt=2)
    Assignment.objects.update(attempt=2)
    answer = api(claimed["key"]).post(alive, body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "stale_attempt")


def test_a_stop_reaches_the_service_by_its_next_report_and_nothing_starts_it_again(work, as_node, api):
    claimed = as_node.post("/nodes/v1/claim").json()
    queue.stop_work(work)
    assert work.state == "claimed"
    assert api(claimed["key"]).post(f"/nodes/v1/work/{work.pk}/alive", {}).json() == {"stop": True}
    as_node.post(f"/nodes/v1/work/{work.pk}/done", {"attempt": 1})
    work.refresh_from_db()
    assert (work.state, Node.objects.get().state) == ("done", "idle")


def test_queued_work_is_stopped_at_once(work, node):
    queue.stop_work(work)
    assert work.state == "canceled" and queue.claim_work(node) is None


def test_a_node_lost_after_the_stop_ends_the_work(work, node):
    queue.claim_work(node)
    queue.stop_work(work)
    node.mark_lost("Node node-a was lost.")
    work.refresh_from_db()
    assert work.state == "done"


def test_a_restart_waits_for_the_end_of_the_present_attempt_on_its_node(work, node):
    claimed = queue.claim_work(node)
    assert queue.restart_work(claimed)
    assert not queue.renew_lease(claimed.pk, claimed.attempt)
    assert queue.claim_work(node, [claimed.pk]) is None
    assert queue.claim_work(node).attempt == 3


def test_who_may_no_longer_use_it_does_not_get_it_started(work, as_node, alice):
    alice.roles.all().delete()
    assert as_node.post("/nodes/v1/claim").status_code == 204
    work.refresh_from_db()
    assert work.state == "lost"


def test_a_service_that_takes_no_cores_shares_its_node_with_a_job(cluster, node, alice, monkeypatch):
    monkeypatch.setitem(work_kinds.KINDS, KIND.name, KIND)
    service = queue.enqueue(cluster, "echo:one", {}, alice, resources=Resources(0, 0))
    job = queue.enqueue(cluster, "run:one", {}, alice)
    assert queue.claim_work(node) == service
    assert queue.claim_work(node, [service.pk]) == job
