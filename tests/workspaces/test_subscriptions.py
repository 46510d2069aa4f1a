"""Renaming, moving to and deleting subscriptions, by page and API."""

import pytest
from django.urls import reverse

from accounts.activity import Activity
from compute import queue
from tests import factories
from tests.html import html_of
from workspaces.models import ResourceGroup, Role, Subscription, Workspace


@pytest.fixture
def other(db):
    return Subscription.objects.create(subscription_id="sub-2")


@pytest.fixture
def first(workspace):
    return workspace.resource_group.subscription


def page_of(subscription) -> str:
    return reverse("workspaces:subscription", args=[subscription.pk])


def test_it_is_renamed_and_keeps_its_id(api, as_user, owner, alice, first):
    assert api(owner).patch(first.arm_id, {"displayName": "Research"}).json()["displayName"] == "Research"
    page = html_of(as_user(owner).get(page_of(first)))
    assert "Research" in page and "sub-1" in page
    as_user(owner).post(f"{page_of(first)}change/", {"act": "rename", "name": "Vision"})
    assert Subscription.objects.get(subscription_id="sub-1").display_name == "Vision"
    assert Activity.objects.filter(verb="subscription.rename").count() == 2
    assert as_user(owner).post(f"{page_of(first)}change/", {"act": "rename", "name": "x" * 101}).status_code == 400
    assert as_user(owner).post(f"{page_of(first)}change/", {"act": "fly"}).status_code == 400
    assert as_user(alice).post(f"{page_of(first)}change/", {"act": "rename", "name": "Mine"}).status_code == 403


def test_its_page_shows_what_one_may_see(as_user, bob, mallory, first, django_assert_max_num_queries):
    ResourceGroup.objects.create(subscription=first, name="hidden-group")
    with django_assert_max_num_queries(26):
        page = html_of(as_user(bob).get(page_of(first)))
    assert "hidden-group" not in page and "Rename" not in page and "Delete" not in page
    assert as_user(mallory).get(page_of(first)).status_code == 404
    assert as_user(bob).post(page_of(first)).status_code == 405


def test_a_moved_group_has_a_new_address_and_the_roles_of_its_new_subscription(
    api, owner, bob, workspace, first, other
):
    dora, ella = factories.make_user("dora"), factories.make_user("ella")
    factories.give_role(dora, Role.READER, first)
    factories.give_role(ella, Role.READER, other)
    old, group = workspace.arm_id, workspace.resource_group.arm_id
    assert (
        api(owner).post(f"{group}/move", {"subscriptionId": "SUB-2"}).json()["id"].startswith("/subscriptions/sub-2/")
    )
    new = Workspace.objects.with_path().get().arm_id
    assert new == old.replace("sub-1", "sub-2") and api(owner).get(old).status_code == 404
    assert [api(user).get(new).status_code for user in (bob, dora, ella)] == [200, 404, 200]
    row = Activity.objects.get(verb="group.move")
    assert row.changes == {"subscription": ["sub-1", "sub-2"]}
    refused = api(owner).post(f"{group.replace('sub-1', 'sub-2')}/move", {"subscriptionId": "sub-2"})
    assert refused.status_code == 409 and "is in sub-2 already" in refused.text


def test_a_group_does_not_move_while_work_runs_or_its_name_is_taken(
    api, as_user, owner, alice, workspace, first, other
):
    target, group = factories.make_target(workspace), workspace.resource_group
    work = queue.enqueue(target, "run:r1", {}, alice)
    move = {"act": "move", "group": group.pk, "target": other.pk}
    refused = as_user(owner).post(f"{page_of(first)}change/", move)
    assert refused.status_code == 409 and "queued or running with its present address (1)" in html_of(refused)
    queue.cancel_queued([work.pk])
    taken = ResourceGroup.objects.create(subscription=other, name=group.name.upper())
    assert as_user(owner).post(f"{page_of(first)}change/", move).status_code == 409
    taken.delete()
    # An Owner of the group needs a role on the other subscription, too.
    olga = factories.make_user("olga")
    factories.give_role(olga, Role.OWNER, group)
    factories.give_role(olga, Role.READER, other)
    assert as_user(olga).post(f"{page_of(first)}change/", move).status_code == 403
    assert as_user(owner).post(f"{page_of(first)}change/", move).status_code == 302
    assert Subscription.objects.get(pk=other.pk).resource_groups.get() == group


def test_only_an_empty_subscription_is_deleted(api, as_user, owner, workspace, first, other):
    refused = api(owner).delete(first.arm_id)
    assert refused.status_code == 409 and f"1 resource group: {workspace.resource_group.name}" in refused.text
    api(owner).delete(workspace.resource_group.arm_id)
    assert "(in the trash)" in api(owner).delete(first.arm_id).text
    factories.give_role(factories.make_user("dora"), Role.OWNER, other)
    assert as_user(owner).post(f"{page_of(other)}change/", {"act": "delete"}).status_code == 302
    assert not Subscription.objects.filter(pk=other.pk).exists()
    assert Activity.objects.get(verb="subscription.delete").message == "1 role"
