"""Runs that the API has made, and callers of the API for each persona and for runs."""

import json

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from obstore.store import MemoryStore

from accounts.authentication import make_run_token
from compute import notifications
from runs import metrics
from runs.models import Experiment, Run
from runs.seeding.contents import make_scalars
from runs.seeding.full_run import finish_run
from studio import storage
from tests import factories
from workspaces.models import Role


@pytest.fixture(scope="module")
def kept_store(django_db_setup, django_db_blocker):
    """Rows and bytes that fixtures of a module make below this are there for all its tests, each of which is rolled back."""
    memory = MemoryStore()
    with django_db_blocker.unblock(), transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage, "open_store", lambda: memory)
        patch.setattr(notifications, "_send", lambda task, queue: None)
        yield memory
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def kept_experiment(kept_store) -> Experiment:
    """An experiment in the workspace, and Alice, for the runs that a module's tests share."""
    group = factories.make_group(factories.make_subscription("sub-1"), "aml-resources")
    workspace = factories.make_workspace(group, "aml-workspace")
    factories.give_role(factories.make_user("alice"), Role.CONTRIBUTOR, workspace)
    return factories.make_experiment(workspace, "digits")


def kept_runs(*made: Run) -> list[Run]:
    """As they were made, whatever a test before has done to its own."""
    related = "workspace__resource_group__subscription", "experiment__workspace", "created_by", "snapshot"
    found = Run.objects.select_related(*related).in_bulk([run.pk for run in made])
    return [found[run.pk] for run in made]


@pytest.fixture(autouse=True)
def bytes_in_memory(request, monkeypatch):
    """Every test has a storage of its own, or its module's."""
    memory = request.getfixturevalue("kept_store") if "kept_store" in request.fixturenames else MemoryStore()
    monkeypatch.setattr(storage, "open_store", lambda: memory)


@pytest.fixture(autouse=True)
def nothing_remembered():
    """The next test's runs have the same keys."""
    cache.clear()


@pytest.fixture(autouse=True)
def no_notifications(monkeypatch):
    """Redis is unreachable: the row decides, and notifications only save time."""
    monkeypatch.setattr(notifications, "_send", lambda task, queue: None)


@pytest.fixture(autouse=True)
def web_server_is_reachable(monkeypatch):
    """No server runs in tests; a missing heartbeat counts anyway."""
    from compute import liveness

    monkeypatch.setattr(liveness, "is_silence_meaningful", lambda: True)


@pytest.fixture
def experiment(workspace):
    return factories.make_experiment(workspace, "digits")


@pytest.fixture
def sweep(experiment, alice) -> list[Run]:
    """Four ended runs, two of each model; the later, the better."""
    found = []
    for number, model in enumerate(["svm", "svm", "forest", "forest"]):
        run = factories.make_run(
            experiment.workspace, experiment=experiment, created_by=alice, display_name=f"job {number}"
        )
        metrics.store_batch(run, "", make_scalars("loss", [9.0, 0.1, 0.5 - number / 10]))
        run.add_parameters({"model": model, "lr": ["0.9", "1e-3", "10", "auto"][number]})
        run.edit(tags={"team": "red" if number else "blue"})
        finish_run(run, Run.Status.COMPLETED)
        found.append(run)
    return found


@pytest.fixture
def cluster(workspace):
    return factories.make_target(workspace, "cpu-cluster")


class Caller:
    """Asks the API with one token; paths are relative to the workspace's address in one of the three services."""

    WORKSPACE_PATH = (
        "/subscriptions/sub-1/resourceGroups/aml-resources"
        "/providers/Microsoft.MachineLearningServices/workspaces/aml-workspace"
    )
    SERVICES = {"H": f"/history/v1.0{WORKSPACE_PATH}", "C": f"/content/v1.0{WORKSPACE_PATH}", "W": WORKSPACE_PATH}

    def __init__(self, token: str):
        self.token, self.client = token, Client()

    def ask(self, method: str, path: str, body=None, *, data: bytes | None = None, kind: str = "", **headers):
        service, _, rest = path.partition("/")
        content = data if data is not None else json.dumps(body) if body is not None else ""
        kind = kind or ("application/octet-stream" if data is not None else "application/json")
        headers = {"Authorization": f"Bearer {self.token}", **headers} if self.token else headers
        address = f"{self.SERVICES[service]}/{rest}" if service in self.SERVICES else path
        return self.client.generic(method, address, content, kind, headers=headers)

    def get(self, path, **headers):
        return self.ask("GET", path, **headers)

    def post(self, path, body=None, **kwargs):
        return self.ask("POST", path, body if "data" in kwargs else body or {}, **kwargs)

    def put(self, path, body=None, **kwargs):
        return self.ask("PUT", path, body if "data" in kwargs else body or {}, **kwargs)

    def patch(self, path, body):
        return self.ask("PATCH", path, body)

    def delete(self, path):
        return self.ask("DELETE", path)


def caller_of(user) -> Caller:
    return Caller(factories.make_token(user))


@pytest.fixture
def alice_api(alice):
    return caller_of(alice)


@pytest.fixture
def bob_api(bob):
    return caller_of(bob)


@pytest.fixture
def olga_api(workspace):
    """Olga operates compute, and may not look into runs."""
    olga = factories.make_user("olga")
    factories.give_role(olga, Role.COMPUTE_OPERATOR, workspace)
    return caller_of(olga)


@pytest.fixture
def mallory_api(mallory):
    return caller_of(mallory)


@pytest.fixture
def run_api(alice, workspace):
    """A caller that holds a run's token."""

    def make(run_id: str, attempt: int = 0) -> Caller:
        return Caller(make_run_token(alice.pk, workspace.pk, run_id, attempt))

    return make


@pytest.fixture
def started(alice_api, workspace):
    """An interactive run of Alice's, made through the API."""

    def make(run_id: str = "r1", experiment: str = "exp", **body):
        answer = alice_api.put(f"H/experiments/{experiment}/runs/{run_id}", {"status": "Running", **body})
        assert answer.status_code == 200, answer.content
        return Run.objects.get(run_id=run_id, workspace=workspace)

    return make


@pytest.fixture
def submitted(alice_api, workspace, cluster):
    """A job of Alice's on the cluster, made through the API."""

    def make(name: str = "job1", **properties):
        answer = alice_api.put(f"W/jobs/{name}", {"properties": job(**properties)})
        assert answer.status_code == 201, answer.content
        return Run.objects.get(run_id=name, workspace=workspace)

    return make


def job(**properties) -> dict:
    return {
        "jobType": "Command",
        "experimentName": "exp",
        "command": "python a.py",
        "computeId": "cpu-cluster",
        **properties,
    }


@pytest.fixture
def claimed(submitted, cluster):
    """A job that a node holds in its first attempt."""
    from compute import queue
    from compute.models import Host, Node

    def make(name: str = "job1"):
        run = submitted(name)
        host, _ = Host.objects.get_or_create(name="h")
        node = Node.objects.create(target=cluster, host=host, name=f"node-{name}", state=Node.State.IDLE)
        assert queue.claim_work(node).pk == run.work_id
        run.refresh_from_db()
        return run

    return make
