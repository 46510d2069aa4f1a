"""What is wrong is told in words, wherever it comes in: never a server error, and nothing is stored."""

import contextlib
import json
import re

import pytest
from django.db import transaction
from django.test import Client

from compute import notifications
from compute.keys import host_key, node_key
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
    monkeypatch.setattr(storage, "open_store", lambda: memory)
    monkeypatch.setattr(notifications, "_send", lambda task, queue: None)
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


JOB = {
    "experimentName": "exp",
    "displayName": "d",
    "description": "d",
    "command": "true",
    "commandArgv": ["true"],
    "environmentDefinition": {
        "python": {"condaDependencies": {"dependencies": ["python", {"pip": ["numpy"]}]}},
        "docker": {"baseImage": "x"},
        "environmentVariables": {"A": "b"},
    },
    "computeId": "cpu-cluster",
    "environmentVariables": {"A": "b"},
    "resources": {"instanceCount": 1},
    "limits": {"timeout": "PT9S"},
    "tags": {"a": "b"},
    "parentRunId": "r1",
    "runDefinition": {"history": {"directoriesToWatch": ["logs"]}},
}
SCALE = {"minNodeCount": 0, "maxNodeCount": 1, "nodeIdleTimeBeforeScaleDown": "PT1M"}
CLUSTER = {"vmSize": "Standard_D2_v2", "vmPriority": "Dedicated", "scaleSettings": SCALE, "subnet": {"id": "s"}}
WORKSPACE = {"friendlyName": "f", "description": "d", "storageAccount": "store", "hbiWorkspace": False}
RUN = {"displayName": "d", "tags": {"a": "b"}, "properties": {"a": "b"}, "parentRunId": "r1", "status": "Running"}
EVENT = {"status": "Failed", "message": "m", "error": {"code": "c", "message": "m"}, "warning": "w", "node": "n"}
# What each door takes; every place of it is filled with what does not belong there.
BODIES = {
    "PUT /subscriptions/sub-2": {"displayName": "d"},
    "PUT /subscriptions/sub-1/resourceGroups/fresh": {"location": "eastus", "tags": {"a": "b"}},
    f"PUT {PLACE[:-13]}fresh-one": {
        "location": "eastus",
        "tags": {},
        "sku": {"name": "Basic"},
        "properties": WORKSPACE,
    },
    f"PUT {PLACE}/computes/fresh": {
        "location": "eastus",
        "properties": {"computeType": "AmlCompute", "properties": CLUSTER},
    },
    f"PATCH {PLACE}/computes/cpu-cluster": {"tags": {"a": "b"}, "properties": {"properties": {"scaleSettings": SCALE}}},
    f"PUT {PLACE}/environments/fresh/versions/1": {"properties": {"image": "i", "condaFile": "", "tags": {"a": "b"}}},
    f"PUT {PLACE}/environments/fresh/versions/auto": {"properties": {"definition": JOB["environmentDefinition"]}},
    f"PUT {PLACE}/jobs/fresh": {"properties": JOB},
    f"PATCH {PLACE}/jobs/r1": {"properties": {"displayName": "d", "tags": {"a": "b"}}},
    f"PUT {H}/experiments/exp/runs/fresh": RUN,
    f"PATCH {H}/experiments/exp": {"name": "exp2", "tags": {"a": "b"}, "archived": True},
    f"PATCH {H}/runs/r1": {"displayName": "d", "removeTags": ["a"], "properties": {"a": "b"}},
    f"POST {H}/runs/r1/events": EVENT,
    f"POST {H}/runs/r1/params": {"parameters": {"a": "b"}},
    f"POST {H}/runs/r1/metrics": {"batchId": "b", "metrics": [{"name": "n", "step": 1, "time": 1, "value": 1}]},
    "POST /login/device": {"clientName": "c"},
    "POST /nodes/v1/heartbeat": {"state": "idle", "pid": 1, "work": ["x"]},
    "POST /nodes/v1/host": {"cpus": 1, "memoryGB": 1.5, "nodes": [{"name": "n", "pid": 1, "alive": False, "exit": 0}]},
}
UNFIT = [None, True, 2**70, "\ud800", "\0", "x" * 70_000, [[{}]], {"": {"a": [1]}}]


def places(value, way=()):
    yield way
    for step, part in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()):
        yield from places(part, (*way, step))


def filled(value, way: tuple, new):
    if not way:
        return new
    copy = value.copy()
    copy[way[0]] = filled(value[way[0]], way[1:], new)
    return copy


@pytest.fixture
def keys(world):
    node = factories.make_node(ComputeTarget.objects.get())
    return {"/nodes/v1/heartbeat": node_key(node), "/nodes/v1/host": host_key(node.host)}


@pytest.mark.parametrize("door", BODIES)
def test_what_does_not_belong_in_a_place_is_refused_by_its_place(world, keys, door):
    method, _, path = door.partition(" ")
    headers = {"Authorization": f"Bearer {keys[path]}"} if path in keys else {}
    for way in places(BODIES[door]):
        for odd in UNFIT:
            body = json.dumps(filled(BODIES[door], way, odd))
            with as_if_never():
                answer = world.generic(method, path, body, "application/json", headers=headers)
            assert answer.status_code < 500, (way, odd, answer.content[:300])
            if answer.status_code in (400, 422):
                error = json.loads(answer.content)["error"]
                assert error["message"] and (error["target"] or not way), (way, odd, error)


@pytest.mark.parametrize("door", [door for door, body in BODIES.items() if "properties" in body])
def test_properties_that_are_no_object_are_not_taken_for_none(world, door):
    method, _, path = door.partition(" ")
    for odd in (5, "x", [], True):
        answer = world.generic(method, path, json.dumps({"properties": odd}), "application/json")
        assert answer.status_code in (400, 422) and "properties" in told(answer), (odd, answer.content)


# The row of the catalogue of bad inputs, the door, what is sent, and a word of the refusal.
REFUSED = [
    ("A04", f"PATCH {H}/runs/r1", b'{"displayName": NaN}', "NaN"),
    ("A07", f"PATCH {H}/runs/r1", b'{"displayName": ' + b"9" * 5000 + b"}", "not JSON"),
    ("A08", f"POST {H}/runs/r1/metrics", b'{"metrics": [{"name": "a", "step": 9223372036854775808, "value": 1}]}', "2^63"),
    ("A08", f"PUT {PLACE}/jobs/fresh", b'{"properties": {"x": 1e400}}', "1e400"),
    ("A10", f"PUT {PLACE}/jobs/fresh", b'{"properties": {"x": ' + b"[" * 40 + b"]" * 40 + b"}}", "32 levels"),
    ("A13", f"PATCH {H}/runs/r1", '{"displayName": "x"}'.encode("utf-16"), "UTF-8"),
    ("A14", f"POST {H}/runs/r1/metrics", b'{"x": "' + b"x" * 8 * 2**20 + b'"}', "8 MiB"),
    ("A14", f"PATCH {H}/runs/r1", b'{"x": "' + b"x" * 8 * 2**20 + b'"}', "8 MiB"),
    ("A23", f"PATCH {PLACE}/computes/cpu-cluster", b'{"properties": {"properties": {"scaleSettings": {"minNodeCount": true}}}}', "whole number"),
    ("A23", f"PATCH {PLACE}/computes/cpu-cluster", b'{"properties": {"properties": {"scaleSettings": {"minNodeCount": "1"}}}}', "whole number"),
    ("A35", f"PUT {PLACE.replace('aml-workspace', 'AML-WORKSPACE')}", b'{"properties": {"keyVault": "x"}}', "key vault"),
    ("A35", f"PUT {PLACE}/computes/CPU-Cluster", b'{"properties": {"properties": {"vmSize": "Standard_NC6"}}}', "cannot be changed"),
    ("A36", f"PUT {PLACE[:-13]}ab", b"{}", "3 to 33"),
    ("A36", f"PUT {H}/experiments/{'x' * 256}", b"", "1 to 255"),
    ("A38", f"PUT {PLACE}/computes/-x", b"{}", "starting with a letter"),
    ("A38", f"PUT {H}/experiments/.git", b"", "starting with a letter"),
    ("A39", f"PATCH {H}/runs/r1", json.dumps({"tags": {str(n): "" for n in range(51)}}).encode(), "50 are allowed"),
    ("A39", f"PATCH {H}/runs/r1", json.dumps({"description": "x" * 5001}).encode(), "5000 are allowed"),
    ("A40", f"POST {H}/runs/r1/metrics", json.dumps({"metrics": [{}] * 10_001}).encode(), "10000 are allowed"),
    ("A50", f"POST {H}/runs/r1/events", b'{"status": "Queued"}', "cannot become"),
    ("A51", f"DELETE {H}/runs/r1", b"", "not ended"),
    ("A51", f"DELETE {H}/experiments/exp", b"", "not ended"),
    ("F33", f"PATCH {PLACE}/computes/cpu-cluster", b'{"properties": {"properties": {"scaleSettings": {"minNodeCount": 9}}}}', "more than the maximum"),
    ("F33", f"PATCH {PLACE}/computes/cpu-cluster", b'{"properties": {"properties": {"scaleSettings": {"maxNodeCount": 1000000}}}}', "1 to 100"),
    ("F37", f"PATCH {PLACE}/computes/cpu-cluster", b'{"properties": {"properties": {"vmSize": "Huge"}}}', "Choose one of"),
    ("F37", f"PATCH {PLACE}/computes/cpu-cluster", b'{"properties": {"properties": {"vmPriority": "LowPriority"}}}', "cannot be changed"),
    ("F38", f"PUT {H}/experiments/exp/runs/fresh", b'{"parentRunId": "elsewhere"}', "no run"),
    ("S41", f"PUT {PLACE}/jobs/fresh", json.dumps({"properties": JOB | {"environmentVariables": {"A=B": "x"}}}).encode(), "no ="),
    ("S41", f"PUT {PLACE}/jobs/fresh", json.dumps({"properties": JOB | {"environmentVariables": {"LD_PRELOAD": "x"}}}).encode(), "LD_PRELOAD"),
    ("S42", f"PUT {PLACE}/jobs/fresh", json.dumps({"properties": JOB | {"computeId": "gone"}}).encode(), "cpu-cluster"),
    ("S43", f"PUT {PLACE}/jobs/fresh", json.dumps({"properties": {"command": "x", "environmentId": "gone:1", "computeId": "local"}}).encode(), "There are"),
    ("E46", f"PUT {PLACE}/environments/env/versions/1", b'{"properties": {"image": "other"}}', "cannot be changed"),
    ("E53", f"PUT {PLACE}/environments/env/versions/latest", b'{"properties": {}}', "latest"),
    ("E45", f"GET {PLACE}/environments/env/versions/7", b"", "it has 1"),
    ("E07", f"PUT {PLACE}/environments/a%20b/versions/1", b'{"properties": {}}', "letters"),
    ("E38", f"PUT {PLACE}/environments/fresh/versions/1", b'{"properties": {"definition": {"environmentVariables": []}}}', "object"),
    ("R53", f"PUT {PLACE}/jobs/fresh", json.dumps({"properties": {"command": "x" * 100_001}}).encode(), "100000 are allowed"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "door", "body", "word"), REFUSED, ids=[f"{row[0]} {row[3]}" for row in REFUSED])
def test_a_row_of_the_catalogue(world, row, door, body, word):
    method, _, path = door.partition(" ")
    answer = world.generic(method, path, body, "application/json")
    assert 400 <= answer.status_code < 500, answer.content[:300]
    assert word in told(answer), told(answer)


ALIASES = "a: &a [x]\nb: &b [*a,*a,*a]\ndependencies: []\n"
CONDA = [
    ("E02", ALIASES, "anchors"),
    ("E02", "[" * 50_000, "levels"),
    ("E02", "- " * 50_000, "levels"),
    ("E02", "x" * 300_000, "256 KB"),
    ("E03", "dependencies: !!python/object/apply:os.system ['true']", "python/object"),
    ("E04", "dependencies: [a]\ndependencies: [b]", "twice"),
    ("E05", "dependencies: numpy", "list"),
    ("E05", "dependencies: {a: b}", "list"),
    ("E06", "dependencies: [{pip: numpy}]", "requirements"),
    ("E06", "dependencies: [{pip: [[a]]}]", "requirements"),
    ("E14", "dependencies: [1.5]", "text"),
    ("E47", 'name: "\\0"', "NUL"),
    ("E02", "x: 2024-01-01", "JSON"),
    ("E02", "x: .inf", "JSON"),
    ("E02", "x: " + "9" * 5000, "limit"),
    ("E48", "numpy", "object"),
]


@pytest.mark.parametrize(("row", "text", "word"), CONDA, ids=[f"{row[0]} {row[1][:12]!r}" for row in CONDA])
def test_a_conda_file_that_cannot_be_kept(world, row, text, word):
    body = json.dumps({"properties": {"condaFile": text}})
    answer = world.put(f"{PLACE}/environments/fresh/versions/1", body, "application/json")
    assert answer.status_code == 400 and word in told(answer), told(answer)
    assert answer.json()["error"]["target"].startswith("condaFile")


def test_what_looks_odd_and_is_right_is_taken(world):
    with_mark = b"\xef\xbb\xbf" + json.dumps({"displayName": r"C:\u0000 \ud83d", "tags": {"e": "\U0001f4a5"}}).encode()
    assert world.patch(f"{H}/runs/r1", with_mark, "application/json").json()["displayName"] == r"C:\u0000 \ud83d"
    scale = {"properties": {"properties": {"scaleSettings": {"minNodeCount": 1.0, "maxNodeCount": 2}}}}
    assert world.patch(f"{PLACE}/computes/cpu-cluster", json.dumps(scale), "application/json").status_code == 200
    point = {"metrics": [{"name": "a", "value": word} for word in ("NaN", "Infinity", "-Infinity")]}
    assert world.post(f"{H}/runs/r1/metrics", json.dumps(point), "application/json").json() == {"accepted": 3}


def test_how_a_run_ended_is_never_refused_for_its_words(world):
    event = {
        "status": "Failed",
        "message": "a\udcff\0b",
        "error": {"code": "\ud800", "message": "\0", "details": ["\udcff"]},
    }
    answer = world.post(f"{H}/runs/r1/events", json.dumps(event), "application/json")
    assert answer.status_code == 200, answer.content
    assert answer.json()["error"]["message"] == "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    "address", [f"{PLACE}/jobs/a%00b", f"{ML}/nowhere%00", f"{PLACE}/nowhere", "/subscriptions/a%00"]
)
def test_an_address_that_is_none_is_told_in_the_shape_of_its_door(world, address):
    answer = world.get(address)
    assert answer.status_code == 404 and "nothing at" in told(answer)


@pytest.mark.parametrize(
    "address", [f"{H}/runs?tag=a%00", f"{ML}/runs/get?run_id=%00", "/discovery/workspaces/1?x=%00"]
)
def test_a_nul_in_a_query_is_refused_by_name(world, address):
    answer = world.get(address)
    name = address.partition("?")[2].partition("=")[0]
    assert answer.status_code == 400 and f"'{name}' contains a NUL" in told(answer)


def test_what_breaks_is_told_without_its_inside(world, monkeypatch):
    def broken(*words):
        raise RuntimeError("SELECT secret")

    monkeypatch.setattr("runs.api.resources.Run.of", broken)
    answer = world.get(f"{H}/runs/r1")
    assert answer.status_code == 500 and "secret" not in answer.content.decode()
    assert json.loads(answer.content)["error"]["code"] == "InternalError"
