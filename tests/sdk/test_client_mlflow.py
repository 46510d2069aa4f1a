"""mlflow's requests are signed for the studio, and for no other tracking server."""

from __future__ import annotations

import sys
import types

import pytest
from azureml.core import Workspace
from azureml.core.authentication import ArmTokenAuthentication
from lazuli.mlflow_plugin import HeaderProvider


@pytest.fixture
def tracking(monkeypatch):
    """Says where mlflow sends to; mlflow itself is no dependency."""
    monkeypatch.delenv("MLFLOW_TRACKING_TOKEN", raising=False)
    monkeypatch.setenv("LAZULI_URL", "http://studio")
    monkeypatch.setenv("LAZULI_TOKEN", "mine")

    def send_to(uri):
        monkeypatch.setitem(sys.modules, "mlflow", types.SimpleNamespace(get_tracking_uri=lambda: uri))
        provider = HeaderProvider()
        return provider.request_headers() if provider.in_context() else None

    return send_to


def test_the_studio_gets_the_token(tracking):
    assert tracking("http://studio/mlflow/v1.0/subscriptions/s") == {"Authorization": "Bearer mine"}


@pytest.mark.parametrize(
    "uri", ["http://elsewhere/mlflow/v1.0/subscriptions/s", "http://studio", "file:///tmp/mlruns", "sqlite:///x.db"]
)
def test_other_servers_do_not_get_the_token(tracking, uri):
    assert tracking(uri) is None


def test_mlflows_own_variable_goes_first(tracking, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "run")
    assert tracking("http://studio/mlflow/v1.0/subscriptions/s") is None


def test_a_workspace_lends_its_own_sign_in(tracking):
    workspace = Workspace(
        "s", "g", "w", ArmTokenAuthentication("other"), _disable_service_check=True, _url="http://two"
    )
    assert tracking(workspace.get_mlflow_tracking_uri()) == {"Authorization": "Bearer other"}
