"""The integration of mlflow; `ws.get_mlflow_tracking_uri()` is enough to use the workspace with mlflow."""

from __future__ import annotations

from typing import Any, Dict, Optional

from lazuli import mlflow_plugin
from lazuli.version import VERSION

from azureml import _absent
from azureml.core.run import Run
from azureml.exceptions import UserErrorException

__all__ = ["get_mlflow_tracking_uri", "get_portal_url", "register_model"]
__version__ = VERSION
__getattr__ = _absent.find_missing(__name__)


def get_portal_url(run: Any) -> str:
    """The run's page in the studio; `run` is one of mlflow's or of the SDK's."""
    return run.get_portal_url() if isinstance(run, Run) else mlflow_plugin.find_portal_url(run.info.run_id)


def get_mlflow_tracking_uri(workspace: Optional[Any] = None) -> str:
    """The address for `mlflow.set_tracking_uri`, of this workspace or of the one of config.json."""
    if workspace is None:
        from azureml.core.workspace import Workspace  # start-up time

        workspace = Workspace.from_config()
    if not hasattr(workspace, "get_mlflow_tracking_uri"):
        raise UserErrorException(f"workspace must be a Workspace, not a {type(workspace).__name__}.")
    return str(workspace.get_mlflow_tracking_uri())


def register_model(run: Any, name: str, path: str, tags: Optional[Dict[str, str]] = None, **kwargs: Any) -> Any:
    """Register the files of the run at `path` as a version of the model `name`; returns mlflow's ModelVersion."""
    import mlflow  # optional: only those who have it have such runs

    run_id = run.id if isinstance(run, Run) else run.info.run_id
    return mlflow.register_model(f"runs:/{run_id}/{path.strip('/')}", name, tags=tags, **kwargs)
