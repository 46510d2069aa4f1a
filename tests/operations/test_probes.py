"""What watches the studio from outside: probes, metrics, and the id of a request that failed."""

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from compute import notifications, queue
from costs.models import Usage
from operations import job_records
from studio import probes, storage, wsgi
from tests import factories


def probe(path: str) -> tuple[str, str]:
    said = []
    body = b"".join(
        wsgi.application({"PATH_INFO": path, "HTTP_HOST": "10.1.2.3"}, lambda *words: said.append(words[0]))
    )
    return said[0], body.decode().strip()


@pytest.fixture
def store(monkeypatch, tmp_path):
    from obstore.store import LocalStore

    folder = LocalStore(tmp_path)
    monkeypatch.setattr(storage, "open_store", lambda: folder)
    # The connection of the test stays open.
    monkeypatch.setattr(probes, "close_old_connections", lambda: None)
    return tmp_path


def test_probes_answer_to_any_host_name(db, store):
    assert probe("/healthz") == ("200 OK", "ok")
    assert probe("/readyz") == ("200 OK", "ok")


def test_not_ready_says_what_is_missing_and_no_more(db, store, monkeypatch):
    monkeypatch.setattr(storage, "is_reachable", lambda: False)
    assert probe("/readyz") == ("503 Service Unavailable", "not ready: storage")

    def refuse():
        raise OperationalError("password of the database")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "cursor", refuse)
        assert probe("/readyz") == ("503 Service Unavailable", "not ready: database")
        assert probe("/healthz")[0] == "200 OK"


def test_metrics_are_counted_from_the_database(db, workspace, alice, monkeypatch):
    monkeypatch.setattr(notifications, "_send", lambda task, queue: None)
    target = factories.make_target(workspace, "cpu-cluster")
    factories.make_node(target, factories.make_host("big", heartbeat_at=timezone.now()))
    queue.enqueue(target, "run:r1", {}, alice)
    factories.make_run(workspace, status="Running")
    job_records.record_job("compute.tasks.mark_lost_nodes", 0.1, 5)
    day, now = timezone.now().date(), timezone.now()
    times = {"day": day, "started_at": now, "ended_at": now}
    Usage.objects.create(kind="job", **Usage.path_of(workspace), **times, node="n", seconds=90, cost=1.5)
    text = Client().get("/metrics", headers={"Host": "localhost"}).content.decode()
    for line in (
        'lazuli_runs{state="Running"} 1',
        'lazuli_queue_depth{cluster="cpu-cluster",reason="starting"} 1',
        'lazuli_nodes{cluster="cpu-cluster",state="preparing"} 1',
        'lazuli_node_seconds_total{workspace="aml-workspace"} 90.0',
        'lazuli_cost_total{workspace="aml-workspace"} 1.5',
        "# TYPE lazuli_signin_total counter",
    ):
        assert line in text.splitlines(), text
    assert "alice" not in text and "r1" not in text


def test_metrics_open_to_this_machine_and_to_site_admins(db, owner, alice, settings, as_user):
    settings.ALLOWED_HOSTS = ["localhost", "studio.example.org"]
    public = {"Host": "studio.example.org"}
    tokens = {user: {**public, "Authorization": f"Bearer {factories.make_token(user)}"} for user in (owner, alice)}
    assert Client().get("/metrics", headers=public).status_code == 403
    assert Client().get("/metrics", headers={"Host": "localhost", "X-Forwarded-For": "9.9.9.9"}).status_code == 403
    assert Client().get("/metrics", headers=tokens[alice]).status_code == 403
    assert Client().get("/metrics", headers=tokens[owner]).status_code == 200
    assert as_user(owner).get("/metrics", headers=public).status_code == 200


def test_an_error_page_shows_the_id_of_the_request(as_user, owner, monkeypatch):
    def fail(*args):
        raise KeyError("what")

    monkeypatch.setattr("workspaces.search.match_workspaces", fail)
    client = as_user(owner)
    client.raise_request_exception = False
    answer = client.get("/")
    assert answer.headers["X-Request-Id"] in answer.content.decode()
