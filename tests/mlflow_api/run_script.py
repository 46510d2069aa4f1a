"""A submitted script: nothing is set but what the runner sets. `mlflow.start_run()` continues the run of the runner."""

import json

import mlflow

with mlflow.start_run() as run:
    mlflow.log_metric("accuracy", 0.9)
    mlflow.log_param("rate", 0.1)
    mlflow.log_text("x", "outputs/x.txt")
    mlflow.set_tag("mine", "yes")
    with mlflow.start_run(nested=True) as child:
        mlflow.log_metric("fold", 1)
with mlflow.start_run() as second:
    mlflow.log_metric("again", 2)
try:
    mlflow.set_experiment("somewhere else")
except mlflow.MlflowException as error:
    refused = error.error_code
print(
    "RESULT"
    + json.dumps({"run": run.info.run_id, "child": child.info.run_id, "second": second.info.run_id, "refused": refused})
)
