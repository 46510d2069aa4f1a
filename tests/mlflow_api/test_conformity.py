"""What MLflow's own clients and pages rely on in words and order, beyond what the facts of the API say."""

import pytest

from runs.models import Artifact
from tests.mlflow_api.tracking import INVALID, MISSING


@pytest.fixture
def answer(tracking):
    """Status and text of a raw answer."""

    def send(method, route, body=None, **query):
        base = tracking.base.removesuffix("api/2.0/mlflow/")
        if method == "GET":
            found = tracking.api.client.get(base + route, query)
        else:
            found = tracking.api.post(base + route, body)
        return found.status_code, found.json() if found["Content-Type"] == "application/json" else found.getvalue()

    return send


def refused(answer, route, body):
    status, found = answer("POST", f"api/2.0/mlflow/{route}", body)
    assert (status, found["error_code"]) == INVALID
    return found["message"]


def test_the_first_wrong_field_is_named_with_its_value(answer, tracking):
    run_id = tracking.new_run()
    for route, body, message in (
        ("experiments/create", {"name": 123}, "Invalid value 123 for parameter 'name'"),
        ("experiments/create", {}, "Missing value for required parameter 'name'"),
        ("experiments/create", {"name": "n", "artifact_location": 9.0}, "Invalid value 9.0 for parameter 'artifact_location'"),
        ("experiments/create", {"name": "n", "tags": "5"}, "Invalid value \"5\" for parameter 'tags'"),
        ("runs/log-metric", {"run_id": 31, "key": "m", "value": 41, "timestamp": 59}, "Invalid value 31 for parameter 'run_id' supplied"),
        ("runs/log-metric", {"run_id": run_id, "key": 31, "value": 4, "timestamp": 5}, "Invalid value 31 for parameter 'key' supplied"),
        ("runs/log-metric", {"run_id": run_id, "value": 4, "timestamp": 5}, "Missing value for required parameter 'key'"),
        ("runs/log-parameter", {"run_id": 31, "key": "p", "value": 41}, "Invalid value 31 for parameter 'run_id' supplied"),
        ("runs/set-tag", {"run_id": 31, "key": "p", "value": 41}, "Invalid value 31 for parameter 'run_id' supplied"),
        ("runs/set-tag", {"run_id": run_id, "key": "p", "value": 41}, "Invalid value 41 for parameter 'value' supplied"),
        ("runs/set-tag", {"run_id": run_id, "value": "v"}, "Missing value for required parameter 'key'"),
        ("runs/log-batch", {"run_id": run_id, "metrics": "foo"}, "Invalid value \"foo\" for parameter 'metrics' supplied"),
        ("runs/log-batch", {"run_id": run_id, "metrics": [{"value": 2.5, "key": "mae"}]}, 'Invalid value [{"key":"mae","value":2.5}] for parameter \'metrics\' supplied'),
        ("runs/log-inputs", {"run_id": run_id}, "Missing value for required parameter 'datasets'"),
        ("registered-models/create", {}, "Missing value for required parameter 'name'"),
    ):  # fmt: skip
        assert refused(answer, route, body).startswith(message)


def test_a_path_that_leads_elsewhere_is_refused_everywhere(answer, tracking):
    run_id = tracking.new_run()
    wrong = (400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "Invalid path"})
    for path in ("../x", "%2e%2e/x", "%252e%252e/x", "/etc", "C:/x", "a\\..\\b", "file:x"):
        assert answer("GET", "api/2.0/mlflow/artifacts/list", run_id=run_id, path=path) == wrong
        assert answer("GET", "get-artifact", run_id=run_id, path=path) == wrong
        assert answer("GET", "/model-versions/get-artifact", name="m", version=1, path=path) == wrong
        assert answer("GET", "api/2.0/mlflow-artifacts/artifacts", path=f"x/{run_id}/artifacts/../{path}") == wrong


def test_mlflows_page_uploads_and_downloads(answer, tracking, workspace):
    run_id = tracking.new_run()
    base = tracking.base.removesuffix("api/2.0/mlflow/")

    def upload(query, data=b"hello"):
        sent = tracking.api.client.generic(
            "POST", f"{base}ajax-api/2.0/mlflow/upload-artifact?{query}", data, "text/plain"
        )
        return sent.status_code, sent.json().get("message")

    assert upload("") == (400, "Request must specify run_uuid.")
    assert upload(f"run_uuid={run_id}&path=") == (400, "Request must specify path.")
    assert upload(f"run_uuid={run_id}&path=../t.txt") == (400, "Invalid path")
    assert upload(f"run_uuid={run_id}&path=t.txt", b"") == (400, "Request must specify data.")
    assert upload(f"run_uuid={run_id}&path=model/t.txt") == (200, None)
    assert Artifact.objects.get(run__run_id=run_id).size == 5
    assert answer("GET", "get-artifact", run_uuid=run_id, path="model/t.txt") == (200, b"hello")
    tracking.post("registered-models/create", name="m")
    tracking.post("model-versions/create", name="m", source=f"runs:/{run_id}/model")
    assert answer("GET", "model-versions/get-artifact", name="m", version=1, path="t.txt") == (200, b"hello")
    assert answer("GET", "get-artifact", run_uuid=run_id, path="model")[0] == 400
    assert answer("GET", "get-artifact", run_uuid=run_id, path="nope")[0] == 404


@pytest.mark.parametrize(
    ("name", "kind", "disposition"),
    [
        ("MLmodel", "text/plain", "attachment; filename=MLmodel"),
        ("a.txt", "text/plain", "attachment; filename=a.txt"),
        ("dog+step+1.png", "image/png", "attachment; filename=dog+step+1.png"),
        ("a b.html", "text/html", 'attachment; filename="a b.html"'),
        ("ä.pkl", "application/octet-stream", "attachment; filename*=utf-8''%C3%A4.pkl"),
    ],
)
def test_a_download_keeps_name_and_type(tracking, name, kind, disposition):
    run_id = tracking.new_run()
    folder = tracking.run(run_id)["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/")
    address = f"{tracking.base.removesuffix('mlflow/')}mlflow-artifacts/artifacts/{folder}/dir/{name}"
    assert tracking.api.client.put(address, b"x").status_code == 200
    found = tracking.api.client.get(address)
    assert (found["Content-Type"], found["Content-Disposition"]) == (kind, disposition)
    assert found["X-Content-Type-Options"] == "nosniff"


def test_sampled_steps_are_spread_and_hold_every_last_one(tracking):
    short, long = tracking.new_run(), tracking.new_run()
    for run_id, count in ((short, 10), (long, 20)):
        points = [{"key": "m", "value": 1, "timestamp": 1, "step": step} for step in range(count)]
        tracking.post("runs/log-batch", run_id=run_id, metrics=points)

    def steps(*run_ids, **more):
        found = tracking.get(
            "metrics/get-history-bulk-interval", run_ids=run_ids, metric_key="m", max_results=5, **more
        )
        return [point["step"] for point in found["metrics"]]

    assert steps(short) == [0, 2, 4, 6, 8, 9]
    assert steps(short, start_step=0, end_step=4) == [0, 1, 2, 3, 4]
    assert steps(short, long) == [0, 4, 8, 9, 0, 4, 8, 9, 12, 16, 19]


def test_a_thousand_points_of_one_step_are_thinned_too(tracking):
    run_id = tracking.new_run()
    for start in range(3):
        points = [{"key": "m", "value": start * 1000 + at, "timestamp": start * 1000 + at} for at in range(1000)]
        tracking.post("runs/log-batch", run_id=run_id, metrics=points)
    found = tracking.get("metrics/get-history-bulk-interval", run_ids=[run_id], metric_key="m", max_results=5)
    assert len(found["metrics"]) == 2500
    assert found["metrics"][-1]["value"] == 2999


def test_the_wrong_one_of_many_metrics_is_named(answer, tracking):
    metrics = [{"key": "m", "value": 1, "timestamp": 1}, {"key": "m", "value": 2.5}]
    message = refused(answer, "runs/log-batch", {"run_id": tracking.new_run(), "metrics": metrics})
    assert "Missing value for required parameter 'metrics[1].timestamp'" in message
    good = {"key": "k", "value": "v", "timestamp": 1}
    for name, field in (("metrics", "metrics[1].name"), ("params", "params[1].key"), ("tags", "tags[1].key")):
        items = [good | {"value": 1 if name == "metrics" else "v"} | key for key in ({}, {"key": "../bad"})]
        message = refused(answer, "runs/log-batch", {"run_id": tracking.new_run(), name: items})
        assert f"Invalid value \"../bad\" for parameter '{field}' supplied" in message


def test_a_number_is_an_id_of_no_experiment(tracking):
    for number in ("1", "-1337"):
        assert tracking.get("experiments/get", experiment_id=number) == MISSING


def test_histories_of_many_runs_come_run_by_run(answer, tracking):
    ids = [tracking.new_run() for _ in range(3)]
    for run_id in ids:
        tracking.post("runs/log-metric", run_id=run_id, key="m", value=1, timestamp=1)
    route = "ajax-api/2.0/mlflow/metrics/get-history-bulk"
    _, found = answer("GET", route, run_id=ids, metric_key="m")
    assert [point["run_id"] for point in found["metrics"]] == sorted(ids)
    for query, message in (
        ({"metric_key": "m"}, "GetMetricHistoryBulk request must specify at least one run_id"),
        ({"metric_key": "m", "run_id": ["x"] * 1001}, "GetMetricHistoryBulk request cannot specify more than"),
        ({"run_id": ["x"]}, "GetMetricHistoryBulk request must specify a metric_key"),
    ):
        status, found = answer("GET", route, **query)
        assert status == 400
        assert found["message"].startswith(message)


def test_data_sets_of_experiments_are_listed(answer, tracking):
    run_id = tracking.new_run()
    experiment_id = tracking.run(run_id)["info"]["experiment_id"]
    dataset = {"dataset": {"name": "d", "digest": "1"}, "tags": [{"key": "mlflow.data.context", "value": "training"}]}
    tracking.post("runs/log-inputs", run_id=run_id, datasets=[dataset])
    found = tracking.post("experiments/search-datasets", experiment_ids=[experiment_id])["dataset_summaries"]
    assert found == [{"experiment_id": experiment_id, "name": "d", "digest": "1", "context": "training"}]
    for ids in ([], ["x"] * 21):
        assert tracking.post("experiments/search-datasets", experiment_ids=ids) == INVALID


def test_sources_of_versions(answer, tracking):
    tracking.post("registered-models/create", name="m")
    run_id = tracking.new_run()

    def make(source, **more):
        found = answer("POST", "api/2.0/mlflow/model-versions/create", {"name": "m", "source": source, **more})
        return found[0], found[1].get("message", "")

    for source in (
        "mlflow-artifacts:/models/",
        "mlflow-artifacts:/models/foo///bar",
        "mlflow-artifacts://host:9000/m/....",
        "s3://b/m",
    ):
        assert make(source, run_id=run_id)[0] == 200, source
    for source in (
        "mlflow-artifacts://h/m/../../",
        "http://h/../",
        "ftp://h/..%2f..%2fx",
        "s3a://b/..%252fx",
        "mlflow-artifacts://h/m%00",
    ):
        status, message = make(source, run_id=run_id)
        assert status == 400
        assert "If supplying a source as an http, https," in message
    for source in ("/tmp", "tmp", "file:///tmp"):
        assert "To use a local path as a model version" in make(source)[1]
