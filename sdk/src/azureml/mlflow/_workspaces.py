"""The workspace behind a tracking address."""

from __future__ import annotations

from urllib.parse import unquote

from lazuli import mlflow_plugin

from azureml.core.workspace import Workspace
from azureml.exceptions import UserErrorException


def find_workspace(tracking_uri: str) -> Workspace:
    """The one that gave the address, with its sign-in; else the one that the address names."""
    known = mlflow_plugin.workspace_of(tracking_uri)
    if known is not None:
        return known  # type: ignore[no-any-return]
    server, _, path = mlflow_plugin.to_http_url(tracking_uri).partition(mlflow_plugin.PATH)
    words = [unquote(word) for word in path.strip("/").split("/")]
    if len(words) != 7:
        raise UserErrorException(
            f"{tracking_uri} is not the address of a workspace: call mlflow.set_tracking_uri(ws.get_mlflow_tracking_uri()) first."
        )
    return Workspace(words[0], words[2], words[6], _url=server)
