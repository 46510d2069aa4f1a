"""A notebook's way: the workspace's own tracking address, no further step; then the same runs through azureml.core."""

import json
import logging
import sys

import mlflow
from azureml.core import Experiment, Workspace
from azureml.mlflow import get_portal_url

logging.disable(logging.WARNING)
ws = Workspace.get("aml-workspace", subscription_id="sub-1", resource_group="aml-resources")
uri = ws.get_mlflow_tracking_uri()
assert uri.startswith("azureml://"), uri
mlflow.set_tracking_uri(uri)

experiment = Experiment(workspace=ws, name="mslearn-diabetes-mlflow")
mlflow.set_experiment(experiment.name)
with mlflow.start_run() as of_mlflow:
    mlflow.log_metric("observations", 10_000)
    mlflow.log_param("source", "notebook")
    mlflow.log_text("hello", "notes/hello.txt")
run = next(iter(experiment.get_runs()))
assert int(run.get_metrics()["observations"]) == 10_000
assert run.get_file_names() == ["notes/hello.txt"], run.get_file_names()
assert run.get_status() == "Completed", run.get_status()
assert get_portal_url(of_mlflow) == get_portal_url(run) == run.get_portal_url()
assert mlflow.artifacts.load_text(f"runs:/{run.id}/notes/hello.txt") == "hello"

# The reverse: what azureml.core makes is a run of mlflow.
other = experiment.start_logging(snapshot_directory=None)
other.log("loss", 0.5)
other.log_list("list", [1, 2, 3])
other.tag("kind", "interactive")
other.complete()
seen = mlflow.get_run(other.id)
assert (seen.info.status, seen.data.metrics["loss"], seen.data.tags["kind"]) == ("FINISHED", 0.5, "interactive"), seen
assert [m.value for m in mlflow.MlflowClient().get_metric_history(other.id, "list")] == [1, 2, 3]
assert len(mlflow.search_runs([seen.info.experiment_id], output_format="list")) == 2
mlflow.MlflowClient().create_registered_model("by-sdk")
print("RESULT" + json.dumps({"run": run.id, "portal": experiment.get_portal_url(), "python": sys.version}))
