"""Compute targets over REST, in Azure's shapes."""

from django.http import Http404, HttpRequest
from ninja import Path, Router, Schema, Status

from compute import quota, resources, sizes
from compute.models import ComputeTarget, Scale
from studio import api as plumbing
from studio.errors import Conflict, Invalid
from studio.schemas import Nothing, list_of
from workspaces import lookup
from workspaces.models import Workspace
from workspaces.workspace_path import WorkspacePath, require_workspace

router = Router(tags=["computes"])
locations = Router(tags=["computes"])


class Location(Schema):
    subscription_id: str
    location: str


def find_target(workspace: Workspace, name: str) -> ComputeTarget:
    """The target with its counts; Http404 lists the existing ones."""
    target = workspace.compute_targets.present().with_counts().filter(name__iexact=name).first()
    if target is None:
        there = ", ".join(workspace.compute_targets.present().values_list("name", flat=True)[:20])
        raise Http404(f"There is no compute target '{name}' in this workspace. There are: {there or 'none yet'}.")
    target.workspace = workspace
    return target


@router.get("", response=list_of(resources.ComputeResource), summary="List the compute targets")
def compute_list(request: HttpRequest, workspace_path: Path[WorkspacePath]):
    workspace = require_workspace(request, workspace_path, "read_compute")
    rows = workspace.compute_targets.present().with_counts().with_path()
    return plumbing.paginate(request, rows, resources.ComputeResource)


@router.get("/{name}", response=resources.ComputeResource, summary="Get a compute target")
def compute_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    return resources.ComputeResource.of(find_target(require_workspace(request, workspace_path, "read_compute"), name))


@router.put(
    "/{name}",
    response={200: resources.ComputeResource, 201: resources.ComputeResource},
    summary="Create or change a compute target",
)
def compute_write(
    request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, body: resources.ComputeResourceUpdate
):
    workspace = require_workspace(request, workspace_path, "edit_compute")
    present = workspace.compute_targets.present().select_related("cluster").filter(name__iexact=name).first()
    if present is None:
        return Status(201, resources.ComputeResource.of(_create(request.auth.user, workspace, name, body)))
    return Status(200, resources.ComputeResource.of(_change(workspace, present, body)))


def _create(user, workspace: Workspace, name: str, body: resources.ComputeResourceUpdate) -> ComputeTarget:
    _check_kind(body)
    size = body.cluster.vmSize or sizes.suggest_size()
    ComputeTarget.create(workspace, user, name, size, body.scale(Scale()), **body.recorded)
    return find_target(workspace, name)


def _check_kind(body: resources.ComputeResourceUpdate) -> None:
    if body.compute_type.lower() != "amlcompute":
        raise Invalid(
            f"The compute type {body.compute_type!r} is not supported here; use AmlCompute.", target="computeType"
        )


def _check_fixed(target: ComputeTarget, body: resources.ComputeResourceUpdate) -> None:
    """Fixed properties cannot change; the same values are accepted, because Azure's clients send them all back."""
    _check_kind(body)
    for field, given, present in (
        ("vmSize", body.cluster.vmSize, target.size.name),
        ("vmPriority", body.cluster.vmPriority, target.cluster.vm_priority),
    ):
        if given and given != present:
            text = f"The {field} of {target.name} is {present}. It cannot be changed; create another compute target."
            raise Conflict(text, target=field)


def _change(workspace: Workspace, target: ComputeTarget, body: resources.ComputeResourceUpdate) -> ComputeTarget:
    target.workspace = workspace
    _check_fixed(target, body)
    if (scale := body.scale(target.scale_settings)) != target.scale_settings:
        target.scale(scale)
    target.describe(**{key: value for key, value in body.recorded.items() if key in ("tags", "description")})
    return find_target(workspace, target.name)


@router.patch(
    "/{name}",
    response=resources.ComputeResource,
    summary="Change the limits, tags or description of a compute target",
)
def compute_update(
    request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, body: resources.ComputeResourceUpdate
):
    workspace = require_workspace(request, workspace_path, "edit_compute")
    return resources.ComputeResource.of(_change(workspace, find_target(workspace, name), body))


@router.delete(
    "/{name}",
    response=Nothing,
    summary="Delete a compute target: cancels its jobs, removes its nodes, then deletes it",
)
def compute_delete(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    workspace = require_workspace(request, workspace_path, "edit_compute")
    find_target(workspace, name).start_deleting()
    return {}


@router.post("/{name}/listNodes", response=resources.AmlComputeNodesInformation, summary="List the nodes of a cluster")
def compute_nodes(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    workspace = require_workspace(request, workspace_path, "read_compute")
    nodes = find_target(workspace, name).nodes.present().with_work()
    return resources.AmlComputeNodesInformation(nodes=[resources.AmlComputeNodeInformation.of(node) for node in nodes])


@locations.get("/vmSizes", response=list_of(resources.VirtualMachineSize), summary="List the sizes of nodes")
def size_list(request: HttpRequest, location: Path[Location]):
    lookup.find_subscription(request.auth, location.subscription_id)
    return list_of(resources.VirtualMachineSize)(
        value=[resources.VirtualMachineSize.of(size) for size in sizes.offered_sizes()]
    )


@locations.get(
    "/usages",
    response=list_of(resources.Usage),
    summary="Get the cores of the machines, and those that nodes use, by family of sizes",
)
def usage_list(request: HttpRequest, location: Path[Location]):
    subscription = lookup.find_subscription(request.auth, location.subscription_id)
    used, limit = quota.count_running_cores(subscription.pk), quota.count_real_cores()
    return list_of(resources.Usage)(
        value=[resources.Usage.of(request.path_info, family, used[family], limit) for family in used]
    )
