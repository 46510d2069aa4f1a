"""What is wrong is told in words, wherever it comes in: never a server error, and nothing is stored."""

import contextlib
import json
import re

import pytest
from django.db import transaction
from django.test import Client

from compute import doorbell
from compute.models import ComputeTarget
from runs.models import Artifact, Experiment, Run
from studio import storage
from tests import factories
from workspaces.models import Workspace

PLACE = "/subscriptions/sub-1/resourceGroups/aml-resources/providers/Microsoft.MachineLearningServices/workspaces/aml-workspace"
H = f"/history/v1.0{PLACE}"
ML = f"/mlflow/v1.0{PLACE}/api/2.0/mlflow"
# Every kind of door that takes a JSON object.
DOORS = [
    f"PATCH {PLACE}",
    f"PUT {PLACE[:-13]}fresh-one",
    "PUT /subscriptions/sub-1",
    "PUT /subscriptions/sub-1/resourceGroups/fresh",
    f"PUT {PLACE}/computes/fresh",
    f"PATCH {PLACE}/computes/cpu-cluster",
    f"PUT {PLACE}/environments/fresh/versions/1",
    f"PUT {PLACE}/jobs/fresh",
    f"PATCH {PLACE}/jobs/r1",
    f"PUT {H}/experiments/exp/runs/fresh",
    f"PATCH {H}/experiments/exp",
    f"PATCH {H}/runs/r1",
    f"POST {H}/runs/r1/events",
    f"POST {H}/runs/r1/params",
    f"POST {H}/runs/r1/metrics",
    "POST /login/device",
    "POST /login/device/token",
    f"POST {ML}/runs/create",
    f"POST {ML}/runs/log-batch",
    f"POST {ML}/runs/log-metric",
    f"POST {ML}/runs/search",
    f"POST {ML}/experiments/create",
]
DEEP = b"[" * 100_000
NOT_JSON = {
    "no object": b"[1]",
    "a word": b'"x"',
    "null": b"null",
    "cut": b'{"a": ',
    "deep": DEEP,
    "deep inside": b'{"properties": ' + DEEP,
    "bare NaN": b'{"properties": {"x": NaN}, "tags": {"a": Infinity}, "metrics": NaN}',
    "5,000 digits": b'{"properties": {"x": ' + b"9" * 5000 + b'}, "tags": {"x": ' + b"9" * 5000 + b"}}",
    "not UTF-8": b'{"displayName": "\xff\xfe"}',
    "UTF-16": '{"displayName": "x"}'.encode("utf-16"),
    "half a character": rb'{"displayName": "\ud800", "tags": {"a": "\ud800"}, "properties": {"x": "\ud800"}}',
    "NUL": rb'{"displayName": "a\u0000b", "tags": {"a": "\u0000"}, "properties": {"x": "\u0000"}}',
    "empty": b"",
    "wrong kinds": b'{"tags": [1], "properties": [1], "displayName": {}, "metrics": 1, "parameters": 1, "location": 5}',
    "huge name": json.dumps({"displayName": "x" * 100_000, "name": "x" * 100_000, "tags": {"t": "v" * 9000}}).encode(),
    "many tags": json.dumps({"tags": {str(n): "v" for n in range(500)}}).encode(),
}
WORDS = [
    "..",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "%252e",
    ";",
    "a;/../b",
    "%23",
    "%3f",
    "%5c",
    "a%00b",
    "%0a",
    "a%20b",
    "%ff%fe",
    "x" * 3000,
    "%F0%9F%92%A5",
    "-1",
    "%7B%7B7*7%7D%7D",
    "'%20OR%201=1--",
]
SEGMENTS = [
    "GET /subscriptions/{}",
    "GET /subscriptions/{}/resourceGroups",
    "GET /subscriptions/sub-1/resourceGroups/{}",
    f"GET {PLACE[:-13]}{{}}",
    f"PUT {PLACE[:-13]}{{}}",
    f"GET {PLACE}/computes/{{}}",
    f"PUT {PLACE}/computes/{{}}",
    f"DELETE {PLACE}/computes/{{}}",
    f"GET {PLACE}/environments/{{}}/versions",
    f"GET {PLACE}/environments/env/versions/{{}}",
    f"PUT {PLACE}/environments/{{}}/versions/1",
    f"GET {PLACE}/jobs/{{}}",
    f"PUT {PLACE}/jobs/{{}}",
    f"GET {H}/experiments/{{}}",
    f"PUT {H}/experiments/{{}}",
    f"GET {H}/experiments/{{}}/runs",
    f"GET {H}/runs/{{}}",
    f"POST {H}/runs/{{}}/cancel",
    f"GET {H}/runs/r1/metrics/points?name={{}}",
    f"GET {H}/runs/r1/artifacts/content?path={{}}",
    f"DELETE {H}/runs/r1/artifacts/content?path={{}}",
    f"GET /content/v1.0{PLACE}/snapshots/{{}}",
    f"GET /content/v1.0{PLACE}/snapshots/{{}}/zip",
    f"GET /content/v1.0{PLACE}/snapshots?hash={{}}",
    "GET /discovery/workspaces/{}",
    f"GET {ML}/runs/get?run_id={{}}",
    f"GET {ML}/experiments/get-by-name?experiment_name={{}}",
    "GET /pypi/simple/{}/",
    "GET /pypi/files/{}",
]
LISTS = [
    "/subscriptions",
    f"{PLACE}/computes",
    f"{PLACE}/jobs",
    f"{PLACE}/environments",
    f"{H}/runs",
    f"{H}/experiments",
    f"{H}/experiments/exp/runs",
    f"{H}/runs/r1/children",
    f"{H}/runs/r1/metrics",
    f"{H}/runs/r1/artifacts",
]
QUERIES = [
    "$top=-1",
    "$top=x",
    "$top=1.5",
    "$top=%C2%B2",
    "$top=" + "9" * 5000,
    "$skiptoken=-1",
    "$skiptoken=abc",
    "$skiptoken=99999999999999999999",
    "$top=%00",
]
PAGES = [
    "/",
    "/ws/aml-workspace/jobs/",
    "/ws/aml-workspace/experiments/",
    "/ws/aml-workspace/compute/",
    "/ws/aml-workspace/compute/cpu-cluster/jobs/",
    "/ws/aml-workspace/people/",
    "/ws/aml-workspace/runs/r1/logs/",
    "/ws/aml-workspace/runs/r1/metrics/",
    "/ws/aml-workspace/runs/r1/children/",
    "/palette/",
    "/workspaces/new/name/",
    "/ws/aml-workspace/compute/new/check/",
]
ODD = [
    "",
    "-1",
    "abc",
    "9" * 30,
    "%00",
    "%ff",
    "'\"%25_%5C;--",
    "{{7*7}}",
    "%F0%9F%92%A5" * 50,
    "%E2%80%AE",
    "a" * 10_000,
]
PARAMETERS = ["q", "page", "size", "sort", "status", "path", "show", "seen", "name", "x"]
FORMS = {
    "/workspaces/new/": ["name", "friendly_name", "subscription", "resource_group", "location", "description", "tags"],
    "/ws/aml-workspace/settings/": ["friendly_name", "description", "tags"],
    "/ws/aml-workspace/people/": ["username", "role"],
    "/ws/aml-workspace/people/account/": ["account-username", "account-full_name", "account-role"],
    "/ws/aml-workspace/compute/cpu-cluster/edit/": ["min_nodes", "max_nodes", "idle_seconds", "description", "tags"],
    "/ws/aml-workspace/compute/new/settings/": ["name", "min_nodes", "max_nodes", "idle_seconds", "tags"],
    "/ws/aml-workspace/runs/r1/edit/": ["display_name", "description", "tags"],
    "/account/tokens/": ["name", "days"],
    "/account/password/": ["password", "again"],
    "/account/theme/": ["theme", "next"],
    "/signin/": ["username", "password", "next"],
    "/login/device/": ["code", "answer"],
}
TYPED = [
    "",
    "\0",
    "a\ud800".encode("utf-8", "surrogatepass"),
    "x" * 6000,
    "-1",
    "1.5",
    "1e9",
    "1,5",
    "９９９９９９",
    "../..",
    "\x1b[31m",
    "a: b\n" * 400,
]


@pytest.fixture
def world(workspace, owner, monkeypatch):
    from obstore.store import MemoryStore

    memory = MemoryStore()
    monkeypatch.setattr(storage, "store", lambda: memory)
    monkeypatch.setattr(doorbell, "_ring", lambda task, queue: None)
    factories.make_target(workspace, "cpu-cluster")
    factories.make_environment(workspace, "env")
    experiment = factories.make_experiment(workspace, "exp")
    factories.make_run(workspace, experiment=experiment, run_id="r1", status=Run.Status.RUNNING)
    # A server error comes as an answer, as it does to a person.
    return Client(raise_request_exception=False, headers={"Authorization": f"Bearer {factories.make_token(owner)}"})


def told(answer) -> str:
    """The sentence of a refusal, in the shape of the door that it came from."""
    body = json.loads(answer.content)
    return body["message"] if "error_code" in body else body["error"]["message"]


@contextlib.contextmanager
def as_if_never():
    """What is done within is taken back, so that every case meets the same world without one being made for each."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.parametrize("door", DOORS)
def test_a_wrong_body_is_refused_or_harmless(world, door):
    method, _, path = door.partition(" ")
    for name, body in NOT_JSON.items():
        with as_if_never():
            answer = world.generic(method, path, body, "application/json")
        assert answer.status_code < 500, (name, answer.content[:500])
        if answer.status_code >= 400:
            assert told(answer), name
        else:
            # What means nothing to this door is ignored; what it cannot store, it refuses.
            assert not body.startswith((b"[", b'"', b"null", b'{"a": ')), (name, answer.content[:300])


@pytest.mark.parametrize("door", SEGMENTS)
def test_a_strange_word_in_an_address_is_not_found_or_refused(world, door):
    method, _, path = door.partition(" ")
    for word in WORDS:
        with as_if_never():
            answer = world.generic(method, path.format(word), b"{}" if method != "GET" else b"", "application/json")
        assert answer.status_code < 500, (word, answer.content[:500])


@pytest.mark.parametrize("path", LISTS)
def test_a_wrong_page_of_a_list_is_refused_by_name(world, path):
    for query in QUERIES:
        answer = world.get(f"{path}?{query}")
        assert answer.status_code == 400, query
        assert query.partition("=")[0] in told(answer), query


@pytest.mark.parametrize(
    "query",
    [
        "status=x",
        "tag=%00",
        "tag=a:b'%25",
        "property=__class__",
        "property=a__b:c",
        "property=x%00:y",
        "type=%ff",
        "tag=:",
    ],
)
def test_filters_are_taken_literally(world, query):
    for path in (f"{H}/runs", f"{H}/experiments/exp/runs"):
        answer = world.get(f"{path}?{query}")
        assert answer.status_code < 500, answer.content[:500]
        assert answer.status_code >= 400 or answer.json()["value"] == []


@pytest.mark.parametrize("parameter", PARAMETERS)
@pytest.mark.parametrize("path", PAGES)
def test_pages_bear_odd_parameters(world, owner, path, parameter):
    browser = Client(raise_request_exception=False)
    browser.force_login(owner)
    for value in ODD:
        answer = browser.get(f"{path}?{parameter}={value}")
        assert answer.status_code < 500, value
        assert "49" not in re.findall(r'value="(\d+)"', answer.content.decode()) or "7*7" not in value


@pytest.mark.parametrize("path", FORMS)
def test_forms_bear_whatever_is_typed(world, owner, path):
    browser = Client(raise_request_exception=False)
    browser.force_login(owner)
    for field in FORMS[path]:
        for typed in TYPED:
            answer = browser.post(path, {field: typed})
            assert answer.status_code < 500, (field, typed)


def test_nothing_of_all_this_was_made(world, owner):
    browser = Client(raise_request_exception=False)
    browser.force_login(owner)
    for path in ("/workspaces/new/", "/ws/aml-workspace/compute/new/settings/", "/ws/aml-workspace/people/account/"):
        browser.post(path, {"name": "\0", "account-username": "\0"})
    assert Workspace.objects.count() == 1 and ComputeTarget.objects.count() == 1


PATHS = [
    "../../etc/passwd",
    "..\\..\\x",
    "/etc/passwd",
    "C:\\x",
    "\\\\host\\share",
    "a/../b",
    "a//b",
    "a/./b",
    "a\0b",
    "a\nb",
    "a\x1bb",
    "x" * 5001,
    "",
    "a/",
]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: repr(path[:12]))
def test_a_path_that_is_none_stores_nothing(world, path):
    for method, door in (("PUT", "content"), ("POST", "append")):
        answer = world.generic(
            method, f"{H}/runs/r1/artifacts/{door}", b"abc", "text/plain", query_params={"path": path, "offset": "0"}
        )
        assert 400 <= answer.status_code < 500 and told(answer)
    assert not Artifact.objects.exists()


@pytest.mark.parametrize(
    "value",
    [
        "bytes=5-2",
        "bytes=-0",
        "bytes=99-",
        "bytes=a-b",
        "bytes=" + "0-1," * 1000,
        "bytes=" + "9" * 5000 + "-",
        "lines=1-2",
    ],
)
def test_strange_ranges_are_answered_whole_or_refused(world, value):
    world.generic("PUT", f"{H}/runs/r1/artifacts/content?path=a.txt", b"abc", "text/plain")
    answer = world.get(f"{H}/runs/r1/artifacts/content?path=a.txt", headers={"Range": value})
    assert answer.status_code in (200, 416)
    assert answer.status_code == 416 or b"".join(answer.streaming_content) == b"abc"


def test_a_body_that_is_packed_is_not_unpacked(world):
    answer = world.generic(
        "PATCH", f"{H}/runs/r1", b"\x1f\x8b\x08\x00", "application/json", headers={"Content-Encoding": "gzip"}
    )
    assert 400 <= answer.status_code < 500


def test_methods_that_are_none_are_refused(world):
    for method in ("TRACE", "OPTIONS", "BREW", "PUT"):
        assert world.generic(method, f"{H}/runs").status_code == 405
    headers = {"X-HTTP-Method-Override": "DELETE"}
    assert world.post(f"{H}/runs/r1", {}, "application/json", headers=headers).status_code == 405
    assert Run.objects.filter(run_id="r1", deleted_at=None).exists()


def test_what_is_not_ones_to_set_stays(world):
    body = {"displayName": "new", "status": "Completed", "runId": "x", "createdBy": "me", "workspace": 5}
    assert world.generic("PATCH", f"{H}/runs/r1", json.dumps(body), "application/json").status_code < 500
    run = Run.objects.get(run_id="r1")
    assert run.status == Run.Status.RUNNING and run.workspace.name == "aml-workspace"


def test_a_token_in_the_address_opens_nothing(world, owner):
    secret = factories.make_token(owner)
    for name in ("token", "access_token", "api_key"):
        assert Client().get(f"{PLACE}?{name}={secret}").status_code == 401


def test_a_forged_host_or_origin_gains_nothing(world, owner):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(owner)
    headers = {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"}
    assert (
        browser.post("/ws/aml-workspace/delete/", {"confirm_name": "aml-workspace"}, headers=headers).status_code == 403
    )
    assert Workspace.objects.filter(deleted_at=None).exists()


def test_what_people_write_is_shown_as_text(world, owner, workspace):
    evil = "<script>alert(1)</script>{{7*7}}"
    Workspace.objects.filter(pk=workspace.pk).update(friendly_name=evil, description=evil, tags={evil: evil})
    Run.objects.filter(run_id="r1").update(display_name=evil, description=evil)
    Experiment.objects.update(description=evil)
    browser = Client()
    browser.force_login(owner)
    for path in (
        "/",
        "/ws/aml-workspace/",
        "/ws/aml-workspace/settings/",
        "/ws/aml-workspace/jobs/",
        "/ws/aml-workspace/runs/r1/",
    ):
        page = browser.get(path).content.decode()
        assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page
