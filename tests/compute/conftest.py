"""A cluster, a host that lives, and what rings the bell."""

import pytest
from django.utils import timezone

from compute import notifications
from tests import factories


@pytest.fixture(autouse=True)
def rings(monkeypatch):
    """The bells that were rung, as (task, queue), instead of a Redis."""
    rung = []
    monkeypatch.setattr(notifications, "_ring", lambda task, queue: rung.append((task, queue)))
    return rung


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
