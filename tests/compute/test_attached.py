"""Attached compute: a machine with the name of a compute target, by REST, page and SDK."""

import pytest
from azureml.core.compute import ComputeTarget as SdkTarget
from azureml.core.compute import DsvmCompute, RemoteCompute
from azureml.exceptions import ComputeTargetException
from django.urls import reverse
from django.utils import timezone
from lazuli import ssh_joining

from compute import attaching, autoscaler, queue, waiting
from compute.models import ComputeTarget, Host, JoinToken, Node, SshAttachment
from tests import factories
from tests.sdk.conftest import owner, studio, ws  # noqa: F401
from workspaces.vault.models import Secret

KEY = "SHA256:" + "a" * 43
ACCOUNT = {"username": "ann", "password": "hunter2"}
BODY = {"computeType": "VirtualMachine", "properties": {"address": "10.0.0.7", "administratorAccount": ACCOUNT}}


@pytest.fixture
def admin(db):
    return factories.make_user("root", is_superuser=True, is_staff=True)


@pytest.fixture
def dialed(monkeypatch):
    """The problems of the machines that are dialed; without one a machine joins at once."""
    problems: list[str] = []

    def join(machine, url, token, name, say):
        if problems:
            raise ssh_joining.StepFailed(problems.pop())
        JoinToken.find(token).create_host(name=name, cpus=4, memory_gb=14, heartbeat_at=timezone.now())

    monkeypatch.setattr(ssh_joining, "read_host_key", lambda machine, say: KEY)
    monkeypatch.setattr(ssh_joining, "join_by_ssh", join)
    return problems


def _attach(api, admin, computes, name="my-box", **more):
    body = {"location": "local", "properties": {**BODY, "properties": {**BODY["properties"], **more}}}
    answer = api(admin).put(f"{computes}/{name}", body)
    assert answer.status_code == 201, answer.content
    return answer.json()["properties"]


def test_jobs_of_an_attached_machine_run_only_there(api, admin, workspace, computes, host, dialed):
    made = _attach(api, admin, computes, hostKey=KEY)
    assert (made["provisioningState"], made["isAttachedCompute"]) == ("Creating", True)
    assert "hunter2" not in str(made)
    target = ComputeTarget.objects.get(name="my-box")
    work = queue.enqueue(target, "run:run-1", {}, admin)
    autoscaler.autoscale()
    assert not Node.objects.exists()
    assert "is being attached" in waiting.QueueView(target).explain(work).reasons[-1]
    attaching.attach_waiting()
    found = api(admin).get(f"{computes}/my-box").json()["properties"]
    assert (found["provisioningState"], found["properties"]["stateReason"]) == ("Succeeded", "")
    assert found["properties"]["virtualMachineSize"] == "Standard_DS3_v2"
    autoscaler.autoscale()
    assert [node.host.name for node in Node.objects.all()] == ["my-box"]


def test_its_host_key_is_confirmed_and_a_failure_is_said(api, as_user, admin, workspace, computes, dialed):
    _attach(api, admin, computes)
    attaching.attach_waiting()
    reason = api(admin).get(f"{computes}/my-box").json()["properties"]["properties"]["stateReason"]
    row = SshAttachment.objects.get()
    page = reverse("compute:machine_attachment", args=[workspace.slug, row.pk])
    assert KEY in reason and reason.endswith(page)
    dialed.append("disk: 0.1 GB are free")
    as_user(admin).post(page, {"act": "confirm", "host_key": KEY})
    attaching.attach_waiting()
    failed = api(admin).get(f"{computes}/my-box").json()["properties"]
    assert failed["provisioningState"] == "Failed"
    assert failed["provisioningErrors"][0]["error"]["message"] == "disk: 0.1 GB are free"
    shown = as_user(admin).get(reverse("compute:cluster_detail", args=[workspace.slug, "my-box"])).content.decode()
    assert "disk: 0.1 GB are free" in shown and page in shown
    as_user(admin).post(page, {"act": "retry"})
    attaching.attach_waiting()
    listed = as_user(admin).get(reverse("compute:attached_list", args=[workspace.slug])).content.decode()
    assert "my-box" in listed and "Succeeded" in listed and not Secret.objects.exists()


def test_it_is_detached_with_its_machine(api, admin, alice, computes, dialed):
    _attach(api, admin, computes, hostKey=KEY)
    attaching.attach_waiting()
    assert api(alice).delete(f"{computes}/my-box").status_code == 403
    assert api(admin).delete(f"{computes}/my-box").status_code == 200
    assert Host.objects.get().detached_at
    autoscaler.autoscale()
    assert api(admin).get(f"{computes}/my-box").status_code == 404


def test_its_current_job_ends_by_itself_when_it_is_detached(api, admin, computes, dialed):
    _attach(api, admin, computes, hostKey=KEY)
    attaching.attach_waiting()
    target = ComputeTarget.objects.get(name="my-box")
    works = [queue.enqueue(target, f"run:run-{number}", {}, admin) for number in (1, 2)]
    autoscaler.autoscale()
    running = queue.claim_work(Node.objects.get())
    assert api(admin).delete(f"{computes}/my-box").status_code == 200
    autoscaler.autoscale()
    for work in works:
        work.refresh_from_db()
    assert [work.state for work in works] == ["claimed", "canceled"]
    assert queue.finish_work(running.pk, running.attempt, node=Node.objects.get())
    autoscaler.autoscale()
    assert Node.objects.get().state == "leaving"
    Node.objects.get().end()
    autoscaler.autoscale()
    assert api(admin).get(f"{computes}/my-box").status_code == 404


def test_a_machine_that_is_detached_elsewhere_leaves_a_failed_target(api, admin, computes, dialed):
    _attach(api, admin, computes, hostKey=KEY)
    attaching.attach_waiting()
    Host.objects.get().detach()
    found = api(admin).get(f"{computes}/my-box").json()["properties"]
    assert found["provisioningState"] == "Failed" and "detached" in found["properties"]["stateReason"]


def test_removing_an_attempt_removes_its_target(api, as_user, admin, workspace, computes):
    _attach(api, admin, computes)
    row = SshAttachment.objects.get()
    as_user(admin).post(reverse("compute:machine_attachment", args=[workspace.slug, row.pk]), {"act": "remove"})
    autoscaler.autoscale()
    assert api(admin).get(f"{computes}/my-box").status_code == 404


def test_the_page_attaches_with_a_name(as_user, admin, alice, workspace):
    form = {"address": "box", "port": "22", "username": "ann", "credential": "pw", "compute_name": "my-box"}
    page = reverse("compute:machine_attach", args=[workspace.slug])
    assert as_user(admin).post(page, form).status_code == 302
    assert ComputeTarget.objects.get().attached.attachment.name == "my-box"
    assert "There is a compute target my-box" in as_user(admin).post(page, form).content.decode()
    assert SshAttachment.objects.count() == 1
    assert (
        "Attach</a>" not in as_user(alice).get(reverse("compute:attached_list", args=[workspace.slug])).content.decode()
    )


def test_wrong_bodies_are_refused(api, admin, alice, computes):
    for inner, status in (
        ({"address": "10.0.0.7"}, 400),
        ({"address": "10.0.0.7", "administratorAccount": {"username": "ann"}}, 400),
        ({"address": "-o x", "administratorAccount": ACCOUNT}, 400),
        ({}, 409),
    ):
        body = {"properties": {"computeType": "VirtualMachine", "properties": inner}}
        answer = api(admin).put(f"{computes}/my-box", body)
        assert answer.status_code == status and "hunter2" not in answer.content.decode(), inner
    assert api(alice).put(f"{computes}/my-box", {"properties": BODY}).status_code == 403
    assert not ComputeTarget.objects.exists() and not Secret.objects.exists()


def test_the_sdk_attaches_and_detaches(ws, dialed, monkeypatch, capsys):  # noqa: F811
    config = RemoteCompute.attach_configuration("ann", address="10.0.0.7", password="hunter2")
    box = SdkTarget.attach(ws, "my-box", config)
    assert isinstance(box, RemoteCompute) and (box.is_attached, box.address) == (True, "10.0.0.7")
    attaching.attach_waiting()
    said: list[str] = []

    def confirm(seconds):
        row = SshAttachment.objects.get()
        said.append(row.state)
        row.confirm(row.actor, KEY)
        attaching.attach_waiting()

    monkeypatch.setattr("time.sleep", confirm)
    box.wait_for_completion(show_output=True)
    assert said == ["Confirm"] and f"Creating: A site admin confirms the host key {KEY}" in capsys.readouterr().out
    assert box.vm_size == "Standard_DS3_v2" and isinstance(ws.compute_targets["my-box"], RemoteCompute)
    with pytest.raises(ComputeTargetException, match="Try to use detach instead"):
        box.delete()
    box.detach()
    assert Host.objects.get().detached_at


def test_a_dsvm_is_a_machine_that_has_joined_and_is_free(ws, owner):  # noqa: F811
    with pytest.warns(UserWarning, match="vm_size has no effect here"):
        config = DsvmCompute.provisioning_configuration(vm_size="Standard_D2_v2")
    with pytest.raises(ComputeTargetException, match="There is no free machine"):
        SdkTarget.create(ws, "my-dsvm", config)
    token, _ = JoinToken.create_with_secret(owner)
    token.create_host(name="free-box", cpus=4, memory_gb=14, heartbeat_at=timezone.now())
    made = SdkTarget.create(ws, "my-dsvm", config)
    made.wait_for_completion()
    assert isinstance(made, DsvmCompute) and ComputeTarget.objects.get().attached.host.name == "free-box"
    with pytest.raises(ComputeTargetException, match="There is no free machine"):
        SdkTarget.create(ws, "other", config)
    made.delete()
