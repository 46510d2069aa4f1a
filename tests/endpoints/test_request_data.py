"""Inputs and outputs of requests: collected by a real process, shown, bounded, and traced to models, jobs and data."""

import time

import pytest
from django.utils import timezone

from endpoints import calls, request_log, tasks
from endpoints.models import Endpoint, Revision, ServiceRequest
from runs.models import RunDataset
from tests import factories
from tests.endpoints.test_request_log import make_request
from tests.html import html_of

TRACE = "/ws/aml-workspace/endpoint-requests/"


@pytest.fixture
def endpoint(workspace, alice):
    return Endpoint.create(workspace, alice, "svc")


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "It has not happened in time."
        time.sleep(0.2)


def count_lines():
    return Revision.objects.get().log.count("POST /score")


@pytest.mark.django_db(transaction=True)
def test_inputs_and_outputs_are_stored_while_they_are_collected_without_a_restart(deploy, start, as_user, alice, bob):
    start(deploy())
    endpoint = Endpoint.objects.with_state().get()
    address = f"{endpoint.get_absolute_url()}collect/"
    assert as_user(bob).post(address, {"on": "1"}).status_code == 403
    as_user(alice).post(address, {"on": "1"})
    # The process learns with its next report that it should send them.
    wait_for(lambda: calls.send_test(endpoint, '{"data": [4]}') and ServiceRequest.objects.exclude(answer="").exists())
    row = ServiceRequest.objects.exclude(answer="").latest("pk")
    assert (row.body, row.answer) == ('{"data": [4]}', "[4]")
    assert "because their data is collected" in html_of(as_user(bob).get(f"{endpoint.get_absolute_url()}requests/"))
    page = html_of(as_user(bob).get(f"{endpoint.get_absolute_url()}data/"))
    # Of many requests the page shows the newest.
    recorded = ServiceRequest.objects.values_list("request_id", flat=True)
    assert "[4]" in page and any(key in page for key in recorded) and "Stop collecting" not in page
    as_user(alice).post(address, {"on": "0"})
    stopped_at = timezone.now()
    assert calls.send_test(endpoint, '{"data": [50]}').text == "[50]"
    # A record would have come with the line of the log, or before the next one.
    for number in (51, 52):
        lines = count_lines()
        calls.send_test(endpoint, f'{{"data": [{number}]}}')
        wait_for(lambda lines=lines: count_lines() > lines)
    assert not ServiceRequest.objects.filter(at__gte=stopped_at).exists()


def test_only_the_newest_inputs_and_outputs_are_kept(endpoint, monkeypatch):
    endpoint.change(collects_data=True)
    monkeypatch.setattr(request_log, "MAX_DATA_ROWS", 2)
    ServiceRequest.objects.bulk_create(make_request(endpoint, number, body="1", answer="2") for number in (4, 3, 2, 1))
    tasks.forget_traffic()
    assert list(endpoint.requests.values_list("request_id", "body")) == [
        ("r1", "1"),
        ("r2", "1"),
        ("r3", ""),
        ("r4", ""),
    ]
    assert request_log.list_data(endpoint).count() == 2


def test_a_request_is_traced_to_its_model_job_and_data(
    workspace, deploy, endpoint, api, as_user, alice, bob, mallory, django_assert_max_num_queries
):
    run = factories.make_run(workspace, display_name="the training")
    RunDataset.objects.create(run=run, name="table", digest="abc", source_type="local", source="s")
    version = factories.make_model_version(workspace, "mod", run=run, source_run_id=run.run_id)
    revision = deploy(models=[version])
    fields = {
        "revision": revision.number,
        "body": "[1]",
        "answer": "[2]",
        "output": "printed",
        "client_request_id": "mine",
    }
    make_request(endpoint, 1, **fields).save()
    page = html_of(as_user(bob).get(TRACE, {"id": "r1"}))
    for words in ("the training", "mod:1", "table", "[1]", "[2]", "printed", "svc</a>, revision 1"):
        assert words in page, words
    with django_assert_max_num_queries(40):
        assert "mod:1" in html_of(as_user(alice).get(TRACE, {"id": "mine"}))
    assert "No recorded request" in html_of(as_user(alice).get(TRACE, {"id": "other"}))
    assert as_user(mallory).get(TRACE).status_code == 404 and as_user(alice).post(TRACE).status_code == 405
    path = f"/modelmanagement/v1.0{workspace.arm_id}/services/svc/requests"
    found = api(bob).get(f"{path}/r1").json()
    assert (found["service"], found["revision"], found["answer"]) == ("svc", 1, "[2]")
    assert found["models"] == [{"model": "mod:1", "runId": run.run_id, "data": ["table"]}]
    assert api(bob).get(f"{path}/none").status_code == 404
    assert 'href="/ws/aml-workspace/endpoint-requests/?id=r1"' in html_of(
        as_user(bob).get(f"{endpoint.get_absolute_url()}requests/")
    )
