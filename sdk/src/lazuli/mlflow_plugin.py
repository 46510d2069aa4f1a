"""The plugin with which `mlflow.set_tracking_uri(ws.get_mlflow_tracking_uri())` is enough to use the studio.

The URI is `azureml://HOST/mlflow/v1.0/subscriptions/…`, as in Azure. mlflow finds the plugin by its entry points: a
tracking store, a model registry store, an artifact repository, a provider of the header with the token and one of tags for new
runs. No other tracking server gets the token.
"""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, Optional
from urllib.parse import urlsplit

from lazuli import config, mlflow_job
from lazuli.client import Client, quote_segment
from lazuli.errors import UserErrorException

SCHEME = "azureml://"
PATH = "/mlflow/v1.0/subscriptions/"

# Maps the server to the credential of the workspace whose tracking URI was requested.
_credentials: Dict[str, Callable[[], Optional[str]]] = {}


# Maps the tracking URI to the workspace that gave it.
_workspaces: Dict[str, Any] = {}


def save_credential(server: str, credential: Callable[[], Optional[str]]) -> None:
    _credentials[server] = credential


def save_workspace(uri: str, workspace: Any) -> None:
    _workspaces[uri] = workspace


def workspace_of(uri: str) -> Any:
    return _workspaces.get(uri)


def tracking_uri(server: str, workspace_path: str) -> str:
    return f"{SCHEME}{server.split('://', 1)[1]}/mlflow/v1.0{workspace_path}"


def to_http_url(uri: str) -> str:
    """The http(s) URL of an azureml:// URI: with the scheme of a known server of this name; else https unless it is local."""
    if not uri.startswith(SCHEME):
        return uri
    location = uri[len(SCHEME) :]
    for server in [*_credentials, *config.known_servers()]:
        if location.startswith(server.split("://", 1)[1] + "/"):
            return server.split("://", 1)[0] + "://" + location
    return config.normalize_url(location)


class HeaderProvider:
    """Gives mlflow the header with the token, for each request."""

    def in_context(self) -> bool:
        mlflow_job.JOB.note_starter()
        # mlflow's own variables take precedence, as in a run.
        return not os.environ.get("MLFLOW_TRACKING_TOKEN") and self._find_token() is not None

    def request_headers(self) -> Dict[str, str]:
        return {"Authorization": f"Bearer {self._find_token()}"}

    def _find_token(self) -> Optional[str]:
        import mlflow  # optional: mlflow loads this

        uri = to_http_url(mlflow.get_tracking_uri())
        if PATH not in uri:
            return None
        server = uri[: uri.index(PATH)]
        if server in _credentials:
            return _credentials[server]()
        return config.token_for(server) if urlsplit(server).netloc else None


def find_portal_url(run_id: str) -> str:
    """The page of a run of the workspace that mlflow's tracking URI names."""
    import mlflow  # optional: present wherever there is a run of mlflow

    uri = to_http_url(mlflow.get_tracking_uri())
    if PATH not in uri:
        raise UserErrorException(f"mlflow's tracking URI is {uri}, which is not a workspace of Lazuli Studio.")
    server, workspace_path = uri.split("/mlflow/v1.0", 1)
    token = _credentials[server]() if server in _credentials else config.token_for(server)
    client = Client(server, os.environ.get("MLFLOW_TRACKING_TOKEN") or token)
    return str(client.get(f"/history/v1.0{workspace_path}/runs/{quote_segment(run_id)}")["portalUrl"])


class ContextProvider:
    """Adds tags whenever `mlflow.start_run` creates a run: see lazuli/mlflow_job.py."""

    def in_context(self) -> bool:
        if mlflow_job.JOB.run_id is None:
            return False
        import mlflow  # optional: mlflow loads this

        # Not for another tracking server, nor for a child of an active run.
        ours = PATH in to_http_url(mlflow.get_tracking_uri())
        return ours and mlflow.active_run() is None and mlflow_job.JOB.takes_job_run()

    def tags(self) -> Dict[str, str]:
        return {mlflow_job.JOB_RUN: mlflow_job.JOB.run_id or ""}


def tracking_store(store_uri: str, artifact_uri: Optional[str] = None, **_: Any) -> Any:
    from mlflow.store.tracking.rest_store import RestStore  # optional: mlflow loads this

    return RestStore(lambda: _host_credentials(store_uri))


def registry_store(store_uri: str, **_: Any) -> Any:
    from mlflow.store.model_registry.rest_store import RestStore  # optional: mlflow loads this

    return RestStore(lambda: _host_credentials(store_uri))


def _host_credentials(uri: str) -> Any:
    from mlflow.utils.rest_utils import MlflowHostCreds  # optional: mlflow loads this

    # The header provider adds the token, unless mlflow has one of its own.
    return MlflowHostCreds(to_http_url(uri), token=os.environ.get("MLFLOW_TRACKING_TOKEN"))


def artifact_repository(artifact_uri: str, tracking_uri: Optional[str] = None, **more: Any) -> Any:
    """mlflow's own artifact repository, which understands http URLs only."""
    import mlflow  # optional: mlflow loads this
    from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository  # optional: mlflow loads this

    present = tracking_uri or mlflow.get_tracking_uri()
    if present.startswith(SCHEME):
        artifact_uri = MlflowArtifactsRepository.resolve_uri(artifact_uri, to_http_url(present))
        from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository  # optional: mlflow loads this

        return HttpArtifactRepository(artifact_uri)
    if tracking_uri is not None:
        more["tracking_uri"] = tracking_uri
    return MlflowArtifactsRepository(artifact_uri, **more)
