"""Provisioning configurations and statuses, without a server."""

from __future__ import annotations

import pytest
from azureml.core.compute import AmlCompute, DatabricksCompute, DsvmCompute, KubernetesCompute, RemoteCompute
from azureml.core.compute.amlcompute import AmlComputeStatus, ScaleSettings
from azureml.exceptions import ComputeTargetException
from lazuli.errors import NotAvailable

PROPERTIES = {
    "provisioningState": "Succeeded",
    "createdOn": "2026-01-01T00:00:00Z",
    "properties": {
        "vmSize": "STANDARD_DS11_V2",
        "vmPriority": "Dedicated",
        "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 4, "nodeIdleTimeBeforeScaleDown": "PT2M"},
        "allocationState": "Steady",
        "currentNodeCount": 3,
        "targetNodeCount": 4,
        "nodeStateCounts": {"idleNodeCount": 2, "runningNodeCount": 1},
    },
}


def test_configuration_keeps_what_it_is_given():
    configuration = AmlCompute.provisioning_configuration(vm_size="STANDARD_DS11_V2", max_nodes=2, tags={"a": "b"})
    assert (configuration.vm_size, configuration.vm_priority, configuration.tags) == (
        "STANDARD_DS11_V2",
        "dedicated",
        {"a": "b"},
    )
    scale = configuration.scale_settings
    assert (scale.minimum_node_count, scale.maximum_node_count, scale.idle_seconds_before_scaledown) == (0, 2, 1800)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"max_nodes": 0}, "max_nodes is 0"),
        ({"max_nodes": "4"}, "max_nodes is '4'"),
        ({"min_nodes": -1}, "min_nodes is -1"),
        ({"min_nodes": True}, "min_nodes is True"),
        ({"min_nodes": 3, "max_nodes": 2}, r"max_nodes \(2\) is less than min_nodes \(3\)"),
        ({"idle_seconds_before_scaledown": -5}, "idle_seconds_before_scaledown is -5"),
        ({"vm_priority": "cheap"}, "vm_priority is 'cheap'"),
        ({"vnet_name": "net"}, "both vnet_name and subnet_name"),
    ],
)
def test_wrong_configurations_are_said(given, said):
    with pytest.raises(ComputeTargetException, match=said):
        AmlCompute.provisioning_configuration(vm_size="STANDARD_DS11_V2", **given)


def test_status_reads_the_servers_properties():
    status = AmlComputeStatus.deserialize(PROPERTIES)
    assert (status.allocation_state, status.current_node_count, status.target_node_count) == ("Steady", 3, 4)
    assert status.scale_settings.idle_seconds_before_scaledown == 120
    assert (status.node_state_counts.idle_node_count, status.node_state_counts.preparing_node_count) == (2, 0)


def test_status_is_written_as_notebooks_print_it():
    written = AmlComputeStatus.deserialize(PROPERTIES).serialize()
    assert list(written)[:4] == ["currentNodeCount", "targetNodeCount", "nodeStateCounts", "allocationState"]
    assert written["scaleSettings"] == {"minNodeCount": 0, "maxNodeCount": 4, "nodeIdleTimeBeforeScaleDown": "PT120S"}
    assert AmlComputeStatus.deserialize(written).serialize() == written


@pytest.mark.parametrize(
    ("text", "seconds"), [("PT120S", 120), ("PT1H30M", 5400), ("P1DT1S", 86401), (90, 90), (None, None), ("soon", None)]
)
def test_durations_are_read(text, seconds):
    settings = ScaleSettings.deserialize({"nodeIdleTimeBeforeScaleDown": text})
    assert settings.idle_seconds_before_scaledown == seconds


def test_other_kinds_of_compute_say_what_to_use_instead():
    for kind, words in (
        (DsvmCompute, "DsvmCompute attaches no machine by SSH: run `lazuli host join`"),
        (RemoteCompute, "RemoteCompute attaches no machine by SSH"),
        (DatabricksCompute, "DatabricksCompute is a service of Azure"),
        (KubernetesCompute, "KubernetesCompute is a service of Azure"),
    ):
        with pytest.raises(ComputeTargetException, match=words) as raised:
            kind.attach_configuration(resource_id="x")
        assert isinstance(raised.value, NotAvailable)
