"""Compute targets over REST, in Azure's format."""

from django.db import transaction
from django.http import Http404, HttpRequest
from ninja import Path, Router, Schema, Status

from accounts.actors import Actor
from compute import quota, resources, sizes
from compute.instances import power, schedules
from compute.instances.resources import find_assigned_user
from compute.models import AttachedMachine, ComputeTarget, Host, Node, Scale
from compute.rules import PRODUCTION_NODES, Purpose
from studio import api as plumbing
from studio.errors import Conflict, Invalid
from studio.schemas import Nothing, list_of
from workspaces import lookup
from workspaces.models import Workspace
from workspaces.workspace_path import WorkspacePath, find_workspace

router = Router(tags=["computes"])
locations = Router(tags=["computes"])


class Location(Schema):
    subscription_id: str
    location: str


def find_target(workspace: Workspace, name: str) -> ComputeTarget:
    """The target with its counts; Http404 lists the existing ones."""
    target = workspace.compute_targets.present().with_counts().with_instances().filter(name__iexact=name).first()
    if target is None:
        there = ", ".join(workspace.compute_targets.present().values_list("name", flat=True)[:20])
        raise Http404(f"There is no compute target '{name}' in this workspace. There are: {there or 'none yet'}.")
    target.workspace = workspace
    return target


@router.get("", response=list_of(resources.ComputeResource), summary="List the compute targets")
def compute_list(request: HttpRequest, workspace_path: Path[WorkspacePath]):
    workspace = find_workspace(request, workspace_path, "read_compute")
    rows = workspace.compute_targets.present().with_counts().with_instances().with_path()
    return plumbing.paginate(request, rows, resources.ComputeResource)


@router.get("/{name}", response=resources.ComputeResource, summary="Get a compute target")
def compute_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    return resources.ComputeResource.of(find_target(find_workspace(request, workspace_path, "read_compute"), name))


@router.put(
    "/{name}",
    response={200: resources.ComputeResource, 201: resources.ComputeResource},
    summary="Create or change a compute target",
)
def compute_write(
    request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, body: resources.ComputeResourceUpdate
):
    workspace = find_workspace(request, workspace_path, "edit_compute")
    present = workspace.compute_targets.present().select_related("cluster").filter(name__iexact=name).first()
    if present is None:
        return Status(201, resources.ComputeResource.of(_create(request.auth, workspace, name, body)))
    return Status(200, resources.ComputeResource.of(_change(workspace, present, body)))


def _create(actor: Actor, workspace: Workspace, name: str, body: resources.ComputeResourceUpdate) -> ComputeTarget:
    user, kind, size = actor.user, _read_kind(body), body.cluster.size or sizes.suggest_size()
    if kind == ComputeTarget.Kind.INSTANCE:
        _create_instance(user, workspace, name, size, body)
    elif kind == ComputeTarget.Kind.INFERENCE:
        purpose = body.cluster.clusterPurpose or Purpose.PRODUCTION
        count = body.cluster.agentCount or (PRODUCTION_NODES if purpose == Purpose.PRODUCTION else 1)
        scale = Scale(count, count, 0)
        ComputeTarget.create(workspace, user, name, size, scale, kind=kind, purpose=purpose, **body.recorded_settings)
    elif kind == ComputeTarget.Kind.ATTACHED:
        _attach(actor, workspace, name, body)
    else:
        ComputeTarget.create(workspace, user, name, size, body.scale(Scale()), **body.recorded_settings)
    return find_target(workspace, name)


def _attach(actor: Actor, workspace: Workspace, name: str, body: resources.ComputeResourceUpdate) -> None:
    recorded = {key: body.recorded_settings[key] for key in ("tags", "description") if key in body.recorded_settings}
    if body.cluster.address:
        AttachedMachine.attach(actor, workspace, name, machine=body.cluster.machine_settings(), **recorded)
    else:
        AttachedMachine.take_free(actor, workspace, name, **recorded)


def _create_instance(user, workspace: Workspace, name: str, size: str, body: resources.ComputeResourceUpdate) -> None:
    personal = body.cluster.personalComputeInstanceSettings
    assigned = personal.assignedUser if personal else None
    recorded = {
        key: value for key, value in body.recorded_settings.items() if key in ("location", "tags", "description")
    }
    new_schedules = body.cluster.schedules.make_schedules() if body.cluster.schedules else []
    with transaction.atomic():
        instance = power.create_instance(
            workspace,
            user,
            name,
            size,
            assigned_to=find_assigned_user(assigned.objectId) if assigned else None,
            idle_minutes=body.cluster.idleTimeBeforeShutdown,
            starts=(body.cluster.state or "").lower() != "stopped",
            **recorded,
        )
        if new_schedules:
            schedules.add_schedules(instance, new_schedules)


def _read_kind(body: resources.ComputeResourceUpdate) -> ComputeTarget.Kind:
    kinds = [kind for kind in ComputeTarget.Kind if kind != ComputeTarget.Kind.CONTAINER]
    found = next((kind for kind in kinds if kind.lower() == body.compute_type.lower()), None)
    if found is None:
        there = " or ".join(kinds)
        raise Invalid(
            f"The compute type {body.compute_type!r} is not supported here; use {there}.", target="computeType"
        )
    return found


def _check_fixed(target: ComputeTarget, body: resources.ComputeResourceUpdate) -> None:
    """Fixed properties cannot change; the same values are accepted, because Azure's clients send them all back."""
    given_kind = body.properties and body.properties.computeType
    fixed: list[tuple[str, str | None, str]] = [
        ("computeType", _read_kind(body).value if given_kind else "", target.kind)
    ]
    fixed.append(("vmSize", body.cluster.size, target.size.name))
    if target.is_inference:
        fixed.append(("clusterPurpose", body.cluster.clusterPurpose, target.cluster.purpose))
    elif target.is_attached:
        fixed.append(("address", body.cluster.address, target.attached.address))
    elif target.is_cluster:
        fixed.append(("vmPriority", body.cluster.vmPriority, target.cluster.vm_priority))
    for field, given, present in fixed:
        if given and given != present:
            text = f"The {field} of {target.name} is {present}. It cannot be changed; create another compute target."
            raise Conflict(text, target=field)


def _change(workspace: Workspace, target: ComputeTarget, body: resources.ComputeResourceUpdate) -> ComputeTarget:
    target.workspace = workspace
    _check_fixed(target, body)
    if target.is_cluster and (scale := body.scale(target.scale_settings)) != target.scale_settings:
        target.scale(scale)
    if target.kind == ComputeTarget.Kind.INSTANCE and body.cluster.schedules is not None:
        target.instance.target = target
        schedules.replace_schedules(target.instance, body.cluster.schedules.make_schedules())
    target.describe(**{key: value for key, value in body.recorded_settings.items() if key in ("tags", "description")})
    return find_target(workspace, target.name)


@router.patch(
    "/{name}",
    response=resources.ComputeResource,
    summary="Change the limits, tags or description of a compute target",
)
def compute_update(
    request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, body: resources.ComputeResourceUpdate
):
    workspace = find_workspace(request, workspace_path, "edit_compute")
    return resources.ComputeResource.of(_change(workspace, find_target(workspace, name), body))


@router.delete(
    "/{name}",
    response=Nothing,
    summary="Delete a compute target: cancels its jobs, removes its nodes, then deletes it",
)
def compute_delete(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    workspace = find_workspace(request, workspace_path, "edit_compute")
    target = find_target(workspace, name)
    if target.is_attached:
        target.attached.detach(request.auth)
    elif target.is_cluster:
        target.start_deleting()
    else:
        target.instance.target = target
        power.delete_instance(target.instance)
    return {}


@router.post("/{name}/listNodes", response=resources.AmlComputeNodesInformation, summary="List the nodes of a cluster")
def compute_nodes(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    workspace = find_workspace(request, workspace_path, "read_compute")
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
    response=list_of(resources.ComputeUsage),
    summary="Get the cores of the machines, and those that nodes use, by family of sizes",
)
def usage_list(request: HttpRequest, location: Path[Location]):
    subscription = lookup.find_subscription(request.auth, location.subscription_id)
    nodes = Node.objects.usable().filter(target__workspace__resource_group__subscription=subscription)
    used, limit = quota.count_running_cores(nodes), quota.count_real_cores(Host.objects.alive())
    return list_of(resources.ComputeUsage)(
        value=[resources.ComputeUsage.of(request.path_info, family, used[family], limit) for family in used]
    )
