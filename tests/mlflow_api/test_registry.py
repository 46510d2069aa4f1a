"""Registered models, their versions, aliases and stages, and logged models, by raw requests."""

import pytest

from registry.models import ModelVersion
from tests.mlflow_api.tracking import INVALID, MISSING, Tracking

EXISTS = (400, "RESOURCE_ALREADY_EXISTS")


@pytest.fixture
def model(tracking):
    return tracking.post("registered-models/create", name="m", description="d", tags=[{"key": "k", "value": "v"}])


@pytest.fixture
def source(tracking):
    return f"runs:/{tracking.new_run()}/model"


def version(tracking, source, **more):
    return tracking.post("model-versions/create", name="m", source=source, **more)


def test_a_model_is_made_changed_renamed_and_deleted(tracking, model):
    assert model["registered_model"]["tags"] == [{"key": "k", "value": "v"}]
    assert tracking.post("registered-models/create", name="m") == EXISTS
    changed = tracking.patch("registered-models/update", name="m", description="new")
    assert changed["registered_model"]["description"] == "new"
    tracking.post("registered-models/set-tag", name="m", key="a", value="b")
    for _ in range(2):
        assert tracking.delete("registered-models/delete-tag", name="m", key="k") == {}
    assert tracking.get("registered-models/get", name="m")["registered_model"]["tags"] == [{"key": "a", "value": "b"}]
    tracking.post("registered-models/create", name="other")
    assert tracking.post("registered-models/rename", name="m", new_name="other") == EXISTS
    assert tracking.post("registered-models/rename", name="m", new_name="n")["registered_model"]["name"] == "n"
    assert tracking.delete("registered-models/delete", name="n") == {}
    assert tracking.get("registered-models/get", name="n") == MISSING
    assert tracking.post("registered-models/update", name="n") == (405, "BAD_REQUEST")


@pytest.mark.parametrize("name", ["", " ", "a/b", "a:b", ".", "..", None, 5, "n" * 256])
def test_a_name_that_would_break_an_address_is_refused(tracking, name):
    assert tracking.post("registered-models/create", name=name) == INVALID


def test_versions_count_up_and_are_never_used_twice(tracking, model, source):
    first = version(tracking, source)["model_version"]
    # MLflow's clients tell an empty text from none.
    assert (first["version"], first["description"]) == ("1", "")
    tracking.delete("model-versions/delete", name="m", version="1")
    second = version(tracking, source, description="two", tags=[{"key": "k", "value": "v"}])["model_version"]
    assert (second["version"], second["current_stage"], second["status"]) == ("2", "None", "READY")
    assert tracking.get("model-versions/get", name="m", version="1") == MISSING
    assert tracking.get("model-versions/get", name="m", version="x") == INVALID
    assert (
        version(tracking, "/etc") == version(tracking, "file:///etc") == version(tracking, "models:/nope/1") == INVALID
    )
    uri = tracking.get("model-versions/get-download-uri", name="m", version="2")["artifact_uri"]
    assert uri == source
    copy = version(tracking, "models:/m/2")["model_version"]["version"]
    assert tracking.get("model-versions/get-download-uri", name="m", version=copy)["artifact_uri"] == source


def test_files_that_azures_address_names_are_found_by_mlflows_client(tracking, model):
    run = tracking.run(tracking.new_run())["info"]
    for source, uri in {
        f"azureml://jobs/{run['run_id']}/outputs/artifacts/paths/model": f"{run['artifact_uri']}/model",
        "azureml://datastores/workspaceartifactstore/paths/LocalUpload/1/m.pkl": "mlflow-artifacts:/LocalUpload/1/m.pkl",
    }.items():
        number = version(tracking, source)["model_version"]["version"]
        found = tracking.get("model-versions/get-download-uri", name="m", version=number)
        assert found["artifact_uri"] == uri


def test_a_copy_keeps_where_it_came_from(tracking, model):
    run_id = tracking.new_run()
    info = logged_model(tracking, source_run_id=run_id)
    version(tracking, f"models:/{info['model_id']}")
    tracking.post("registered-models/alias", name="m", alias="best", version="1")
    copy = version(tracking, "models:/m@best")["model_version"]
    assert (copy["source"], copy["run_id"], copy["model_id"]) == ("models:/m/1", run_id, info["model_id"])


def test_a_prompt_has_a_text_and_no_files(tracking, model):
    tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}, {"key": "mlflow.prompt.text", "value": "Say {{it}}"}]
    made = version(tracking, "dummy-source", tags=tags)["model_version"]
    assert made["tags"] == tags
    assert version(tracking, "/etc/passwd", tags=tags) == version(tracking, "dummy-source") == INVALID


@pytest.mark.parametrize(
    "pattern",
    [
        "runs:/{run}/model",
        "mlflow-artifacts:/0/{run}/artifacts/model",
        "mlflow-artifacts://host:5000/0/{run}/a",
        "azureml://jobs/{run}/outputs/artifacts/paths/model",
        "aml://artifact/ExperimentRun/dcid.{run}/model",
    ],
)
def test_a_version_knows_the_run_that_has_its_files(tracking, model, pattern):
    """A purge keeps that run, whether the client named it or its address alone."""
    run_id, other = tracking.new_run(), tracking.new_run()
    reply = version(tracking, pattern.format(run=run_id))["model_version"]
    assert "run_id" not in reply
    version(tracking, pattern.format(run=run_id), run_id=other)
    version(tracking, "s3://bucket/model", run_id=other)
    version(tracking, "s3://bucket/model", run_id="of-another-server")
    found = ModelVersion.objects.order_by("number").values_list("run__run_id", "source_run_id")
    assert list(found) == [(run_id, ""), (run_id, other), (other, other), (None, "of-another-server")]


def test_stages_and_the_latest_of_each(tracking, model, source):
    for _ in range(3):
        version(tracking, source)
    move = {"name": "m", "archive_existing_versions": False}
    tracking.post("model-versions/transition-stage", version="1", stage="Production", **move)
    moved = tracking.post(
        "model-versions/transition-stage", version="2", stage="production", **move | {"archive_existing_versions": True}
    )
    assert moved["model_version"]["current_stage"] == "Production"
    latest = tracking.get("registered-models/get-latest-versions", name="m")["model_versions"]
    assert {row["current_stage"]: row["version"] for row in latest} == {"Archived": "1", "Production": "2", "None": "3"}
    only = tracking.post("registered-models/get-latest-versions", name="m", stages=["Production"])["model_versions"]
    assert [row["version"] for row in only] == ["2"]
    assert tracking.post("registered-models/get-latest-versions", name="m", stages=["Nope"]) == INVALID
    assert tracking.post("model-versions/transition-stage", version="1", stage="Nope", **move) == INVALID


def test_aliases_point_at_versions_and_go_with_them(tracking, model, source):
    version(tracking, source)
    assert tracking.post("registered-models/alias", name="m", alias="Best", version="1") == {}
    found = tracking.get("registered-models/alias", name="m", alias="Best")["model_version"]
    assert (found["version"], found["aliases"]) == ("1", ["Best"])
    assert tracking.get("registered-models/alias", name="m", alias="best") == INVALID
    for alias in ("latest", "v1", "a b", "", "a" * 256):
        assert tracking.post("registered-models/alias", name="m", alias=alias, version="1") == INVALID
    assert tracking.post("registered-models/alias", name="m", alias="x", version="9") == MISSING
    tracking.delete("model-versions/delete", name="m", version="1")
    assert tracking.get("registered-models/alias", name="m", alias="Best") == INVALID


def test_models_and_versions_are_searched(tracking, model, source):
    version(tracking, source, tags=[{"key": "t", "value": "1"}])
    version(tracking, source)
    tracking.post("registered-models/create", name="prompt", tags=[{"key": "mlflow.prompt.is_prompt", "value": "true"}])

    def models(text="", **more):
        found = tracking.get("registered-models/search", filter=text, **more)
        return found if isinstance(found, tuple) else [row["name"] for row in found.get("registered_models", [])]

    assert (
        models() == models("name ILIKE 'M%'") == models("tags.k = 'v'") == models(order_by=["timestamp DESC"]) == ["m"]
    )
    assert models("tags.`mlflow.prompt.is_prompt` = 'true'") == ["prompt"]
    assert models("description = 'd'") == models(order_by=["tags.k"]) == models(max_results=1001) == INVALID

    def versions(text="", **more):
        found = tracking.get("model-versions/search", filter=text, **more)
        return found if isinstance(found, tuple) else [row["version"] for row in found.get("model_versions", [])]

    run_id = source.split("/")[1]
    assert versions("name = 'm'", order_by=["version_number"]) == ["1", "2"]
    assert versions() == ["2", "1"]
    assert versions("tag.t = '1'") == versions("version_number < 2") == ["1"]
    assert versions(f"source_path = '{source}'", order_by=["version_number DESC"]) == ["2", "1"]
    assert versions(f"run_id IN ('{run_id}')") == []
    assert versions("current_stage = 'None'") == versions(order_by=["run_id"]) == INVALID


def test_a_logged_model_lives(tracking):
    run_id = tracking.new_run()
    experiment_id = tracking.run(run_id)["info"]["experiment_id"]
    made = tracking.post("logged-models", experiment_id=experiment_id, name="lm", source_run_id=run_id)["model"]["info"]
    route = f"logged-models/{made['model_id']}"
    assert (made["status"], made["name"]) == ("LOGGED_MODEL_PENDING", "lm")
    assert made["artifact_uri"] == f"mlflow-artifacts:/{experiment_id}/models/{made['model_id']}/artifacts"
    assert tracking.patch(route, status="LOGGED_MODEL_READY")["model"]["info"]["status"] == "LOGGED_MODEL_READY"
    assert tracking.patch(route, status="WHO_KNOWS") == INVALID
    tracking.patch(f"{route}/tags", tags=[{"key": "t", "value": "1"}])
    tracking.post(f"{route}/params", params=[{"key": "p", "value": "1"}])
    assert tracking.post(f"{route}/params", params=[{"key": "p", "value": "2"}]) == INVALID
    point = {"key": "acc", "value": 0.5, "timestamp": 1, "step": 2, "model_id": made["model_id"]}
    tracking.post("runs/log-metric", run_id=run_id, **point)
    data = tracking.get(route)["model"]["data"]
    assert data["metrics"] == [{**point, "run_id": run_id}]
    assert data["params"] == [{"key": "p", "value": "1"}]

    def found(text, **more):
        answer = tracking.post("logged-models/search", experiment_ids=[experiment_id], filter=text, **more)
        return answer if isinstance(answer, tuple) else [row["info"]["name"] for row in answer.get("models", [])]

    assert (
        found("name = 'lm' AND tags.t = '1'")
        == found(f"source_run_id = '{run_id}'")
        == found("params.p = '1'")
        == ["lm"]
    )
    assert found("metrics.acc >= 0.5 and metrics.acc != 1") == found("metrics.nope > 0 or name = 'lm'") == ["lm"]
    assert found("metrics.acc < 0.5") == []
    assert found("metrics.acc LIKE 'x'") == found("metrics.acc > '1'") == INVALID
    assert found("status = 'READY'", order_by=[{"field_name": "metrics.acc", "ascending": False}]) == ["lm"]
    assert found("status = 'PENDING'") == []
    assert found("", order_by=[{"field_name": "nope"}]) == found("foo = 'x'") == INVALID
    assert tracking.delete(f"{route}/tags/t") == {}
    assert tracking.delete(f"{route}/tags/t") == MISSING
    assert tracking.delete(route) == {}
    assert tracking.get(route) == MISSING
    assert tracking.post("logged-models", experiment_id=experiment_id, name="a/b") == INVALID


def test_a_reader_registers_nothing(tracking, api, bob, workspace, model, source):
    reader = Tracking(api(bob), workspace)
    denied = (403, "PERMISSION_DENIED")
    assert reader.get("registered-models/get", name="m")["registered_model"]["name"] == "m"
    assert version(reader, source) == reader.post("registered-models/create", name="x") == denied
    assert reader.delete("registered-models/delete", name="m") == denied


def logged_model(tracking, **more):
    experiment_id = tracking.get("experiments/get", experiment_id="0")["experiment"]["experiment_id"]
    return tracking.post("logged-models", experiment_id=experiment_id, **more)["model"]["info"]


def model_tags(tracking, model_id):
    info = tracking.get(f"logged-models/{model_id}")["model"]["info"]
    return {tag["key"]: tag["value"] for tag in info.get("tags", [])}


def test_a_logged_model_names_the_versions_made_from_it(tracking, model):
    info = logged_model(tracking)
    for _ in range(2):
        assert "model_version" in version(tracking, info["artifact_uri"], model_id=info["model_id"])
    named = '[{"name": "m", "version": 1}, {"name": "m", "version": 2}]'
    assert model_tags(tracking, info["model_id"]) == {"mlflow.modelVersions": named}
    assert version(tracking, "file:///etc", model_id=info["model_id"]) == INVALID
    tracking.patch(f"logged-models/{info['model_id']}/tags", tags=[{"key": "mlflow.modelVersions", "value": "{"}])
    version(tracking, info["artifact_uri"], model_id=info["model_id"])
    assert model_tags(tracking, info["model_id"]) == {"mlflow.modelVersions": '[{"name": "m", "version": 3}]'}


def test_a_tag_of_a_logged_model_is_deleted_without_a_body(tracking):
    model_id = logged_model(tracking, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])["model_id"]
    address = f"{tracking.base}logged-models/{model_id}/tags/a"
    assert tracking.api.client.delete(address).status_code == 200
    assert model_tags(tracking, model_id) == {"b": "2"}
    again = tracking.api.client.delete(address)
    assert (again.status_code, again.json()["error_code"]) == MISSING


def test_logged_models_are_found_by_the_data_set_they_were_measured_on(tracking):
    one, other = logged_model(tracking, name="one"), logged_model(tracking, name="other", source_run_id="elsewhere")
    run_id = tracking.new_run()
    measured = {"dataset_name": "d", "dataset_digest": "1", "model_id": one["model_id"]}
    tracking.post("runs/log-metric", run_id=run_id, key="m", value=1, timestamp=1, **measured)

    def names(*datasets):
        found = tracking.post(
            "logged-models/search", experiment_ids=[one["experiment_id"]], datasets=list(datasets), max_results=1
        )
        return [row["info"]["name"] for row in found.get("models", [])]

    assert names() == [other["name"]]
    assert names({"dataset_name": "d", "dataset_digest": "1"}) == names({"dataset_name": "d"}) == ["one"]
    assert names({"dataset_name": "d", "dataset_digest": "2"}) == names({"dataset_name": "e"}) == []
    wrong = tracking.post("logged-models/search", experiment_ids=[one["experiment_id"]], datasets=[{}])
    assert wrong == INVALID


def test_filters_and_orders_of_logged_models_see_nan(tracking):
    for name, value in (("two", 2), ("nan", "NaN"), ("one", 1), ("none", None)):
        info = logged_model(tracking, name=name, source_run_id=name)
        if value is not None:
            point = {"key": "m", "value": value, "timestamp": 1, "model_id": info["model_id"]}
            tracking.post("runs/log-metric", run_id=tracking.new_run(), **point)

    def names(text="", **more):
        found = tracking.post("logged-models/search", experiment_ids=[info["experiment_id"]], filter=text, **more)
        return found if isinstance(found, tuple) else [row["info"]["name"] for row in found.get("models", [])]

    assert names("metrics.m = NaN") == names("metrics.m = 'nan'") == ["nan"]
    assert sorted(names("metrics.m != 1")) == ["nan", "two"]
    assert sorted(names("metrics.m != NaN")) == ["one", "two"]
    assert names("metrics.m > NaN") == INVALID
    for ascending, numbers in ((True, ["one", "two"]), (False, ["two", "one"])):
        assert names(order_by=[{"field_name": "metrics.m", "ascending": ascending}]) == [*numbers, "nan", "none"]


def test_a_file_of_a_logged_model_is_shown(tracking):
    info = logged_model(tracking)
    base = tracking.base.removesuffix("mlflow/")
    address = f"{base}mlflow-artifacts/artifacts/{info['artifact_uri'].removeprefix('mlflow-artifacts:/')}/MLmodel"
    assert tracking.api.client.put(address, b"flavors: {}").status_code == 200
    files = f"{tracking.base}logged-models/{info['model_id']}/artifacts/files"
    found = tracking.api.client.get(files, {"artifact_file_path": "MLmodel"})
    assert (found.status_code, found.getvalue()) == (200, b"flavors: {}")
    assert tracking.api.client.get(files, {"artifact_file_path": "../MLmodel"}).status_code == 400
    assert tracking.api.client.get(files, {"artifact_file_path": "nope"}).status_code == 404
