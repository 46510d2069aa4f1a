"""Compute clusters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, cast

from azureml import _names
from azureml.core.compute.compute import ComputeTarget, ComputeTargetProvisioningConfiguration
from azureml.exceptions import ComputeTargetException
from lazuli.errors import NotAvailable

if TYPE_CHECKING:
    from azureml.core.run import Run
    from azureml.core.workspace import Workspace

Json = Dict[str, Any]

_PRIORITIES = {"dedicated": "Dedicated", "lowpriority": "LowPriority"}
_DURATION = re.compile(
    r"P(?:(?P<days>[\d.]+)D)?(?:T(?:(?P<hours>[\d.]+)H)?(?:(?P<minutes>[\d.]+)M)?(?:(?P<seconds>[\d.]+)S)?)?$"
)
_ACTIVE = ("NotStarted", "Starting", "Provisioning", "Preparing", "Queued", "Running", "Finalizing", "CancelRequested")


class ScaleSettings:
    """Between how many nodes a cluster moves, and when an idle one is let go."""

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
        idle = self.idle_seconds_before_scaledown
        return {
            "minNodeCount": self.minimum_node_count,
            "maxNodeCount": self.maximum_node_count,
            "nodeIdleTimeBeforeScaleDown": None if idle is None else f"PT{idle}S",
        }

    @staticmethod
    def deserialize(object_dict: Optional[Json]) -> ScaleSettings:
        given = object_dict or {}
        return ScaleSettings(
            given.get("minNodeCount"),
            given.get("maxNodeCount"),
            _seconds(given.get("nodeIdleTimeBeforeScaleDown")),
        )


class AmlComputeNodeStateCounts:
    """How many nodes are in which state."""

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
    """How a cluster is at one moment."""

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
        """The status in a compute's `properties`, or in what `serialize()` gave."""
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
    """How a new cluster shall be. Networks, SSH accounts and identities are accepted; the studio's nodes do not use them."""

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
        scale = self.scale_settings
        low, high, idle = scale.minimum_node_count, scale.maximum_node_count, scale.idle_seconds_before_scaledown
        if str(self.vm_priority).lower() not in _PRIORITIES:
            raise ComputeTargetException(
                f"vm_priority is {self.vm_priority!r}; it may be 'dedicated' or 'lowpriority'."
            )
        _check_count("min_nodes", low, 0)
        _check_count("idle_seconds_before_scaledown", idle, 0)
        if high is not None:
            _check_count("max_nodes", high, 1)
            if high < (low or 0):
                raise ComputeTargetException(f"max_nodes ({high}) is less than min_nodes ({low}).")
        if bool(self.vnet_name) != bool(self.subnet_name):
            raise ComputeTargetException("vnet_name and subnet_name go together.")

    def _body(self, workspace: Workspace) -> Json:
        scale = self.scale_settings
        if scale.maximum_node_count is None:
            # A cluster that may have no node could run nothing; Azure, too, gives such a one at least one.
            scale = ScaleSettings(
                scale.minimum_node_count, max(1, scale.minimum_node_count or 0), scale.idle_seconds_before_scaledown
            )
        inner = {
            "vmSize": self.vm_size,
            "vmPriority": _PRIORITIES[str(self.vm_priority).lower()],
            "scaleSettings": scale.serialize(),
            "remoteLoginPortPublicAccess": self.remote_login_port_public_access,
            "enableNodePublicIp": self.enable_node_public_ip,
        }
        if self.admin_username:
            inner["userAccountCredentials"] = {"adminUserName": self.admin_username}
        if not self.vm_size:
            del inner["vmSize"]
        properties = {"computeType": "AmlCompute", "description": self.description or "", "properties": inner}
        tags = dict(self.tags or {})
        return {"location": self.location or workspace.location, "tags": tags, "properties": properties}


class AmlCompute(ComputeTarget):
    """A compute cluster: nodes that come with the work and leave when it is done."""

    _compute_type = "AmlCompute"

    def _fill(self, dto: Json) -> None:
        super()._fill(dto)
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
        """The configuration for `ComputeTarget.create`; it is checked here already."""
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
        from azureml.core.run import Run

        wanted = (status,) if status else _ACTIVE
        for run in Run.list_by_compute(self, type, tags, properties, status):
            if run.status in wanted:
                yield run

    def list_nodes(self) -> List[Json]:
        """One dict per node: nodeId, nodeState, runId, addresses and port."""
        answer = self.workspace._client.request("POST", self._path + "/listNodes", repeatable=True)
        return cast(List[Json], answer.json()["nodes"])

    def update(
        self,
        min_nodes: Optional[int] = None,
        max_nodes: Optional[int] = None,
        idle_seconds_before_scaledown: Optional[int] = None,
    ) -> None:
        """Change the scale settings; what is left out stays."""
        present = self.scale_settings
        settings = ScaleSettings(
            present.minimum_node_count if min_nodes is None else min_nodes,
            present.maximum_node_count if max_nodes is None else max_nodes,
            present.idle_seconds_before_scaledown
            if idle_seconds_before_scaledown is None
            else idle_seconds_before_scaledown,
        )
        self._fill(self._change("PATCH", {"properties": {"properties": {"scaleSettings": settings.serialize()}}}))

    def wait_for_completion(  # type: ignore[override]
        self,
        show_output: bool = False,
        min_node_count: Optional[int] = None,
        timeout_in_minutes: float = 25,
        is_delete_operation: bool = False,
    ) -> None:
        """Wait until the cluster is made and has its minimum of nodes, or, if it is being deleted, is gone."""
        from azureml.core.compute import _waiting

        _waiting.wait_for_provisioning(self, show_output, is_delete_operation)
        if not is_delete_operation:
            _waiting.wait_for_nodes(self, show_output, min_node_count, timeout_in_minutes)

    def detach(self) -> None:
        raise ComputeTargetException("A compute cluster cannot be detached; use delete().")

    def add_identity(self, identity_type: str, identity_id: Any = None) -> None:
        raise NotAvailable("managed identities", "AmlCompute.add_identity")

    def remove_identity(self, identity_id: Any = None) -> None:
        raise NotAvailable("managed identities", "AmlCompute.remove_identity")

    @staticmethod
    def supported_vmsizes(workspace: Workspace, location: Optional[str] = None) -> List[Json]:
        """The sizes a node may have: name, vCPUs, gpus, memoryGB, maxResourceVolumeMB."""
        return _location_list(workspace, location, "vmSizes")

    @staticmethod
    def list_usages(workspace: Workspace, show_all: bool = False, location: Optional[str] = None) -> List[Json]:
        """What is used of the quota; with `show_all` the families without use as well."""
        usages = _location_list(workspace, location, "usages")
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
        """Delete the cluster; its nodes leave. `wait_for_completion(is_delete_operation=True)` waits for that."""
        super().delete()
        self.provisioning_state = "Deleting"


def _location_list(workspace: Workspace, location: Optional[str], kind: str) -> List[Json]:
    path = _names.location_path(workspace.subscription_id, location or workspace.location)
    return list(workspace._client.items(f"{path}/{kind}"))


def _check_count(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ComputeTargetException(f"{name} is {value!r}; it must be a whole number from {least} on.")


def _seconds(duration: Any) -> Optional[int]:
    """PT120S and the like as seconds."""
    if duration is None or isinstance(duration, (int, float)):
        return None if duration is None else int(duration)
    match = _DURATION.match(duration)
    if not match:
        return None
    factors = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}
    return int(sum(float(match.group(unit) or 0) * factor for unit, factor in factors.items()))
