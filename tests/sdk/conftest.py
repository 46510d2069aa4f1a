"""The SDK's tests speak to the real application in this process, or to no server at all."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """No login, server or run of the person who runs the tests leaks into them."""
    for name in ("LAZULI_URL", "LAZULI_TOKEN", "AZUREML_RUN_TOKEN", "AZUREML_SERVICE_ENDPOINT", "AZUREML_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
