"""Actions on compute instances over REST; they are created and read like all compute targets (compute/api.py)."""

from django.http import Http404, HttpRequest
from ninja import Path, Router, Status

from compute.instances import power, schedules
from compute.instances.resources import IdleShutdownSetting, Resize
from compute.instances.schedule_resources import ComputeSchedules
from compute.models import ComputeInstance
from studio.schemas import Nothing
from workspaces.workspace_path import WorkspacePath, find_workspace

router = Router(tags=["computes"])


def find_instance(request: HttpRequest, workspace_path: WorkspacePath, name: str, verb: str) -> ComputeInstance:
    workspace = find_workspace(request, workspace_path, verb)
    rows = ComputeInstance.objects.present().filter(target__workspace=workspace, target__name__iexact=name)
    found = rows.with_state().first()
    if found is None:
        raise Http404(f"There is no compute instance '{name}' in this workspace.")
    found.target.workspace = workspace
    return found


@router.post("/{name}/start", response={202: Nothing}, summary="Start a compute instance")
def instance_start(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    power.start_instance(find_instance(request, workspace_path, name, "use_compute"))
    return Status(202, {})


@router.post("/{name}/stop", response={202: Nothing}, summary="Stop a compute instance; its files stay")
def instance_stop(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    power.stop_instance(find_instance(request, workspace_path, name, "use_compute"))
    return Status(202, {})


@router.post("/{name}/restart", response={202: Nothing}, summary="Restart a compute instance")
def instance_restart(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    power.restart_instance(find_instance(request, workspace_path, name, "use_compute"))
    return Status(202, {})


@router.post("/{name}/resize", response={202: Nothing}, summary="Give a stopped compute instance another size")
def instance_resize(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, body: Resize):
    power.resize_instance(find_instance(request, workspace_path, name, "edit_compute"), body.targetVMSize)
    return Status(202, {})


@router.post(
    "/{name}/updateIdleShutdownSetting",
    response=Nothing,
    summary="Set the idle time after which a compute instance is stopped; empty means never",
)
def instance_idle(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, body: IdleShutdownSetting):
    instance = find_instance(request, workspace_path, name, "edit_compute")
    power.change_idle_shutdown(instance, body.idleTimeBeforeShutdown)
    return {}


@router.post(
    "/{name}/updateSchedules",
    response=Nothing,
    summary="Replace the schedules that start and stop a compute instance",
)
def instance_schedules(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, body: ComputeSchedules):
    instance = find_instance(request, workspace_path, name, "edit_compute")
    schedules.replace_schedules(instance, body.make_schedules())
    return {}
