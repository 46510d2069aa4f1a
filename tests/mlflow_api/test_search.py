"""Filters, order and pages of searches: what MLflow's grammar accepts and refuses, and what ours adds."""

import pytest

from studio.search.grammar import BadFilter, parse_filter
from tests.mlflow_api.tracking import INVALID, tags_of


@pytest.fixture
def three(tracking):
    """Runs a, b and c: metrics m=1, 2 and none; params p=V1, v2 and none."""
    ids = {}
    for position, name in enumerate("abc"):
        ids[name] = tracking.new_run(run_name=name, user_id=f"u{position}", start_time=100 + position)
    for name, metric, param in (("a", 1, "V1"), ("b", 2, "v2")):
        tracking.post(
            "runs/log-batch",
            run_id=ids[name],
            metrics=[{"key": "m", "value": metric, "timestamp": 1}, {"key": "m x", "value": -metric, "timestamp": 1}],
            params=[{"key": "p", "value": param}, {"key": "a.b", "value": "it's a AND b"}],
            tags=[{"key": "t", "value": f"T%{metric}"}],
        )
    tracking.post("runs/update", run_id=ids["b"], status="FINISHED", end_time=500)
    dataset = {"dataset": {"name": "x1", "digest": "d"}, "tags": [{"key": "mlflow.data.context", "value": "train"}]}
    tracking.post("runs/log-inputs", run_id=ids["a"], datasets=[dataset])
    return ids


def found(tracking, text="", **more):
    answer = tracking.post("runs/search", experiment_ids=["0"], filter=text, **more)
    if isinstance(answer, tuple):
        return answer
    return "".join(run["info"]["run_name"] for run in answer.get("runs", []))


ACCEPTED = {
    "": "cba",
    "metrics.m > 1": "b",
    "metric.m >= 1": "ba",
    "metrics.`m x` > -2": "a",
    'metrics."m x" < 0': "ba",
    "metrics.m != 1": "b",
    "metrics.m = 2": "b",
    "metrics.m > -1e0": "ba",
    "metrics.m >1 and metrics.m<3": "b",
    "params.p = 'V1'": "a",
    "params.p='V1'": "a",
    'param.p = "V1"': "a",
    "parameters.p LIKE 'V%'": "a",
    "params.p like 'v%'": "b",
    "params.p ILIKE 'v%'": "ba",
    "params.p ilike 'v_'": "ba",
    "params.p != 'V1'": "b",
    "params.p IS NULL": "c",
    "params.p is not null": "ba",
    "tags.t = 'T%1'": "a",
    "tags.t LIKE 'T%'": "ba",
    "tags.nope IS NULL": "cba",
    "params.`a.b` = 'it''s a AND b'": "ba",
    "params.a.b = 'it''s a AND b'": "ba",
    "attributes.status = 'RUNNING'": "ca",
    "status = 'finished'": "b",
    "run.status != 'RUNNING'": "b",
    "attribute.run_name = 'a'": "a",
    "run_name LIKE 'A%'": "",
    "run_name ILIKE 'A%'": "a",
    "`run name` = 'b'": "b",
    "tags.mlflow.runName = 'b'": "b",
    "tags.`mlflow.runName` = 'b'": "b",
    "user_id = 'u1'": "b",
    "start_time >= 101": "cb",
    "created > 100": "cb",
    "end_time > 0": "b",
    "artifact_uri LIKE '%/artifacts'": "cba",
    "dataset.name = 'x1'": "a",
    "datasets.name LIKE 'x%' AND dataset.digest = 'd'": "a",
    "dataset.context IN ('train')": "a",
    "params.p = 'V1' AND": "a",
    # Beyond MLflow.
    "metrics.m > 1 OR params.p = 'V1'": "ba",
    "NOT params.p = 'V1'": "cb",
    "(params.p = 'V1')": "a",
    "params.p IN ('V1', 'v2') and not (metrics.m < 2 or status = 'FAILED')": "b",
    "params.p ~ '1'": "a",
    "params.p !~ '1'": "b",
    "status IN ('FINISHED', 'KILLED')": "b",
    "run_name not in ('a', 'c')": "b",
    "run_name not like 'a%'": "cb",
    "end_time is null": "ca",
    "metrics.m IS NULL": "c",
    "start_time < '1971-01-01'": "cba",
}
REFUSED = [
    "m > 1",
    "metrics.m > '1'",
    "params.p > 'V1'",
    "params.p = V1",
    "params.p = 1",
    "start_time = '101'",
    "experiment_id = '1'",
    "lifecycle_stage = 'active'",
    "params.p = 'V1'; drop",
    "foo.bar = 'x'",
    "metrics.m BETWEEN 1 AND 2",
    "params.p RLIKE 'V.'",
    "metrics.m = inf",
    "metrics.m LIKE 'x'",
    "metrics.m >",
    "AND",
    "params.p = 'V1",
    "(params.p = 'V1'",
    "params.p = 'V1')",
    "((((" * 30 + "params.p = 'V1'" + "))))" * 30,
]


def test_filters_are_understood_as_mlflow_understands_them(tracking, three):
    for text, names in ACCEPTED.items():
        assert found(tracking, text) == names, text
    assert found(tracking, f"attr.run_id IN ('{three['a']}', 'nope')") == "a"
    assert found(tracking, f"run_id NOT IN ('{three['a']}')") == "cb"
    for text in REFUSED:
        assert found(tracking, text) == INVALID, text


def test_a_filter_sees_nan(tracking):
    """It is equal to no number, as everywhere, and has a word of its own."""
    for name, value in (("n", "NaN"), ("1", 1), ("2", 2)):
        run_id = tracking.new_run(run_name=name, start_time=1)
        tracking.post("runs/log-metric", run_id=run_id, key="m", value=value, timestamp=1)
    tracking.new_run(run_name="without", start_time=1)
    for text, names in {
        "metrics.m != 1": {"n", "2"},
        "metrics.m = NaN": {"n"},
        "metrics.m = 'nan'": {"n"},
        "metrics.m != NaN": {"1", "2"},
        "metrics.m != nan and metrics.m > 1": {"2"},
        "not metrics.m = NaN": {"1", "2", "without"},
        "metrics.m IS NOT NULL": {"n", "1", "2"},
        "metrics.m < 10": {"1", "2"},
        "metrics.m >= 0 or metrics.m = nan": {"n", "1", "2"},
    }.items():
        for order in ([], ["metrics.m"], ["metrics.m DESC"]):
            runs = tracking.post("runs/search", experiment_ids=["0"], filter=text, order_by=order).get("runs", [])
            assert sorted(run["info"]["run_name"] for run in runs) == sorted(names), (text, order)
    for text in ("metrics.m > nan", "number = nan", "start_time > nan", "params.m = nan", "metrics.m = nant"):
        assert found(tracking, text) == INVALID, text


def test_an_error_knows_its_column():
    with pytest.raises(BadFilter, match="at column 20") as caught:
        parse_filter("metrics.m > 1 and  ? 5")
    assert caught.value.column == 19


def test_order_puts_runs_without_the_key_last(tracking, three):
    nan = tracking.new_run(run_name="n", start_time=1)
    tracking.post("runs/log-metric", run_id=nan, key="m", value="NaN", timestamp=1)
    orders = {
        "metrics.m": "abnc",
        "metrics.m DESC": "banc",
        "params.p": "abcn",
        "params.p DESC": "bacn",
        "tags.t desc": "bacn",
        "attributes.start_time": "nabc",
        "run_name DESC": "ncba",
        "status": "bcan",
        "user_id": "abcn",
        "end_time": "bcan",
        "`metrics`.m": INVALID,
        "nope": INVALID,
        "metrics.m UP": INVALID,
    }
    for order, names in orders.items():
        assert found(tracking, order_by=[order]) == names, order
    assert found(tracking, order_by=["metrics.m", "metrics.m DESC"]) == INVALID
    assert found(tracking, "metrics.m > 0", order_by=["metrics.m DESC", "params.p"]) == "ba"


@pytest.mark.parametrize("order_by", [[], ["metrics.m"], ["params.p DESC"]])
def test_pages_together_are_the_whole(tracking, three, order_by):
    whole, names, token = found(tracking, order_by=order_by), "", ""
    for _ in range(3):
        page = tracking.post("runs/search", experiment_ids=["0"], max_results=1, order_by=order_by, page_token=token)
        names += page["runs"][0]["info"]["run_name"]
        token = page.get("next_page_token", "")
    assert (names, token) == (whole, "")


def test_deleted_runs_are_found_only_on_request(tracking, three):
    tracking.post("runs/delete", run_id=three["a"])
    assert found(tracking) == "cb"
    assert found(tracking, run_view_type="DELETED_ONLY") == "a"
    assert found(tracking, run_view_type="ALL") == "cba"
    assert found(tracking, run_view_type=3) == "cba"
    assert found(tracking, run_view_type="SOME") == INVALID
    assert found(tracking, max_results=0) == found(tracking, max_results=50_001) == INVALID
    assert found(tracking, page_token="MTA=") == INVALID


def test_search_of_many_runs_costs_few_queries(tracking, three, django_assert_max_num_queries):
    for _ in range(20):
        tracking.new_run(tags=[{"key": "mlflow.parentRunId", "value": three["a"]}])
    with django_assert_max_num_queries(14):
        runs = tracking.post("runs/search", experiment_ids=["0"], filter="tags.mlflow.parentRunId != ''")["runs"]
    assert {tags_of(run)["mlflow.parentRunId"] for run in runs} == {three["a"]}
    assert len(runs) == 20


def test_experiments_are_searched(tracking):
    for name, value in (("ab", "1"), ("Abc", "2")):
        tracking.post("experiments/create", name=name, tags=[{"key": "k.x", "value": value}])

    def names(text="", **more):
        answer = tracking.post("experiments/search", filter=text, max_results=10, **more)
        return answer if isinstance(answer, tuple) else [item["name"] for item in answer.get("experiments", [])]

    assert names() == ["Abc", "ab", "Default"]
    made = tracking.get("experiments/get-by-name", experiment_name="ab")["experiment"]["creation_time"]
    # Rows know microseconds, the wire milliseconds.
    assert "ab" in names(f"creation_time = {made}") + names(f"creation_time >= {made} and creation_time <= {made}")
    assert "ab" not in names(f"creation_time != {made}") + names(f"creation_time > {made} or creation_time < {made}")
    assert names("name = 'ab'") == names("tags.`k.x` = '1'") == names("tag.k.x != '2'") == ["ab"]
    assert names("attribute.name LIKE 'A%'") == ["Abc"]
    assert names("name ILIKE 'a%'", order_by=["name ASC"]) == ["Abc", "ab"]
    assert names("tags.k.x is null") == ["Default"]
    assert names("creation_time > 0 and last_update_time > 1", order_by=["experiment_id"]) == ["ab", "Abc", "Default"]
    assert names("foo = 'x'") == names(order_by=["tags.k"]) == names(view_type="SOME") == INVALID
    page = tracking.get("experiments/search", max_results=2, order_by=["name"])
    rest = tracking.get("experiments/search", max_results=2, order_by=["name"], page_token=page["next_page_token"])
    assert [item["name"] for item in rest["experiments"]] == ["ab"]
