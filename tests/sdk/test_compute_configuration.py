"""Provisioning configurations and statuses, without a server."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from azureml.core.compute import AmlCompute, DatabricksCompute, KubernetesCompute, RemoteCompute
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
        (DatabricksCompute, "DatabricksCompute is a service of Azure"),
        (KubernetesCompute, "KubernetesCompute is a service of Azure"),
    ):
        with pytest.raises(ComputeTargetException, match=words) as raised:
            kind.attach_configuration(resource_id="x")
        assert isinstance(raised.value, NotAvailable)


def test_a_machine_to_attach_needs_an_address_and_one_way_to_sign_in(tmp_path):
    attach = RemoteCompute.attach_configuration
    for given, words in (
        ({"resource_id": "/subscriptions/x", "password": "p"}, "Give its address instead"),
        ({"password": "p"}, "address is missing"),
        ({"address": "box"}, "one of the two"),
        ({"address": "box", "password": "p", "private_key_file": "k"}, "one of the two"),
        ({"address": "box", "private_key_file": "k", "private_key_passphrase": "p"}, "ssh-keygen"),
    ):
        with pytest.raises(ComputeTargetException, match=words):
            attach("ann", **given)
    missing = attach("ann", address="box", private_key_file=str(tmp_path / "none"))
    with pytest.raises(ComputeTargetException, match="cannot be read"):
        missing._make_body(SimpleNamespace(location="westeurope"))
    with pytest.raises(ComputeTargetException, match="DEPRECATED"):
        RemoteCompute.attach(None, "box", "ann", "box")
