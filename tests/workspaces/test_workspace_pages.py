"""The list, the form, the home and the properties of workspaces: works, Bob, Mallory, the wrong method."""

import json

import pytest

from tests import factories
from workspaces.models import ResourceGroup, Role, RoleAssignment, Subscription, Workspace

PAGES = ["/ws/aml-workspace/", "/ws/aml-workspace/settings/", "/ws/aml-workspace/config.json"]
NEW = {"name": "fresh", "subscription": "sub-1", "resource_group": "aml-resources", "location": "eastus"}


@pytest.mark.parametrize("url", PAGES)
def test_pages_open_for_those_with_a_role(as_user, alice, bob, owner, url):
    for user in (alice, bob, owner):
        assert as_user(user).get(url).status_code == 200


@pytest.mark.parametrize("url", PAGES)
def test_mallory_gets_404(as_user, mallory, workspace, url):
    assert as_user(mallory).get(url).status_code == 404


@pytest.mark.parametrize("url", [PAGES[0], PAGES[2]])
def test_wrong_method(as_user, alice, url):
    assert as_user(alice).post(url).status_code == 405


def test_list_shows_what_one_may_see(as_user, bob, owner, mallory, workspace):
    factories.make_workspace(name="other")
    assert "other" in as_user(owner).get("/").content.decode()
    page = as_user(bob).get("/").content.decode()
    assert "aml-workspace" in page and "other" not in page
    assert "You have no workspace yet" in as_user(mallory).get("/").content.decode()


def test_list_is_searched_by_all_words(as_user, owner, workspace):
    factories.make_workspace(name="vision", friendly_name="Street signs")
    page = as_user(owner).get("/", {"q": "street SIGNS"}).content.decode()
    assert "Street signs" in page
    assert "aml-workspace</a>" not in page.split("<main", 1)[1]
    assert "No workspace matches" in as_user(owner).get("/", {"q": "street nothing"}).content.decode()


def test_htmx_gets_the_rows_alone(as_user, owner, workspace):
    answer = as_user(owner).get("/", headers={"HX-Request": "true", "HX-Target": "workspace-rows"})
    assert answer.content.decode().strip().startswith('<div id="workspace-rows">')
    assert "HX-Request" in answer.headers["Vary"]


@pytest.mark.parametrize(
    "query",
    [
        {"page": "x"},
        {"page": "-1"},
        {"size": "0"},
        {"size": "99999"},
        {"size": "²"},
        {"size": "9" * 5000},
        {"page": "9" * 5000},
        {"sort": "nonsense"},
    ],
)
def test_odd_queries_show_the_list(as_user, owner, workspace, query):
    assert as_user(owner).get("/", query).status_code == 200


def test_list_comes_in_pages_and_few_queries(as_user, owner, workspace, django_assert_max_num_queries):
    for _ in range(30):
        factories.make_workspace(workspace.resource_group)
    client = as_user(owner)
    with django_assert_max_num_queries(7):
        page = client.get("/", {"size": "10", "page": "2", "sort": "-created"}).content.decode()
    assert page.count('class="row-link"') == 10
    assert "of 4" in page


def test_create(as_user, owner, workspace):
    body = {**NEW, "friendly_name": "Fresh one", "tags": "team: vision\nempty", "resource_group": "new-group"}
    answer = as_user(owner).post("/workspaces/new/", body)
    assert answer.status_code == 302 and answer.url == "/ws/fresh/"
    made = Workspace.objects.get(name="fresh")
    assert (made.friendly_name, made.tags) == ("Fresh one", {"team": "vision", "empty": ""})
    assert made.resource_group.name == "new-group"
    assert made.storage_account.startswith("freshstorage")


def test_owner_of_the_site_makes_a_new_subscription(as_user, owner):
    as_user(owner).post("/workspaces/new/", {**NEW, "subscription": "123456-abc-123..."})
    assert Subscription.objects.get().subscription_id == "123456-abc-123..."


def test_others_make_only_where_they_may(as_user, alice, mallory, workspace):
    for user in (alice, mallory):
        assert as_user(user).post("/workspaces/new/", NEW).status_code == 403
        assert as_user(user).post("/workspaces/new/", {**NEW, "subscription": "fresh-sub"}).status_code == 403
    assert Workspace.objects.count() == 1
    factories.give_role(alice, Role.CONTRIBUTOR, workspace.resource_group)
    assert as_user(alice).post("/workspaces/new/", NEW).status_code == 302
    assert RoleAssignment.objects.filter(user=alice, role=Role.OWNER, workspace__name="fresh").exists()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "a b", "3 to 33"),
        ("name", "", "required"),
        ("name", "AML-workspace", "already"),
        ("resource_group", "ends.", "not ending in a period"),
        ("subscription", "/", "1 to 100"),
        ("location", "no place!", "such as eastus"),
        ("tags", "x" * 300 + ": y", "256 are allowed"),
    ],
)
def test_errors_are_shown_and_nothing_is_created(as_user, owner, workspace, field, value, words):
    answer = as_user(owner).post("/workspaces/new/", {**NEW, field: value})
    assert answer.status_code in (200, 409)
    assert words in answer.content.decode()
    assert Workspace.objects.count() == 1 and ResourceGroup.objects.count() == 1


def test_name_is_checked_while_typed(as_user, owner, workspace):
    client = as_user(owner)
    query = {"subscription": "sub-1", "resource_group": "aml-resources"}
    assert "3 to 33" in client.get("/workspaces/new/name/", {**query, "name": "a"}).content.decode()
    assert "already" in client.get("/workspaces/new/name/", {**query, "name": "AML-workspace"}).content.decode()
    assert "is free" in client.get("/workspaces/new/name/", {**query, "name": "another"}).content.decode()


def test_name_check_tells_a_stranger_nothing(as_user, mallory, workspace):
    query = {"subscription": "sub-1", "resource_group": "aml-resources", "name": "aml-workspace"}
    assert "is free" in as_user(mallory).get("/workspaces/new/name/", query).content.decode()


def test_two_workspaces_of_a_name_have_two_addresses(owner):
    first = factories.make_workspace(name="same")
    second = factories.make_workspace(name="same")
    third = factories.make_workspace(second.resource_group.subscription.resource_groups.create(name="third"), "same")
    assert len({first.slug, second.slug, third.slug}) == 3


def test_home_shows_how_to_begin(as_user, bob, workspace):
    page = as_user(bob).get("/ws/aml-workspace/").content.decode()
    assert "/pypi/simple/ lazuli-sdk" in page
    assert "Workspace.from_config()" in page


def test_config_file_has_azures_keys_and_our_url(as_user, bob, workspace, settings):
    answer = as_user(bob).get("/ws/aml-workspace/config.json")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="config.json"'
    assert json.loads(answer.content) == {
        "subscription_id": "sub-1",
        "resource_group": "aml-resources",
        "workspace_name": "aml-workspace",
        "url": settings.PUBLIC_URL,
    }


def test_alice_edits(as_user, alice, workspace):
    body = {"friendly_name": "Ours", "description": "For all", "tags": "a: b:c"}
    assert as_user(alice).post("/ws/aml-workspace/settings/", body).status_code == 302
    workspace.refresh_from_db()
    assert (workspace.friendly_name, workspace.description, workspace.tags) == ("Ours", "For all", {"a": "b:c"})


def test_bob_does_not_edit(as_user, bob, workspace):
    answer = as_user(bob).post("/ws/aml-workspace/settings/", {"friendly_name": "Mine"})
    assert answer.status_code == 403
    assert "You may not edit workspace" in answer.content.decode()
    workspace.refresh_from_db()
    assert workspace.friendly_name == ""
    assert (
        '<form method="post" data-submit-once>' not in as_user(bob).get("/ws/aml-workspace/settings/").content.decode()
    )


def test_deleting_asks_for_the_name(as_user, owner, workspace):
    answer = as_user(owner).post("/ws/aml-workspace/delete/", {"confirm_name": "aml"})
    assert answer.status_code == 400
    assert "Type aml-workspace to delete" in answer.content.decode()
    assert Workspace.objects.exists()
    answer = as_user(owner).post("/ws/aml-workspace/delete/", {"confirm_name": "aml-workspace"}, follow=True)
    assert "The workspace aml-workspace moved to the trash." in answer.content.decode()
    assert not Workspace.objects.filter(deleted_at=None).exists()


def test_only_owners_delete(as_user, alice, bob, mallory, workspace):
    for user, status in ((alice, 403), (bob, 403), (mallory, 404)):
        answer = as_user(user).post("/ws/aml-workspace/delete/", {"confirm_name": "aml-workspace"})
        assert answer.status_code == status
    assert as_user(alice).get("/ws/aml-workspace/delete/").status_code == 405
    assert Workspace.objects.exists()


def test_texts_are_escaped(as_user, owner, workspace):
    workspace.edit(friendly_name="<script>alert(1)</script>", description="<b>", tags={"<i>": '"><img>'})
    for url in ("/", *PAGES[:2]):
        page = as_user(owner).get(url).content.decode()
        assert "<script>alert" not in page and "<img>" not in page
