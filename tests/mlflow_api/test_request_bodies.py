"""Where clients write the fields of a request: the query, the JSON body of a GET, a body that was encoded twice."""

import json

import pytest

from tests.mlflow_api.tracking import INVALID


@pytest.fixture
def get_with_body(tracking):
    """A GET whose fields stand in its body, as some exporters and importers send it."""

    def get(route, body, query="", kind="application/json"):
        data = body if isinstance(body, str) else json.dumps(body)
        address = f"{tracking.base}{route}{query}"
        return tracking._read(tracking.api.client.generic("GET", address, data, kind))

    return get


@pytest.fixture
def two(tracking):
    """Two experiments, and the id of the first."""
    first, _ = (tracking.post("experiments/create", name=name)["experiment_id"] for name in ("one", "two"))
    return first


@pytest.mark.parametrize("kind", ["application/json", "", "text/plain"])
def test_the_body_of_a_get_without_a_query_is_read(get_with_body, two, kind):
    for route, body in (
        ("experiments/get", {"experiment_id": two}),
        ("experiments/get-by-name", {"experiment_name": "one"}),
        ("experiments/get-by-name", json.dumps(json.dumps({"experimentName": "one"}))),
    ):
        assert get_with_body(route, body, kind=kind)["experiment"]["name"] == "one"


def test_searches_keep_to_it(get_with_body, tracking, two):
    for name in ("m1", "m2"):
        tracking.post("registered-models/create", name=name)
    assert len(get_with_body("experiments/search", {"max_results": 1})["experiments"]) == 1
    assert len(get_with_body("experiments/search", {"filter": "name = 'two'"})["experiments"]) == 1
    assert len(get_with_body("registered-models/search", {"max_results": 1})["registered_models"]) == 1
    assert get_with_body("model-versions/search", {"filter": "name='no such model'"}) == {}
    run_id = tracking.new_run()
    assert get_with_body("runs/get", {"run_id": run_id})["run"]["info"]["run_id"] == run_id
    assert get_with_body("artifacts/list", {"run_id": run_id, "path": "../x"}) == INVALID


def test_a_query_counts_more_than_a_body(get_with_body, two):
    found = get_with_body("experiments/get-by-name", {"experiment_name": "two"}, "?experiment_name=one")
    assert found["experiment"]["name"] == "one"


def test_a_get_with_neither_lacks_its_fields(get_with_body, two):
    for body in ("", "{}", '"{}"', '""'):
        assert get_with_body("experiments/get", body) == INVALID, body
    for body in ("{", "[]", "7", '"{"', '"7"'):
        assert get_with_body("experiments/get", body) == (400, "BAD_REQUEST"), body


def test_a_body_that_was_encoded_twice_is_decoded_twice(tracking, two):
    def post(route, body):
        return tracking._read(tracking.api.post(tracking.base + route, json.dumps(json.dumps(body))))

    assert post("runs/search", {"experiment_ids": [two], "max_results": 1}) == {}
    run_id = post("runs/create", {"experiment_id": two, "start_time": 1})["run"]["info"]["run_id"]
    assert post("runs/log-metric", {"run_id": run_id, "key": "m", "value": 1.5, "timestamp": 1}) == {}
    assert tracking.run(run_id)["data"]["metrics"][0]["value"] == 1.5
