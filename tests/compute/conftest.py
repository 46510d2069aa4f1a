"""A cluster, a live host, and the notifications that were sent."""

import pytest
from django.utils import timezone

from compute import notifications
from tests import factories


@pytest.fixture(autouse=True)
def notified(monkeypatch):
    """The notifications that were sent, as (task, queue), without a Redis."""
    sent = []
    monkeypatch.setattr(notifications, "_send", lambda task, queue: sent.append((task, queue)))
    return sent


@pytest.fixture
def cluster(workspace):
    return factories.make_target(workspace, "cpu-cluster", max_nodes=2)


@pytest.fixture
def host(db):
    return factories.make_host("box", heartbeat_at=timezone.now())


@pytest.fixture
def node(cluster, host):
    return factories.make_node(cluster, host, name="node-a", state="idle", heartbeat_at=timezone.now())


@pytest.fixture
def computes(w):
    """The address of the workspace's compute targets in the API."""
    return f"{w}/computes"
