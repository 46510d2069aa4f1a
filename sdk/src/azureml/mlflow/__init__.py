"""The links between MLflow and a workspace: the page of a run, and the workspace's tracking address."""

from __future__ import annotations

from typing import Any, Dict, Optional

import mlflow

from azureml.core.run import Run
from azureml.core.workspace import Workspace
from azureml.mlflow._workspaces import find_workspace

__all__ = ["get_mlflow_tracking_uri", "get_portal_url", "register_model"]


def get_portal_url(run: Any) -> str:
    """The page in the studio of a run of MLflow's or of this SDK's."""
    if isinstance(run, Run):
        return run.get_portal_url()
    return Run.get(find_workspace(mlflow.get_tracking_uri()), _run_id(run)).get_portal_url()


def get_mlflow_tracking_uri(workspace: Workspace) -> str:
    """The address for `mlflow.set_tracking_uri`."""
    return workspace.get_mlflow_tracking_uri()


def register_model(run: Any, name: str, path: str, tags: Optional[Dict[str, str]] = None, **kwargs: Any) -> Any:
    """Register what lies at `path` among the run's files as a version of the model `name`."""
    client = mlflow.MlflowClient()
    run_id = run.id if isinstance(run, Run) else _run_id(run)
    try:
        client.create_registered_model(name)
    except mlflow.MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    return client.create_model_version(name, f"runs:/{run_id}/{path.strip('/')}", run_id, tags=tags, **kwargs)


def _run_id(run: Any) -> str:
    info = getattr(run, "info", None)
    if info is None:
        raise TypeError(f"run must be a run of mlflow or of azureml.core, not {type(run).__name__}.")
    return str(info.run_id)
