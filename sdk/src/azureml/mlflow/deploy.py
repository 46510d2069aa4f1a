"""mlflow's client of deployments, under the name that azureml-mlflow has for it."""

from __future__ import annotations

from typing import Any, Optional

__all__ = ["get_deploy_client"]


def get_deploy_client(target_uri: Optional[str] = None) -> Any:
    """The client for a workspace: `azureml` (that of mlflow's tracking URI), or its tracking URI."""
    import mlflow.deployments  # optional: only those who have it deploy with it

    return mlflow.deployments.get_deploy_client(target_uri)
