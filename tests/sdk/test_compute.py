"""Compute clusters against the real application."""

from __future__ import annotations

import pytest
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.core.compute_target import ComputeTargetException
from azureml.exceptions import UserErrorException
from lazuli import computes


def test_the_cell_of_every_notebook(ws, capsys):
    try:
        cluster = ComputeTarget(workspace=ws, name="your-compute-cluster")
    except ComputeTargetException as error:
        assert "ComputeTargetNotFound" in error.message
        configuration = AmlCompute.provisioning_configuration(vm_size="STANDARD_DS11_V2", max_nodes=2)
        cluster = ComputeTarget.create(ws, "your-compute-cluster", configuration)
    cluster.wait_for_completion(show_output=True)
    said = capsys.readouterr().out
    assert "Succeeded" in said and "AmlCompute wait for completion finished" in said
    assert "Minimum number of nodes requested have been provisioned" in said
    for name in ws.compute_targets:
        assert (ws.compute_targets[name].name, ws.compute_targets[name].type) == ("your-compute-cluster", "AmlCompute")


def test_what_was_given_comes_back(ws):
    configuration = AmlCompute.provisioning_configuration(
        vm_size="STANDARD_DS11_V2",
        vm_priority="lowpriority",
        min_nodes=0,
        max_nodes=3,
        idle_seconds_before_scaledown=120,
        tags={"a": "b"},
        description="For training",
    )
    ComputeTarget.create(ws, "described", configuration)
    found = AmlCompute(ws, "described")
    assert found.vm_size.upper() == "STANDARD_DS11_V2"
    assert (found.vm_priority, found.tags, found.description) == ("LowPriority", {"a": "b"}, "For training")
    scale = found.scale_settings
    assert (scale.minimum_node_count, scale.maximum_node_count, scale.idle_seconds_before_scaledown) == (0, 3, 120)


def test_status_is_of_now(cluster):
    status = cluster.get_status()
    assert (status.allocation_state, status.current_node_count) == ("Steady", 0)
    assert status.serialize()["scaleSettings"]["maxNodeCount"] == 2
    assert cluster.list_nodes() == []


def test_update_changes_only_what_is_given(ws, cluster):
    cluster.update(max_nodes=4)
    assert cluster.scale_settings.maximum_node_count == 4
    cluster.update(idle_seconds_before_scaledown=60)
    scale = AmlCompute(ws, cluster.name).scale_settings
    assert (scale.minimum_node_count, scale.maximum_node_count, scale.idle_seconds_before_scaledown) == (0, 4, 60)
    with pytest.raises(ComputeTargetException):
        cluster.update(min_nodes=9)


def test_delete_and_wait(ws, cluster, monkeypatch, capsys):
    from compute.models import ComputeTarget as Row

    # The autoscaler takes a cluster away once its last node has left.
    monkeypatch.setattr(computes.time, "sleep", lambda seconds: Row.objects.get(name=cluster.name).finish_deleting())
    cluster.delete()
    assert cluster.provisioning_state == "Deleting"
    cluster.wait_for_completion(show_output=True, is_delete_operation=True)
    assert "Provisioning operation finished" in capsys.readouterr().out
    with pytest.raises(ComputeTargetException, match="ComputeTargetNotFound"):
        cluster.refresh_state()
    with pytest.raises(ComputeTargetException, match="ComputeTargetNotFound"):
        cluster.delete()


def test_waiting_for_missing_nodes_ends_with_a_message(cluster, monkeypatch, capsys):
    monkeypatch.setattr(computes.time, "sleep", lambda seconds: None)
    cluster.wait_for_completion(show_output=True, min_node_count=1, timeout_in_minutes=0)
    assert "Wait timeout has been reached" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["", "x", "a b", "x" * 33])
def test_bad_names_are_refused(ws, name):
    with pytest.raises(UserErrorException, match="2 to 32 letters"):
        ComputeTarget.create(ws, name, AmlCompute.provisioning_configuration(max_nodes=1))


def test_an_unknown_size_is_refused_by_the_server(ws):
    configuration = AmlCompute.provisioning_configuration(vm_size="STANDARD_NOTHING", max_nodes=1)
    with pytest.raises(ComputeTargetException, match="STANDARD_NOTHING"):
        ComputeTarget.create(ws, "cluster", configuration)


def test_sizes_and_usages(ws):
    sizes = AmlCompute.supported_vmsizes(workspace=ws)
    assert {"name", "vCPUs", "gpus", "memoryGB"} <= set(sizes[0])
    assert all(usage["currentValue"] for usage in AmlCompute.list_usages(ws))
    assert len(AmlCompute.list_usages(ws, show_all=True)) >= len(AmlCompute.list_usages(ws))


def test_serialized_and_back(ws, cluster):
    again = ComputeTarget.deserialize(ws, cluster.serialize())
    assert isinstance(again, AmlCompute) and again.name == cluster.name
    with pytest.raises(ComputeTargetException, match="not a serialized compute target"):
        ComputeTarget.deserialize(ws, {})
    assert cluster.get()["name"] == cluster.name


def test_shows_itself(cluster):
    assert "name=cpu-cluster" in repr(cluster) and "provisioning_state=" in repr(cluster)
    assert "cpu-cluster" in cluster._repr_html_()
