"""Invalid input at every route is refused with a message, causes no server error, and stores nothing."""

import json
import re

import pytest
from django.http import QueryDict

from compute.models import ComputeTarget
from tests.bad_inputs.apis import ML, WORKSPACE_PATH, H, as_if_never, error_text
from workspaces.models import Workspace

# Every kind of route that takes a JSON object.
ROUTES = [
    f"PATCH {WORKSPACE_PATH}",
    f"PUT {WORKSPACE_PATH[:-13]}fresh-one",
    "PUT /subscriptions/sub-1",
    "PUT /subscriptions/sub-1/resourceGroups/fresh",
    f"PUT {WORKSPACE_PATH}/computes/fresh",
    f"PATCH {WORKSPACE_PATH}/computes/cpu-cluster",
    f"PUT {WORKSPACE_PATH}/environments/fresh/versions/1",
    f"PUT {WORKSPACE_PATH}/jobs/fresh",
    f"PATCH {WORKSPACE_PATH}/jobs/r1",
    f"PUT {H}/experiments/exp/runs/fresh",
    f"PATCH {H}/experiments/exp",
    f"PATCH {H}/runs/r1",
    f"POST {H}/runs/r1/events",
    f"POST {H}/runs/r1/params",
    f"POST {H}/runs/r1/metrics",
    f"PUT {WORKSPACE_PATH}/data/fresh/versions/1",
    f"PUT {WORKSPACE_PATH}/data/fresh",
    f"POST {WORKSPACE_PATH}/datasets",
    f"PUT {WORKSPACE_PATH}/datastores/fresh",
    f"PUT {WORKSPACE_PATH}/secrets/fresh",
    f"PUT {WORKSPACE_PATH}/models/fresh",
    f"PUT {WORKSPACE_PATH}/models/fresh/versions/1",
    f"PUT /modelmanagement/v1.0{WORKSPACE_PATH}/services/fresh",
    f"PUT {WORKSPACE_PATH}/onlineEndpoints/fresh",
    f"PUT {WORKSPACE_PATH}/onlineEndpoints/fresh/deployments/blue",
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
    f"GET {WORKSPACE_PATH[:-13]}{{}}",
    f"PUT {WORKSPACE_PATH[:-13]}{{}}",
    f"GET {WORKSPACE_PATH}/computes/{{}}",
    f"PUT {WORKSPACE_PATH}/computes/{{}}",
    f"DELETE {WORKSPACE_PATH}/computes/{{}}",
    f"GET {WORKSPACE_PATH}/environments/{{}}/versions",
    f"GET {WORKSPACE_PATH}/environments/env/versions/{{}}",
    f"PUT {WORKSPACE_PATH}/environments/{{}}/versions/1",
    f"GET {WORKSPACE_PATH}/jobs/{{}}",
    f"PUT {WORKSPACE_PATH}/jobs/{{}}",
    f"GET {H}/experiments/{{}}",
    f"PUT {H}/experiments/{{}}",
    f"GET {H}/experiments/{{}}/runs",
    f"GET {H}/runs/{{}}",
    f"POST {H}/runs/{{}}/cancel",
    f"GET {H}/runs/r1/metrics/points?name={{}}",
    f"GET {H}/runs/r1/artifacts/content?path={{}}",
    f"DELETE {H}/runs/r1/artifacts/content?path={{}}",
    f"GET /content/v1.0{WORKSPACE_PATH}/snapshots/{{}}",
    f"GET /content/v1.0{WORKSPACE_PATH}/snapshots/{{}}/zip",
    f"GET /content/v1.0{WORKSPACE_PATH}/snapshots?hash={{}}",
    "GET /discovery/workspaces/{}",
    f"GET {ML}/runs/get?run_id={{}}",
    f"GET {ML}/experiments/get-by-name?experiment_name={{}}",
    "GET /pypi/simple/{}/",
    "GET /pypi/files/{}",
]
LISTS = [
    "/subscriptions",
    f"{WORKSPACE_PATH}/computes",
    f"{WORKSPACE_PATH}/jobs",
    f"{WORKSPACE_PATH}/environments",
    f"{WORKSPACE_PATH}/data",
    f"{WORKSPACE_PATH}/datastores",
    f"{WORKSPACE_PATH}/models",
    f"/modelmanagement/v1.0{WORKSPACE_PATH}/models",
    f"/modelmanagement/v1.0{WORKSPACE_PATH}/services",
    f"{WORKSPACE_PATH}/onlineEndpoints",
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
    "/ws/aml-workspace/models/",
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
PARAMETERS = ["q", "page", "size", "sort", "status", "path", "show", "seen", "name", "tag", "type", "by", "x"]
FORMS = {
    "/workspaces/new/": ["name", "friendly_name", "subscription", "resource_group", "location", "description", "tags"],
    "/ws/aml-workspace/settings/": ["friendly_name", "description", "tags"],
    "/ws/aml-workspace/people/": ["username", "role"],
    "/ws/aml-workspace/people/account/": ["account-username", "account-full_name", "account-role"],
    "/ws/aml-workspace/compute/cpu-cluster/edit/": ["min_nodes", "max_nodes", "idle_seconds", "description", "tags"],
    "/ws/aml-workspace/compute/new/settings/": ["name", "min_nodes", "max_nodes", "idle_seconds", "tags"],
    "/ws/aml-workspace/promotion-rules/": ["kind", "name", "model_name", "role", "needs_tags", "needs_metrics"],
    "/ws/aml-workspace/runs/r1/edit/": ["field", "value", "undo"],
    "/ws/aml-workspace/labeling/new/": ["name", "kind", "data_asset", "column", "labels", "labelers_per_item"],
    "/ws/aml-workspace/data/new/": ["name", "kind", "datastore", "path", "url"],
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


@pytest.mark.parametrize("route", ROUTES)
def test_a_wrong_body_is_refused_or_harmless(world, route):
    method, _, path = route.partition(" ")
    for name, body in NOT_JSON.items():
        with as_if_never():
            answer = world.generic(method, path, body, "application/json")
        assert answer.status_code < 500, (name, answer.content[:500])
        if answer.status_code >= 400:
            assert error_text(answer), name
        else:
            # What means nothing to this route is ignored; what it cannot store, it refuses.
            assert not body.startswith((b"[", b'"', b"null", b'{"a": ')), (name, answer.content[:300])


@pytest.mark.parametrize("route", SEGMENTS)
def test_a_strange_word_in_an_address_is_not_found_or_refused(world, route):
    method, _, path = route.partition(" ")
    for word in WORDS:
        with as_if_never():
            answer = world.generic(method, path.format(word), b"{}" if method != "GET" else b"", "application/json")
        assert answer.status_code < 500, (word, answer.content[:500])


@pytest.mark.parametrize("path", LISTS)
def test_a_wrong_page_of_a_list_is_refused_by_name(world, path):
    for query in QUERIES:
        answer = world.get(f"{path}?{query}")
        assert answer.status_code == 400, query
        assert query.partition("=")[0] in error_text(answer), query


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


@pytest.fixture
def read_names(monkeypatch):
    """The parameters that a page looks at; to all others it is the same, whatever their names."""
    names = set()
    for method in ("get", "getlist", "__getitem__", "__contains__"):
        original = getattr(QueryDict, method)

        def noted(query, name, *more, original=original):
            names.add(name)
            return original(query, name, *more)

        monkeypatch.setattr(QueryDict, method, noted)
    return names


@pytest.mark.extended
@pytest.mark.parametrize("path", PAGES)
def test_pages_accept_odd_parameters(world, browser, path, read_names):
    browser.get(path)
    for parameter in [name for name in PARAMETERS if name in read_names or name == "x"]:
        for value in ODD:
            answer = browser.get(f"{path}?{parameter}={value}")
            assert answer.status_code < 500, (parameter, value)
            assert "49" not in re.findall(r'value="(\d+)"', answer.content.decode()) or "7*7" not in value


@pytest.mark.extended
@pytest.mark.parametrize("path", FORMS)
def test_forms_accept_any_input(world, browser, path):
    for field in FORMS[path]:
        for typed in TYPED:
            answer = browser.post(path, {field: typed})
            assert answer.status_code < 500, (field, typed)


def test_nothing_of_all_this_was_made(world, browser):
    for path in ("/workspaces/new/", "/ws/aml-workspace/compute/new/settings/", "/ws/aml-workspace/people/account/"):
        browser.post(path, {"name": "\0", "account-username": "\0"})
    assert Workspace.objects.count() == 1 and ComputeTarget.objects.count() == 1
