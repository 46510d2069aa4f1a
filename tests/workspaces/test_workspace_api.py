"""Subscriptions, groups and workspaces over REST, in Azure's shapes."""

import pytest

from accounts.authentication import make_run_token
from tests import factories
from workspaces.models import ResourceGroup, Role, RoleAssignment, Subscription, Workspace

ML = "/providers/Microsoft.MachineLearningServices/workspaces"


def path_of(subscription, group, name):
    return f"/subscriptions/{subscription}/resourceGroups/{group}{ML}/{name}"


def test_get_in_azures_shape(api, bob, workspace, w):
    body = api(bob).get(w, **{"api-version": "2024-01-01"}).json()
    assert (body["id"], body["name"]) == (w, "aml-workspace")
    assert body["type"] == "Microsoft.MachineLearningServices/workspaces"
    assert body["sku"] == {"name": "Basic", "tier": "Basic"}
    properties = body["properties"]
    assert properties["workspaceId"] == str(workspace.workspace_id)
    assert properties["discoveryUrl"].endswith(f"/discovery/workspaces/{workspace.workspace_id}")
    assert properties["storageAccount"].endswith("/providers/Microsoft.Storage/storageAccounts/s")
    assert properties["containerRegistry"] is None


def test_case_does_not_matter(api, bob, w):
    odd = (
        w.replace("resourceGroups", "resourcegroups")
        .replace("Microsoft", "microsoft")
        .replace("aml-workspace", "AML-Workspace")
    )
    assert api(bob).get(odd).json()["id"] == w


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_without_a_token_nothing_opens(api, w, method):
    answer = getattr(api(None), method)(w)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "AuthenticationFailed"


def test_a_cookie_opens_no_api(as_user, bob, w):
    assert as_user(bob).get(w).status_code == 401


def test_mallory_gets_404(api, mallory, w):
    answer = api(mallory).get(w)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "ResourceNotFound"
    assert api(mallory).patch(w, {"tags": {}}).status_code == 404
    assert api(mallory).delete(w).status_code == 404


def test_put_makes_subscription_group_and_workspace(api, owner):
    client = api(owner)
    assert client.put("/subscriptions/123456-abc-123...", {"displayName": "Ours"}).json()["displayName"] == "Ours"
    group = "/subscriptions/123456-abc-123.../resourceGroups/aml-resources"
    assert client.put(group, {"location": "East US", "tags": {"a": 1}}).json()["location"] == "eastus"
    body = {
        "location": "westeurope",
        "tags": {"team": "vision"},
        "sku": {"name": "Enterprise"},
        "properties": {"friendlyName": "Ours", "description": "All", "storageAccount": "mine", "hbiWorkspace": True},
    }
    answer = client.put(path_of("123456-abc-123...", "aml-resources", "New_ws"), body)
    assert answer.status_code == 201
    workspace = Workspace.objects.get()
    assert (workspace.slug, workspace.location, workspace.sku) == ("new-ws", "westeurope", "Enterprise")
    assert workspace.storage_account == "mine"
    assert workspace.key_vault.startswith("newwskeyvault") and len(workspace.key_vault) <= 24
    assert workspace.hbi_workspace and workspace.created_by == owner
    assert client.put(path_of("123456-abc-123...", "aml-resources", "New_ws"), body).status_code == 200


def test_put_needs_the_group(api, owner):
    api(owner).put("/subscriptions/s1")
    answer = api(owner).put(path_of("s1", "nowhere", "ws1"))
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "ResourceGroupNotFound"


def test_only_an_owner_of_the_site_makes_subscriptions(api, alice, mallory):
    for user in (alice, mallory):
        assert api(user).put("/subscriptions/fresh").status_code == 403
    assert not Subscription.objects.filter(subscription_id="fresh").exists()


def test_strangers_learn_nothing_by_making_one(api, mallory, workspace, w):
    taken = api(mallory).put(w)
    fresh = api(mallory).put(path_of("nothing", "aml-resources", "aml-workspace"))
    assert taken.status_code == fresh.status_code == 403


def test_a_contributor_of_a_group_makes_and_owns(api):
    user, group = factories.make_user(), factories.make_group()
    factories.give_role(user, Role.CONTRIBUTOR, group)
    answer = api(user).put(f"{group.arm_id}{ML}/theirs")
    assert answer.status_code == 201
    assert RoleAssignment.objects.get(user=user, workspace__isnull=False).role == Role.OWNER
    assert api(user).delete(answer.json()["id"]).status_code == 200


@pytest.mark.parametrize("name", ["ab", "a" * 34, "-abc", "with space", "äöü"])
def test_bad_names_are_reported(api, owner, name):
    factories.make_group(factories.make_subscription("s1"), "g1")
    answer = api(owner).put(path_of("s1", "g1", name))
    assert answer.status_code == 400
    assert "3 to 33" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"location": "not a place!"},
        {"tags": {str(n): "x" for n in range(51)}},
        {"properties": {"friendlyName": "x" * 101}},
        {"properties": {"description": "a\x00b"}},
    ],
)
def test_bad_values_are_reported(api, owner, w, body):
    answer = api(owner).patch(w, body)
    assert answer.status_code == 400
    assert answer.json()["error"]["target"]


def test_patch_changes_what_is_sent(api, alice, workspace, w):
    workspace.edit(description="old", friendly_name="Old")
    answer = api(alice).patch(w, {"tags": {"a": "b"}, "properties": {"description": "", "containerRegistry": "reg"}})
    assert answer.status_code == 200
    workspace.refresh_from_db()
    assert (workspace.tags, workspace.description, workspace.friendly_name) == ({"a": "b"}, "", "Old")
    assert workspace.container_registry == "reg"


def test_what_cannot_change_is_reported(api, alice, workspace, w):
    for body in ({"location": "westeurope"}, {"properties": {"storageAccount": "other"}}, {"sku": {"name": "Free"}}):
        answer = api(alice).patch(w, body)
        assert answer.status_code == 409
        assert "cannot be changed" in answer.json()["error"]["message"]
    assert api(alice).put(w, {"location": "East US", "tags": {"a": "b"}}).status_code == 200


def test_strangers_cannot_tell_what_is_there(api, mallory, workspace):
    there = api(mallory).put(workspace.resource_group.subscription.arm_id)
    nowhere = api(mallory).put("/subscriptions/sub-2")
    assert there.status_code == nowhere.status_code == 403
    assert there.json()["error"]["message"].replace("sub-1", "sub-2") == nowhere.json()["error"]["message"]


def test_bob_may_not_change(api, bob, w):
    for answer in (api(bob).patch(w, {"tags": {}}), api(bob).delete(w), api(bob).post(w + "/listKeys")):
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "AuthorizationFailed"


def test_contributors_do_not_delete(api, alice, w):
    assert api(alice).delete(w).status_code == 403


def test_a_deleted_workspace_is_out_of_sight_and_keeps_its_name(api, owner, alice, workspace, w):
    run = factories.make_run(workspace, status="Running")
    assert api(owner).delete(w).status_code == 200
    for user in (owner, alice):
        assert api(user).get(w).status_code == 404
        assert api(user).delete(w).status_code == 404
    assert api(owner).get(w.rsplit("/", 1)[0]).json()["value"] == []
    run.refresh_from_db()
    assert run.status == "Canceled"
    answer = api(owner).put(w, {"location": "eastus"})
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "SoftDeletedWorkspaceExists"
    assert "Restore it, delete it permanently" in answer.json()["error"]["message"]


def test_delete_group_takes_its_workspaces(api, owner, workspace):
    group = workspace.resource_group.arm_id
    assert api(owner).delete(group).status_code == 200
    assert api(owner).get(workspace.arm_id).status_code == 404 and api(owner).get(group).status_code == 404
    assert Workspace.objects.exists()


def test_an_empty_group_goes_at_once(api, owner, workspace):
    group = factories.make_group(workspace.resource_group.subscription, "empty")
    assert api(owner).delete(group.arm_id).status_code == 200
    assert not ResourceGroup.objects.filter(name="empty").exists()


def test_a_deleted_group_is_created_again_without_its_old_roles(api, owner, workspace):
    group, was = workspace.resource_group, factories.make_user("was")
    factories.give_role(was, Role.OWNER, group)
    api(owner).delete(group.arm_id)
    assert api(was).get(group.arm_id).status_code == 404
    assert api(owner).put(group.arm_id, {"location": "westus2"}).json()["location"] == "westus2"
    assert api(was).get(group.arm_id).status_code == 404


def test_lists_show_what_one_may_see(api, bob, owner, mallory, workspace):
    factories.make_workspace(workspace.resource_group, "second")
    subscription = workspace.resource_group.subscription.arm_id
    names = [item["name"] for item in api(owner).get(subscription + ML).json()["value"]]
    assert names == ["aml-workspace", "second"]
    group = workspace.resource_group.arm_id
    assert [item["name"] for item in api(bob).get(group + ML).json()["value"]] == ["aml-workspace"]
    assert [item["name"] for item in api(bob).get(subscription + "/resourceGroups").json()["value"]] == [
        "aml-resources"
    ]
    assert api(mallory).get(group + ML).status_code == 404
    assert api(mallory).get("/subscriptions").json() == {"value": []}


def test_lists_come_in_pages(api, owner, workspace):
    factories.make_workspace(workspace.resource_group, "second")
    first = api(owner).get(workspace.resource_group.arm_id + ML, **{"$top": 1}).json()
    assert len(first["value"]) == 1
    second = api(owner).client.get(first["nextLink"].replace("http://testserver", "")).json()
    assert [item["name"] for item in second["value"]] == ["second"]
    assert "nextLink" not in second


def test_list_has_a_query_ceiling(api, owner, workspace, django_assert_max_num_queries):
    for _ in range(20):
        factories.make_workspace(workspace.resource_group)
    client = api(owner)
    with django_assert_max_num_queries(5):
        client.get(workspace.resource_group.subscription.arm_id + ML)


def test_list_keys_names_the_resources(api, alice, w):
    first, second = api(alice).post(w + "/listKeys").json(), api(alice).post(w + "/listKeys").json()
    assert first == second
    assert first["userStorageResourceId"].endswith("/storageAccounts/s") and len(first["userStorageKey"]) > 40


def test_discovery_needs_no_token(api, workspace):
    services = api(None).get(f"/discovery/workspaces/{workspace.workspace_id}").json()
    assert services["history"] == services["api"]


def test_a_run_token_reads_its_workspace_only(api, alice, workspace, w):
    other = factories.make_workspace()
    factories.make_run(workspace, run_id="run-1")
    client = api(make_run_token(alice.pk, workspace.pk, "run-1", 0))
    assert client.get(w).status_code == 200
    assert client.get(other.arm_id).status_code == 404
    assert [item["subscriptionId"] for item in client.get("/subscriptions").json()["value"]] == ["sub-1"]
    assert client.patch(w, {"tags": {}}).status_code == 403
    assert client.delete(w).status_code == 403
