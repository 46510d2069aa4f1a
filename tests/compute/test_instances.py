"""Compute instances: created, started and stopped by pages and REST, and opened by their person alone."""

import datetime as dt

import pytest
from django.utils import timezone

from accounts.activity import Activity
from accounts.models import Token
from compute import notifications, queue
from compute.instances import files, idle, jupyter, power
from compute.keys import gateway_key
from compute.models import ApplicationSession, Assignment, ComputeInstance, Work
from tests import factories
from workspaces.models import Role

LIST, NEW = "/ws/aml-workspace/compute/all/instances/", "/ws/aml-workspace/compute/new/instance/"
PAGE = "/ws/aml-workspace/compute/lab-one/instance/"
BODY = {"properties": {"computeType": "ComputeInstance", "properties": {"idleTimeBeforeShutdown": "PT30M"}}}
AUTHORIZE, ENTER = "/nodes/v1/gateway/authorize", "/nodes/v1/gateway/enter"


@pytest.fixture(autouse=True)
def quiet(settings, tmp_path, monkeypatch):
    settings.SHARES_DIR = tmp_path
    monkeypatch.setattr(notifications, "_send", lambda task, queue: None)


@pytest.fixture
def instance(workspace, alice) -> ComputeInstance:
    return power.create_instance(workspace, alice, "lab-one", "Standard_DS1_v2", idle_minutes=30)


def run(instance) -> ComputeInstance:
    """A node has claimed its work, and its server answers."""
    node = factories.make_node(instance.target)
    work = queue.claim_work(node)
    assert work.make_token().startswith("lz_")
    queue.renew_lease(work.pk, work.attempt, address="unix:/run/s", health=Assignment.Health.HEALTHY)
    return again(instance)


def again(instance) -> ComputeInstance:
    return ComputeInstance.objects.with_state().get(pk=instance.pk)


def act(page, what, **more):
    return page.post(f"{PAGE}change/", {"act": what, **more})


def test_one_is_created_started_and_stopped_by_its_pages(as_user, alice, workspace):
    page = as_user(alice)
    form = {"name": "lab-one", "vm_size": "Standard_DS1_v2", "starts": "on", "shuts_down": "on", "idle_minutes": 60}
    assert page.get(NEW).status_code == 200 and page.post(NEW, form).status_code == 302
    instance = ComputeInstance.objects.with_state().get()
    assert instance.state == "Creating" and instance.assigned_to == alice and instance.idle_minutes == 60
    assert run(instance).state == "Running"
    shown = page.get(LIST).content.decode()
    assert all(word in shown for word in ("lab-one", "JupyterLab", "Jupyter", "Terminal", "Running"))
    assert page.get(PAGE).status_code == 200
    assert act(page, "start").status_code == 409
    assert act(page, "restart").status_code == 302 and again(instance).state == "Restarting"
    run(instance)
    assert act(page, "stop").status_code == 302 and again(instance).state == "Stopping"
    queue.finish_work(again(instance).work.pk, again(instance).work.attempt)
    assert again(instance).state == "Stopped" and not Token.objects.latest("pk").is_active
    assert act(page, "start").status_code == 302 and again(instance).state == "Starting"
    assert act(page, "delete").status_code == 400
    assert act(page, "delete", confirm_name="lab-one").status_code == 302
    assert again(instance).state == "Deleting" and again(instance).label == ""


@pytest.mark.parametrize("name", ["ab", "1abc", "a_b", "abc-", "ab--c", "a" * 25, "a-1"])
def test_names_are_host_names(as_user, alice, workspace, name):
    refused = as_user(alice).post(NEW, {"name": name, "vm_size": "Standard_DS1_v2"})
    assert refused.status_code == 200 and not ComputeInstance.objects.exists()


def test_the_spec_gives_the_home_the_shared_folder_and_nothing_else(instance, workspace):
    spec = instance.work.spec
    assert spec["folder"].endswith("/Users/alice") and [path[-13:] for path in spec["writable"]] == ["/Users/shared"]
    assert all("/Users/" not in path for path in spec["readable"])
    assert "--ServerApp.sock={socket}" in spec["argv"] and spec["listen"] == "unix"
    home = files.InstanceFiles(workspace, workspace.homes.get())
    assert (home.view / "alice").resolve() == home.home and (home.config / "config.json").is_file()
    assert sorted(each.name for each in (home.jupyter / "kernels").iterdir()) == sorted(files.KERNELS)
    assert instance.work.life == Work.Life.KEPT_UP and instance.work.cores == 0


def test_the_token_of_its_server_is_encrypted_until_a_node_gets_it(instance):
    token = again(instance).server_token
    columns = list(ComputeInstance.objects.filter(pk=instance.pk).values_list("server_token_text", "work__spec"))
    assert len(token) == 48 and token not in str(columns)
    assert instance.work.build_spec()["environment_variables"]["JUPYTER_TOKEN"] == token
    power.stop_instance(instance)
    assert again(instance).server_token_text == ""


def test_a_ticket_opens_it_once_and_to_its_person_alone(as_user, api, instance, alice, workspace):
    gateway, page = api(gateway_key()), as_user(alice)
    assert page.get(f"{PAGE}open/jupyterlab/").status_code == 409
    run(instance)
    address = page.get(f"{PAGE}open/jupyterlab/?path=Users/alice/a.ipynb").url
    assert address.startswith("http://lab-one.localhost") and "/_enter?ticket=" in address
    ticket = {"label": "lab-one", "ticket": address.partition("ticket=")[2]}
    entered = gateway.post(ENTER, ticket).json()
    assert entered["path"] == "/lab/tree/alice/a.ipynb"
    assert gateway.post(ENTER, ticket).status_code == 403
    visit = {"label": "lab-one", "cookie": entered["cookie"]}
    found = gateway.post(AUTHORIZE, visit).json()
    assert found == {"address": "unix:/run/s", "token": again(instance).server_token}
    assert gateway.post(AUTHORIZE, {**visit, "label": "other"}).status_code == 401
    assert api(alice).post(AUTHORIZE, visit).status_code == 401
    carol = factories.make_user("carol")
    factories.give_role(carol, Role.OWNER, workspace)
    assert as_user(carol).get(f"{PAGE}open/jupyterlab/").status_code == 403
    assert as_user(carol).get("/applications/lab-one/").status_code == 403
    page.post("/signout/")
    assert gateway.post(AUTHORIZE, visit).status_code == 401


def test_a_role_or_an_instance_that_is_taken_away_ends_the_session(as_user, api, instance, alice):
    run(instance)
    gateway, address = api(gateway_key()), as_user(alice).get(f"{PAGE}open/jupyter/").url
    ticket = {"label": "lab-one", "ticket": address.partition("ticket=")[2]}
    visit = {"label": "lab-one", "cookie": gateway.post(ENTER, ticket).json()["cookie"]}
    assert gateway.post(AUTHORIZE, visit).status_code == 200
    alice.roles.all().delete()
    assert gateway.post(AUTHORIZE, visit).status_code == 403
    ApplicationSession.objects.update(created_at=timezone.now() - dt.timedelta(minutes=2), cookie="")
    assert gateway.post(ENTER, ticket).status_code == 403


def test_rest_creates_starts_and_stops_in_azures_words(api, alice, bob, w, workspace):
    client = api(alice)
    made = client.put(
        f"{w}/computes/lab-two", {"properties": {**BODY["properties"], "properties": {"state": "Stopped"}}}
    )
    assert made.status_code == 201 and made.json()["properties"]["computeType"] == "ComputeInstance"
    inner = client.get(f"{w}/computes/lab-two").json()["properties"]["properties"]
    assert inner["state"] == "Stopped" and inner["createdBy"]["userName"] == "alice"
    assert client.post(f"{w}/computes/lab-two/stop").status_code == 409
    assert client.post(f"{w}/computes/lab-two/start").status_code == 202
    assert (
        client.post(f"{w}/computes/lab-two/updateIdleShutdownSetting", {"idleTimeBeforeShutdown": "PT45M"}).status_code
        == 200
    )
    inner = client.get(f"{w}/computes/lab-two").json()["properties"]["properties"]
    assert inner["state"] == "Starting" and inner["idleTimeBeforeShutdown"] == "PT45M"
    assert [each["displayName"] for each in inner["applications"]] == ["Jupyter", "Jupyter Lab"]
    assert (
        client.post(f"{w}/computes/lab-two/updateIdleShutdownSetting", {"idleTimeBeforeShutdown": "PT1M"}).status_code
        == 400
    )
    assert api(bob).post(f"{w}/computes/lab-two/start").status_code == 403
    factories.give_role(bob, Role.CONTRIBUTOR, workspace)
    for_bob = {"personalComputeInstanceSettings": {"assignedUser": {"objectId": str(bob.pk)}}}
    body = {"properties": {"computeType": "ComputeInstance", "properties": for_bob}}
    assert client.put(f"{w}/computes/lab-bob", body).status_code == 201
    assert ComputeInstance.objects.get(label="lab-bob").assigned_to == bob
    assert client.delete(f"{w}/computes/lab-bob").status_code == 200


def test_a_stopped_one_gets_another_size_for_its_next_start(as_user, api, instance, alice, bob, workspace, w):
    page, size = as_user(alice), {"targetVMSize": "Standard_DS3_v2"}
    run(instance)
    refused = api(alice).post(f"{w}/computes/lab-one/resize", size)
    assert refused.status_code == 409 and "stop it" in refused.json()["error"]["message"]
    act(page, "stop")
    queue.finish_work(again(instance).work.pk, again(instance).work.attempt)
    assert api(bob).post(f"{w}/computes/lab-one/resize", size).status_code == 403
    assert api(alice).post(f"{w}/computes/lab-one/resize", {"targetVMSize": "Huge"}).status_code == 400
    assert api(alice).post(f"{w}/computes/lab-one/resize", {}).status_code == 422
    assert api(alice).post(f"{w}/computes/lab-one/resize", size).status_code == 202
    target = again(instance).target
    assert target.vm_size == "Standard_DS3_v2" and not target.nodes.usable().exists()
    assert act(page, "resize").status_code == 400
    assert act(page, "resize", vm_size="Standard_DS2_v2").status_code == 302
    assert again(instance).target.vm_size == "Standard_DS2_v2"
    assert "Standard_DS2_v2" in page.get(PAGE).content.decode()
    said = Activity.objects.filter(verb="compute.edit").latest("pk")
    assert said.changes == {"vm_size": ["Standard_DS3_v2", "Standard_DS2_v2"]}


JOB = {"properties": {"jobType": "Command", "experimentName": "exp", "command": "true", "computeId": "lab-one"}}


def test_its_person_runs_jobs_on_it_while_it_runs(api, instance, alice, workspace, w):
    carol = factories.make_user("carol")
    factories.give_role(carol, Role.CONTRIBUTOR, workspace)
    assert api(alice).put(f"{w}/jobs/first", JOB).status_code == 409
    run(instance)
    refused = api(carol).put(f"{w}/jobs/second", JOB)
    assert refused.status_code == 409 and "Only the user" in refused.json()["error"]["message"]
    assert api(alice).put(f"{w}/jobs/third", JOB).status_code in (200, 201)
    node = again(instance).work.node
    assert queue.claim_work(node, [str(again(instance).work.pk)]).scope == "run:third"


def test_a_workspace_in_the_trash_runs_none(as_user, owner, instance):
    run(instance)
    as_user(owner).post("/ws/aml-workspace/delete/", {"confirm_name": "aml-workspace"})
    assert again(instance).state == "Stopping"


@pytest.mark.parametrize(
    "said", [[], {"last_activity": 5}, {"last_activity": "now"}, {"last_activity": "0001-01-01T00:00:00+14:00"}, "x"]
)
def test_what_is_no_answer_of_jupyter_counts_as_none(monkeypatch, said):
    monkeypatch.setattr(jupyter, "send_request", lambda address, token, method, path, body=None: said)
    with pytest.raises(jupyter.ServerAway):
        jupyter.read_activity("unix:x", "")
    with pytest.raises(jupyter.ServerAway):
        jupyter.open_terminal("unix:x", "")


def test_a_last_activity_in_a_time_to_come_is_now(instance, monkeypatch):
    run(instance)
    later = dt.datetime(9999, 12, 31, 23, 59, tzinfo=dt.UTC)
    monkeypatch.setattr(jupyter, "read_activity", lambda address, token: jupyter.KernelActivity(later, is_busy=False))
    now = timezone.now() + dt.timedelta(minutes=10)
    idle.stop_idle_instances(now)
    assert again(instance).active_at == now and again(instance).state == "Running"


def test_an_idle_one_is_announced_and_then_stopped_but_never_while_it_computes(instance, monkeypatch):
    run(instance)
    begun = timezone.now()
    said = {"found": jupyter.KernelActivity(begun, is_busy=True)}
    monkeypatch.setattr(jupyter, "read_activity", lambda address, token: said["found"])
    for minutes in (10, 60, 120):
        idle.stop_idle_instances(begun + dt.timedelta(minutes=minutes))
        assert again(instance).state == "Running" and again(instance).stops_at is None
    last = begun + dt.timedelta(minutes=120)
    said["found"] = jupyter.KernelActivity(last, is_busy=False)
    idle.stop_idle_instances(last + dt.timedelta(minutes=21))
    assert again(instance).stops_at == last + dt.timedelta(minutes=30)
    again(instance).record_activity(last + dt.timedelta(minutes=21))
    assert again(instance).stops_at is None
    idle.stop_idle_instances(last + dt.timedelta(minutes=50))
    assert again(instance).state == "Running"
    idle.stop_idle_instances(last + dt.timedelta(minutes=51))
    stopped = again(instance)
    assert stopped.state == "Stopping" and stopped.operation_trigger == "IdleShutdown"
