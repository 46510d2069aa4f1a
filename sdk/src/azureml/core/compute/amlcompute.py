"""Compute clusters."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, cast

from lazuli import computes
from lazuli.errors import NotAvailable
from lazuli.resource_ids import location_path

from azureml import _absent
from azureml.core.compute.compute import ComputeTarget, ComputeTargetProvisioningConfiguration
from azureml.core.run import Run
from azureml.exceptions import ComputeTargetException

if TYPE_CHECKING:
    from azureml.core.workspace import Workspace

Json = Dict[str, Any]

_DURATION = re.compile(
    r"P(?:(?P<days>[\d.]+)D)?(?:T(?:(?P<hours>[\d.]+)H)?(?:(?P<minutes>[\d.]+)M)?(?:(?P<seconds>[\d.]+)S)?)?$"
)
ACTIVE = ("NotStarted", "Starting", "Provisioning", "Preparing", "Queued", "Running", "Finalizing", "CancelRequested")


class ScaleSettings:
    """The minimum and maximum number of nodes, and the idle seconds after which a node is released."""

    def __init__(
        self,
        minimum_node_count: Optional[int],
        maximum_node_count: Optional[int],
        idle_seconds_before_scaledown: Optional[int],
    ):
        self.minimum_node_count = minimum_node_count
        self.maximum_node_count = maximum_node_count
        self.idle_seconds_before_scaledown = idle_seconds_before_scaledown

    def serialize(self) -> Json:
        return computes.scale_settings(
            self.minimum_node_count, self.maximum_node_count, self.idle_seconds_before_scaledown
        )

    @staticmethod
    def deserialize(object_dict: Optional[Json]) -> ScaleSettings:
        given = object_dict or {}
        return ScaleSettings(
            given.get("minNodeCount"),
            given.get("maxNodeCount"),
            _parse_duration(given.get("nodeIdleTimeBeforeScaleDown")),
        )


class AmlComputeNodeStateCounts:
    """The number of nodes in each state."""

    def __init__(
        self,
        idle_node_count: int,
        leaving_node_count: int,
        preempted_node_count: int,
        preparing_node_count: int,
        running_node_count: int,
        unusable_node_count: int,
    ):
        self.idle_node_count = idle_node_count
        self.leaving_node_count = leaving_node_count
        self.preempted_node_count = preempted_node_count
        self.preparing_node_count = preparing_node_count
        self.running_node_count = running_node_count
        self.unusable_node_count = unusable_node_count

    def serialize(self) -> Json:
        return {
            "preparingNodeCount": self.preparing_node_count,
            "runningNodeCount": self.running_node_count,
            "idleNodeCount": self.idle_node_count,
            "unusableNodeCount": self.unusable_node_count,
            "leavingNodeCount": self.leaving_node_count,
            "preemptedNodeCount": self.preempted_node_count,
        }

    @staticmethod
    def deserialize(object_dict: Optional[Json]) -> AmlComputeNodeStateCounts:
        given = object_dict or {}
        states = ("idle", "leaving", "preempted", "preparing", "running", "unusable")
        return AmlComputeNodeStateCounts(*(given.get(f"{state}NodeCount", 0) for state in states))


class AmlComputeStatus:
    """The state of a cluster at one moment."""

    def __init__(
        self,
        allocation_state: Optional[str],
        allocation_state_transition_time: Optional[str],
        creation_time: Optional[str],
        current_node_count: Optional[int],
        errors: Any,
        modified_time: Optional[str],
        node_state_counts: AmlComputeNodeStateCounts,
        provisioning_state: Optional[str],
        provisioning_state_transition_time: Optional[str],
        scale_settings: ScaleSettings,
        target_node_count: Optional[int],
        vm_priority: Optional[str],
        vm_size: Optional[str],
    ):
        self.allocation_state = allocation_state
        self.allocation_state_transition_time = allocation_state_transition_time
        self.creation_time = creation_time
        self.current_node_count = current_node_count
        self.errors = errors
        self.modified_time = modified_time
        self.node_state_counts = node_state_counts
        self.provisioning_state = provisioning_state
        self.provisioning_state_transition_time = provisioning_state_transition_time
        self.scale_settings = scale_settings
        self.target_node_count = target_node_count
        self.vm_priority = vm_priority
        self.vm_size = vm_size

    def serialize(self) -> Json:
        return {
            "currentNodeCount": self.current_node_count,
            "targetNodeCount": self.target_node_count,
            "nodeStateCounts": self.node_state_counts.serialize(),
            "allocationState": self.allocation_state,
            "allocationStateTransitionTime": self.allocation_state_transition_time,
            "errors": self.errors,
            "creationTime": self.creation_time,
            "modifiedTime": self.modified_time,
            "provisioningState": self.provisioning_state,
            "provisioningStateTransitionTime": self.provisioning_state_transition_time,
            "scaleSettings": self.scale_settings.serialize(),
            "vmPriority": self.vm_priority,
            "vmSize": self.vm_size,
        }

    @staticmethod
    def deserialize(object_dict: Optional[Json]) -> AmlComputeStatus:
        """The status from the `properties` of a compute, or from what `serialize()` returned."""
        outer = object_dict or {}
        inner = outer.get("properties") or outer
        return AmlComputeStatus(
            allocation_state=inner.get("allocationState"),
            allocation_state_transition_time=inner.get("allocationStateTransitionTime"),
            creation_time=outer.get("createdOn") or outer.get("creationTime"),
            current_node_count=inner.get("currentNodeCount"),
            errors=inner.get("errors") or None,
            modified_time=outer.get("modifiedOn") or outer.get("modifiedTime"),
            node_state_counts=AmlComputeNodeStateCounts.deserialize(inner.get("nodeStateCounts")),
            provisioning_state=outer.get("provisioningState"),
            provisioning_state_transition_time=outer.get("provisioningStateTransitionTime"),
            scale_settings=ScaleSettings.deserialize(inner.get("scaleSettings")),
            target_node_count=inner.get("targetNodeCount"),
            vm_priority=inner.get("vmPriority"),
            vm_size=inner.get("vmSize"),
        )

    def __repr__(self) -> str:
        return f"AmlComputeStatus({self.serialize()})"


class AmlComputeProvisioningConfiguration(ComputeTargetProvisioningConfiguration):
    """The settings of a new cluster. Networks, SSH accounts and identities are stored, but not used by the nodes."""

    def __init__(
        self,
        vm_size: str = "",
        vm_priority: str = "dedicated",
        min_nodes: int = 0,
        max_nodes: Optional[int] = None,
        idle_seconds_before_scaledown: int = 1800,
        admin_username: Optional[str] = None,
        admin_user_password: Optional[str] = None,
        admin_user_ssh_key: Optional[str] = None,
        vnet_resourcegroup_name: Optional[str] = None,
        vnet_name: Optional[str] = None,
        subnet_name: Optional[str] = None,
        tags: Any = None,
        description: Optional[str] = None,
        remote_login_port_public_access: str = "NotSpecified",
        identity_type: Optional[str] = None,
        identity_id: Any = None,
        compute_location: Optional[str] = None,
        enable_node_public_ip: bool = True,
    ):
        super().__init__(AmlCompute, compute_location)
        self.vm_size = vm_size
        self.vm_priority = vm_priority
        self.scale_settings = ScaleSettings(min_nodes, max_nodes, idle_seconds_before_scaledown)
        self.admin_username = admin_username
        self.admin_user_password = admin_user_password
        self.admin_user_ssh_key = admin_user_ssh_key
        self.vnet_resourcegroup_name = vnet_resourcegroup_name
        self.vnet_name = vnet_name
        self.subnet_name = subnet_name
        self.tags = tags
        self.description = description
        self.remote_login_port_public_access = remote_login_port_public_access
        self.identity_type = identity_type
        self.identity_id = identity_id
        self.compute_location = compute_location
        self.enable_node_public_ip = enable_node_public_ip

    def validate_configuration(self) -> None:
        """Raise ComputeTargetException if a cluster cannot have these settings."""
        scale = self.scale_settings
        computes.check_cluster_settings(
            self.vm_priority,
            scale.minimum_node_count,
            scale.maximum_node_count,
            scale.idle_seconds_before_scaledown,
        )
        if bool(self.vnet_name) != bool(self.subnet_name):
            raise ComputeTargetException("Give both vnet_name and subnet_name, or neither.")

    def _make_body(self, workspace: Workspace) -> Json:
        more: Json = {
            "remoteLoginPortPublicAccess": self.remote_login_port_public_access,
            "enableNodePublicIp": self.enable_node_public_ip,
        }
        if self.admin_username:
            more["userAccountCredentials"] = {"adminUserName": self.admin_username}
        return computes.cluster_body(
            location=self.location or workspace.location,
            vm_size=self.vm_size,
            vm_priority=self.vm_priority,
            scale=self.scale_settings.serialize(),
            description=self.description,
            tags=self.tags,
            more=more,
        )


class AmlCompute(ComputeTarget):
    """A compute cluster: nodes are added for waiting runs and released when they are idle."""

    _compute_type = computes.CLUSTER

    def _set_from_dto(self, dto: Json) -> None:
        super()._set_from_dto(dto)
        inner: Json = dto["properties"].get("properties") or {}
        self.status = AmlComputeStatus.deserialize(dto["properties"])
        self.scale_settings = self.status.scale_settings
        self.vm_size = inner.get("vmSize")
        self.vm_priority = inner.get("vmPriority")
        account = inner.get("userAccountCredentials") or {}
        self.admin_username = account.get("adminUserName")
        self.admin_user_password = None
        self.admin_user_ssh_key = None
        subnet = inner.get("subnet") or {}
        self.vnet_resourcegroup_name = None
        self.vnet_name = None
        self.subnet_name = subnet.get("id")
        self.remote_login_port_public_access = inner.get("remoteLoginPortPublicAccess")
        self.identity_type = (dto.get("identity") or {}).get("type")
        self.identity_id = None

    @staticmethod
    def provisioning_configuration(
        vm_size: str = "",
        vm_priority: str = "dedicated",
        min_nodes: int = 0,
        max_nodes: Optional[int] = None,
        idle_seconds_before_scaledown: int = 1800,
        admin_username: Optional[str] = None,
        admin_user_password: Optional[str] = None,
        admin_user_ssh_key: Optional[str] = None,
        vnet_resourcegroup_name: Optional[str] = None,
        vnet_name: Optional[str] = None,
        subnet_name: Optional[str] = None,
        tags: Any = None,
        description: Optional[str] = None,
        remote_login_port_public_access: str = "NotSpecified",
        identity_type: Optional[str] = None,
        identity_id: Any = None,
        location: Optional[str] = None,
        enable_node_public_ip: bool = True,
    ) -> AmlComputeProvisioningConfiguration:
        """The configuration for `ComputeTarget.create`. Raises ComputeTargetException if it is wrong."""
        configuration = AmlComputeProvisioningConfiguration(
            vm_size,
            vm_priority,
            min_nodes,
            max_nodes,
            idle_seconds_before_scaledown,
            admin_username,
            admin_user_password,
            admin_user_ssh_key,
            vnet_resourcegroup_name,
            vnet_name,
            subnet_name,
            tags,
            description,
            remote_login_port_public_access,
            identity_type,
            identity_id,
            location,
            enable_node_public_ip,
        )
        configuration.validate_configuration()
        return configuration

    def get(self) -> Json:
        """The cluster as the server describes it now."""
        self.refresh_state()
        return self.serialize()

    def get_status(self) -> AmlComputeStatus:
        self.refresh_state()
        return self.status

    def get_active_runs(
        self, type: Optional[str] = None, tags: Any = None, properties: Any = None, status: Optional[str] = None
    ) -> Iterator[Run]:
        """The runs of this cluster that have not ended (or have the given status), newest first."""
        wanted = (status,) if status else ACTIVE
        for run in Run.list_by_compute(self, type, tags, properties, status):
            if run.status in wanted:
                yield run

    def list_nodes(self) -> List[Json]:
        """One dict per node: nodeId, nodeState, runId, addresses and port."""
        return computes.list_nodes(self.workspace._remote, self.name)

    def update(
        self,
        min_nodes: Optional[int] = None,
        max_nodes: Optional[int] = None,
        idle_seconds_before_scaledown: Optional[int] = None,
    ) -> None:
        """Change the scale settings; omitted ones keep their values. Raises ComputeTargetException."""
        present = self.scale_settings
        settings = ScaleSettings(
            present.minimum_node_count if min_nodes is None else min_nodes,
            present.maximum_node_count if max_nodes is None else max_nodes,
            present.idle_seconds_before_scaledown
            if idle_seconds_before_scaledown is None
            else idle_seconds_before_scaledown,
        )
        body = {"properties": {"properties": {"scaleSettings": settings.serialize()}}}
        self._set_from_dto(computes.update_compute(self.workspace._remote, self.name, body))

    def wait_for_completion(  # type: ignore[override]
        self,
        show_output: bool = False,
        min_node_count: Optional[int] = None,
        timeout_in_minutes: float = 25,
        is_delete_operation: bool = False,
    ) -> None:
        """Wait until the cluster is provisioned and has its minimum of nodes, or, if it is being deleted, is deleted.

        Raises ComputeTargetException if provisioning fails; after the timeout it prints the state and returns.
        """
        super().wait_for_completion(show_output, is_delete_operation)
        if not is_delete_operation:
            report = print if show_output else _discard
            report(self._wait_for_nodes(min_node_count, timeout_in_minutes))

    def _wait_for_nodes(self, minimum: Optional[int], timeout_in_minutes: float) -> str:
        """Wait until `minimum` nodes (default: the cluster's own minimum) exist; return how the wait ended."""
        wanted = (self.scale_settings.minimum_node_count or 0) if minimum is None else minimum
        deadline = time.monotonic() + timeout_in_minutes * 60
        while True:
            status = self.get_status()
            if (status.current_node_count or 0) >= wanted:
                return "Minimum number of nodes requested have been provisioned"
            if status.errors:
                return f"There were errors: {status.errors}"
            if time.monotonic() >= deadline:
                return (
                    f"Wait timeout has been reached\nCurrent provisioning state of AmlCompute is "
                    f'"{status.provisioning_state}" and current node count is "{status.current_node_count}"'
                )
            time.sleep(computes.POLL_SECONDS)

    def detach(self) -> None:
        raise ComputeTargetException("A compute cluster cannot be detached; use delete().")

    def add_identity(self, identity_type: str, identity_id: Any = None) -> None:
        raise NotAvailable("managed identities", "AmlCompute.add_identity")

    def remove_identity(self, identity_id: Any = None) -> None:
        raise NotAvailable("managed identities", "AmlCompute.remove_identity")

    @staticmethod
    def supported_vmsizes(workspace: Workspace, location: Optional[str] = None) -> List[Json]:
        """The sizes that a node can have: name, vCPUs, gpus, memoryGB, maxResourceVolumeMB."""
        return _list_for_location(workspace, location, "vmSizes")

    @staticmethod
    def list_usages(workspace: Workspace, show_all: bool = False, location: Optional[str] = None) -> List[Json]:
        """The use of the quota, with `show_all` including unused families."""
        usages = _list_for_location(workspace, location, "usages")
        return [usage for usage in usages if show_all or usage.get("currentValue")]

    @staticmethod
    def list_quotas(workspace: Workspace, location: Optional[str] = None) -> List[Json]:
        raise NotAvailable("the quota service", "AmlCompute.list_quotas")

    @staticmethod
    def update_quotas(
        workspace: Workspace, vm_family: Any, limit: Optional[int] = None, location: Optional[str] = None
    ) -> List[Json]:
        raise NotAvailable("the quota service", "AmlCompute.update_quotas")

    def serialize(self) -> Json:
        return dict(super().serialize(), status=self.status.serialize())

    @staticmethod
    def deserialize(workspace: Workspace, object_dict: Json) -> AmlCompute:
        return cast(AmlCompute, ComputeTarget.deserialize(workspace, object_dict))

    def refresh_state(self) -> None:
        super().refresh_state()

    def delete(self) -> None:
        """Delete the cluster and release its nodes; `wait_for_completion(is_delete_operation=True)` waits for that."""
        super().delete()
        self.provisioning_state = "Deleting"


def _list_for_location(workspace: Workspace, location: Optional[str], kind: str) -> List[Json]:
    path = location_path(workspace.subscription_id, location or workspace.location)
    return list(workspace._client.items(f"{path}/{kind}"))


def _discard(text: str) -> None:
    """Print nothing."""


def _parse_duration(duration: Any) -> Optional[int]:
    """The seconds of an ISO 8601 duration such as PT120S; None if it is not one."""
    if duration is None or isinstance(duration, (int, float)):
        return None if duration is None else int(duration)
    match = _DURATION.match(duration)
    if not match:
        return None
    factors = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}
    return int(sum(float(match.group(unit) or 0) * factor for unit, factor in factors.items()))


__getattr__ = _absent.find_missing(__name__)
