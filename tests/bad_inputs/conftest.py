"""The objects for all bad inputs: a workspace with a cluster, an environment and a run, and its Owner's token."""

import pytest
from django.test import Client
from obstore.store import MemoryStore

from compute import notifications
from runs.models import Run
from studio import storage
from tests import factories


@pytest.fixture
def world(workspace, owner, monkeypatch):
    memory = MemoryStore()
    monkeypatch.setattr(storage, "open_store", lambda: memory)
    monkeypatch.setattr(notifications, "_send", lambda task, queue: None)
    factories.make_target(workspace, "cpu-cluster")
    factories.make_environment(workspace, "env")
    experiment = factories.make_experiment(workspace, "exp")
    factories.make_run(workspace, experiment=experiment, run_id="r1", status=Run.Status.RUNNING)
    # A server error comes as an answer, as it does to a person.
    return Client(raise_request_exception=False, headers={"Authorization": f"Bearer {factories.make_token(owner)}"})


@pytest.fixture
def browser(owner):
    """The Owner's, which shows a server error instead of raising it."""
    browser = Client(raise_request_exception=False)
    browser.force_login(owner)
    return browser
