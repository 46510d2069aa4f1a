"""Polls that find nothing new, answered from what the answer before read."""

import html
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.sessions import Session
from studio import repeated_polls
from tests import factories
from workspaces.models import RoleAssignment

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(workspace, alice):
    return factories.make_run(workspace, created_by=alice, status="Running")


def make_poll(client, run):
    """A poll of the page of the run that is answered without its view from now on; returns how to send it."""
    address = reverse("runs:run_state", args=[run.workspace.slug, run.run_id])
    query = {"seen": run.revision, "tab": "metrics"}

    def send():
        return client.get(address, query, headers={"HX-Request": "true"})

    assert [send().status_code for _ in range(3)] == [204, 204, 204]
    assert count_queries(send) == 0
    return send


def count_queries(send) -> int:
    """The statements of the view and of what comes before it."""
    with CaptureQueriesContext(connection) as requested:
        assert send().status_code == 204
    return len(requested)


def test_a_change_of_the_run_is_seen_by_the_next_poll(as_user, bob, run):
    send = make_poll(as_user(bob), run)
    run.edit(display_name="renamed")
    run.refresh_from_db()
    assert f"seen={run.revision}" in send().content.decode()


def test_a_role_that_is_taken_away_ends_the_polls(as_user, bob, run):
    send = make_poll(as_user(bob), run)
    RoleAssignment.objects.filter(user=bob).delete()
    assert send().status_code == 404


def test_a_session_that_is_ended_ends_the_polls(as_user, bob, run):
    client = as_user(bob)
    send = make_poll(client, run)
    Session.objects.all().delete()
    assert send().headers["HX-Refresh"] == "true"


def test_another_person_has_no_part_in_the_answer(as_user, bob, mallory, run):
    make_poll(as_user(bob), run)
    address = reverse("runs:run_state", args=[run.workspace.slug, run.run_id])
    assert as_user(mallory).get(address, {"seen": run.revision, "tab": "metrics"}).status_code == 404


def test_the_view_is_asked_again_after_a_while(as_user, bob, run, monkeypatch):
    monkeypatch.setattr(repeated_polls, "SECONDS", -1)
    client = as_user(bob)
    address = reverse("runs:run_state", args=[run.workspace.slug, run.run_id])
    for _ in range(4):
        assert count_queries(lambda: client.get(address, {"seen": run.revision})) > 3


def test_a_list_of_clusters_is_sent_again_once_one_changes(as_user, alice, workspace):
    target, client = factories.make_target(workspace), as_user(alice)
    # One that is not needed, so the cluster will shrink.
    factories.make_node(target, state="idle")
    address = reverse("compute:list", args=[workspace.slug])
    piece = {"HX-Request": "true", "HX-Target": "clusters"}

    def poll() -> str:
        text = client.get(address, headers=piece).content.decode()
        assert "seen=" not in text.partition("<table")[2]
        return html.unescape(re.search('hx-get="([^"]+seen=[^"]+)"', text)[1])

    before = poll()
    assert [client.get(before, headers=piece).status_code for _ in range(4)] == [204] * 4
    factories.make_node(target)
    assert client.get(before, headers=piece).status_code == 200
    assert poll() != before
