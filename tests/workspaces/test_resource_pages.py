"""The page of a resource group, and those of storage account, key vault, insights and registry of a workspace."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.actors import Actor
from costs.models import Usage
from endpoints.models import Endpoint, TrafficMinute
from tests import factories
from tests.html import html_of
from workspaces import associated
from workspaces.vault.models import Secret

KINDS = ["storage", "key-vault", "insights", "registry"]


def address(workspace, kind: str) -> str:
    return reverse("workspaces:resource", args=[workspace.slug, kind])


@pytest.fixture
def full(workspace, alice):
    workspace.container_registry = "registry1"
    workspace.save()
    Secret.set(Actor(alice), workspace, "password", "hidden-value")
    factories.make_run(workspace)
    where = Usage.path_of(workspace)
    now = timezone.now()
    Usage.objects.create(
        kind="storage", day=now.date(), bytes=3 * 2**30, started_at=now, ended_at=now, cost=0.5, **where
    )
    return workspace


def test_each_resource_says_what_it_holds(as_user, bob, full, django_assert_max_num_queries):
    shown = {"storage": "$0.50", "key-vault": "Secrets", "insights": "Requests in 24 hours", "registry": "Environments"}
    for kind in KINDS:
        with django_assert_max_num_queries(30):
            page = html_of(as_user(bob).get(address(full, kind)))
        found = associated.list_resources(full)[KINDS.index(kind)]
        assert shown[kind] in page and found.name in page and found.arm_id in page, kind
        assert "hidden-value" not in page


def test_requests_and_errors_of_endpoints(alice, full):
    endpoint = Endpoint.create(full, alice, "svc", auth_enabled=True)
    minute = timezone.now().replace(second=0, microsecond=0)
    TrafficMinute.objects.create(endpoint=endpoint, minute=minute, statuses={"200": 40, "500": 2})
    TrafficMinute.objects.create(endpoint=endpoint, minute=minute - dt.timedelta(days=2), statuses={"500": 7})
    facts = {fact.label: fact.value for fact in associated.list_facts(associated.INSIGHTS, full)}
    assert (facts["Requests in 24 hours"], facts["Errors in 24 hours"]) == ("42", "2")


def test_a_resource_that_the_workspace_lacks(as_user, bob, workspace):
    answer = as_user(bob).get(address(workspace, "registry"))
    assert answer.status_code == 404


def test_the_group_lists_what_the_person_may_open(as_user, alice, bob, mallory, full, django_assert_max_num_queries):
    url = reverse("workspaces:resource_group", args=[full.resource_group_id])
    hidden = factories.make_workspace(full.resource_group, "elsewhere-9")
    with django_assert_max_num_queries(26):
        page = html_of(as_user(bob).get(url))
    assert full.title in page and hidden.name not in page and "$0.50" in page
    for kind in KINDS:
        assert address(full, kind) in page
    assert (
        as_user(mallory).get(url).status_code == 404
        and as_user(mallory).get(address(full, "storage")).status_code == 404
    )
    for one in (url, address(full, "storage")):
        assert as_user(bob).post(one).status_code == 405
    settings_page = html_of(as_user(bob).get(reverse("workspaces:settings", args=[full.slug])))
    assert url in settings_page and address(full, "storage") in settings_page


def test_a_deletion_says_what_goes_and_what_it_saves(as_user, owner, full):
    page = html_of(as_user(owner).get(reverse("workspaces:settings", args=[full.slug])))
    for text in ("Jobs: 1 job", "Files: 3.0 GB", "Cost of the last 30 days: $0.50"):
        assert text in page, text
