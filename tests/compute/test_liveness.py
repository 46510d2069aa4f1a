"""No node counts as lost for a time in which heartbeats could not arrive."""

import datetime as dt
import http.server
import sqlite3
import threading

import pytest
from django.db import connection
from django.utils import timezone

from compute import liveness, lost_nodes, tasks
from compute.models import Node
from tests import factories


@pytest.fixture
def world(monkeypatch, settings):
    """The wall clock in seconds, whether the web server is there, and how often work was reaped."""
    state = {"now": 1000.0, "web": True, "database": True, "reaped": 0}
    monkeypatch.setattr(liveness, "_last", 0.0)
    monkeypatch.setattr(liveness, "_grace_until", 0.0)
    monkeypatch.setattr(liveness.time, "time", lambda: state["now"])
    monkeypatch.setattr(liveness, "is_web_reachable", lambda: state["web"])
    monkeypatch.setattr(liveness, "is_database_writable", lambda: state["database"])
    monkeypatch.setattr(lost_nodes, "reap_lost", lambda: state.update(reaped=state["reaped"] + 1))
    settings.NODE_LEASE_SECONDS = 30
    return state


def reap_for(world, seconds: int) -> int:
    """Reap every 5 s for so long; returns how often it was done in earnest."""
    before = world["reaped"]
    for _ in range(0, seconds, 5):
        tasks.mark_lost_nodes()
        world["now"] += 5
    return world["reaped"] - before


def test_the_first_half_lease_after_a_start_loses_no_node(world):
    assert reap_for(world, 15) == 0
    assert reap_for(world, 15) == 3


def test_a_machine_that_slept_first_lets_everyone_show_a_sign(world):
    reap_for(world, 60)
    world["now"] += 3600
    assert reap_for(world, 15) == 0
    assert reap_for(world, 10) == 2


@pytest.mark.parametrize("away", [20, 300])
def test_an_unreachable_web_server_loses_no_node(world, away):
    reap_for(world, 60)
    world["web"] = False
    assert reap_for(world, away) == 0
    world["web"] = True
    assert reap_for(world, 15) == 0
    assert reap_for(world, 10) == 2


def test_a_database_that_stores_no_heartbeats_loses_no_node(world):
    reap_for(world, 60)
    world["database"] = False
    assert reap_for(world, 35) == 0
    world["database"] = True
    assert reap_for(world, 15) == 0
    assert reap_for(world, 10) == 2


def test_reaping_goes_on_when_one_round_was_late(world):
    reap_for(world, 60)
    world["now"] += 5
    assert reap_for(world, 10) == 2


@pytest.mark.parametrize(("seconds", "heard"), [(2, True), (60, False)])
def test_a_fresh_sign_of_life_says_that_the_web_server_is_there(workspace, settings, seconds, heard):
    settings.LOCAL_URL = "http://127.0.0.1:9"
    node = factories.make_node(factories.make_target(workspace))
    assert not liveness.is_web_reachable()
    Node.objects.filter(pk=node.pk).update(heartbeat_at=timezone.now() - dt.timedelta(seconds=seconds))
    assert liveness.is_web_reachable() == heard


@pytest.mark.parametrize(("status", "there"), [(200, True), (400, True), (503, False)])
def test_without_hosts_the_web_server_itself_is_checked(db, settings, status, there):
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()

        def log_message(self, *args):
            """Quiet."""

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        settings.LOCAL_URL = f"http://127.0.0.1:{server.server_port}"
        assert liveness.is_web_reachable() == there


def test_a_database_that_is_locked_takes_no_signs_of_life(transactional_db):
    factories.make_host()
    assert liveness.is_database_writable()
    if connection.vendor == "sqlite":
        connection.cursor().execute("PRAGMA busy_timeout=50")
        other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert not liveness.is_database_writable()
        other.close()
        connection.close()
