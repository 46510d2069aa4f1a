"""The SDK's tests speak to the real application in this process, or to no server at all."""

from __future__ import annotations

import contextlib

import pytest
from lazuli.data import transfer

SERVER = "http://testserver"


@pytest.fixture(autouse=True)
def clean_sdk_environment(monkeypatch, tmp_path):
    """Tests see no login, server or run of the person who runs them."""
    for name in ("LAZULI_URL", "LAZULI_TOKEN", "AZUREML_RUN_TOKEN", "AZUREML_SERVICE_ENDPOINT", "AZUREML_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def studio(db, monkeypatch):
    """The real application behind every client of the SDK, without a socket; nobody is signed in."""
    import httpx
    from lazuli import client
    from obstore.store import MemoryStore

    from compute import notifications
    from studio import storage, wsgi

    memory = MemoryStore()
    monkeypatch.setattr(storage, "open_store", lambda: memory)
    # Redis is away: the row is the truth, and the bell only makes things quicker.
    monkeypatch.setattr(notifications, "_send", lambda task, queue: None)
    monkeypatch.setattr(client, "default_transport", httpx.WSGITransport(app=wsgi.application))
    monkeypatch.setenv("LAZULI_URL", SERVER)
    with _connection_kept():
        yield SERVER


@contextlib.contextmanager
def _connection_kept():
    """As Django's own test client does: the end of a request must not close the connection of the test's transaction."""
    from django.core.signals import request_finished, request_started
    from django.db import close_old_connections, connection

    signals = (request_started, request_finished) if connection.in_atomic_block else ()
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def owner(studio, monkeypatch):
    """The Owner of the site, whose token is in the environment."""
    from accounts.models import Token, User

    user = User.objects.create_superuser("sdk-owner")
    monkeypatch.setenv("LAZULI_TOKEN", Token.create_for(user, "sdk tests")[1])
    return user


@pytest.fixture
def ws(owner):
    """A new workspace of the Owner."""
    from azureml.core import Workspace

    return Workspace.create(
        "aml-workspace",
        subscription_id="sdk-tests",
        resource_group="aml-resources",
        location="eastus",
        show_output=False,
    )


@pytest.fixture
def sdk_client(ws):
    """The client of that workspace."""
    return ws._client


@pytest.fixture
def stranger(ws, monkeypatch):
    """Someone with an account and no business here, who is now the one signed in."""
    from accounts.models import Token, User

    user = User.objects.create_user("sdk-mallory")
    monkeypatch.setenv("LAZULI_TOKEN", Token.create_for(user, "sdk tests")[1])
    return user


@pytest.fixture
def cluster(ws):
    """A cluster of zero to two nodes; no node ever comes, for no host is there."""
    from azureml.core.compute import AmlCompute, ComputeTarget

    configuration = AmlCompute.provisioning_configuration(vm_size="STANDARD_DS11_V2", max_nodes=2)
    return ComputeTarget.create(ws, "cpu-cluster", configuration)


@pytest.fixture
def downloads(monkeypatch):
    """The paths that were downloaded."""
    found = []
    real = transfer.download_files

    def download(workspace, pairs, **options):
        found.extend(file.path for file, _ in pairs)
        return real(workspace, pairs, **options)

    monkeypatch.setattr(transfer, "download_files", download)
    return found
