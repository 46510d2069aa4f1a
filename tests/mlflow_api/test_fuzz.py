"""No route answers 500, whatever is sent to it: each field that it reads is given each kind of nonsense in turn."""

import base64
import json
import re
from urllib.parse import quote

import pytest

from mlflow_api.request_fields import Fields
from mlflow_api.routes import FIXED, PATTERNS

DEEP = json.loads("[" * 200 + "]" * 200)
# Numbers that Python's int cannot read, or makes larger than any that is stored; and more of something than is allowed.
MANY_DIGITS = "9" * 5000
TOO_MUCH = [
    "--5", "²", MANY_DIGITS, f"metrics.a > {MANY_DIGITS}", f"models:/m/{MANY_DIGITS}", "1e400", "name = 'a' and " * 500,
    base64.urlsafe_b64encode(f"at:{MANY_DIGITS}".encode()).decode(), base64.urlsafe_b64encode(b"at:" + b"9" * 18).decode(),
    [f"metrics.k{n}" for n in range(1000)], ["name"] * 10_000, "%25" * 20_000,
]  # fmt: skip
WRONG = [
    None, True, -1, 0.5, 2**63, 10**400, float("nan"), "", " ", "\0", "a\0b", "\ud800", "x" * 70_000, "../x", "NaN", "-1",
    "9" * 30, "é\u202e", *TOO_MUCH, [], [None], ["\0"], ["\ud800"], [["x"]], {}, {"key": {}}, [{"key": "\0", "value": "\0"}], DEEP,
]  # fmt: skip
# For the parts of lists, of which there are many.
WORST = [None, 2**63, float("nan"), "", "\0", "\ud800", "x" * 70_000, [], {}]
# A query is text; bytes that are no UTF-8 are sent as they are.
IN_QUERY = [
    "",
    " ",
    "%00",
    "a%00b",
    "%FF",
    "%ED%A0%80",
    "x" * 60_000,
    "../x",
    "%2e%2e%2fx",
    "NaN",
    "-1",
    "9" * 30,
    "1e999",
    *(quote(wrong) for wrong in TOO_MUCH if isinstance(wrong, str)),
]
WORDS = [
    MANY_DIGITS,
    "%25" * 5_000,
    "%00",
    "a%00b",
    "%FF",
    "%ED%A0%80",
    "..",
    "%2e%2e",
    "x" * 2_000,
    "0",
    "-1",
    " ",
    "a/b",
    "a%2Fb",
    "m-%00",
]
FIXED_ROUTES = sorted(FIXED)


@pytest.fixture
def world(tracking):
    """Values that are right wherever a field of this name is read."""
    run_id = tracking.new_run()
    experiment_id = tracking.run(run_id)["info"]["experiment_id"]
    model = tracking.post("logged-models", experiment_id=experiment_id, source_run_id=run_id)["model"]["info"]
    tracking.post("registered-models/create", name="m")
    tracking.post("model-versions/create", name="m", source=f"runs:/{run_id}/model", run_id=run_id)
    pair = {"key": "k", "value": "v"}
    return {
        "experiment_id": experiment_id, "experiment_ids": [experiment_id], "experiment_name": "Default", "name": "m",
        "new_name": "other", "run_id": run_id, "run_ids": [run_id], "key": "k", "value": "1", "timestamp": 1, "step": 1,
        "metric_key": "k", "max_results": 5, "metrics": [{"key": "k", "value": 1, "timestamp": 1}], "params": [pair],
        "tags": [pair], "version": "1", "alias": "best", "stage": "Staging", "path": "x", "filter": "name = 'm'",
        "archive_existing_versions": True, "source": f"runs:/{run_id}/model", "model_id": model["model_id"],
        "datasets": [{"dataset": {"name": "d", "digest": "1"}, "tags": [pair], "dataset_name": "d"}],
        "models": [{"model_id": model["model_id"], "step": 1}], "status": "READY", "order_by": [], "start_step": 1,
        "end_step": 2, "model_json": json.dumps({"artifact_path": "a", "flavors": {}, "utc_time_created": "", "run_id": run_id}),
        "artifact_directory_path": "x", "artifact_file_path": "x",
    }  # fmt: skip


@pytest.fixture
def requested(monkeypatch):
    """The names of the fields that a request was asked for, and those that its parts were asked for."""
    whole, parts, get = set(), set(), Fields._get_value

    def noted(fields, name, kind=None):
        # The request itself has all that the world has.
        (whole if "archive_existing_versions" in fields.data else parts).add(name)
        return get(fields, name, kind)

    monkeypatch.setattr(Fields, "_get_value", noted)
    return whole, parts


@pytest.fixture
def send(tracking):
    client = tracking.api.client
    client.raise_request_exception = False
    base = tracking.base.removesuffix("mlflow/")

    def request(method, route, body=b"", query=""):
        """The answer, if it is one that MLflow's client can read."""
        found = client.generic(method, base + route, body, "application/json", QUERY_STRING=query)
        shown = f"{method} {route} {query[:200]} {body[:200]}"
        assert found.status_code < 500, shown
        if found.status_code >= 400:
            assert set(found.json()) == {"error_code", "message"}, shown
        return found

    return request


def within(world: dict, whole: list, parts: list):
    """Bodies with one field gone wrong, in the request itself or in a part of it."""
    for name in whole:
        yield from (world | {name: wrong} for wrong in WRONG)
    for part in set(whole) & {"metrics", "params", "tags", "datasets", "models", "order_by"}:
        first = (world[part] or [{"field_name": "name"}])[0]
        for name in parts:
            yield from (world | {part: [first | {name: wrong}]} for wrong in WORST)


@pytest.mark.extended
@pytest.mark.parametrize(("method", "route"), [pair for pair in FIXED_ROUTES if pair[0] != "GET"])
def test_a_body_of_nonsense_is_refused(world, requested, send, method, route):
    send(method, route, json.dumps(world).encode())
    whole, parts = map(sorted, requested)
    for body in within(world, whole, parts):
        send(method, route, json.dumps(body).encode())
    for body in (b"", b"{", b"\xff", b"[]", b"null", b"5", b'"x"', b"[" * 100_000, b'{"a":' * 5_000, b"{}\0"):
        send(method, route, body)


@pytest.mark.extended
@pytest.mark.parametrize("route", [route for method, route in FIXED_ROUTES if method == "GET"])
def test_a_query_of_nonsense_is_refused(world, requested, send, route):
    right = {name: quote(str(value[0] if isinstance(value, list) else value)) for name, value in world.items() if value}
    send("GET", route, query="&".join(f"{name}={value}" for name, value in right.items()))
    for name in sorted(requested[0]):
        for wrong in IN_QUERY:
            send("GET", route, query="&".join(f"{key}={value}" for key, value in (right | {name: wrong}).items()))
            send("GET", route, query=f"{name}={wrong}&{name}={wrong}")


# What the fuzzer found (`make fuzz`): the route, and the body that it was given.
FOUND = [
    ("mlflow/experiments/search-datasets", {"experiment_ids": [""]}),
    ("mlflow/runs/search", {"experiment_ids": [""]}),
    ("mlflow/model-versions/create", {"name": "m", "source": "runs:/"}),
]


@pytest.mark.parametrize(("route", "body"), FOUND)
def test_what_the_fuzzer_found_stays_fixed(world, send, route, body):
    send("POST", route, json.dumps(body).encode())
    send("GET", "mlflow/model-versions/get-download-uri", query="name=m&version=2")
    send("GET", "model-versions/get-artifact", query="name=m&version=2&path=a")


@pytest.mark.parametrize(("method", "pattern"), [(method, pattern) for method, pattern, _ in PATTERNS])
def test_an_address_of_nonsense_is_refused(world, send, method, pattern):
    for word in WORDS:
        route = re.sub(r"\(\?P<\w+>[^)]*\)", lambda match, word=word: word, pattern)
        for body in (b"", b"{}", json.dumps(world).encode()):
            send(method, route, body)
