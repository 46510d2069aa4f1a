"""An MLproject by `mlflow.projects.run(backend="azureml")`: here, and what would go to a cluster."""

import json
import pathlib
import sys

import mlflow
from azureml.core import Workspace
from azureml.exceptions import UserErrorException
from azureml.mlflow import _project_backend as backend
from azureml.mlflow import get_portal_url
from mlflow.projects.utils import load_project

PROJECT = """name: demo
entry_points:
  main:
    parameters: {alpha: {type: float, default: 0.1}, name: {type: string, default: a b}}
    command: "python train.py {alpha} {name}"
"""
CONDA = "dependencies:\n- python=3.11\n- numpy=1.26\n- pip:\n  - mlflow\n"
PYTHON = "python: '3.12'\ndependencies:\n- mlflow\n- -r requirements.txt\n"


def write(**files):
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def packages(line: str) -> list:
    """Python and the packages of the environment of a project that has this line."""
    write(MLproject=PROJECT + line)
    dependencies = backend._read_environment(load_project(str(folder)), str(folder)).python.conda_dependencies
    return [*sorted(dependencies.pip_packages), *sorted(dependencies.conda_packages)]


def refusal(function, *arguments) -> str:
    try:
        function(*arguments)
    except UserErrorException as error:
        return str(error)
    return ""


folder = pathlib.Path("project")
folder.mkdir()
write(
    MLproject=PROJECT,
    conda__yml=CONDA,
    python_env__yml=PYTHON,
    requirements__txt="# more\nscikit-learn\n\npandas==2.2\n",
)
write(train__py='import sys, mlflow\nwith mlflow.start_run():\n    mlflow.log_metric("alpha", float(sys.argv[1]))\n')
ws = Workspace.get("aml-workspace", subscription_id="sub-1", resource_group="aml-resources")
mlflow.set_tracking_uri(ws.get_mlflow_tracking_uri())
mlflow.set_experiment("projects")
run = mlflow.projects.run("project", parameters={"alpha": 0.3}, backend="azureml", backend_config={"USE_CONDA": False})
found = mlflow.get_run(run.run_id)
failed = mlflow.projects.run(
    "project", parameters={"alpha": 0.1, "name": "x"}, backend="azureml", backend_config={"USE_CONDA": False}, synchronous=False,
    run_name="second",
)  # fmt: skip
failed.cancel()
print(
    "RESULT"
    + json.dumps(
        {
            "run": run.run_id,
            "ended": run.wait(),
            "status": run.get_status(),
            "metrics": found.data.metrics,
            "params": found.data.params,
            "tags": {
                name: found.data.tags.get(name) for name in ("mlflow.project.backend", "mlflow.project.entryPoint")
            },
            "page": get_portal_url(found),
            "second": failed.run_id,
            "conda": packages("conda_env: conda.yml\n"),
            "python": packages("python_env: python_env.yml\n"),
            "neither": packages("")[:1],
            "here": [sys.version_info.major, sys.version_info.minor],
            "refused": [
                refusal(backend._read_settings, {"COMPUTER": "x"}),
                refusal(backend._read_settings, {"USE_CONDA": "no"}),
                refusal(backend._read_settings, {"COMPUTE": "cpu-cluster", "USE_CONDA": False}),
                refusal(packages, "docker_env: {image: x}\n"),
            ],
        }
    )
)
