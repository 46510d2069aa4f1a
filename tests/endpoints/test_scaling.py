"""How many replicas a service has, and which of them answer, without a process."""

import datetime as dt
import re

import pytest
from django.db import connection
from django.utils import timezone

from compute import monitoring, queue
from compute.keys import gateway_key
from compute.models import Host, Work
from endpoints import scaling
from endpoints.models import Endpoint, Replica, Revision
from endpoints.replica_api import HOLD_SECONDS
from studio.errors import Invalid

pytestmark = pytest.mark.django_db


def read() -> Endpoint:
    return Endpoint.objects.with_state().get()


def report(api, busy: float) -> dict:
    services = [{"workspace": read().workspace.slug, "name": "svc", "busy": busy}]
    return api(gateway_key()).post("/nodes/v1/services/load", {"services": services}).json()["services"][0]


def measure(cores: float, at: dt.datetime | None = None) -> None:
    """The only machine reports how many cores are in use."""
    at = at or timezone.now()
    monitoring.store_samples(Host.objects.get(), [{"at": at.timestamp(), "cpu": cores, "work": {}}], at)


def authorize(api) -> dict:
    body = {"workspace": read().workspace.slug, "name": "svc", "key": read().keys[0]}
    return api(gateway_key()).post("/nodes/v1/services/authorize", body).json()


@pytest.mark.parametrize(
    ("busy", "concurrency", "wanted"), [(0, 1, 1), (0.5, 1, 1), (0.8, 1, 2), (2, 1, 3), (2, 4, 1), (90, 1, 5)]
)
def test_replicas_are_counted_from_requests_under_way(busy, concurrency, wanted):
    revision = Revision(settings={"concurrency": concurrency}, min_replicas=0, max_replicas=5)
    assert scaling.count_wanted(revision, busy) == wanted


def test_load_adds_replicas_at_once_and_quiet_takes_them_away_after_a_while(deploy, run_replica, api):
    deploy(max_replicas=3)
    first = run_replica()
    assert report(api, 0.1)["addresses"] == [first.address]
    measure(0.5)
    report(api, 1.8)
    assert read().current.wanted == 2
    # Not while the second one starts.
    report(api, 1.8)
    assert read().current.wanted == 2
    second = run_replica()
    measure(0.5)
    report(api, 1.8)
    assert read().current.wanted == 3
    third = run_replica()
    assert report(api, 1.9)["addresses"] == [each.address for each in (first, second, third)]
    report(api, 0.1)
    assert read().current.wanted == 3
    Revision.objects.update(less_since=timezone.now() - 2 * scaling.PATIENCE)
    report(api, 0.1)
    # The newest go; a node stops them, and nobody is sent there any more.
    assert report(api, 0.1)["addresses"] == [first.address]
    assert Work.objects.exclude(stop_requested_at=None).count() == 2


def test_no_replica_is_added_to_machines_whose_processors_are_in_use(deploy, run_replica, api):
    deploy(max_replicas=9)
    added_at = timezone.now() - dt.timedelta(seconds=20)

    def count_after(cores: float, seconds: int) -> int:
        Work.objects.update(queued_at=added_at)
        measure(cores, added_at + dt.timedelta(seconds=seconds))
        report(api, 9)
        return read().current.wanted

    run_replica()
    # The machine has 16 cores. First before the replica was added.
    assert count_after(0.1, -2) == 1
    assert count_after(14.0, 5) == 2
    run_replica()
    assert count_after(15.5, 10) == 2
    assert count_after(14.0, 15) == 4
    assert Host.objects.get().watched_at


def test_a_service_without_requests_has_no_replica_and_the_next_request_starts_one(deploy, run_replica, api):
    deploy(min_replicas=0, idle_seconds=300)
    run_replica()
    scaling.stop_idle()
    assert read().current.wanted == 1
    long_ago = timezone.now() - dt.timedelta(seconds=301)
    Work.objects.update(queued_at=long_ago)
    Revision.objects.update(ready_at=long_ago)
    scaling.stop_idle()
    endpoint = read()
    assert (endpoint.current.wanted, endpoint.state, endpoint.current.addresses) == (0, "Healthy", [])
    answer = authorize(api)
    assert (answer["addresses"], answer["holdSeconds"]) == ([], HOLD_SECONDS)
    assert (read().current.wanted, read().state) == (1, "Transitioning")
    assert authorize(api)["addresses"] == [] and Work.objects.filter(stop_requested_at=None).count() == 1
    # A start that takes longer than the idle time is not ended by it.
    Work.objects.update(queued_at=long_ago)
    Endpoint.objects.update(last_request_at=long_ago)
    scaling.stop_idle()
    assert read().current.wanted == 1
    replica = run_replica()
    assert authorize(api)["addresses"] == [replica.address]


def test_an_update_takes_over_with_as_many_replicas_as_answered_before(deploy, run_replica):
    deploy(min_replicas=2, max_replicas=2)
    run_replica()
    assert read().current is None
    run_replica()
    assert len(read().current.addresses) == 2
    second = deploy(version=2, min_replicas=1, max_replicas=4)
    run_replica()
    assert read().current.number == 1
    run_replica()
    endpoint = read()
    assert (endpoint.current, len(endpoint.current.addresses)) == (second, 2)


def test_the_gateway_hears_at_once_who_answers_and_which_key_counts(
    deploy, run_replica, monkeypatch, django_capture_on_commit_callbacks
):
    heard = []
    monkeypatch.setattr("studio.socket_handover.notify", lambda path, subject: heard.append(subject))

    def hears(change) -> bool:
        heard.clear()
        with django_capture_on_commit_callbacks(execute=True):
            change()
        return heard == [{"workspace": endpoint.workspace.slug, "name": "svc"}]

    deploy()
    endpoint = read()
    assert hears(run_replica)
    # Each of its reports says that it is ready.
    assert not hears(Replica.objects.select_related("work", "revision__endpoint").get().become_ready)
    assert hears(lambda: endpoint.regenerate_key("Primary"))
    assert hears(lambda: endpoint.change(auth_enabled=False)) and hears(endpoint.remove)


def test_a_replica_that_ends_is_left_out_and_says_why(deploy, run_replica, as_user, alice):
    deploy(min_replicas=2, max_replicas=2)
    first, second = run_replica(), run_replica()
    queue.finish_work(first.work_id, first.work.attempt, "It ended with exit code -9.")
    endpoint = read()
    assert (endpoint.state, endpoint.current.addresses) == ("Healthy", [second.address])
    page = as_user(alice).get(endpoint.get_absolute_url()).content.decode()
    assert "exit code -9" in page and "1 of 2" in page
    queue.finish_work(second.work_id, second.work.attempt, "It ended too.")
    assert read().state == "Unhealthy"


def test_the_least_is_not_above_the_most(deploy):
    with pytest.raises(Invalid, match="minReplicas=3"):
        deploy(min_replicas=3, max_replicas=2)


def test_no_caller_may_set_more_replicas_than_the_page_and_the_api(deploy):
    with pytest.raises(Invalid, match="maximum number of replicas is 21: write a whole number from 1 to 20"):
        deploy(max_replicas=21)
    deploy()
    for minimum, maximum, field in [(0, 21, "maxReplicas"), (0, 0, "maxReplicas"), (-1, 2, "minReplicas")]:
        with pytest.raises(Invalid) as refused:
            scaling.change_bounds(read(), minimum, maximum)
        assert refused.value.target == field
    revision = read().newest
    assert (revision.min_replicas, revision.max_replicas) == (1, 1)


def test_numbers_of_replicas_are_set_on_the_page_and_an_earlier_revision_comes_back(
    deploy, run_replica, as_user, alice, bob
):
    deploy()
    run_replica()
    url = read().get_absolute_url()

    def page(browser):
        return browser.get(url).content.decode()

    assert as_user(alice).post(f"{url}scale/", {"min_replicas": 2, "max_replicas": 3}).status_code == 302
    assert (read().current.wanted, read().current.max_replicas) == (2, 3)
    run_replica()
    as_user(alice).post(f"{url}scale/", {"min_replicas": 3, "max_replicas": 21})
    assert read().current.min_replicas == 2
    deploy(version=2)
    run_replica()
    assert read().current.number == 2
    content = page(as_user(alice))
    assert "<div>replicas 2 to 3 → 1 to 1</div>\n<div>code</div>" in content.replace("</div><div>", "</div>\n<div>")
    assert "Roll back to revision 1" in content and "Roll back" not in page(as_user(bob))
    assert as_user(bob).post(f"{url}deploy-again/", {"revision": "1"}).status_code == 403
    assert as_user(alice).post(f"{url}deploy-again/", {"revision": "9"}).status_code == 400
    [key] = re.findall(r'name="form_key" value="([^"]+)">\s*<input type="hidden" name="revision"', page(as_user(alice)))
    for _ in range(2):
        sent = {"revision": "1", "form_key": key}
        assert as_user(alice).post(f"{url}deploy-again/", sent).status_code == 302
    assert read().revisions.count() == 3
    run_replica()
    run_replica()
    endpoint = read()
    assert (endpoint.current.number, endpoint.current.min_replicas, len(endpoint.current.addresses)) == (3, 2, 2)


def test_the_queue_names_the_service_and_offers_no_cancel(deploy, run_replica, as_user, owner):
    deploy()
    run_replica()
    page = as_user(owner).get("/admin/queue/", {"show": "running"}).content.decode()
    assert "svc, revision 1</a>" in page and "Container instances</a>" in page and "Cancel job" not in page


@pytest.mark.extended
def test_twenty_deployments_at_zero_have_no_process_and_little_data(deploy, run_replica):
    def measure() -> int:
        if connection.vendor != "sqlite":
            return 0
        with connection.cursor() as cursor:
            count, size = (cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        return count * size

    before = measure()
    for number in range(20):
        deploy(name=f"svc-{number}", min_replicas=0)
        run_replica()
    long_ago = timezone.now() - dt.timedelta(seconds=301)
    Work.objects.update(queued_at=long_ago)
    Revision.objects.update(ready_at=long_ago)
    scaling.stop_idle()
    assert not Work.objects.filter(stop_requested_at=None, ended_at=None).exists()
    assert Revision.objects.filter(stage="Healthy", wanted=0).count() == 20
    assert measure() - before + sum(Revision.objects.values_list("code_size", flat=True)) < 10 * 1024**2
