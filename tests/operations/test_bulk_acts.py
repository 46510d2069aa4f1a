"""One action on many rows of the administration: what the preview shows is what happens, and one undo takes all of it back."""

import datetime as dt
import re

import pytest
from django.utils import timezone

from accounts.activity import Activity
from accounts.actors import Actor
from accounts.models import User
from compute import notifications
from compute.models import Host
from compute.tasks import autoscale
from operations import bulk
from tests import factories
from tests.html import html_of
from trash.models import PurgeJob
from workspaces import deletion
from workspaces.groups import create_group

NOW = timezone.now
PEOPLE, MACHINES, WORKSPACES = "/admin/bulk/people/", "/admin/bulk/machines/", "/admin/bulk/workspaces/"


@pytest.fixture
def admin(as_user, owner, monkeypatch):
    monkeypatch.setattr(notifications, "_send", lambda task, queue: None)
    return as_user(owner)


def read_form(page: str) -> dict[str, list[str]]:
    """The hidden fields of a preview."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page):
        if name != "csrfmiddlewaretoken":
            found.setdefault(name, []).append(value)
    return found


def act(admin, url: str, **fields):
    """The preview, and what the page says after its button."""
    preview = html_of(admin.post(url, fields))
    return preview, admin.post(url, {**fields, **read_form(preview)}, follow=True)


def test_people_are_blocked_together_and_one_undo_opens_them_again(admin, owner, alice, bob):
    page = html_of(admin.get("/admin/people/"))
    assert page.count('form="bulk-form" name="name"') == User.objects.filter(kind="person").count()
    preview, done = act(admin, PEOPLE, action="block", name=["alice", "bob", "owner"])
    assert "Changed: 2" in preview and "You cannot block or deactivate your own account" in preview
    assert "2 people changed; 1 left as before." in html_of(done)
    assert set(User.objects.filter(is_active=False)) == {alice, bob}
    rows = Activity.objects.filter(verb="account.block")
    assert rows.count() == 2 and len(set(rows.values_list("request_id", flat=True))) == 1
    undo = f"/admin/requests/{rows[0].request_id}/undo/"
    assert undo in html_of(done) and undo in html_of(admin.get(f"/activity/?request={rows[0].request_id}"))
    alice.refresh_from_db()
    alice.is_active, alice.closed_as = True, ""
    alice.save()
    page = html_of(admin.get(undo))
    assert "Taken back: 1" in page and "The account of alice is not blocked." in page
    assert admin.post(undo, read_form(page)).status_code == 302
    assert not User.objects.filter(is_active=False).exists()
    assert admin.get("/admin/requests/0123abcd/undo/").status_code == 409


def test_nothing_is_done_if_the_preview_is_no_longer_true(admin, alice, bob):
    preview = html_of(admin.post(PEOPLE, {"action": "block", "name": ["alice", "bob"]}))
    User.objects.filter(pk=bob.pk).update(is_active=False, closed_as="blocked")
    again = html_of(admin.post(PEOPLE, read_form(preview)))
    assert "no longer what the preview showed" in again and "Changed: 1" in again
    alice.refresh_from_db()
    assert alice.is_active and not Activity.objects.filter(verb="account.block").exists()
    bob.delete()
    assert admin.post(PEOPLE, read_form(preview)).status_code == 409


def test_all_that_match_a_list_are_selected_up_to_a_limit(admin, monkeypatch):
    for number in range(3):
        factories.make_user(f"temp{number}")
    fields = {"action": "block", "all": "1", "query": "q=temp"}
    preview = html_of(admin.post(PEOPLE, fields))
    factories.make_user("temp3")
    assert admin.post(PEOPLE, read_form(preview)).status_code == 302
    assert set(User.objects.filter(is_active=False).values_list("username", flat=True)) == {"temp0", "temp1", "temp2"}
    monkeypatch.setattr(bulk, "MAX_AT_ONCE", 2)
    assert admin.post(PEOPLE, {**fields, "query": ""}).status_code == 400
    assert admin.post(PEOPLE, {"action": "block"}).status_code == 400


def test_people_join_and_leave_a_group_and_lose_their_access(admin, owner, alice, bob):
    group = create_group(Actor(owner), "lab")
    group.members.add(bob)
    form = html_of(admin.post(PEOPLE, {"action": "addToGroup", "name": ["alice", "bob"]}))
    assert "<option" in form and "2 selected" in form and 'name="selection"' not in form
    given = {"action": "addToGroup", "name": ["alice", "bob"], "given": "1", "group": "lab"}
    preview, _ = act(admin, PEOPLE, **given)
    assert "This person is a member of lab already." in preview and set(group.members.all()) == {alice, bob}
    request_id = Activity.objects.filter(verb="user_group.edit").latest("pk").request_id
    admin.post(f"/admin/requests/{request_id}/undo/")
    assert list(group.members.all()) == [bob]
    assert admin.post(PEOPLE, {**given, "group": "nobody"}).status_code == 400
    act(admin, PEOPLE, **{**given, "action": "removeFromGroup"})
    assert not group.members.exists()
    factories.make_token(alice)
    preview, _ = act(admin, PEOPLE, action="revokeTokens", name=["alice", "bob"])
    assert "1 token revoked" in preview and "This person has no tokens." in preview
    act(admin, PEOPLE, action="deactivate", name=["alice"], given="1", heir="bob")
    alice.refresh_from_db()
    assert alice.closed_as == "deactivated"


def test_machines_pause_until_a_time_and_are_quarantined(admin):
    for name in ("big", "small"):
        factories.make_host(name, heartbeat_at=NOW())
    until = (NOW() + dt.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    fields = {"action": "drain", "name": ["big", "small"], "given": "1", "reason": "New fans", "until": until}
    preview = html_of(admin.post(MACHINES, {"action": "drain", "name": ["big", "small"]}))
    done = admin.post(MACHINES, {**read_form(preview), **fields}, follow=True)
    # The reason may be written after the preview.
    assert "2 machines changed." in html_of(done)
    host = Host.objects.get(name="big")
    assert not host.is_open and "New fans" in host.closed_reason and until[-5:] in host.closed_reason
    assert "New fans" in html_of(admin.get("/admin/machines/?state=closed"))
    Host.objects.filter(name="big").update(reopens_at=NOW())
    autoscale()
    assert [one.is_open for one in Host.objects.order_by("name")] == [True, False]
    assert Activity.objects.get(verb="host.reopen").actor_kind == "system"
    assert admin.post(MACHINES, {**fields, "until": "2020-01-01T00:00"}).status_code == 400
    form = html_of(admin.post(MACHINES, {"action": "quarantine", "name": "big"}))
    assert 'name="selection"' not in form
    act(admin, MACHINES, action="quarantine", name=["big"], given="1", reason="Wrong sums")
    assert "Wrong sums" in html_of(admin.get("/admin/machines/?q=big"))
    _, done = act(admin, MACHINES, action="reopen", name=["big", "small"])
    assert all(one.is_open for one in Host.objects.all()) and "2 machines changed." in html_of(done)
    factories.make_host("own")
    preview, _ = act(admin, MACHINES, action="detach", name=["own"])
    assert "cannot be detached" in preview


def test_the_trash_of_workspaces_is_emptied_and_workspaces_come_back(admin, owner, workspace):
    other = factories.make_workspace(name="elsewhere")
    factories.make_run(workspace, run_id="old", deleted_at=NOW(), status="Completed")
    deletion.delete_workspace(Actor(owner), other)
    slugs = [workspace.slug, other.slug]
    preview, _ = act(admin, WORKSPACES, action="emptyTrash", name=slugs)
    assert "1 job (" in preview and "The workspace itself is in the trash." in preview
    assert PurgeJob.objects.get().scope == "trash" and Activity.objects.get(verb="trash.empty").message == "1 job"
    act(admin, WORKSPACES, action="restore", name=slugs)
    other.refresh_from_db()
    assert other.deleted_at is None
    deletion.delete_workspace(Actor(owner), other)
    act(admin, WORKSPACES, action="purge", name=slugs)
    assert PurgeJob.objects.filter(scope="workspace").count() == 1


def test_only_site_admins_act_and_only_by_post(admin, as_user, alice):
    assert as_user(alice).post(PEOPLE, {"action": "block", "name": "bob"}).status_code == 403
    assert as_user(alice).get("/admin/requests/abc/undo/").status_code == 403
    assert admin.get(PEOPLE).status_code == 405
    assert admin.post("/admin/bulk/cats/", {"action": "block"}).status_code == 404
    assert admin.post(PEOPLE, {"action": "promote", "name": "alice"}).status_code == 400


def test_long_lists_take_few_queries(admin, django_assert_max_num_queries):
    for number in range(30):
        factories.make_host(f"m{number:02}")
    with django_assert_max_num_queries(15):
        page = html_of(admin.get("/admin/machines/"))
    assert page.count('form="bulk-form" name="name"') == 25 and "All 30 machines" in page
