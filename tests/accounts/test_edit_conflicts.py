"""Two people edit the same object: the second sees what the first wrote before anything of it is replaced."""

import dataclasses
import html
import re
import threading

import pytest
from django.db import connection

from accounts.edit_conflicts import EditConflicts
from compute.models import ComputeTarget
from runs.models import Run
from studio.forms import TagsField
from tests import factories
from workspaces.models import Workspace

WS = "/ws/aml-workspace/"
SETTINGS = f"{WS}settings/"


@pytest.fixture
def browser(as_user, owner):
    return as_user(owner)


def read_form(page: str, field: str) -> dict[str, str]:
    """The values of the form on a page that has `field`, as a browser would send them."""
    [form] = [form for form in re.findall(r"<form.*?</form>", page, re.S) if f'name="{field}"' in form]
    found = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name:
            found[name[1]] = html.unescape(value[1]) if value else ""
    for name, text in re.findall(r'<textarea[^>]*name="([^"]*)"[^>]*>(.*?)</textarea>', form, re.S):
        found[name] = html.unescape(text).removeprefix("\n")
    return found


def open_form(browser, page: str, field: str) -> dict[str, str]:
    return read_form(browser.get(page).content.decode(), field)


def test_the_second_of_two_people_gets_both_values_and_may_then_replace(browser, as_user, alice, workspace, owner):
    first, second = (open_form(one, SETTINGS, "friendly_name") for one in (browser, browser))
    browser.post(SETTINGS, first | {"friendly_name": "Theirs"})
    answer = browser.post(SETTINGS, second | {"friendly_name": "Mine"})
    page = html.unescape(answer.content.decode())
    assert answer.status_code == 409
    assert "Changed by owner a moment ago after this page was opened. It is now “Theirs”." in page
    assert read_form(page, "friendly_name")["friendly_name"] == "Mine"
    assert Workspace.objects.get().friendly_name == "Theirs"
    again = browser.post(SETTINGS, read_form(page, "friendly_name"))
    assert again.status_code == 302
    assert Workspace.objects.get().friendly_name == "Mine"


def test_what_only_the_other_changed_is_kept(browser, workspace):
    sent = open_form(browser, SETTINGS, "friendly_name")
    Workspace.objects.update(description="Theirs", tags={"team": "vision"})
    answer = browser.post(SETTINGS, sent | {"friendly_name": "Mine"})
    assert answer.status_code == 302
    row = Workspace.objects.get()
    assert (row.friendly_name, row.description, row.tags) == ("Mine", "Theirs", {"team": "vision"})


@pytest.mark.parametrize(
    ("own", "present", "merged"),
    [
        ("a: 1\nb: 2", "a: 1\nc: 3", "a: 1\nc: 3\nb: 2"),
        ("", "a: 1\nc: 3", "c: 3"),
        ("a: 1", "", ""),
        ("a: 5", "a: 5\nc: 3", "a: 5\nc: 3"),
        ("a: 5", "a: 6", None),
        ("a: 5", "", None),
        ("", "a: 6", None),
        ("a: 5\na: 6", "a: 1\nc: 3", None),
    ],
)
def test_changes_of_different_tags_are_merged(own, present, merged):
    assert TagsField().merge("a: 1", own, present) == merged


def test_a_tag_that_a_job_sets_meanwhile_stays(browser, workspace, owner):
    run = factories.make_run(workspace, run_id="r1", created_by=owner)
    run.edit(tags={"team": "vision"})
    url = f"{run.get_absolute_url()}edit/"
    run.edit(tags={"epoch": "3"})
    sent = {"field": "tags", "value": "team: speech", "initial": "team: vision"}
    assert browser.post(url, sent).status_code == 302
    assert Run.objects.get().tags == {"team": "speech", "epoch": "3"}


def test_an_edit_in_place_is_refused_with_the_other_value(browser, workspace, owner):
    run = factories.make_run(workspace, run_id="r1", created_by=owner, description="before")
    url = f"{run.get_absolute_url()}edit/"
    run.edit(description="Theirs")
    sent = {"field": "description", "value": "Mine", "initial": "before"}
    answer = browser.post(url, sent, headers={"HX-Request": "true"})
    assert answer.status_code == 409
    assert "It is now \\u201cTheirs\\u201d" in answer.headers["HX-Trigger"]
    assert Run.objects.get().description == "Theirs"


def test_a_version_of_a_model_too(browser, workspace):
    version = factories.make_model_version(workspace, "digits")
    version.edit(description="Theirs")
    sent = {"field": "description", "value": "Mine", "initial": ""}
    answer = browser.post(f"{version.get_absolute_url()}edit/", sent)
    assert answer.status_code == 409
    assert "Theirs" in answer.content.decode()
    version.refresh_from_db()
    assert version.description == "Theirs"


def test_a_cluster_that_was_scaled_meanwhile_stays_so(browser, workspace):
    factories.make_target(workspace, "cpu-cluster", max_nodes=2)
    page = f"{ComputeTarget.objects.get().get_absolute_url()}edit/"
    sent = open_form(browser, page, "max_nodes")
    target = ComputeTarget.objects.get()
    target.scale(dataclasses.replace(target.scale_settings, max_nodes=4))
    answer = browser.post(page, sent | {"max_nodes": "3"})
    assert answer.status_code == 409
    assert "It is now “4”" in html.unescape(answer.content.decode())
    assert ComputeTarget.objects.get().scale_settings.max_nodes == 4


def test_a_role_that_was_changed_meanwhile_stays(browser, workspace, alice):
    page = browser.get(f"{WS}people/").content.decode()
    [url] = re.findall(r'action="([^"]*/change/)"', page)
    sent = {"role": "Reader", "initial-role": "Owner"}
    answer = browser.post(url, sent)
    assert answer.status_code == 409
    assert "It is now “Contributor”" in html.unescape(answer.content.decode())
    assert browser.post(url, sent | {"initial-role": "Contributor"}).status_code == 302


def test_the_policy_of_the_sign_in_too(browser):
    answer = browser.post("/admin/people/policy/", {"second_factor": "all", "initial-second_factor": "admins"})
    assert answer.status_code == 409
    assert "It is now “nobody”" in html.unescape(answer.content.decode())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["workspace", "run"])
def test_of_two_edits_at_the_same_moment_the_second_is_refused(as_user, owner, workspace, monkeypatch, kind):
    run = factories.make_run(workspace, run_id="r1", created_by=owner)
    both_have_read, clean = threading.Barrier(2), EditConflicts.clean

    def wait_for_the_other(form):
        try:
            both_have_read.wait(timeout=0.3)
        except threading.BrokenBarrierError:
            both_have_read.reset()
        return clean(form)

    monkeypatch.setattr(EditConflicts, "clean", wait_for_the_other)
    url, sent, field = f"{run.get_absolute_url()}edit/", {"field": "description", "initial": ""}, "value"
    if kind == "workspace":
        url, sent, field = SETTINGS, open_form(as_user(owner), SETTINGS, "friendly_name"), "friendly_name"
    statuses = []

    def edit(value: str):
        statuses.append(as_user(owner).post(url, sent | {field: value}).status_code)
        connection.close()

    threads = [threading.Thread(target=edit, args=[value]) for value in ("Theirs", "Mine")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [302, 409]
