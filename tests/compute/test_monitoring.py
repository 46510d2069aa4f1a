"""What machines and jobs use: stored as agents send it, ever coarser with age, and read for charts and advice."""

import datetime as dt
import json
import statistics

import pytest
from django.db import models
from django.urls import reverse
from django.utils import timezone

from compute import keys, monitoring, queue
from compute.models import Host, Samples, Work
from runs.pages.monitoring import charts
from tests import factories

IDLE = {"cpu": 0.1, "memory": 2.0, "disk": 80.0, "read": 0, "written": 0.1, "received": 0, "sent": 0}


@pytest.fixture
def work(cluster, node, alice):
    queued = queue.enqueue(cluster, "run:my-run", {}, alice)
    queue.claim_work(node)
    queued.refresh_from_db()
    return queued


def make_samples(count: int, start: float | None = None, work=None, **values) -> list[dict]:
    start = timezone.now().timestamp() - 5 * count if start is None else start
    own = {str(work.pk): {"cpu": 0.5, "memory": 1.0} | values} if work else {}
    return [IDLE | {"at": start + 5 * number, "work": own} for number in range(count)]


def send(api, host, samples):
    return api(keys.host_key(host)).post("/nodes/v1/host", {"cpus": 8, "memoryGB": 16, "nodes": [], "samples": samples})


def test_a_report_brings_what_the_machine_and_its_jobs_use(api, host, work):
    assert send(api, host, make_samples(6, work=work)).status_code == 200
    machine, job = Samples.objects.order_by("pk")
    assert (machine.host, machine.columns["t"], machine.columns["disk"]) == (host, [0, 5, 10, 15, 20, 25], [80.0] * 6)
    assert (job.work, job.node, job.columns["cpu"]) == (work, work.node, [0.5] * 6)
    assert "gpu" not in machine.columns


def test_the_last_samples_of_a_job_come_after_its_end(api, host, work):
    queue.finish_work(work.pk, work.attempt)
    send(api, host, make_samples(6, work=work))
    assert Samples.objects.get(work=work).node == work.node


def test_a_machine_reports_no_work_of_others(api, host, work):
    other = factories.make_host("other", heartbeat_at=timezone.now())
    send(api, other, make_samples(6, work=work))
    assert [row.host for row in Samples.objects.all()] == [other]


@pytest.mark.parametrize("change", [{"cpu": -1}, {"memory": 1e12}, {"at": 1e11}, {"work": {"x": {}}}, {"gpu": "much"}])
def test_a_sample_that_cannot_be_is_refused(api, host, change):
    answer = send(api, host, [make_samples(1)[0] | change])
    assert answer.status_code == 422 and "samples" in answer.json()["error"]["target"]
    assert not Samples.objects.exists()


def test_the_clock_of_a_machine_may_be_wrong(host):
    now = timezone.now()
    monitoring.store_samples(host, make_samples(6, start=now.timestamp() + 86400), now)
    found = monitoring.read_columns(host.samples.all())
    assert abs(found["at"][-1] - now.timestamp()) < 5


def test_an_agent_sends_at_once_while_somebody_looks(api, host):
    assert send(api, host, []).json()["watched"] is False
    monitoring.note_watched([host])
    assert send(api, host, []).json()["watched"] is True
    Host.objects.update(watched_at=timezone.now() - dt.timedelta(minutes=1))
    assert send(api, host, []).json()["watched"] is False


def fill(host, days: float, now: dt.datetime, every: int = 30) -> None:
    """Rows of half a minute each, as an idle machine sends them."""
    columns = {"t": list(range(0, 30, 5)), "cpu": [0.1, 0.1, 0.1, 0.1, 0.1, 1.0], "memory": [2.0] * 6}
    count = int(days * 86400 / every)
    starts = (now - dt.timedelta(seconds=every * number) for number in range(1, count + 1))
    Samples.objects.bulk_create(Samples(host=host, seconds=5, begins_at=at, columns=columns) for at in starts)


def test_samples_become_coarser_with_age_and_keep_their_peaks(host):
    now = timezone.now()
    fill(host, 0.5, now)
    before = monitoring.read_columns(host.samples.all())
    monitoring.roll_up(now)
    found = monitoring.read_columns(host.samples.order_by("begins_at"))
    fine, coarse = host.samples.filter(seconds=5), host.samples.filter(seconds=60)
    assert 240 <= fine.count() <= 360 and 9 <= coarse.count() <= 11
    assert statistics.median(found["cpu"][:60]) == 0.25 and max(found["cpu_max"][:60]) == 1.0
    assert found["at"] == sorted(found["at"]) and found["at"][0] == pytest.approx(before["at"][0], abs=60)
    monitoring.roll_up(now)
    assert coarse.count() == host.samples.filter(seconds=60).count()


def test_an_idle_machine_has_a_few_hundred_rows_for_good(host):
    now = timezone.now()
    # As if it was rolled up in time: an hour a row for a week, a day a row for the time before.
    hour = {"t": list(range(0, 3600, 60)), "cpu": [0.1] * 60, "cpu_max": [0.2] * 60}
    starts = (now - dt.timedelta(hours=number) for number in range(3, 24 * 40))
    Samples.objects.bulk_create(Samples(host=host, seconds=60, begins_at=at, columns=hour) for at in starts)
    fill(host, 0.2, now)
    monitoring.roll_up(now)
    counts = dict(host.samples.order_by().values_list("seconds").annotate(models.Count("pk")))
    assert counts[60] <= 24 * 8 + 4 and counts[900] <= 24 and counts[5] <= 360
    assert not host.samples.filter(begins_at__lt=now - dt.timedelta(days=31)).exists()
    daily = host.samples.filter(seconds=900).order_by("begins_at")[5]
    assert 95 <= len(daily.columns["t"]) <= 98 and daily.columns["cpu_max"][0] == 0.2
    assert len(json.dumps(daily.columns)) < 4000


def test_there_are_never_more_rows_than_the_limit(host, monkeypatch):
    monkeypatch.setattr(monitoring, "MAX_ROWS", 10)
    fill(host, 0.01, timezone.now())
    monitoring.roll_up(timezone.now())
    assert Samples.objects.count() == 10


def test_a_job_that_used_little_of_its_node_gets_advice(host, work):
    now = timezone.now()
    assert monitoring.measure_use(work) is None
    samples = make_samples(12, work=work, cpu=0.4, memory=1.0)
    for sample in samples:
        sample["work"] = {work.pk: next(iter(sample["work"].values()))}
    monitoring.store_samples(host, samples, now)
    work.assignments.update(cores=8, memory_gb=32)
    use = monitoring.measure_use(Work.objects.get(pk=work.pk))
    assert (use.cpu_mean, use.cpu_peak, use.memory_peak) == (pytest.approx(0.4), 0.4, 1.0)
    assert use.size_advice == "1 core and 2 GB of memory would have been enough."
    work.assignments.update(cores=1, memory_gb=1.5)
    assert monitoring.measure_use(Work.objects.get(pk=work.pk)).size_advice == ""


def test_one_core_is_not_cores():
    for limit, says in ((1, "0.07 of 1 core in use"), (2, "0.07 of 2 cores in use")):
        [card] = charts.build_cards({"": {"at": [1.0, 2.0], "cpu": [0.1, 0.07]}}, {"cpu": limit})
        assert card.last == says and card.figure["layout"]["yaxis"]["title"]["text"] == "cores in use"


def test_pages_show_what_was_measured_and_ask_for_more(as_user, bob, mallory, workspace, host, cluster, work):
    monitoring.store_samples(host, make_samples(6), timezone.now())
    machine = reverse("monitoring:machine", args=[workspace.slug, host.pk])
    client = as_user(bob)
    page = client.get(machine).content.decode()
    newest = Samples.objects.get().pk
    assert f'data-monitoring="{newest}"' in page and 'data-monitored="Free disk"' in page and "GPU" not in page
    host.refresh_from_db()
    assert monitoring.is_watched(host, timezone.now())
    assert client.get(machine, {"seen": newest}).status_code == 204
    assert client.get(machine, {"seen": 0}).json()["cards"]["CPU"]["last"] == "0.1 of 16 cores in use"
    assert client.get(machine, {"hours": "2"}).status_code == 404
    assert as_user(mallory).get(machine).status_code == 404
    page = client.get(reverse("monitoring:cluster", args=[workspace.slug, cluster.name])).content.decode()
    assert "No measurements" in page
