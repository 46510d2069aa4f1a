"""The charts of what a job uses: drawn, grown while they are looked at, judged by axe."""

import pytest
from django.urls import reverse
from django.utils import timezone

from compute import monitoring, queue
from runs.models import Run
from tests import factories
from tests.browser.test_pages import find_faults

pytestmark = pytest.mark.browser
IDLE = {"cpu": 1.2, "memory": 5.5, "disk": 80.0, "read": 0.5, "written": 2.1, "received": 0.1, "sent": 0.2}


def send_samples(host, work, count: int, used: float) -> None:
    now = timezone.now()
    own = {"cpu": used, "memory": 1.5 + used, "gpu": 70.0, "gpuMemory": 11.2}
    ages = range(5 * count, 0, -5)
    samples = [IDLE | {"at": now.timestamp() - age, "work": {work.pk: own}} for age in ages]
    monitoring.store_samples(host, samples, now)


def test_charts_of_a_job_grow_while_they_are_looked_at(browser, axe, alice, workspace):
    target = factories.make_target(workspace, "cpu-cluster")
    host = factories.make_host("box", heartbeat_at=timezone.now())
    node = factories.make_node(target, host, state="idle", cores=4, memory_gb=14)
    run = factories.make_run(workspace, status=Run.Status.RUNNING)
    run.work = queue.enqueue(target, f"run:{run.run_id}", {}, alice)
    run.save()
    work = queue.claim_work(node)
    send_samples(host, work, 60, 0.8)
    page = browser.open(alice, reverse("monitoring:run", args=[workspace.slug, run.run_id]))
    chart = page.locator('[data-monitored="CPU"]')
    chart.locator(".js-plotly-plot").wait_for()
    assert chart.locator("[data-last]").inner_text() == "0.8 of 4 cores in use"
    assert find_faults(page, axe) == []
    send_samples(host, work, 1, 2.5)
    page.locator('[data-monitored="CPU"] [data-last]:has-text("2.5 of 4")').wait_for()
