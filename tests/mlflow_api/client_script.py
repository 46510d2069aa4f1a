"""Drives a real MLflow client against a workspace; run by the client's own interpreter, with the address in MLFLOW_TRACKING_URI.

Prints one JSON object: which acts went wrong, and the ids that the test looks up on the server.
"""

import json
import math
import os
import pathlib
import tempfile
import threading
import traceback

import mlflow
import mlflow.pyfunc
import pandas as pd
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.tracking import MlflowClient

client = MlflowClient()
kept = {}


def experiments():
    made = mlflow.set_experiment("first experiment")
    assert client.get_experiment(made.experiment_id).name == "first experiment"
    other = client.create_experiment("other", tags={"k": "v"})
    client.rename_experiment(other, "renamed")
    client.set_experiment_tag(other, "k2", "v2")
    assert client.get_experiment_by_name("renamed").tags == {"k": "v", "k2": "v2"}
    client.delete_experiment(other)
    assert client.get_experiment(other).lifecycle_stage == "deleted"
    client.restore_experiment(other)
    names = [item.name for item in client.search_experiments(filter_string="tags.k = 'v'")]
    assert names == ["renamed"], names
    assert client.get_experiment_by_name("nope") is None
    try:
        client.create_experiment("renamed")
    except MlflowException as error:
        assert error.error_code == "RESOURCE_ALREADY_EXISTS", error.error_code
    else:
        raise AssertionError("a second experiment of the name was made")


def nested_runs():
    with mlflow.start_run(run_name="outer", description="what it is for") as outer:
        mlflow.log_param("lr", 0.1)
        mlflow.log_params({f"p{i}": i for i in range(250)})
        mlflow.log_metric("loss", 0.5, step=3)
        mlflow.log_metrics({"a": 1, "b": float("nan"), "c": math.inf}, step=1)
        mlflow.set_tags({"t": "1", "u": "2"})
        mlflow.delete_tag("u")
        with mlflow.start_run(run_name="inner", nested=True) as inner:
            mlflow.log_metric("loss", 1)
    kept.update(outer=outer.info.run_id, inner=inner.info.run_id)
    run = client.get_run(outer.info.run_id)
    assert (run.info.status, run.info.run_name, run.data.params["p249"]) == ("FINISHED", "outer", "249")
    assert run.data.metrics["loss"] == 0.5 and math.isnan(run.data.metrics["b"]) and run.data.metrics["c"] == math.inf
    assert run.data.tags["mlflow.note.content"] == "what it is for" and "u" not in run.data.tags
    assert client.get_parent_run(inner.info.run_id).info.run_id == outer.info.run_id
    children = mlflow.search_runs(filter_string=f"tags.mlflow.parentRunId = '{outer.info.run_id}'")
    assert list(children.run_id) == [inner.info.run_id]
    with mlflow.start_run(run_id=outer.info.run_id):
        mlflow.log_metric("later", 2)
    assert client.get_run(outer.info.run_id).info.status == "FINISHED"


def failing_run():
    try:
        with mlflow.start_run() as run:
            raise ValueError("on purpose")
    except ValueError:
        assert client.get_run(run.info.run_id).info.status == "FAILED"


def batches_and_history():
    with mlflow.start_run() as run:
        points = [Metric("h", step / 7, 1_700_000_000_000 + step, step) for step in range(10_000)]
        for start in range(0, 10_000, 1000):
            client.log_batch(run.info.run_id, metrics=points[start : start + 1000])
        client.log_batch(run.info.run_id, params=[Param("p", "1")], tags=[RunTag("t", "2")])
    history = client.get_metric_history(run.info.run_id, "h")
    assert [(m.step, m.value) for m in history] == [(m.step, m.value) for m in points]
    try:
        client.log_param(run.info.run_id, "p", "2")
    except MlflowException as error:
        assert error.error_code == "INVALID_PARAMETER_VALUE", error.error_code
    else:
        raise AssertionError("a param was changed")


def artifacts():
    with mlflow.start_run() as run, tempfile.TemporaryDirectory() as folder:
        mlflow.log_text("hällo", "texts/a b%.txt")
        mlflow.log_dict({"k": [1]}, "d.json")
        mlflow.log_table({"x": [1, 2]}, "table.json")
        mlflow.log_table({"x": [3]}, "table.json")
        pathlib.Path(folder, "sub").mkdir()
        pathlib.Path(folder, "sub", "f.bin").write_bytes(bytes(range(256)) * 4000)
        pathlib.Path(folder, "empty.txt").touch()
        mlflow.log_artifacts(folder, "all")
        mlflow.log_artifact(str(pathlib.Path(folder, "sub", "f.bin")))
        kept["files"] = run.info.run_id
        back = pathlib.Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, dst_path=folder + "/back"))
        assert (back / "all/sub/f.bin").read_bytes() == bytes(range(256)) * 4000
        assert (back / "all/empty.txt").read_bytes() == b""
    assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/texts/a b%.txt") == "hällo"
    assert mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/d.json") == {"k": [1]}
    assert list(mlflow.load_table("table.json", run_ids=[run.info.run_id]).x) == [1, 2, 3]
    names = sorted(item.path for item in client.list_artifacts(run.info.run_id))
    assert names == ["all", "d.json", "f.bin", "table.json", "texts"], names
    assert [item.path for item in client.list_artifacts(run.info.run_id, "all/sub")] == ["all/sub/f.bin"]
    assert client.list_artifacts(run.info.run_id, "nothing") == []


def large_file_in_parts():
    os.environ.update(
        MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD="true",
        MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE=str(2 * 1024 * 1024),
        MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE=str(5 * 1024 * 1024),
    )
    data = os.urandom(12 * 1024 * 1024)
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run() as run:
        path = pathlib.Path(folder, "large.bin")
        path.write_bytes(data)
        mlflow.log_artifact(str(path), "big")
        back = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="big/large.bin")
        assert pathlib.Path(back).read_bytes() == data
    del os.environ["MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD"]


def search_with_pages():
    experiment_id = client.create_experiment("searched")
    for number in range(25):
        run = client.create_run(experiment_id, tags={"kind": "even" if number % 2 == 0 else "odd"})
        client.log_metric(run.info.run_id, "m", number)
    page = client.search_runs([experiment_id], "tags.kind = 'odd'", order_by=["metrics.m DESC"], max_results=5)
    values = []
    while True:
        values += [run.data.metrics["m"] for run in page]
        if not page.token:
            break
        page = client.search_runs(
            [experiment_id], "tags.kind = 'odd'", order_by=["metrics.m DESC"], max_results=5, page_token=page.token
        )
    assert values == list(range(23, 0, -2)), values
    frame = mlflow.search_runs(experiment_names=["searched"], filter_string="metrics.m > 20")
    assert len(frame) == 4
    deleted = frame.run_id[0]
    client.delete_run(deleted)
    assert len(client.search_runs([experiment_id], run_view_type=ViewType.DELETED_ONLY)) == 1
    client.restore_run(deleted)
    assert len(client.search_runs([experiment_id])) == 25


def concurrent_writers():
    run_id = client.create_run(mlflow.set_experiment("first experiment").experiment_id).info.run_id
    errors = []

    def write(writer):
        try:
            for step in range(10):
                client.log_metric(run_id, "shared", writer + step / 100, timestamp=1000 + step, step=step)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors
    assert len(client.get_metric_history(run_id, "shared")) == 80
    client.set_terminated(run_id, "KILLED")
    assert client.get_run(run_id).info.status == "KILLED"


def data_sets():
    with mlflow.start_run() as run:
        frame = mlflow.data.from_pandas(pd.DataFrame({"x": [1]}), name="frame")
        mlflow.log_input(frame, context="training")
    found = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert [(item.dataset.name, item.tags[0].value) for item in found] == [("frame", "training")]
    assert len(client.search_runs([run.info.experiment_id], "dataset.name = 'frame'")) == 1


class Adder(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input["x"] + 1


def models():
    name_argument = {"name": "model"} if mlflow.__version__ >= "3" else {"artifact_path": "model"}
    with mlflow.start_run() as run:
        info = mlflow.pyfunc.log_model(python_model=Adder(), pip_requirements=[], **name_argument)
    kept["model_run"] = run.info.run_id
    mlflow.register_model(info.model_uri, "adder")
    version = mlflow.register_model(f"runs:/{run.info.run_id}/model", "adder")
    assert version.version in ("2", 2)
    client.set_registered_model_alias("adder", "best", "1")
    client.set_model_version_tag("adder", "1", "k", "v")
    client.update_model_version("adder", "1", description="first")
    frame = pd.DataFrame({"x": [1, 2]})
    for uri in (
        info.model_uri,
        "models:/adder/1",
        "models:/adder@best",
        "models:/adder/latest",
        f"runs:/{run.info.run_id}/model",
    ):
        assert list(mlflow.pyfunc.load_model(uri).predict(frame)) == [2, 3], uri
    client.transition_model_version_stage("adder", "1", "Production")
    assert list(mlflow.pyfunc.load_model("models:/adder/Production").predict(frame)) == [2, 3]
    found = client.get_model_version("adder", "1")
    assert (found.current_stage, found.description, found.tags, list(found.aliases)) == (
        "Production",
        "first",
        {"k": "v"},
        ["best"],
    )
    assert [v.version for v in client.search_model_versions("name = 'adder'")] in (
        ["2", "1"],
        ["1", "2"],
        [2, 1],
        [1, 2],
    )
    client.rename_registered_model("adder", "plus")
    assert [m.name for m in client.search_registered_models("name LIKE 'pl%'")] == ["plus"]
    client.delete_registered_model_alias("plus", "best")
    client.delete_model_version("plus", "2")
    assert [v.version for v in client.get_registered_model("plus").latest_versions] in (["1"], [1])
    kept["registered"] = "plus"


def files_of_the_workspace():
    """Files that belong to no job: they can be added, also beside a registered version, but not to it."""
    repository = get_artifact_repository("mlflow-artifacts:/own/model")
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "a.txt")
        file.write_text("a")
        repository.log_artifact(str(file))
        repository.log_artifacts(folder, "more")
        client.create_registered_model("own")
        client.create_model_version("own", "mlflow-artifacts:/own/model")
        get_artifact_repository("mlflow-artifacts:/own/other").log_artifact(str(file))
        for into in (None, "new"):
            try:
                repository.log_artifact(str(file), into)
            except Exception as error:
                assert "409" in str(error), error
            else:
                raise AssertionError("a registered version was changed")
    assert sorted(item.path for item in repository.list_artifacts()) == ["a.txt", "more"]
    assert pathlib.Path(mlflow.artifacts.download_artifacts("models:/own/1"), "more", "a.txt").read_text() == "a"


ACTS = [
    experiments, nested_runs, failing_run, batches_and_history, artifacts, large_file_in_parts, search_with_pages,
    concurrent_writers, data_sets, models, files_of_the_workspace,
]  # fmt: skip

if __name__ == "__main__":
    wrong = {}
    for act in ACTS:
        try:
            act()
        except Exception:
            wrong[act.__name__] = traceback.format_exc()
            while mlflow.active_run():
                mlflow.end_run()
    print("RESULT" + json.dumps({"wrong": wrong, "kept": kept, "version": mlflow.__version__}))
