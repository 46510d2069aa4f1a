"""The API by raw requests: MLflow's answers, errors, limits and idempotency."""

import re
from urllib.parse import quote

import pytest

from mlflow_api.routes import COMPILED, FIXED
from runs import metrics
from runs.models import Run
from tests import factories
from tests.mlflow_api.tracking import INVALID, MISSING, Tracking, tags_of


def test_an_experiment_is_made_found_renamed_and_tagged(tracking):
    made = tracking.post("experiments/create", name="My Experiment/ü", tags=[{"key": "a", "value": "1"}])
    found = tracking.get("experiments/get-by-name", experiment_name="My Experiment/ü")["experiment"]
    assert found["experiment_id"] == made["experiment_id"]
    assert found["tags"] == [{"key": "a", "value": "1"}]
    assert found["artifact_location"] == f"mlflow-artifacts:/{found['experiment_id']}"
    assert tracking.post("experiments/update", experiment_id=found["experiment_id"], new_name="other") == {}
    tracking.post("experiments/set-experiment-tag", experiment_id=found["experiment_id"], key="b", value="2")
    tracking.post("experiments/delete-experiment-tag", experiment_id=found["experiment_id"], key="a")
    found = tracking.get("experiments/get", experiment_id=found["experiment_id"])["experiment"]
    assert (found["name"], found["tags"]) == ("other", [{"key": "b", "value": "2"}])


def test_errors_of_an_experiment_are_reported(tracking):
    tracking.post("experiments/create", name="e")
    assert tracking.post("experiments/create", name="e") == (400, "RESOURCE_ALREADY_EXISTS")
    assert tracking.post("experiments/create") == INVALID
    assert tracking.post("experiments/create", name=5) == INVALID
    assert tracking.post("experiments/create", name="x" * 501) == INVALID
    for location in ("runs:/abc", "s3://b/x#part", "s3://b/../x", "s3://b/x?to=../y"):
        assert tracking.post("experiments/create", name="loc", artifact_location=location) == INVALID, location
    assert "experiment_id" in tracking.post("experiments/create", name="loc", artifact_location="s3://b/x?to=y")
    assert tracking.get("experiments/get", experiment_id="123456") == MISSING
    assert tracking.get("experiments/get", experiment_id="no id") == INVALID
    assert tracking.get("experiments/get") == INVALID
    assert tracking.get("experiments/get-by-name", experiment_name="nope") == MISSING


def test_experiment_zero_is_the_default_one(tracking):
    found = tracking.get("experiments/get", experiment_id="0")["experiment"]
    assert found["name"] == "Default"
    assert tracking.post("experiments/delete", experiment_id="0") == INVALID


def test_a_deleted_experiment_takes_its_runs_and_gives_them_back(tracking):
    experiment_id = tracking.post("experiments/create", name="e")["experiment_id"]
    run_id = tracking.new_run(experiment_id=experiment_id)
    assert tracking.post("experiments/delete", experiment_id=experiment_id) == {}
    assert tracking.post("experiments/delete", experiment_id=experiment_id) == MISSING
    assert tracking.run(run_id)["info"]["lifecycle_stage"] == "deleted"
    assert tracking.post("experiments/create", name="e") == (400, "RESOURCE_ALREADY_EXISTS")
    assert tracking.post("runs/create", experiment_id=experiment_id) == INVALID
    assert tracking.post("runs/log-metric", run_id=run_id, key="m", value=1, timestamp=1) == INVALID
    assert tracking.post("experiments/restore", experiment_id=experiment_id) == {}
    assert tracking.post("experiments/restore", experiment_id=experiment_id) == MISSING
    assert tracking.run(run_id)["info"]["lifecycle_stage"] == "active"


def test_a_run_carries_its_name_user_and_parent(tracking):
    parent = tracking.new_run(run_name="parent")
    child = tracking.new_run(
        user_id="someone", tags=[{"key": "mlflow.parentRunId", "value": parent}, {"key": "t", "value": "v"}]
    )
    run = tracking.run(child)
    assert tags_of(run) == {
        "mlflow.parentRunId": parent,
        "mlflow.runName": run["info"]["run_name"],
        "mlflow.user": "someone",
        "t": "v",
    }
    assert (run["info"]["status"], run["info"]["start_time"], run["info"]["user_id"]) == ("RUNNING", 1000, "someone")
    both = tracking.post("runs/create", experiment_id="0", run_name="a", tags=[{"key": "mlflow.runName", "value": "b"}])
    assert both == INVALID


def test_a_line_of_parents_has_a_limit_however_it_is_made(tracking):
    def below(parent):
        return [{"key": "mlflow.parentRunId", "value": parent}]

    line = [tracking.new_run()]
    for _ in range(10):
        line.append(tracking.new_run(tags=below(line[-1])))
    assert tracking.post("runs/create", experiment_id="0", tags=below(line[-1])) == INVALID
    above = tracking.new_run()
    moved = {"run_id": line[0], "key": "mlflow.parentRunId", "value": above}
    assert tracking.post("runs/set-tag", **moved) == INVALID
    assert tracking.post("runs/set-tag", run_id=line[9], key="mlflow.parentRunId", value=above) == {}
    assert tracking.post("runs/set-tag", **(moved | {"value": line[8]})) == INVALID


def test_a_run_ends_is_resumed_renamed_deleted_and_restored(tracking):
    run_id = tracking.new_run()
    info = tracking.post("runs/update", run_id=run_id, status="FINISHED", end_time=2000, run_name="new")["run_info"]
    assert (info["status"], info["end_time"], info["run_name"]) == ("FINISHED", 2000, "new")
    assert "end_time" not in tracking.post("runs/update", run_id=run_id, status="RUNNING")["run_info"]
    assert tracking.post("runs/update", run_id=run_id, status="DONE") == INVALID
    for _ in range(2):
        assert tracking.post("runs/delete", run_id=run_id) == {}
    assert tracking.post("runs/set-tag", run_id=run_id, key="t", value="v") == INVALID
    assert tracking.post("runs/restore", run_id=run_id) == {}
    tracking.post("runs/set-tag", run_id=run_id, key="mlflow.runName", value="newer")
    tracking.post("runs/set-tag", run_id=run_id, key="mlflow.note.content", value="# Note")
    assert tracking.run(run_id)["info"]["run_name"] == "newer"
    assert tags_of(tracking.run(run_id))["mlflow.note.content"] == "# Note"
    assert tracking.post("runs/delete-tag", run_id=run_id, key="mlflow.note.content") == {}
    assert tracking.post("runs/delete-tag", run_id=run_id, key="mlflow.note.content") == MISSING


@pytest.mark.parametrize(
    ("sent", "kept"),
    [(1, 1.0), ("0.5", 0.5), ("NaN", "NaN"), ("Infinity", "Infinity"), ("-Infinity", "-Infinity"), (1e308, 1e308)],
)
def test_a_metric_keeps_its_value(tracking, sent, kept):
    run_id = tracking.new_run()
    tracking.post("runs/log-metric", run_id=run_id, key="m", value=sent, timestamp=5, step="-3")
    assert tracking.run(run_id)["data"]["metrics"] == [{"key": "m", "value": kept, "timestamp": 5, "step": -3}]
    history = tracking.get("metrics/get-history", run_id=run_id, metric_key="m")["metrics"]
    assert history == [{"key": "m", "value": kept, "timestamp": 5, "step": -3}]


def test_the_last_metric_is_that_of_the_greatest_step_and_time(tracking):
    run_id = tracking.new_run()
    for step, at, value in ((5, 10, 1), (2, 99, 7), (5, 9, 8), (5, 10, 0.5)):
        tracking.post("runs/log-metric", run_id=run_id, key="m", value=value, timestamp=at, step=step)
    assert tracking.run(run_id)["data"]["metrics"] == [{"key": "m", "value": 1.0, "timestamp": 10, "step": 5}]
    history = tracking.get("metrics/get-history", run_id=run_id, metric_key="m")["metrics"]
    assert [(point["timestamp"], point["value"]) for point in history] == [(9, 8.0), (10, 0.5), (10, 1.0), (99, 7.0)]


def test_the_same_point_twice_is_one_point(tracking):
    run_id = tracking.new_run()
    points = [
        {"key": "m", "value": v, "timestamp": 7, "step": s} for s, v in ((1, 0.1), (2, "NaN"), (2, 0.3), (2, 0.3))
    ]
    for _ in range(2):
        assert tracking.post("runs/log-batch", run_id=run_id, metrics=points) == {}
        tracking.post("runs/log-metric", run_id=run_id, **points[0])
    assert len(tracking.get("metrics/get-history", run_id=run_id, metric_key="m")["metrics"]) == 3


def test_errors_of_a_metric_are_reported(tracking):
    run_id = tracking.new_run()
    good = {"run_id": run_id, "key": "m", "value": 1, "timestamp": 1}
    for wrong in (
        {"value": "abc"},
        {"value": None},
        {"value": ""},
        {"value": [1]},
        {"timestamp": None},
        {"timestamp": -1},
        {"step": 2**63},
        {"run_id": None},
        {"run_id": "../x"},
        *({"key": key} for key in ("a//b", "../a", "/a", ".", "a/.", "a*b", "", "k" * 251)),
    ):
        assert tracking.post("runs/log-metric", **{**good, **wrong}) == INVALID, wrong
    assert tracking.post("runs/log-metric", **{**good, "run_id": "nope"}) == MISSING
    assert tracking.post("runs/log-metric", **{**good, "key": "k" * 250}) == {}
    assert tracking.post("runs/log-metric", **{**good, "key": "ä b/c.d-e:f_1"}) == {}


def test_a_batch_is_stored_whole_or_not_at_all(tracking):
    run_id = tracking.new_run()
    metric, param = {"key": "m", "value": 1, "timestamp": 1}, {"key": "p", "value": "1"}
    many = [{**metric, "step": step} for step in range(1001)]
    for wrong in (
        {"metrics": many},
        {"params": [{"key": f"p{i}", "value": ""} for i in range(101)]},
        {"tags": [{"key": f"t{i}", "value": ""} for i in range(101)]},
        {"metrics": many[:1000], "params": [param]},
        {"params": [param, param]},
        {"params": [param], "metrics": [{**metric, "timestamp": None}]},
        {"params": [param], "metrics": [{**metric, "key": "/"}]},
    ):
        assert tracking.post("runs/log-batch", run_id=run_id, **wrong) == INVALID
    assert "params" not in tracking.run(run_id)["data"]
    assert tracking.post("runs/log-batch", run_id=run_id, params=[param], metrics=[metric]) == {}
    changed = tracking.post(
        "runs/log-batch", run_id=run_id, params=[{"key": "p", "value": "2"}], metrics=[{**metric, "key": "n"}]
    )
    assert changed == INVALID
    assert [item["key"] for item in tracking.run(run_id)["data"]["metrics"]] == ["m"]
    assert tracking.post("runs/log-parameter", run_id=run_id, key="p", value="1") == {}
    assert tracking.post("runs/log-parameter", run_id=run_id, key="p", value="3") == INVALID
    tracking.post("runs/log-batch", run_id=run_id, tags=[{"key": "t", "value": "1"}, {"key": "t", "value": "2"}])
    assert tags_of(tracking.run(run_id))["t"] == "2"


def test_history_of_many_runs_and_of_an_interval(tracking):
    run_ids = [tracking.new_run() for _ in range(2)]
    for run_id in run_ids:
        points = [{"key": "m", "value": step, "timestamp": step, "step": step} for step in range(1000)]
        tracking.post("runs/log-batch", run_id=run_id, metrics=points)
    page = tracking.get("metrics/get-history", run_id=run_ids[0], metric_key="m", max_results=600)
    rest = tracking.get(
        "metrics/get-history", run_id=run_ids[0], metric_key="m", max_results=600, page_token=page["next_page_token"]
    )
    assert (len(page["metrics"]), len(rest["metrics"])) == (600, 400)
    assert "next_page_token" not in rest
    some = tracking.get("metrics/get-history-bulk-interval", run_ids=run_ids, metric_key="m", max_results=10)["metrics"]
    assert len(some) == 22
    assert {point["run_id"] for point in some if point["step"] == 999} == set(run_ids)
    few = tracking.get(
        "metrics/get-history-bulk-interval", run_ids=run_ids, metric_key="m", start_step=5, end_step=7, max_results=10
    )["metrics"]
    assert [point["step"] for point in few] == [5, 6, 7, 5, 6, 7]
    for wrong in ({"max_results": 0}, {"max_results": 2501}, {"start_step": 1}, {"run_ids": ["r"] * 101}):
        query = {"run_ids": run_ids, "metric_key": "m", **wrong}
        assert tracking.get("metrics/get-history-bulk-interval", **query) == INVALID
    assert tracking.get("metrics/get-history", run_id=run_ids[0], metric_key="m", page_token="zz") == INVALID


def test_a_strange_address_method_or_body_answers_in_mlflows_shape(tracking, api, alice):
    assert tracking.get("traces") == (404, "ENDPOINT_NOT_FOUND")
    assert tracking.get("runs/create") == (405, "BAD_REQUEST")
    for body in ("{", "[1]", '"x"'):
        assert tracking._read(api(alice).post(tracking.base + "runs/create", body)) == (400, "BAD_REQUEST")
    plain = api(alice).post(tracking.base + "runs/create", "{}", content_type="text/plain")
    assert tracking._read(plain) == INVALID
    root = tracking.base.removesuffix("api/2.0/mlflow/")
    assert api(alice).get(root + "health").content == b"OK"
    assert api(alice).get(root + "version").content.count(b".") == 2


def test_a_stranger_gets_nothing_and_a_reader_reads(tracking, api, bob, mallory, workspace):
    run_id = tracking.new_run()
    nobody = Tracking(api(None), workspace)
    assert nobody.get("runs/get", run_id=run_id) == (401, "UNAUTHENTICATED")
    assert Tracking(api(mallory), workspace).get("runs/get", run_id=run_id) == MISSING
    reader = Tracking(api(bob), workspace)
    assert reader.run(run_id)["info"]["run_id"] == run_id
    for route, body in (
        ("runs/create", {"experiment_id": "0"}),
        ("runs/log-metric", {"run_id": run_id, "key": "m", "value": 1, "timestamp": 1}),
        ("runs/set-tag", {"run_id": run_id, "key": "t", "value": "v"}),
        ("runs/delete", {"run_id": run_id}),
        ("experiments/create", {"name": "x"}),
    ):
        assert reader.post(route, **body) == (403, "PERMISSION_DENIED"), route


def test_a_run_of_another_workspace_is_not_there(tracking, api, alice):
    other = factories.make_workspace()
    factories.give_role(alice, "Contributor", other)
    run_id = tracking.new_run()
    assert Tracking(api(alice), other).get("runs/get", run_id=run_id) == MISSING


def test_datasets_and_models_of_a_run(tracking):
    run_id = tracking.new_run()
    dataset = {"name": "d", "digest": "abc", "source_type": "local", "source": "x", "schema": "s"}
    tags = [{"key": "mlflow.data.context", "value": "training"}]
    for _ in range(2):
        assert tracking.post("runs/log-inputs", run_id=run_id, datasets=[{"dataset": dataset, "tags": tags}]) == {}
    tracking.post("runs/outputs", run_id=run_id, models=[{"model_id": "m-1", "step": 3}])
    run = tracking.run(run_id)
    assert run["inputs"]["dataset_inputs"] == [{"tags": tags, "dataset": dataset}]
    assert run["outputs"]["model_outputs"] == [{"model_id": "m-1", "step": 3}]
    assert tracking.post("runs/log-inputs", run_id=run_id, datasets=[{"dataset": {"name": "x"}}]) == INVALID


def test_a_logged_metric_costs_few_queries(tracking, django_assert_max_num_queries):
    run_id = tracking.new_run()
    tracking.post("runs/log-metric", run_id=run_id, key="m", value=1, timestamp=1)
    with django_assert_max_num_queries(12):
        tracking.post("runs/log-metric", run_id=run_id, key="m", value=1, timestamp=2)


@pytest.mark.parametrize(("method", "route"), [*FIXED, *((method, pattern.pattern) for method, pattern, _ in COMPILED)])
def test_every_route_refuses_a_stranger(api, workspace, method, route):
    path = re.sub(r"\(\?P<\w+>[^)]*\)", "x", route)
    answer = api(None).client.generic(
        method, f"/mlflow/v1.0{workspace.arm_id}/api/2.0/{path}", b"{}", "application/json"
    )
    assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(("mark", "slash"), [("+", "~"), ("%", "#")])
def test_a_logged_image_is_on_the_images_tab(tracking, as_user, alice, mark, slash):
    run_id = tracking.new_run()
    folder = tracking.run(run_id)["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/")
    base = f"{tracking.base.removesuffix('mlflow/')}mlflow-artifacts/artifacts/{folder}/images/"
    for step in (7, 7, 8):
        name = f"dog{slash}face{mark}step{mark}{step}{mark}timestamp{mark}{1000 + step}{mark}g{step}-a"
        for ending in (".png", f"{mark}compressed.webp"):
            assert tracking.api.client.put(base + quote(name + ending), b"image").status_code == 200
    run = Run.objects.get(run_id=run_id)
    (series,) = metrics.series_of(run)
    assert (series.name, series.kind, series.count, series.last_step) == ("dog/face", "image", 2, 8)
    page = as_user(alice).get(f"{run.get_absolute_url()}images/").content.decode()
    assert "dog/face" in page
    assert tracking.run(run_id)["data"].get("metrics") is None
