"""Rows of the catalogue about responses: content types, rate limits, ETags, and the id of the request."""

import pytest
import redis
from django.test import Client
from django.test.client import ClientHandler

from studio import rate_limits
from studio.api_handler import ApiMiddleware
from tests import factories
from tests.bad_inputs.apis import ML, WORKSPACE_PATH, H
from tests.html import html_of

RUN = f"{H}/runs/r1"
# The row, the kind of the body, more headers, and a word of the refusal.
UNSUPPORTED = [
    ("A19", "text/plain", {}, "Content-Type: application/json"),
    ("A19", "application/x-www-form-urlencoded", {}, "Content-Type: application/json"),
    ("A19", "", {}, "Content-Type: application/json"),
    ("A20", "<script>alert(1)</script>", {}, "Content-Type: application/json"),
    ("A15", "application/json", {"Content-Encoding": "gzip"}, "compressed"),
]


@pytest.mark.parametrize(("row", "kind", "headers", "word"), UNSUPPORTED)
def test_a_body_that_is_no_json_is_not_read(world, row, kind, headers, word):
    answer = world.generic("PATCH", RUN, b'{"displayName": "new"}', kind, headers=headers)
    assert answer.status_code == 415 and word in answer.json()["error"]["message"]
    assert b"script" not in answer.content and world.get(RUN).json()["displayName"] != "new"


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json"]
)
def test_json_by_any_of_its_names_is_read(world, kind):
    assert world.generic("PATCH", RUN, b'{"displayName": "new"}', kind).status_code == 200


@pytest.fixture
def client(world):
    """The client, through the middleware that a started studio gives the API."""

    class Handler(ApiMiddleware, ClientHandler):
        pass

    world.handler = Handler(enforce_csrf_checks=False)
    return world


def test_a_change_of_an_outdated_version_is_refused(client):
    """Row A49."""
    seen = client.get(RUN).headers["ETag"]

    def rename(name: str, etag: str):
        return client.patch(RUN, {"displayName": name}, "application/json", headers={"If-Match": etag})

    assert rename("first", seen).status_code == 200
    refused = rename("second", seen)
    assert refused.status_code == 412 and refused.json()["error"]["code"] == "ChangedMeanwhile"
    assert client.delete(RUN, headers={"If-Match": seen}).status_code == 412
    now = client.get(RUN)
    assert now.json()["displayName"] == "first" and now.headers["ETag"] == refused.headers["ETag"] != seen
    assert rename("third", f'"other", W/{now.headers["ETag"]}').status_code == 200
    assert rename("fourth", "*").status_code == 200
    nothing = client.put(
        f"{WORKSPACE_PATH}/environments/none/versions/1", {}, "application/json", headers={"If-Match": "*"}
    )
    assert nothing.status_code == 412
    assert Client().patch(RUN, {}, "application/json", headers={"If-Match": seen}).status_code == 401


def test_what_did_not_change_is_not_sent_again(client):
    etag = client.get(RUN).headers["ETag"]
    again = client.get(RUN, headers={"If-None-Match": etag})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    assert client.get(RUN, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.fixture
def pace(settings, monkeypatch):
    """Ten requests in ten seconds; the numbers of all processes, and a clock that stands still."""
    settings.TOKEN_REQUESTS = settings.ADDRESS_REQUESTS = 1
    clock, numbers = [1_000_003.0], {}

    def add(name: str, number: int) -> int:
        numbers[name] = numbers.get(name, 0) + number
        return numbers[name]

    monkeypatch.setattr(rate_limits.time, "time", lambda: clock[0])
    monkeypatch.setattr(rate_limits, "add_to_all", add)
    monkeypatch.setattr(rate_limits.RateLimits, "counts", rate_limits.Counts())
    return clock


@pytest.mark.parametrize("url", [RUN, f"{ML}/runs/get?run_id=r1"])
def test_a_token_that_sends_too_much_waits_and_others_do_not(world, owner, pace, url):
    """Row A63."""
    answers = [world.get(url) for _ in range(12)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 2
    assert answers[-1].headers["Retry-After"] == "7" and "1 a second" in answers[-1].json().get(
        "message", answers[-1].content.decode()
    )
    other = Client(headers={"Authorization": f"Bearer {factories.make_token(owner)}"})
    assert other.get(url).status_code == 200
    pace[0] += 7
    assert world.get(url).status_code == 200


def test_exceeded_rates_are_one_line_in_the_log(world, pace, caplog):
    for _ in range(14):
        world.get(RUN)
    (line,) = [one.getMessage() for one in caplog.records if one.name == "studio.rate_limits"]
    assert line.startswith("Requests from ") and "more than 1 a second of one token or session" in line
    pace[0] += 7
    assert world.get(RUN).status_code == 200


def test_tokens_that_are_tried_out_are_stopped_by_their_address(world, pace):
    """Row A63, from an address with a new token each time; the address of another person is no part of it."""

    def knock(number: int, address: str) -> int:
        return Client(headers={"Authorization": f"Bearer {number}"}, REMOTE_ADDR=address).get(RUN).status_code

    assert [knock(number, "203.0.113.5") for number in range(11)] == [401] * 10 + [429]
    assert knock(12, "203.0.113.6") == 401
    page = Client(REMOTE_ADDR="203.0.113.5").get("/signin/")
    assert page.status_code == 429 and "Too many requests" in html_of(page) and page.headers["Retry-After"] == "7"
    assert all(Client(REMOTE_ADDR="127.0.0.1").get("/signin/").status_code == 200 for _ in range(12))


def test_processes_agree_on_the_pace_and_each_keeps_it_without_redis(pace, monkeypatch):
    """Row A63, of several web processes."""
    one, other = rate_limits.Counts(), rate_limits.Counts()
    assert [one.add("t", 10) for _ in range(6)] == [0] * 6
    assert [bool(other.add("t", 10)) for _ in range(5)] == [False] * 4 + [True]
    requested = []

    def fail(name: str, number: int) -> int:
        requested.append(name)
        raise redis.ConnectionError("away")

    monkeypatch.setattr(rate_limits, "add_to_all", fail)
    alone = rate_limits.Counts()
    assert [bool(alone.add("t", 10)) for _ in range(11)] == [False] * 10 + [True]
    assert len(requested) == 1


def test_every_answer_and_error_page_has_the_id_of_its_request(world, owner):
    """Rows A64 and F59."""
    missing = world.get(f"{H}/runs/none")
    assert missing.json()["error"]["requestId"] == missing.headers["X-Request-Id"]
    browser = Client()
    browser.force_login(owner)
    for address in ("/nothing/", "/ws/aml-workspace/compute/none/", "/signin/?x=%00"):
        page = browser.get(address)
        assert page.status_code >= 400 and page.headers["X-Request-Id"] in html_of(page), address
