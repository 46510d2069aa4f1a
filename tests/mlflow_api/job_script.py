"""Submitted scripts that log in the ways that people do: by autologging, outside of any run, in runs that they start.

Each way is a job of its own, with the variables that JOBS has for it, in this one process.
"""

import json
import os

import mlflow
from lazuli import mlflow_job
from mlflow.tracking.context.registry import resolve_tags
from mlflow.utils.autologging_utils import with_managed_run


def fit(alpha: float) -> str:
    """As an autologged `fit`: in the active run, or in one that autologging starts and ends."""

    def train(original):
        mlflow.log_param("alpha", alpha)
        mlflow.log_metric("training_score", alpha)
        return mlflow.active_run().info.run_id

    return with_managed_run("sklearn", train, tags={"mlflow.autologging": "sklearn"})(None)


def log() -> str:
    mlflow.log_metric("mse", 0.5)
    mlflow.log_text("x", "after.txt")
    run_id = mlflow.active_run().info.run_id
    mlflow.end_run()
    return run_id


def start(**arguments) -> str:
    with mlflow.start_run(**arguments) as run:
        mlflow.log_metric("started", 1)
    return run.info.run_id


def nested() -> list:
    with mlflow.start_run() as run, mlflow.start_run(nested=True, run_name="below") as child:
        mlflow.log_metric("fold", 1)
    return [run.info.run_id, child.info.run_id]


def make_tags() -> str:
    """As a data set does that says where it was made."""
    return str("lazuli.jobRun" in resolve_tags())


def forget() -> str:
    """Scripts do so that want a run of their own."""
    return str(bool(os.environ.pop("MLFLOW_RUN_ID")))


WAYS = {
    "autolog": lambda: [fit(0.1), log()],
    "autolog in a run": lambda: [start(), fit(0.1), log()],
    "ended": lambda: [start(), log(), log(), log()],
    "autolog, then a run": lambda: [fit(0.1), start(tags={"mine": "yes"}, run_name="named"), log()],
    "nested": lambda: [*nested(), log()],
    "autolog, then nested": lambda: [fit(0.1), *nested(), log()],
    "loop": lambda: [start(), start(), start(), log()],
    "tags between": lambda: [fit(0.1), make_tags(), start(), log()],
    "forgotten": lambda: [forget(), start(), log()],
    "fit twice": lambda: [fit(0.1), fit(0.2), log()],
}
used = {}
for way, variables in json.loads(os.environ["JOBS"]).items():
    os.environ.update(variables)
    mlflow_job.JOB = mlflow_job.JobRun(variables)
    used[way] = WAYS[way]()
print("RESULT" + json.dumps(used))
