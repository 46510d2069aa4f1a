"""The routes of nodes and hosts: their own keys only, and what their words lead to."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.authentication import read_run_token
from compute import keys, queue
from compute.models import Assignment, ComputeTarget, Host, Node, Resources, Work
from tests import factories


@pytest.fixture
def as_node(api, node):
    return api(keys.node_key(node))


@pytest.fixture
def as_host(api, host):
    return api(keys.host_key(host))


@pytest.fixture
def work(cluster, alice):
    return queue.enqueue(cluster, "run:my-run", {"command": "true"}, alice)


def report(name="node-a", **fields) -> dict:
    return {"cpus": 8, "memoryGB": 31.5, "address": "box", "nodes": [{"name": name, "pid": 7, **fields}]}


ALIVE = "work/00000000-0000-0000-0000-000000000000/alive"


@pytest.mark.parametrize(
    "path",
    ["heartbeat", "claim", "host", "host/leave", "join", "work/00000000-0000-0000-0000-000000000000/done", ALIVE],
)
def test_no_other_key_opens_these_routes(api, alice, node, host, path):
    wrong = keys.node_key(node) if path.startswith("host") else keys.host_key(host)
    for key in (None, alice, wrong, keys.node_key(node) + "x", "node.node-a"):
        assert api(key).post(f"/nodes/v1/{path}", {"attempt": 1}).status_code == 401


def test_a_node_key_gives_access_to_nothing_else(as_node, computes):
    assert as_node.get(computes).status_code == 401


def test_the_key_of_an_ended_node_is_void(as_node, node):
    node.end()
    assert as_node.post("/nodes/v1/claim").status_code == 401


def test_first_heartbeat_makes_a_node_idle(as_node, node):
    Node.objects.update(state="preparing", heartbeat_at=None)
    answer = as_node.post("/nodes/v1/heartbeat", {"state": "idle", "pid": 42, "work": []})
    assert answer.json() == {"waiting": False, "leaving": False}
    node.refresh_from_db()
    assert (node.state, node.pid) == ("idle", 42)
    assert node.heartbeat_at


def test_heartbeat_says_that_work_waits_or_that_it_is_time_to_leave(as_node, node, work):
    assert as_node.post("/nodes/v1/heartbeat", {}).json() == {"waiting": True, "leaving": False}
    Node.objects.update(state="leaving")
    assert as_node.post("/nodes/v1/heartbeat", {}).json()["leaving"]


def test_heartbeat_frees_a_node_whose_work_was_lost(as_node, node, work):
    queue.claim_work(node)
    work.refresh_from_db()
    work.mark_lost("Gone.")
    as_node.post("/nodes/v1/heartbeat", {"state": "idle", "work": []})
    assert Node.objects.get().state == "idle"


def test_claim_hands_over_the_spec_and_a_token_for_this_attempt(as_node, node, work, alice):
    answer = as_node.post("/nodes/v1/claim").json()
    assert (answer["id"], answer["attempt"], answer["scope"]) == (str(work.pk), 1, "run:my-run")
    assert answer["spec"] == {"command": "true", "node": "node-a", "memory_gb": 1.0}
    assert read_run_token(answer["token"]) == (alice.pk, work.target.workspace_id, "my-run", 1)


@pytest.mark.parametrize("lost", ["role", "account"])
def test_work_of_who_may_no_longer_submit_is_given_up(as_node, node, work, alice, lost):
    if lost == "role":
        alice.roles.all().delete()
    else:
        type(alice).objects.filter(pk=alice.pk).update(is_active=False)
    assert as_node.post("/nodes/v1/claim").status_code == 204
    work.refresh_from_db()
    node.refresh_from_db()
    assert (work.state, node.state) == ("lost", "idle")
    assert work.reason == "alice, who submitted this job, may no longer submit jobs in aml-workspace."


def test_a_node_gets_the_number_of_gpus_and_says_which_it_gave(as_node, node, cluster, alice):
    Node.objects.update(gpus=2)
    node.refresh_from_db()
    work = queue.enqueue(cluster, "run:my-run", {}, alice)
    answer = as_node.post("/nodes/v1/claim").json()
    assert (answer["gpus"], answer["sharesGpus"]) == (2, False)
    body = {"work": [str(work.pk)], "gpus": {str(work.pk): "GPU-a,GPU-b"}}
    assert as_node.post("/nodes/v1/heartbeat", body).status_code == 200
    work.refresh_from_db()
    assert work.gpu_lists == [("node-a", ["GPU-a", "GPU-b"])]
    assert as_node.post("/nodes/v1/heartbeat", {"gpus": {str(work.pk): "x" * 6000}}).status_code == 422


def test_nodes_without_their_gpus_are_drained_first_those_that_use_a_lost_one(as_host, cluster, host, alice, as_user):
    host_state = {"cpus": 16, "memoryGB": 128, "address": "here"}
    assert as_host.post("/nodes/v1/host", host_state | {"gpus": 3}).status_code == 200
    busy, idle, broken = [
        factories.make_node(cluster, host, name=name, gpus=1, state="idle") for name in ("busy", "idle", "broken")
    ]
    for node, gpu in ((busy, "GPU-a"), (broken, "GPU-c")):
        work = queue.enqueue(cluster, f"run:{node}", {}, alice)
        queue.claim_work(node)
        node.assignments.filter(work=work).update(gpu_ids=gpu)
    assert as_host.post("/nodes/v1/host", host_state | {"gpus": 2, "lostGpus": ["GPU-c"]}).status_code == 200
    assert list(Node.objects.exclude(drained_at=None)) == [broken]
    assert as_host.post("/nodes/v1/host", host_state | {"gpus": 1, "lostGpus": ["GPU-c", "GPU-b"]}).status_code == 200
    assert set(Node.objects.exclude(drained_at=None)) == {broken, idle}
    admin = as_user(factories.make_user("root", is_superuser=True, is_staff=True))
    for page in ("operations:overview", "operations:machines"):
        assert "GPU-c, GPU-b" in admin.get(reverse(page)).content.decode(), page
    assert "2 lost" in " ".join(admin.get("/ws/aml-workspace/compute/all/machines/").content.decode().split())
    assert as_host.post("/nodes/v1/host", host_state | {"lostGpus": ["a,b"]}).status_code == 422


def test_the_work_of_a_compute_instance_shares_the_gpus_of_its_node(as_node, node, cluster, alice):
    Node.objects.update(gpus=1)
    ComputeTarget.objects.update(kind=ComputeTarget.Kind.INSTANCE)
    queue.enqueue(ComputeTarget.objects.get(), "run:server", {}, alice, resources=Resources(0, 0))
    answer = as_node.post("/nodes/v1/claim").json()
    assert (answer["gpus"], answer["sharesGpus"]) == (1, True)


def test_claim_with_nothing_waiting_is_204(as_node):
    assert as_node.post("/nodes/v1/claim").status_code == 204


def test_done_frees_the_node_and_a_second_one_changes_nothing(as_node, node, work):
    attempt = as_node.post("/nodes/v1/claim").json()["attempt"]
    for _ in range(2):
        answer = as_node.post(f"/nodes/v1/work/{work.pk}/done", {"attempt": attempt, "message": "It ended badly."})
        assert answer.status_code == 200
    work.refresh_from_db()
    assert (work.state, work.reason, Node.objects.get().state) == ("done", "It ended badly.", "idle")


def test_done_of_a_stale_attempt_is_409(as_node, node, work):
    as_node.post("/nodes/v1/claim")
    as_node.post("/nodes/v1/claim")
    answer = as_node.post(f"/nodes/v1/work/{work.pk}/done", {"attempt": 1})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "stale_attempt")
    assert Work.objects.get().state == "claimed"


def test_a_host_learns_what_to_run(as_host, node):
    orders = as_host.get("/nodes/v1/host").json()["nodes"]
    expected = {"name": "node-a", "key": keys.node_key(node), "queue": f"cluster.{node.target_id}", "state": "wanted"}
    assert orders == [expected]
    Node.objects.update(state="leaving")
    assert as_host.get("/nodes/v1/host").json()["nodes"][0]["state"] == "leaving"


def test_a_host_says_what_it_is(as_host, host):
    Host.objects.update(heartbeat_at=None)
    as_host.post("/nodes/v1/host", report(alive=True))
    host.refresh_from_db()
    assert (host.cpus, host.memory_gb, host.address, host.is_alive) == (8, 31.5, "box", True)
    assert "earlier version" in host.isolation_problem
    as_host.post(
        "/nodes/v1/host",
        report(alive=True)
        | {"isolationProblem": "", "wheelCacheBytes": 5_000_000_000, "environmentCacheBytes": 7}
        | {"containerEngine": "podman 4.3.1", "containerProblem": ""},
    )
    host.refresh_from_db()
    assert (host.wheel_cache_bytes, host.environment_cache_bytes) == (5_000_000_000, 7) and not host.isolation_problem
    assert host.container_engine == "podman 4.3.1"


@pytest.mark.parametrize("status", [0, -15, -9, 3])
def test_a_wanted_node_that_ended_stays_wanted_and_keeps_its_work(as_host, node, work, status):
    queue.claim_work(node)
    orders = as_host.post("/nodes/v1/host", report(alive=False, exit=status)).json()["nodes"]
    assert [order["state"] for order in orders] == ["wanted"]
    assert Work.objects.get().state == "claimed"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (-9, "its process was killed by signal 9 repeatedly."),
        (3, "its process ended with exit code 3 repeatedly."),
    ],
)
def test_a_node_that_its_host_gives_up_is_unusable_and_its_work_lost(as_host, node, work, status, words):
    queue.claim_work(node)
    Assignment.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    orders = as_host.post("/nodes/v1/host", report(alive=False, exit=status, failed=True)).json()["nodes"]
    assert orders == []
    node.refresh_from_db()
    work.refresh_from_db()
    assert (node.state, node.message) == ("unusable", f"Node node-a was lost: {words}")
    assert (work.state, work.reason) == ("lost", node.message)


def test_a_node_that_its_host_gives_up_stays_while_its_runner_lives(as_host, node, work):
    queue.claim_work(node)
    as_host.post("/nodes/v1/host", report(alive=False, exit=3, failed=True))
    node.refresh_from_db()
    assert (node.state, Work.objects.get().state) == ("running", "claimed")


def test_a_leaving_node_that_has_ended_is_gone(as_host, node):
    node.leave("")
    assert as_host.post("/nodes/v1/host", report(alive=False, exit=-15)).json()["nodes"] == []
    assert Node.objects.get().ended_at <= timezone.now()
