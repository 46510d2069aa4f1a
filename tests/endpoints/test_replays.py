"""Recorded requests that are sent to a candidate: what differs, its page, REST and refusals."""

import time

import pytest

from endpoints import calls, replays, tasks
from endpoints.calls import EndpointAnswer
from endpoints.models import Endpoint, Replay
from studio.errors import NotReady
from tests.endpoints.test_request_log import make_request
from tests.html import html_of


@pytest.fixture
def answer(monkeypatch):
    """Answers of the candidate, by the body."""
    found = {}

    def send(endpoint, body):
        if body not in found:
            raise NotReady("The service does not answer yet: see its state.")
        return EndpointAnswer(found[body][0], "", found[body][1], 7.0)

    monkeypatch.setattr(calls, "send_test", send)
    return found


@pytest.fixture
def versions(workspace, alice, deploy, run_replica):
    for name in ("svc", "new"):
        deploy(name=name)
        run_replica()
    return [Endpoint.objects.with_state().get(name=name) for name in ("svc", "new")]


def test_differences_are_found():
    for first, second, difference in [
        ("[1, 2.0]", "[1, 2]", 0.0),
        ('{"a": [0.5]}', '{"a": [0.25]}', 0.25),
        ("[1.0]", "[1.00000001]", 0.0),
        ("[1]", "[1, 2]", None),
        ('"cat"', '"dog"', None),
        ("[true]", "[1]", None),
        ("plain", "plain", 0.0),
        ("[" * 8000, "[1]", None),
    ]:
        assert replays.find_difference(first, second) == difference, (first[:20], second)


def test_a_replay_tells_what_differs_before_traffic_moves(versions, answer, as_user, alice, bob, mallory, monkeypatch):
    endpoint = versions[0]
    for number, (body, status) in enumerate([("[1]", 200), ("[2]", 200), ("[3]", 200), ("[4]", 500)]):
        make_request(endpoint, number, body=body, answer="[0.5]", status=status).save()
    answer.update({"[1]": (200, "[0.5]"), "[2]": (200, "[0.75]"), "[3]": (500, "{}"), "[4]": (500, "[0.5]")})
    address, sent = f"{endpoint.get_absolute_url()}replays/", {"candidate": "new", "count": "50"}
    assert (
        as_user(bob).post(address, sent).status_code == 403 and as_user(mallory).post(address, sent).status_code == 404
    )
    assert "Select a valid choice" in html_of(as_user(alice).post(address, {**sent, "candidate": "svc"}, follow=True))
    page = as_user(alice).post(address, sent, follow=True)
    assert "Queued" in html_of(page) and "hx-get" in html_of(page)
    # One request in each turn of the worker.
    monkeypatch.setattr(replays, "TURN_SECONDS", -1.0)
    for _ in range(4):
        tasks.run_replays()
    replay = Replay.objects.get()
    found = replays.summarize(replay)
    assert (replay.state, found.sent, found.same, found.different, found.failed) == ("Completed", 4, 2, 2, 1)
    assert (found.largest_difference, found.p50, found.new_p95) == (0.25, 5.0, 7.0)
    page = html_of(as_user(bob).get(replay.get_absolute_url()))
    assert 'title="0.25">0.2500</span>' in page and "200 → 500" in page and page.index("differs") < page.index(">same<")
    assert "hx-trigger" not in page.partition('id="endpoint-replay"')[2][:200]
    assert replay.get_absolute_url() in html_of(as_user(bob).get(f"{endpoint.get_absolute_url()}data/"))
    assert as_user(mallory).get(replay.get_absolute_url()).status_code == 404
    assert as_user(bob).get(f"{address}999/").status_code == 404


def test_a_candidate_that_does_not_answer_ends_the_replay(versions, answer, api, alice, bob):
    endpoint = versions[0]
    path = f"/modelmanagement/v1.0{endpoint.workspace.arm_id}/services/svc/replays"
    assert "no recorded requests" in api(alice).post(path, {"candidate": "new"}).json()["error"]["message"]
    for number in range(6):
        make_request(endpoint, number, body="[9]", answer="[1]").save()
    for body, status in [
        ({"candidate": "svc"}, 400),
        ({"candidate": "none"}, 404),
        ({"candidate": "new", "count": 0}, 400),
        ({"candidate": "new", "count": 5}, 201),
        ({"candidate": "new"}, 409),
    ]:
        assert api(alice).post(path, body).status_code == status, body
    tasks.run_replays()
    key = Replay.objects.get().pk
    found = api(bob).get(f"{path}/{key}").json()
    assert (found["state"], found["sent"], found["failed"], found["count"]) == ("Failed", 3, 3, 5)
    assert "new does not answer" in found["problem"] and api(bob).get(f"{path}/999").status_code == 404
    Replay.objects.update(state="Queued", candidate=None, results=[])
    tasks.run_replays()
    assert "was deleted" in Replay.objects.get().problem


@pytest.mark.django_db(transaction=True)
@pytest.mark.extended
def test_a_replay_reaches_a_real_process(deploy, start, alice):
    start(deploy())
    start(deploy(version=2, name="new"))
    endpoint, candidate = (Endpoint.objects.with_state().get(name=name) for name in ("svc", "new"))
    make_request(endpoint, 0, body='{"data": [4]}', answer="[4]").save()
    replays.start_replay(endpoint, candidate, 10, alice)
    end = time.monotonic() + 20
    while Replay.objects.get().is_open and time.monotonic() < end:
        tasks.run_replays()
    [found] = Replay.objects.get().results
    assert (found["newAnswer"], found["difference"], found["same"]) == ("[8]", 4.0, False)
