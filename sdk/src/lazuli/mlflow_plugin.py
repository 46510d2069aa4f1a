"""Leads mlflow to the studio, so that `mlflow.set_tracking_uri(ws.get_mlflow_tracking_uri())` is enough.

The address is `azureml://HOST/mlflow/v1.0/subscriptions/…`, as in Azure. mlflow finds what serves it by entry points: a
tracking store, a model registry, a reader of files, and the provider of the header that signs each request. Another
tracking server gets nothing from it.
"""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, Optional
from urllib.parse import urlsplit

from lazuli import config

SCHEME = "azureml://"
PATH = "/mlflow/v1.0/subscriptions/"

# What a workspace that was asked for its tracking address signs in with, by server.
_credentials: Dict[str, Callable[[], Optional[str]]] = {}


def know(server: str, credential: Callable[[], Optional[str]]) -> None:
    _credentials[server] = credential


def tracking_uri(server: str, workspace_path: str) -> str:
    return f"{SCHEME}{server.split('://', 1)[1]}/mlflow/v1.0{workspace_path}"


def http_address(uri: str) -> str:
    """Where an azureml:// address leads: to the server of this name that is known, else by https if it is not this machine."""
    if not uri.startswith(SCHEME):
        return uri
    place = uri[len(SCHEME) :]
    for server in [*_credentials, *config.known_servers()]:
        if place.startswith(server.split("://", 1)[1] + "/"):
            return server.split("://", 1)[0] + "://" + place
    return config.normal_url(place)


class HeaderProvider:
    """mlflow asks at every request."""

    def in_context(self) -> bool:
        # mlflow's own variables go first, as they do in a run.
        return not os.environ.get("MLFLOW_TRACKING_TOKEN") and self._token() is not None

    def request_headers(self) -> Dict[str, str]:
        return {"Authorization": f"Bearer {self._token()}"}

    def _token(self) -> Optional[str]:
        import mlflow

        uri = http_address(mlflow.get_tracking_uri())
        if PATH not in uri:
            return None
        server = uri[: uri.index(PATH)]
        if server in _credentials:
            return _credentials[server]()
        return config.token_for(server) if urlsplit(server).netloc else None


def tracking_store(store_uri: str, artifact_uri: Optional[str] = None, **_: Any) -> Any:
    from mlflow.store.tracking.rest_store import RestStore

    return RestStore(lambda: _host(store_uri))


def registry_store(store_uri: str, **_: Any) -> Any:
    from mlflow.store.model_registry.rest_store import RestStore

    return RestStore(lambda: _host(store_uri))


def _host(uri: str) -> Any:
    from mlflow.utils.rest_utils import MlflowHostCreds

    # The header provider signs, unless mlflow was given a token of its own.
    return MlflowHostCreds(http_address(uri), token=os.environ.get("MLFLOW_TRACKING_TOKEN"))


def artifact_repository(artifact_uri: str, tracking_uri: Optional[str] = None, **more: Any) -> Any:
    """mlflow's own reader of files behind a tracking server, which knows http addresses only."""
    import mlflow
    from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository

    present = tracking_uri or mlflow.get_tracking_uri()
    if present.startswith(SCHEME):
        artifact_uri = MlflowArtifactsRepository.resolve_uri(artifact_uri, http_address(present))
        from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository

        return HttpArtifactRepository(artifact_uri)
    if tracking_uri is not None:
        more["tracking_uri"] = tracking_uri
    return MlflowArtifactsRepository(artifact_uri, **more)
