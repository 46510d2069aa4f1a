"""Compute instances of SDK v1 against the real application."""

from __future__ import annotations

import pytest
from azureml.core.compute import ComputeInstance, ComputeTarget
from azureml.core.compute.computeinstance import ComputeInstanceStatus
from azureml.core.compute_target import ComputeTargetException
from lazuli import computes

from compute import queue
from compute.models import Assignment, Work
from tests import factories


def work_on(name: str) -> None:
    """What node and control worker would do next."""
    work = Work.objects.select_related("target").get(target__name=name, ended_at=None)
    if work.stop_requested_at:
        queue.finish_work(work.pk, work.attempt)
    elif work.state == Work.State.QUEUED:
        Work.objects.filter(pk=work.pk).update(not_before=None)
        claimed = queue.claim_work(factories.make_node(work.target))
        queue.renew_lease(claimed.pk, claimed.attempt, address="unix:/run/s", health=Assignment.Health.HEALTHY)


@pytest.fixture
def instance(ws, settings, tmp_path, monkeypatch):
    settings.SHARES_DIR = tmp_path
    monkeypatch.setattr(computes.time, "sleep", lambda seconds: work_on("my-instance"))
    configuration = ComputeInstance.provisioning_configuration(vm_size="STANDARD_DS1_V2", tags={"a": "b"})
    return ComputeTarget.create(ws, "my-instance", configuration)


def test_an_instance_is_created_and_operated_as_sdk_v1_does(ws, instance, capsys):
    assert instance.status.state == "Creating"
    instance.wait_for_completion(show_output=True)
    assert 'Provisioning operation finished, operation "Succeeded"' in capsys.readouterr().out
    found = ComputeTarget(ws, "my-instance")
    assert isinstance(found, ComputeInstance) and found.get_status().state == "Running"
    assert (found.vm_size, found.tags, found.type) == ("Standard_DS1_v2", {"a": "b"}, "ComputeInstance")
    assert [each["displayName"] for each in found.applications] == ["Jupyter", "Jupyter Lab"]
    with pytest.raises(ComputeTargetException, match=r"current state \(Running\) does not support start operation"):
        found.start()
    found.stop(wait_for_completion=True, show_output=True)
    assert found.get_status().state == "Stopped" and "Stopping" in capsys.readouterr().out
    found.start(wait_for_completion=True)
    found.restart(wait_for_completion=True)
    assert found.status.state == "Running" and list(found.get_active_runs()) == []
    with pytest.raises(ComputeTargetException, match="use delete instead"):
        found.detach()
    found.delete()
    assert found.get_status().state == "Deleting"


def test_a_status_survives_its_own_format(instance):
    status = instance.get_status()
    assert ComputeInstanceStatus.deserialize(status.serialize()).serialize() == status.serialize()
    assert ComputeInstance.deserialize(instance.workspace, instance.serialize()).name == "my-instance"


def test_half_a_network_is_refused():
    with pytest.raises(ComputeTargetException):
        ComputeInstance.provisioning_configuration(vnet_name="v")
    with pytest.raises(ComputeTargetException):
        ComputeInstance.provisioning_configuration(ssh_public_access=True)
