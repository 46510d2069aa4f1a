"""The whole mlflow with scikit-learn, as its user works with it; run by the client's own interpreter.

Prints one JSON object: which acts went wrong, and the ids that the test looks up on the server.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import traceback

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import mlflow
import numpy as np
import pandas as pd
from mlflow.tracking import MlflowClient
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

X, y = load_iris(return_X_y=True)
client = MlflowClient()
kept = {}


def autolog():
    mlflow.set_experiment("autologged")
    mlflow.set_experiment_tags({"team": "flowers", "mlflow.note.content": "Irises"})
    mlflow.sklearn.autolog(max_tuning_runs=3)
    with mlflow.start_run() as run:
        LogisticRegression(max_iter=200).fit(X, y)
    found = client.get_run(run.info.run_id)
    assert found.data.params["max_iter"] == "200", found.data.params
    assert found.data.metrics["training_accuracy_score"] > 0.9
    assert [item.dataset.name for item in found.inputs.dataset_inputs] == ["dataset"]
    files = [item.path for item in client.list_artifacts(run.info.run_id)]
    assert "training_confusion_matrix.png" in files, files
    kept["autologged"] = run.info.run_id
    with mlflow.start_run(run_name="grid") as search:
        GridSearchCV(LogisticRegression(max_iter=200), {"C": [0.1, 1, 10]}).fit(X, y)
    mlflow.sklearn.autolog(disable=True)
    children = client.search_runs([search.info.experiment_id], f"tags.mlflow.parentRunId = '{search.info.run_id}'")
    assert sorted(child.data.params["C"] for child in children) == ["0.1", "1", "10"], children
    kept["grid"] = search.info.run_id


def files():
    with mlflow.start_run() as run, tempfile.TemporaryDirectory() as folder:
        figure, axes = plt.subplots()
        axes.plot([1, 2, 3])
        mlflow.log_figure(figure, "figures/line.png")
        mlflow.log_text("hello", "notes/a.txt")
        mlflow.log_dict({"a": [1, 2]}, "a.json")
        mlflow.log_table({"x": [1, 2], "y": ["a", "b"]}, "table.json")
        mlflow.log_image(np.zeros((4, 4, 3), dtype=np.uint8), "single.png")
        for step in range(3):
            mlflow.log_image(np.full((8, 8, 3), 80 * step, dtype=np.uint8), key="dog/face", step=step)
        path = pathlib.Path(folder, "model.bin")
        path.write_bytes(bytes(1000))
        mlflow.log_artifact(str(path), "deep/er")
        assert mlflow.get_artifact_uri("notes/a.txt").endswith(f"/{run.info.run_id}/artifacts/notes/a.txt")
        back = mlflow.artifacts.download_artifacts(mlflow.get_artifact_uri("notes/a.txt"), dst_path=folder)
        assert pathlib.Path(back).read_text() == "hello"
    assert mlflow.artifacts.load_image(f"runs:/{run.info.run_id}/figures/line.png").size[0] > 100
    assert mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/a.json") == {"a": [1, 2]}
    assert list(mlflow.load_table("table.json", run_ids=[run.info.run_id], extra_columns=["run_id"]).run_id) == [
        run.info.run_id,
        run.info.run_id,
    ]
    kept["files"] = run.info.run_id


def models():
    with mlflow.start_run() as run:
        model = LogisticRegression(max_iter=200).fit(X, y)
        info = mlflow.sklearn.log_model(model, name="iris", input_example=X[:2], registered_model_name="iris")
        mlflow.log_metric("accuracy", model.score(X, y), model_id=info.model_id)
    client.set_registered_model_alias("iris", "best", 1)
    client.transition_model_version_stage("iris", 1, "Production")
    for uri in (f"runs:/{run.info.run_id}/iris", "models:/iris/1", "models:/iris@best", "models:/iris/Production"):
        assert list(mlflow.sklearn.load_model(uri).predict(X[:3])) == list(model.predict(X[:3])), uri
    assert list(mlflow.pyfunc.load_model(info.model_uri).predict(X[:3])) == list(model.predict(X[:3]))
    assert mlflow.last_logged_model().model_id == info.model_id
    found = mlflow.search_logged_models(
        experiment_ids=[run.info.experiment_id],
        filter_string="metrics.accuracy > 0.9",
        order_by=[{"field_name": "metrics.accuracy", "ascending": False}],
        output_format="list",
    )
    assert [item.model_id for item in found] == [info.model_id], found
    copy = client.copy_model_version("models:/iris@best", "flowers")
    assert list(mlflow.sklearn.load_model(f"models:/flowers/{copy.version}").predict(X[:1])) == [0]
    kept["models"] = run.info.run_id


def evaluation():
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "target": [1.1, 1.9, 3.2], "guess": [1.0, 2.0, 3.0]})
    data = mlflow.data.from_pandas(frame, targets="target", predictions="guess", name="guesses")
    with mlflow.start_run() as run:
        result = mlflow.models.evaluate(data=data, model_type="regressor")
        mlflow.log_input(mlflow.data.from_numpy(X, name="iris"), context="testing")
    stored = client.get_run(run.info.run_id)
    assert stored.data.metrics["mean_absolute_error"] == result.metrics["mean_absolute_error"]
    assert sorted(item.dataset.name for item in stored.inputs.dataset_inputs) == ["guesses", "iris"]


def asynchronous():
    mlflow.config.enable_async_logging()
    with mlflow.start_run() as run:
        for step in range(300):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_params({f"p{number}": number for number in range(120)})
        mlflow.set_tag("how", "later")
        mlflow.flush_async_logging()
    mlflow.config.enable_async_logging(False)
    stored = client.get_run(run.info.run_id)
    assert len(client.get_metric_history(run.info.run_id, "loss")) == 300
    assert (len(stored.data.params), stored.data.tags["how"]) == (120, "later")
    kept["asynchronous"] = run.info.run_id


def system_metrics():
    mlflow.set_system_metrics_sampling_interval(0.2)
    with mlflow.start_run(log_system_metrics=True) as run:
        deadline = time.monotonic() + 60
        while "system/cpu_utilization_percentage" not in client.get_run(run.info.run_id).data.metrics:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    kept["system"] = run.info.run_id


def grammar():
    made = client.create_experiment("grammar")
    for number in range(4):
        run = client.create_run(made, run_name=f"run-{number}", tags={"kind": "even" if number % 2 == 0 else "odd"})
        client.log_metric(run.info.run_id, "m a", number)
        client.log_param(run.info.run_id, "lr", f"0.{number}")
        client.set_terminated(run.info.run_id, "FAILED" if number == 3 else "FINISHED")

    def names(text):
        return "".join(sorted(run.info.run_name[-1] for run in client.search_runs([made], text)))

    for text, expected in (
        ("metrics.`m a` > 1", "23"), ('metrics."m a" <= 1 and tags.kind = \'odd\'', "1"), ("params.lr != '0.1'", "023"),
        ("params.lr LIKE '0.%' and tags.kind ILIKE 'EV%'", "02"), ("params.nope IS NULL", "0123"),
        ("tags.kind IS NOT NULL", "0123"), ("attributes.status = 'FAILED'", "3"), ("run_name = 'run-2'", "2"),
        ("tags.mlflow.runName LIKE 'run-%' and start_time > 0", "0123"), ("metrics.nope > 0", ""),
    ):  # fmt: skip
        assert names(text) == expected, (text, names(text))
    ordered = client.search_runs([made], order_by=["metrics.`m a` DESC"], max_results=3)
    assert [run.data.metrics["m a"] for run in ordered] == [3, 2, 1]
    rest = client.search_runs([made], order_by=["metrics.`m a` DESC"], max_results=3, page_token=ordered.token)
    assert ([run.data.metrics["m a"] for run in rest], rest.token) == ([0], None)


def command_line():
    def run(*words):
        done = subprocess.run([sys.executable, "-m", "mlflow", *words], capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    assert "autologged" in run("experiments", "search")
    assert "grid" in run("runs", "list", "--experiment-id", mlflow.get_experiment_by_name("autologged").experiment_id)
    with tempfile.TemporaryDirectory() as folder:
        run("artifacts", "download", "--run-id", kept["files"], "--artifact-path", "notes", "--dst-path", folder)
        assert pathlib.Path(folder, "notes", "a.txt").read_text() == "hello"


def through_azureml():
    from azureml.core import Workspace

    path_parts = os.environ["MLFLOW_TRACKING_URI"].partition("/subscriptions/")[2].split("/")
    ws = Workspace.get(path_parts[-1], subscription_id=path_parts[0], resource_group=path_parts[2])
    run = ws.get_run(kept["asynchronous"])
    # Threads of the client send batches at the same time, so that points come in any order.
    assert sorted(run.get_metrics()["loss"], reverse=True) == [1 / (step + 1) for step in range(300)]
    autologged = ws.get_run(kept["autologged"])
    assert autologged.get_metrics()["training_accuracy_score"] > 0.9
    assert "training_confusion_matrix.png" in autologged.get_file_names()
    children = ws.get_run(kept["grid"]).get_children()
    assert len(list(children)) == 3
    shown = ws.get_run(kept["files"])
    assert shown.get_metrics()["dog/face"].startswith("aml://artifactId/"), shown.get_metrics()
    assert ws.experiments["autologged"].tags["team"] == "flowers"


ACTS = [autolog, files, models, evaluation, asynchronous, system_metrics, grammar, command_line, through_azureml]

if __name__ == "__main__":
    chosen = os.environ.get("ACTS", "").split()
    wrong = {}
    for act in [act for act in ACTS if not chosen or act.__name__ in chosen]:
        try:
            act()
        except Exception:
            wrong[act.__name__] = traceback.format_exc()
            while mlflow.active_run():
                mlflow.end_run()
    print("RESULT" + json.dumps({"wrong": wrong, "kept": kept}))
