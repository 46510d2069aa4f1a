"""Computes through the API, for each persona."""

import pytest
from django.utils import timezone

from accounts.authentication import make_run_token
from compute import queue, sizes
from compute.models import ComputeTarget
from tests import factories
from workspaces.models import Role

BODY = {
    "location": "westus",
    "tags": {"team": "vision"},
    "properties": {
        "computeType": "AmlCompute",
        "description": "For training",
        "properties": {
            "vmSize": "STANDARD_DS11_V2",
            "vmPriority": "lowpriority",
            "scaleSettings": {"minNodeCount": 1, "maxNodeCount": 3, "nodeIdleTimeBeforeScaleDown": "PT5M"},
            "userAccountCredentials": {"adminUserName": "azureuser", "adminUserPassword": "hush"},
        },
    },
}


def body(**cluster) -> dict:
    return {"location": "eastus", "properties": {"computeType": "AmlCompute", "properties": cluster}}


def scale(min_nodes, max_nodes, idle="PT120S") -> dict:
    return {"minNodeCount": min_nodes, "maxNodeCount": max_nodes, "nodeIdleTimeBeforeScaleDown": idle}


def test_put_makes_a_cluster_in_azures_shape(api, alice, computes):
    answer = api(alice).put(f"{computes}/gpu-1", BODY)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["id"].endswith("/computes/gpu-1")
    assert (made["location"], made["tags"]) == ("westus", {"team": "vision"})
    assert made["properties"]["provisioningState"] == "Succeeded"
    assert made["properties"]["description"] == "For training"
    inner = made["properties"]["properties"]
    assert (inner["vmSize"], inner["vmPriority"]) == ("Standard_DS11_v2", "LowPriority")
    assert inner["scaleSettings"] == scale(1, 3, "PT300S")
    assert (inner["currentNodeCount"], inner["targetNodeCount"], inner["allocationState"]) == (0, 1, "Resizing")
    assert inner["nodeStateCounts"]["idleNodeCount"] == 0
    assert "hush" not in answer.text
    assert api(alice).get(f"{computes}/GPU-1").json() == made


def test_put_again_changes_nothing_and_other_limits_scale(api, alice, computes):
    caller = api(alice)
    made = caller.put(f"{computes}/gpu-1", BODY).json()
    again = caller.put(f"{computes}/gpu-1", BODY)
    assert (again.status_code, again.json()) == (200, made)
    more = caller.put(f"{computes}/gpu-1", body(scaleSettings=scale(0, 4)))
    assert more.json()["properties"]["properties"]["scaleSettings"] == scale(0, 4)
    assert ComputeTarget.objects.count() == 1


def test_the_size_of_a_cluster_stays(api, alice, computes, cluster):
    answer = api(alice).put(f"{computes}/cpu-cluster", body(vmSize="Standard_NC6"))
    assert answer.status_code == 409
    assert "cannot be changed" in answer.json()["error"]["message"]


def test_patch_changes_what_it_names(api, alice, computes, cluster):
    answer = api(alice).patch(
        f"{computes}/cpu-cluster", {"properties": {"properties": {"scaleSettings": {"minNodeCount": 1}}}}
    )
    assert answer.json()["properties"]["properties"]["scaleSettings"] == scale(1, 2)


@pytest.mark.parametrize(
    ("name", "cluster", "words"),
    [
        ("1st", {}, "starting with a letter"),
        ("a" * 33, {}, "2 to 32 letters"),
        ("ok", {"vmSize": "huge"}, "Standard_DS3_v2"),
        ("ok", {"scaleSettings": scale(3, 1)}, "The minimum of 3 nodes is more than the maximum of 1"),
        ("ok", {"scaleSettings": scale(0, 101)}, "from 1 to 100"),
        ("ok", {"scaleSettings": scale(-1, 1)}, "from 0 to 100"),
        ("ok", {"scaleSettings": scale(0, 1, "soon")}, "such as PT120S"),
        ("ok", {"vmPriority": "cheap"}, "Dedicated or LowPriority"),
        ("ok", {"vmSize": "Standard_D8s_v3", "scaleSettings": scale(0, 13)}, "At most 12 such nodes are possible"),
    ],
)
def test_errors_are_reported_with_messages(api, alice, computes, name, cluster, words):
    answer = api(alice).put(f"{computes}/{name}", body(**cluster))
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]
    assert not ComputeTarget.objects.exists()


def test_the_quota_counts_all_clusters_of_the_subscription(api, alice, workspace, computes):
    other = factories.make_workspace(workspace.resource_group)
    factories.make_target(other, vm_size="Standard_D8s_v3", max_nodes=10)
    big = body(vmSize="Standard_D8s_v3", scaleSettings=scale(0, 3))
    answer = api(alice).put(f"{computes}/ok", big)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "QuotaExceeded")
    assert "80 are used" in answer.json()["error"]["message"]


def test_a_target_being_deleted_holds_its_name(api, alice, computes, cluster, node):
    caller = api(alice)
    assert caller.delete(f"{computes}/cpu-cluster").status_code == 200
    assert caller.get(f"{computes}/cpu-cluster").json()["properties"]["provisioningState"] == "Deleting"
    assert caller.put(f"{computes}/cpu-cluster", BODY).status_code == 409


def test_an_unknown_target_is_not_found_and_the_others_are_named(api, bob, computes, cluster):
    answer = api(bob).get(f"{computes}/nope")
    assert answer.status_code == 404
    assert "cpu-cluster" in answer.json()["error"]["message"]


def test_nodes_say_what_they_run(api, bob, computes, cluster, node, alice):
    queue.enqueue(cluster, "run:my-run_1", {}, alice)
    queue.claim_work(node)
    factories.make_node(cluster, state="preparing")
    nodes = api(bob).post(f"{computes}/cpu-cluster/listNodes").json()["nodes"]
    assert [(n["nodeState"], n["runId"]) for n in nodes] == [("running", "my-run_1"), ("preparing", None)]


def test_list_has_counts_in_few_queries(api, bob, computes, workspace, django_assert_max_num_queries):
    for _ in range(5):
        factories.make_node(factories.make_target(workspace), state="idle")
    caller = api(bob)
    with django_assert_max_num_queries(6):
        rows = caller.get(computes).json()["value"]
    assert [row["properties"]["properties"]["nodeStateCounts"]["idleNodeCount"] for row in rows] == [1] * 5


@pytest.fixture
def people(workspace, owner, alice, bob, mallory):
    others = {"scientist": Role.DATA_SCIENTIST, "operator": Role.COMPUTE_OPERATOR}
    for name, role in others.items():
        others[name] = factories.make_user(name)
        factories.give_role(others[name], role, workspace)
    return {"owner": owner, "alice": alice, "bob": bob, "mallory": mallory, "nobody": None, **others}


@pytest.mark.parametrize(
    ("who", "reads", "writes"),
    [
        ("owner", 200, 200),
        ("alice", 200, 200),
        ("operator", 200, 200),
        ("scientist", 200, 403),
        ("bob", 200, 403),
        ("mallory", 404, 404),
        ("nobody", 401, 401),
    ],
)
def test_who_may_what(api, people, computes, cluster, who, reads, writes):
    caller, one = api(people[who]), f"{computes}/cpu-cluster"
    assert caller.get(computes).status_code == reads
    assert caller.get(one).status_code == reads
    assert caller.post(f"{one}/listNodes").status_code == reads
    assert caller.patch(one, {"tags": {"a": "b"}}).status_code == writes
    made = caller.put(f"{computes}/other", BODY).status_code
    assert made == (201 if writes == 200 else writes)
    assert caller.delete(one).status_code == writes


def test_a_run_token_does_not_reach_computes(api, alice, workspace, computes, cluster):
    factories.make_run(workspace, run_id="some-run")
    caller = api(make_run_token(alice.pk, workspace.pk, "some-run", 0))
    assert caller.get(computes).status_code == 403


def test_sizes_and_usages_of_a_location(api, bob, mallory, owner, workspace):
    target = factories.make_target(workspace, vm_size="Standard_D8s_v3", max_nodes=2)
    factories.make_node(target, factories.make_host(heartbeat_at=timezone.now()), cores=8)
    path = "/subscriptions/sub-1/providers/microsoft.machinelearningservices/locations/eastus"
    names = [size["name"] for size in api(owner).get(f"{path}/vmSizes").json()["value"]]
    assert names == [model.name for model in sizes.CATALOGUE]
    found = api(owner).get(f"{path}/usages").json()["value"]
    usages = {u["name"]["value"]: (u["currentValue"], u["limit"]) for u in found}
    assert (usages["standardDSv3Family"], usages["standardDSv2Family"]) == ((8, 16), (0, 16))
    assert api(bob).get(f"{path}/vmSizes").status_code == 200
    assert api(mallory).get(f"{path}/vmSizes").status_code == 404
