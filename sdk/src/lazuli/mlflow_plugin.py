"""Signs what mlflow sends to the studio, so that `mlflow.set_tracking_uri(ws.get_mlflow_tracking_uri())` is enough.

mlflow finds this class by its entry point. Another tracking server gets nothing from it.
"""

from __future__ import annotations

import os
from typing import Callable, Dict, Optional
from urllib.parse import urlsplit

from lazuli import config

PATH = "/mlflow/v1.0/subscriptions/"

# What a workspace that was asked for its tracking address signs in with, by server.
_credentials: Dict[str, Callable[[], Optional[str]]] = {}


def know(server: str, credential: Callable[[], Optional[str]]) -> None:
    _credentials[server] = credential


class HeaderProvider:
    """mlflow asks at every request."""

    def in_context(self) -> bool:
        # mlflow's own variables go first, as they do in a run.
        return not os.environ.get("MLFLOW_TRACKING_TOKEN") and self._token() is not None

    def request_headers(self) -> Dict[str, str]:
        return {"Authorization": f"Bearer {self._token()}"}

    def _token(self) -> Optional[str]:
        import mlflow

        uri = mlflow.get_tracking_uri()
        if PATH not in uri:
            return None
        server = uri[: uri.index(PATH)]
        if server in _credentials:
            return _credentials[server]()
        return config.token_for(server) if urlsplit(server).netloc else None
