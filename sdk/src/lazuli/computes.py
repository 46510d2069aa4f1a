"""Compute targets of a workspace: list, create, change and delete them, and wait until they are ready."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Optional, Tuple, cast

from lazuli.client import quote_segment
from lazuli.errors import ComputeTargetException, NotFound, Refused
from lazuli.resource_ids import check_name
from lazuli.workspaces import WorkspaceClient

CLUSTER, INSTANCE, INFERENCE = "AmlCompute", "ComputeInstance", "AKS"
# A machine of a person, and one of the studio: the same type to the server, which says which one it is.
MACHINE, CREATED_MACHINE = "VirtualMachine", "DSVM"
PRIORITIES = {"dedicated": "Dedicated", "lowpriority": "LowPriority"}
FINAL_STATES = ("Succeeded", "Failed", "Canceled")
POLL_SECONDS = 1.0

Json = Dict[str, Any]


def compute_path(workspace: WorkspaceClient, name: str) -> str:
    return f"{workspace.path}/computes/{quote_segment(name)}"


def list_computes(workspace: WorkspaceClient) -> List[Json]:
    return list(workspace.client.items(workspace.path + "/computes"))


def get_compute(workspace: WorkspaceClient, name: str) -> Json:
    """The compute target as a resource. Raises ComputeTargetException if it does not exist."""
    return _send_request(workspace, "GET", name)


def check_compute_name(name: str) -> str:
    return check_name("a compute target", name, 2, 32)


def create_compute(workspace: WorkspaceClient, name: str, body: Json) -> Json:
    """Create it, or change the one of this name; it may not be ready when this returns."""
    return _send_request(workspace, "PUT", name, body)


def update_compute(workspace: WorkspaceClient, name: str, body: Json) -> Json:
    return _send_request(workspace, "PATCH", name, body)


def delete_compute(workspace: WorkspaceClient, name: str) -> None:
    _send_request(workspace, "DELETE", name)


def list_nodes(workspace: WorkspaceClient, name: str) -> List[Json]:
    """One dict per node of a cluster: nodeId, nodeState, runId, addresses and port."""
    answer = workspace.client.request("POST", compute_path(workspace, name) + "/listNodes", repeatable=True)
    return cast(List[Json], answer.json()["nodes"])


def scale_settings(minimum: Optional[int], maximum: Optional[int], idle_seconds: Optional[int]) -> Json:
    return {
        "minNodeCount": minimum,
        "maxNodeCount": maximum,
        "nodeIdleTimeBeforeScaleDown": None if idle_seconds is None else f"PT{idle_seconds}S",
    }


def check_cluster_settings(vm_priority: Any, minimum: Any, maximum: Any, idle_seconds: Any) -> None:
    """Raise ComputeTargetException if a cluster cannot have these settings. `maximum` may be None: not set."""
    if str(vm_priority).lower() not in PRIORITIES:
        raise ComputeTargetException(f"vm_priority is {vm_priority!r}; it may be 'dedicated' or 'lowpriority'.")
    _check_count("min_nodes", minimum, 0)
    _check_count("idle_seconds_before_scaledown", idle_seconds, 0)
    if maximum is not None:
        _check_count("max_nodes", maximum, 1)
        if maximum < (minimum or 0):
            raise ComputeTargetException(f"max_nodes ({maximum}) is less than min_nodes ({minimum}).")


def cluster_body(
    *,
    location: str,
    vm_size: str,
    vm_priority: str,
    scale: Json,
    description: Optional[str] = None,
    tags: Optional[Dict[str, str]] = None,
    more: Optional[Json] = None,
) -> Json:
    """The request body for a new cluster; `scale` is from `scale_settings()`, `more` are further inner properties."""
    if scale["maxNodeCount"] is None:
        # A cluster without any node could run nothing; like Azure, allow at least one.
        scale = dict(scale, maxNodeCount=max(1, scale["minNodeCount"] or 0))
    inner = {"vmPriority": PRIORITIES[vm_priority.lower()], "scaleSettings": scale, **(more or {})}
    if vm_size:
        inner["vmSize"] = vm_size
    properties = {"computeType": CLUSTER, "description": description or "", "properties": inner}
    return {"location": location, "tags": dict(tags or {}), "properties": properties}


def instance_body(
    *,
    location: str,
    vm_size: str = "",
    description: Optional[str] = None,
    tags: Optional[Dict[str, str]] = None,
    assigned_user: Optional[str] = None,
    idle_minutes: Optional[int] = None,
    is_stopped: bool = False,
) -> Json:
    """The request body for a new compute instance."""
    inner: Json = {"vmSize": vm_size} if vm_size else {}
    if assigned_user:
        inner["personalComputeInstanceSettings"] = {"assignedUser": {"objectId": assigned_user}}
    if idle_minutes is not None:
        inner["idleTimeBeforeShutdown"] = f"PT{idle_minutes}M"
    if is_stopped:
        inner["state"] = "Stopped"
    properties = {"computeType": INSTANCE, "description": description or "", "properties": inner}
    return {"location": location, "tags": dict(tags or {}), "properties": properties}


def inference_body(
    *, location: str, vm_size: str = "", agent_count: Optional[int] = None, purpose: Optional[str] = None
) -> Json:
    """The request body for a new inference cluster; the server fills in what is not given."""
    inner = {"agentCount": agent_count, "agentVmSize": vm_size or None, "clusterPurpose": purpose}
    given = {name: value for name, value in inner.items() if value is not None}
    return {"location": location, "tags": {}, "properties": {"computeType": INFERENCE, "properties": given}}


def machine_body(
    *, location: str, address: Optional[str] = None, ssh_port: int = 22, account: Optional[Json] = None
) -> Json:
    """The request body for an attached machine; without an address it is one that has joined and is free."""
    inner: Json = {"address": address, "sshPort": ssh_port, "administratorAccount": account} if address else {}
    return {"location": location, "tags": {}, "properties": {"computeType": MACHINE, "properties": inner}}


def operate_instance(workspace: WorkspaceClient, name: str, operation: str, body: Optional[Json] = None) -> None:
    """`start`, `stop`, `restart` or `resize`. Raises ComputeTargetException if its state does not allow that."""
    try:
        workspace.client.request("POST", f"{compute_path(workspace, name)}/{operation}", json=body)
    except Refused as error:
        raise ComputeTargetException(error.message, inner_exception=error) from error


def cron_schedule(action: str, expression: str, time_zone: str = "UTC") -> Json:
    """A schedule that does `Start` or `Stop` at the times of a cron expression."""
    cron = {"expression": expression, "timeZone": time_zone}
    return {"action": action, "status": "Enabled", "triggerType": "Cron", "cron": cron}


def update_schedules(workspace: WorkspaceClient, name: str, schedules: List[Json]) -> None:
    """Replace all schedules of an instance. Raises ComputeTargetException if one of them cannot be."""
    body = {"computeStartStop": schedules}
    try:
        workspace.client.request("POST", f"{compute_path(workspace, name)}/updateSchedules", json=body)
    except Refused as error:
        raise ComputeTargetException(error.message, inner_exception=error) from error


def wait_for_instance(
    workspace: WorkspaceClient,
    name: str,
    states: Tuple[str, ...],
    show_state: Callable[[str], Any] = lambda state: None,
) -> Json:
    """Ask once a second until the instance is in one of the states; return the resource as it is then."""
    while True:
        resource = get_compute(workspace, name)
        state = str(resource["properties"]["properties"].get("state"))
        show_state(state.capitalize())
        if state in states:
            return resource
        time.sleep(POLL_SECONDS)


def wait_for_provisioning(
    workspace: WorkspaceClient, name: str, show_state: Callable[[str], Any] = lambda state: None
) -> Json:
    """Ask once a second until the provisioning state is final; return the resource as it is then."""
    while True:
        resource = get_compute(workspace, name)
        state = str(resource["properties"].get("provisioningState"))
        reason = (resource["properties"].get("properties") or {}).get("stateReason")
        show_state(f"{state}: {reason}" if reason else state)
        if state in FINAL_STATES:
            return resource
        time.sleep(POLL_SECONDS)


def wait_for_deletion(
    workspace: WorkspaceClient, name: str, show_state: Callable[[str], Any] = lambda state: None
) -> None:
    """Ask once a second until the compute target does not exist any more."""
    while True:
        try:
            resource = get_compute(workspace, name)
        except ComputeTargetException as error:
            if isinstance(error.inner_exception, NotFound):
                return
            raise
        show_state(str(resource["properties"].get("provisioningState")))
        time.sleep(POLL_SECONDS)


def check_provisioned(resource: Json) -> None:
    """Raise ComputeTargetException if provisioning ended without success."""
    properties = resource["properties"]
    if properties.get("provisioningState") != "Succeeded":
        raise ComputeTargetException(
            f"Compute target {resource['name']!r} is {properties.get('provisioningState')}: "
            f"{properties.get('provisioningErrors')}"
        )


def _send_request(workspace: WorkspaceClient, method: str, name: str, body: Optional[Json] = None) -> Json:
    try:
        answer = workspace.client.request(method, compute_path(workspace, name), json=body)
    except NotFound as error:
        raise ComputeTargetException(
            f"ComputeTargetNotFound: Compute Target with name {name} not found in provided workspace",
            inner_exception=error,
        ) from error
    except Refused as error:
        raise ComputeTargetException(error.message, inner_exception=error) from error
    return cast(Json, answer.json()) if answer.content else {}


def _check_count(name: str, value: Any, minimum: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise ComputeTargetException(f"{name} is {value!r}; it must be a whole number of at least {minimum}.")
