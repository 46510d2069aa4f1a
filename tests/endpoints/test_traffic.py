"""Requests, failures and latencies of an endpoint: from the gateway's reports to the tab Monitoring."""

import datetime as dt

import pytest
from django.utils import timezone

from compute import monitoring
from compute.keys import gateway_key
from compute.models import Host
from endpoints import resource_use, traffic
from endpoints.models import Endpoint, TrafficMinute
from studio.gateway.meters import BUCKETS, RequestMeter, bucket_of, end_of


@pytest.mark.parametrize("seconds", [0.0001, 0.0005, 0.0031, 0.25, 59.0])
def test_a_time_belongs_to_a_bucket_that_is_at_most_a_fifth_longer(seconds):
    end = end_of(bucket_of(seconds))
    assert max(seconds, 0.0005) <= end * 1.0001 and end <= max(seconds, 0.0005) * 1.2
    assert bucket_of(10_000) == BUCKETS - 1


def test_counts_stay_until_they_are_reported():
    meter = RequestMeter()
    meter.record(200, 0.1)
    read = meter.read()
    meter.record(200, 0.1)
    meter.record(500, 0.1)
    meter.subtract(*read)
    assert meter.read()[0] == {200: 1, 500: 1}


@pytest.mark.django_db
def test_reports_become_figures_of_the_last_hour(deploy, run_replica, api, as_user, alice, mallory):
    deploy()
    run_replica()
    endpoint = Endpoint.objects.with_state().get()
    page = f"{endpoint.get_absolute_url()}monitoring/"
    assert "No requests in the last hour" in as_user(alice).get(page).content.decode()
    quick, slow = str(bucket_of(0.01)), str(bucket_of(1.0))
    for statuses, buckets in (({"200": 96}, {quick: 96}), ({"200": 2, "500": 2}, {slow: 4})):
        load = {
            "workspace": endpoint.workspace.slug,
            "name": "svc",
            "busy": 0.5,
            "statuses": statuses,
            "buckets": buckets,
        }
        assert api(gateway_key()).post("/nodes/v1/services/load", {"services": [load]}).status_code == 200
    summary = traffic.summarize_traffic(traffic.read_hour(endpoint))
    assert (summary.requests, summary.failures) == (100, 2) and 0.8 < summary.peak < 1.7
    assert summary.p50 == pytest.approx(10, rel=0.2) and summary.p99 == pytest.approx(1000, rel=0.2)
    content = as_user(alice).get(page).content.decode()
    assert ">100</dd>" in content and content.count("data-figure") == 3
    assert as_user(mallory).get(page).status_code == 404
    TrafficMinute.objects.update(minute=timezone.now() - dt.timedelta(days=4))
    traffic.forget_old()
    assert not TrafficMinute.objects.exists()


@pytest.mark.django_db
def test_the_replicas_have_charts_of_their_processor_time_and_memory(deploy, run_replica, as_user, alice):
    deploy()
    replica = run_replica()
    assignment = replica.work.lead
    host = assignment.node.host
    sample = {"at": timezone.now().timestamp(), "cpu": 0.5, "memory": 1.0}
    monitoring.store_samples(
        host, [sample | {"work": {replica.work_id: {"cpu": 0.25, "memory": 0.02}}}], timezone.now()
    )
    endpoint = Endpoint.objects.with_state().get()
    cards = {card.title: card for card in resource_use.draw_use(endpoint)}
    assert list(cards) == ["CPU", "Memory"] and cards["CPU"].last == "0.25 cores in use"
    assert [trace["name"] for trace in cards["Memory"].figure["data"]] == ["replica 1"]
    assert monitoring.is_watched(Host.objects.get(pk=host.pk), timezone.now())
    content = as_user(alice).get(f"{endpoint.get_absolute_url()}monitoring/").content.decode()
    assert "CPU of the replicas" in content and "Memory of the replicas" in content


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [{"busy": -1}, {"busy": 0, "statuses": {"200": -1}}, {"busy": "many"}])
def test_a_report_that_makes_no_sense_is_refused(api, wrong):
    load = {"workspace": "w", "name": "svc", **wrong}
    assert api(gateway_key()).post("/nodes/v1/services/load", {"services": [load]}).status_code in (400, 422)
