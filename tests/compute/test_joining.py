"""How a machine joins by URL and token, leaves, and what it may not take while it is not the studio's own."""

import datetime as dt

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from accounts.activity import Activity
from compute import autoscaler, capacity, keys, queue, waiting
from compute.models import ComputeTarget, Host, JoinToken, Node, Resources, Work
from tests import factories

FACTS = {"name": "gpu-box", "cpus": 8, "memoryGB": 31.5, "gpus": 1, "system": "Debian 12"}
REPORT = {"cpus": 8, "memoryGB": 31.5, "nodes": [], "boot": "boot-1 gpu-box"}


@pytest.fixture
def admin(db):
    return factories.make_user("root", is_superuser=True, is_staff=True)


@pytest.fixture
def token(admin):
    return JoinToken.create_with_secret(admin)


@pytest.fixture
def joined(api, token):
    api(token[1]).post("/nodes/v1/join", FACTS)
    host = Host.objects.get(name="gpu-box")
    api(keys.host_key(host)).post("/nodes/v1/host", REPORT)
    host.refresh_from_db()
    return host


def test_a_machine_joins_once_with_a_token(api, token, settings):
    client = api(token[1])
    assert client.get("/nodes/v1/join").json()["url"] == settings.PUBLIC_URL
    answer = client.post("/nodes/v1/join", FACTS).json()
    host = Host.objects.get()
    assert answer == {"name": "gpu-box", "key": keys.host_key(host)}
    assert (host.cpus, host.gpus, host.system, host.has_joined) == (8, 1, "Debian 12", True)
    assert api(answer["key"]).post("/nodes/v1/host", REPORT).json() == {
        "nodes": [],
        "detached": False,
        "watched": False,
    }
    again = client.post("/nodes/v1/join", FACTS)
    assert again.status_code == 401 and "used already" in again.json()["error"]["message"]
    assert [row.verb for row in Activity.objects.filter(verb__startswith="host")] == ["host.invite", "host.join"]


def test_a_token_that_is_an_hour_old_lets_nothing_join(api, token):
    JoinToken.objects.update(created_at=timezone.now() - JoinToken.VALID)
    assert api(token[1]).post("/nodes/v1/join", FACTS).status_code == 401
    assert not Host.objects.exists()


def test_a_wrong_name_does_not_spend_the_token(api, token):
    assert api(token[1]).post("/nodes/v1/join", FACTS | {"name": "a b"}).status_code == 400
    assert api(token[1]).post("/nodes/v1/join", FACTS).status_code == 200


def test_machines_of_the_same_name_have_keys_of_their_own(api, admin, joined):
    second = api(JoinToken.create_with_secret(admin)[1]).post("/nodes/v1/join", FACTS).json()
    assert second["name"] == "gpu-box-2" and second["key"] != keys.host_key(joined)
    joined.delete()
    third = api(JoinToken.create_with_secret(admin)[1]).post("/nodes/v1/join", FACTS).json()
    assert third["name"] == "gpu-box" and keys.host_by_key(keys.host_key(Host(uid=joined.uid))) is None


def test_a_copy_of_a_machine_is_refused_while_the_other_reports(api, joined):
    client = api(keys.host_key(joined))
    answer = client.post("/nodes/v1/host", REPORT | {"boot": "boot-2 gpu-box"})
    assert answer.status_code == 409 and answer.json()["error"]["code"] == "copied_host"
    assert client.post("/nodes/v1/host", REPORT).status_code == 200
    # After a restart of the machine.
    Host.objects.update(heartbeat_at=timezone.now() - dt.timedelta(seconds=20))
    assert client.post("/nodes/v1/host", REPORT | {"boot": "boot-2 gpu-box"}).status_code == 200


def test_a_machine_that_leaves_ends_its_work_first_and_is_then_forgotten(api, joined, cluster):
    client, node = api(keys.host_key(joined)), factories.make_node(cluster, joined, state="running")
    assert client.post("/nodes/v1/host/leave").status_code == 200
    assert capacity.pick_host(ComputeTarget(), Resources(1, 1)) is None
    assert client.post("/nodes/v1/host", REPORT).json()["nodes"][0]["name"] == node.name
    node.end()
    assert client.post("/nodes/v1/host", REPORT).json()["detached"]
    assert client.post("/nodes/v1/host", REPORT).status_code == 401


def test_a_detached_machine_that_is_silent_is_forgotten_too(joined):
    joined.detach()
    autoscaler.autoscale()
    assert Host.objects.exists()
    Host.objects.update(heartbeat_at=timezone.now() - dt.timedelta(minutes=5))
    autoscaler.autoscale()
    assert not Host.objects.exists()


def test_the_studios_own_machine_is_not_detached(api, host):
    answer = api(keys.host_key(host)).post("/nodes/v1/host/leave")
    assert answer.status_code == 409 and "drain it" in answer.json()["error"]["message"]


def test_the_gateway_reaches_services_of_other_machines_by_their_uid(joined, api, cluster, alice):
    work = queue.enqueue(cluster, "run:service", {}, alice)
    Work.objects.update(life=Work.Life.KEPT_UP)
    autoscaler.balance_cluster(cluster)
    assert [node.host for node in Node.objects.all()] == [joined]
    node = factories.make_node(cluster, joined, state="idle", heartbeat_at=timezone.now())
    held = queue.claim_work(node)
    assert held == work
    route = f"/nodes/v1/work/{work.pk}/alive"
    assert api(keys.work_key(held)).post(route, {"address": "unix:/tmp/lazuli-a/s"}).status_code == 200
    assert held.assignments.get().address == f"{joined.uid}@unix:/tmp/lazuli-a/s"
    other = {"address": f"{joined.uid}@unix:/tmp/lazuli-a/s"}
    assert api(keys.work_key(held)).post(route, other).status_code == 422


def test_the_gateway_checks_the_keys_of_machines(joined, host, api):
    ask = api(keys.gateway_key())
    answer = ask.post("/nodes/v1/gateway/host", {"key": keys.host_key(joined)})
    assert answer.status_code == 200 and answer.json()["address"] == str(joined.uid)
    # The studio's own machine has no need for it, and others have no key.
    for key in (keys.host_key(host), keys.host_key(joined)[:-1], ""):
        assert ask.post("/nodes/v1/gateway/host", {"key": key}).status_code == 401
    assert api(keys.host_key(joined)).post("/nodes/v1/gateway/host", {"key": "x"}).status_code == 401


def test_container_instances_are_a_part_of_the_studios_own_machine(joined, cluster, alice):
    work = queue.enqueue(cluster, "run:service", {}, alice)
    Work.objects.update(life=Work.Life.KEPT_UP)
    work.refresh_from_db()
    ComputeTarget.objects.filter(pk=cluster.pk).update(kind=ComputeTarget.Kind.CONTAINER)
    cluster.refresh_from_db()
    autoscaler.balance_cluster(cluster)
    assert not Node.objects.exists()
    assert waiting.NEEDS_OWN in waiting.QueueView(cluster).explain(work).reasons
    own = factories.make_host("box", heartbeat_at=timezone.now(), cpus=1)
    autoscaler.balance_cluster(cluster)
    assert [node.host for node in Node.objects.all()] == [own]


def test_jobs_run_on_machines_that_have_joined(joined, cluster, alice):
    queue.enqueue(cluster, "run:job", {}, alice)
    autoscaler.balance_cluster(cluster)
    assert Node.objects.get().host == joined
    assert queue.claim_work(Node.objects.get()) is not None


def test_the_page_shows_the_commands_once_and_who_has_joined(as_user, api, admin, alice, workspace, settings):
    settings.PUBLIC_URL, settings.PUBLIC_HOST = "https://studio.example.org", "studio.example.org"
    add = reverse("compute:machine_add", args=[workspace.slug])
    assert as_user(alice).post(add).status_code == 403
    page = as_user(admin).post(add).content.decode()
    secret = page.partition("lazuli host join https://studio.example.org ")[2].partition("<")[0]
    assert "Waiting for the machine" in page and "cannot reach" not in page
    added = reverse("compute:machine_added", args=[workspace.slug, JoinToken.objects.get().pk])
    assert as_user(alice).get(added).status_code == 403
    assert api(secret).post("/nodes/v1/join", FACTS).status_code == 200
    assert "gpu-box: 8 cores" in as_user(admin).get(added).content.decode()
    assert secret not in as_user(admin).get(reverse("compute:machine_list", args=[workspace.slug])).content.decode()


def test_the_page_says_that_others_do_not_reach_a_studio_on_a_laptop(as_user, admin, workspace):
    page = as_user(admin).post(reverse("compute:machine_add", args=[workspace.slug])).content.decode()
    assert "Other machines cannot reach http://" in page


def test_a_site_administrator_detaches_a_machine(as_user, admin, alice, workspace, joined):
    path = reverse("compute:machine_detach", args=[workspace.slug, joined.pk])
    assert as_user(alice).post(path).status_code == 403
    as_user(admin).post(path)
    assert (
        "Being detached" in as_user(admin).get(reverse("compute:machine_list", args=[workspace.slug])).content.decode()
    )


def test_the_command_line_of_the_studio_prints_what_to_type(capsys, db):
    call_command("host", "gpu-box")
    printed = capsys.readouterr().out
    assert "/pypi/simple/ 'lazuli-sdk[agent]'" in printed and "--name gpu-box" in printed
    assert JoinToken.find(printed.partition("host join ")[2].split()[1])
    with pytest.raises(CommandError, match="is not a host name"):
        call_command("host", "a b")
