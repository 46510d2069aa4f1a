"""Compute targets in Azure's shapes."""

import json
import re
from typing import Any

from django.http import Http404, HttpRequest
from ninja import Path, Router, Schema, Status
from pydantic import ConfigDict

from compute import quota, schemas, sizes
from compute.models import ComputeTarget, Node, Scale
from studio import api as plumbing
from studio.errors import Conflict, Invalid
from studio.request_body import Body, Whole
from studio.schemas import Nothing, documented
from workspaces import lookup
from workspaces.models import Workspace
from workspaces.rules import check_location
from workspaces.workspace_path import WorkspacePath, require_workspace

DEFAULT_SIZE = "Standard_DS3_v2"
router = Router(tags=["computes"])
locations = Router(tags=["computes"])


class Loose(Body):
    """What the service does not know is kept out of the way, not refused."""

    model_config = ConfigDict(extra="allow")


class ScaleSettings(Loose):
    minNodeCount: Whole | None = None
    maxNodeCount: Whole | None = None
    nodeIdleTimeBeforeScaleDown: Any = None


class ClusterProperties(Loose):
    vmSize: str | None = None
    vmPriority: str | None = None
    scaleSettings: ScaleSettings | None = None


class Properties(Loose):
    computeType: str | None = None
    description: str | None = None
    properties: ClusterProperties | None = None


class ComputeBody(Loose):
    location: str | None = None
    tags: dict[str, Any] | None = None
    properties: Properties | None = None

    @property
    def cluster(self) -> ClusterProperties:
        return (self.properties and self.properties.properties) or ClusterProperties()

    @property
    def recorded(self) -> dict:
        """What was given of the fields that are kept as they are."""
        description = self.properties.description if self.properties else None
        given = {
            "location": check_location(self.location) if self.location else None,
            "tags": self.tags,
            "description": description,
            "vm_priority": _priority(self.cluster.vmPriority),
            "settings": _kept_settings(self.cluster.model_extra or {}) or None,
        }
        return {name: value for name, value in given.items() if value is not None}

    def scale(self, present: Scale) -> Scale:
        """The limits asked for; what is left out stays as it is."""
        given = self.cluster.scaleSettings or ScaleSettings()
        min_nodes = present.min_nodes if given.minNodeCount is None else given.minNodeCount
        max_nodes = present.max_nodes if given.maxNodeCount is None else given.maxNodeCount
        idle = given.nodeIdleTimeBeforeScaleDown
        return Scale(min_nodes, max_nodes, present.idle_seconds if idle is None else parse_duration(idle))


# Recorded and given back; the nodes here have no use for them.
MAX_KEPT = 16_000
KEPT = {"subnet", "remoteLoginPortPublicAccess", "enableNodePublicIp", "isolatedNetwork", "virtualMachineImage"}


def _kept_settings(given: dict) -> dict:
    """Of an administrator's account the name only: passwords and keys are never stored."""
    kept = {key: value for key, value in given.items() if key in KEPT and value is not None}
    account = given.get("userAccountCredentials")
    if isinstance(account, dict) and account.get("adminUserName"):
        kept["userAccountCredentials"] = {"adminUserName": str(account["adminUserName"])}
    if len(json.dumps(kept)) > MAX_KEPT:
        raise Invalid(f"{', '.join(kept)}: more than {MAX_KEPT // 1000} kB of settings.", target="properties")
    return kept


def _priority(word: str | None) -> str | None:
    """Azure's two words, in any case."""
    words = {value.lower(): value for value in ComputeTarget.Priority.values}
    return word and words.get(word.lower(), word)


DURATION = re.compile(r"P(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:\.\d+)?S)?)?", re.I)
NUMBER = re.compile(r"\d{1,9}")


def parse_duration(value) -> int:
    """Seconds of an ISO 8601 duration such as PT120S or PT2M, or a number of seconds."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = value if isinstance(value, str) else ""
    if NUMBER.fullmatch(text):
        return int(text)
    match = DURATION.fullmatch(text)
    if not match or not any(match.groups()):
        raise Invalid(
            f"The idle time {str(value)[:60]!r} is no duration: write seconds, or a duration such as PT120S.",
            target="nodeIdleTimeBeforeScaleDown",
        )
    days, hours, minutes, rest = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


class Location(Schema):
    subscription_id: str
    location: str


def find_target(workspace: Workspace, name: str) -> ComputeTarget:
    """With its counts; Http404 names what there is."""
    target = workspace.compute_targets.present().with_counts().filter(name__iexact=name).first()
    if target is None:
        there = ", ".join(workspace.compute_targets.present().values_list("name", flat=True)[:20])
        raise Http404(f"There is no compute target '{name}' in this workspace. There are: {there or 'none yet'}.")
    target.workspace = workspace
    return target


@router.get("", response=documented(schemas.PaginatedComputeResourcesList), summary="List the compute targets")
def compute_list(request: HttpRequest, workspace_path: Path[WorkspacePath]):
    workspace = require_workspace(request, workspace_path, "read_compute")
    rows = workspace.compute_targets.present().with_counts().with_path()
    return plumbing.paginate_described(request, rows, describe)


@router.get("/{name}", response=documented(schemas.ComputeResource), summary="Get a compute target")
def compute_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    return describe(find_target(require_workspace(request, workspace_path, "read_compute"), name))


@router.put(
    "/{name}",
    response={200: documented(schemas.ComputeResource), 201: documented(schemas.ComputeResource)},
    summary="Make a compute target, or change one",
)
def compute_write(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, body: ComputeBody):
    workspace = require_workspace(request, workspace_path, "edit_compute")
    present = workspace.compute_targets.present().filter(name__iexact=name).first()
    if present is None:
        return Status(201, describe(_create(request.auth.user, workspace, name, body)))
    return Status(200, describe(_change(workspace, present, body)))


def _create(user, workspace: Workspace, name: str, body: ComputeBody) -> ComputeTarget:
    _check_kind(body)
    size = body.cluster.vmSize or DEFAULT_SIZE
    ComputeTarget.create(workspace, user, name, size, body.scale(Scale()), **body.recorded)
    return find_target(workspace, name)


def _check_kind(body: ComputeBody) -> None:
    kind = (body.properties and body.properties.computeType) or ComputeTarget.Kind.CLUSTER
    if kind.lower() != "amlcompute":
        raise Invalid(f"The compute type {kind!r} is not offered here; it may be AmlCompute.", target="computeType")


def _check_fixed(target: ComputeTarget, body: ComputeBody) -> None:
    """What a cluster is made with stays; the same again is accepted, for Azure's clients send all of it back."""
    _check_kind(body)
    size = body.cluster.vmSize and sizes.find_size(body.cluster.vmSize).name
    for field, given, present in (
        ("vmSize", size, target.size.name),
        ("vmPriority", body.recorded.get("vm_priority"), target.vm_priority),
    ):
        if given and given != present:
            text = f"The {field} of {target.name} is {present}. It cannot change; make another compute target."
            raise Conflict(text, target=field)


def _change(workspace: Workspace, target: ComputeTarget, body: ComputeBody) -> ComputeTarget:
    target.workspace = workspace
    _check_fixed(target, body)
    if (scale := body.scale(target.scale_settings)) != target.scale_settings:
        target.scale(scale)
    target.describe(**{key: value for key, value in body.recorded.items() if key in ("tags", "description")})
    return find_target(workspace, target.name)


@router.patch(
    "/{name}",
    response=documented(schemas.ComputeResource),
    summary="Change the limits, tags or description of a compute target",
)
def compute_update(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, body: ComputeBody):
    workspace = require_workspace(request, workspace_path, "edit_compute")
    return describe(_change(workspace, find_target(workspace, name), body))


@router.delete(
    "/{name}",
    response=documented(Nothing),
    summary="Delete a compute target: its work is canceled, its nodes leave, then it is gone",
)
def compute_delete(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    workspace = require_workspace(request, workspace_path, "edit_compute")
    find_target(workspace, name).start_deleting()
    return {}


@router.post(
    "/{name}/listNodes", response=documented(schemas.AmlComputeNodesInformation), summary="List the nodes of a cluster"
)
def compute_nodes(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    workspace = require_workspace(request, workspace_path, "read_compute")
    nodes = find_target(workspace, name).nodes.present().with_work()
    return {"nodes": [describe_node(node) for node in nodes]}


def describe(target: ComputeTarget) -> dict:
    scale = {
        "minNodeCount": target.min_nodes,
        "maxNodeCount": target.max_nodes,
        "nodeIdleTimeBeforeScaleDown": f"PT{target.idle_seconds}S",
    }
    cluster = {
        **target.settings,
        "vmSize": target.vm_size,
        "vmPriority": target.vm_priority,
        "osType": "Linux",
        "scaleSettings": scale,
        "allocationState": target.allocation_state,
        "allocationStateTransitionTime": target.resized_at.isoformat(),
        "currentNodeCount": target.current_node_count,
        "targetNodeCount": target.target_node_count,
        "nodeStateCounts": {f"{state}NodeCount": count for state, count in target.node_counts.items()},
        "errors": None,
    }
    return {
        "id": target.arm_id,
        "name": target.name,
        "type": "Microsoft.MachineLearningServices/workspaces/computes",
        "location": target.location,
        "tags": target.tags,
        "properties": {
            "computeType": target.kind,
            "computeLocation": target.location,
            "description": target.description,
            "provisioningState": target.state,
            "provisioningErrors": None,
            "createdOn": target.created_at.isoformat(),
            "modifiedOn": target.resized_at.isoformat(),
            "isAttachedCompute": False,
            "resourceId": None,
            "properties": cluster,
        },
    }


def describe_node(node: Node) -> dict:
    return {
        "nodeId": node.name,
        "nodeState": node.state,
        "runId": node.current_work.subject if node.current_work else None,
        "privateIpAddress": node.host.address if node.host else None,
        "publicIpAddress": None,
        "port": None,
        "message": node.message,
    }


@locations.get(
    "/vmSizes", response=documented(schemas.VirtualMachineSizeListResult), summary="List the sizes that a node may have"
)
def size_list(request: HttpRequest, location: Path[Location]):
    lookup.find_subscription(request.auth, location.subscription_id)
    return {"value": [_describe_size(size) for size in sizes.SIZES]}


def _describe_size(size: sizes.Size) -> dict:
    return {
        "name": size.name,
        "family": size.family,
        "vCPUs": size.vcpus,
        "gpus": size.gpus,
        "memoryGB": size.memory_gb,
        "maxResourceVolumeMB": size.storage_gb * 1024,
        "osVhdSizeMB": 1047552,
        "lowPriorityCapable": True,
        "premiumIO": False,
        "supportedComputeTypes": ["AmlCompute"],
        "estimatedVMPrices": {"billingCurrency": "USD", "unitOfMeasure": "OneHour", "values": [_price(size)]},
    }


def _price(size: sizes.Size) -> dict:
    return {"retailPrice": size.price, "osType": "Linux", "vmTier": "Standard"}


@locations.get(
    "/usages",
    response=documented(schemas.ListUsagesResult),
    summary="How much of the quota is used, by family of sizes",
)
def usage_list(request: HttpRequest, location: Path[Location]):
    subscription = lookup.find_subscription(request.auth, location.subscription_id)
    return {"value": [_usage(request, family, used) for family, used in quota.used_cores(subscription.pk).items()]}


def _usage(request, family: str, used: int) -> dict:
    return {
        "id": f"{request.path}/{family}",
        "type": "Microsoft.MachineLearningServices/vmFamily/dedicatedCores/usages",
        "unit": "Count",
        "currentValue": used,
        "limit": sizes.QUOTA,
        "name": {"value": family, "localizedValue": family},
    }
