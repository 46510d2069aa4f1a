"""Create, start, stop, restart and delete compute instances: pages, REST and tasks call these."""

from django.db import transaction
from django.utils import timezone

from accounts import activity
from accounts.actors import Actor
from accounts.models import User
from assets import rebuilds
from compute import queue, sizes
from compute.instances import jupyter
from compute.instances.files import InstanceFiles
from compute.instances.rules import IDLE_MINUTES, INSTANCE_NAME
from compute.models import ComputeInstance, ComputeTarget, Resources, Work
from compute.models.instances import USER, free_label
from studio.errors import Conflict, Invalid
from studio.rules import DESCRIPTION, TAGS
from workspaces.access import can
from workspaces.file_share import Home
from workspaces.models import Workspace

KIND = "instance"
State, Operation = ComputeInstance.State, ComputeInstance.Operation


def create_instance(
    workspace: Workspace,
    user: User,
    name: str,
    vm_size: str,
    *,
    assigned_to: User | None = None,
    idle_minutes: int | None = None,
    starts: bool = True,
    **recorded,
) -> ComputeInstance:
    """Create an instance. `assigned_to` is its user, by default the creator. `recorded`: location, description,
    tags."""
    INSTANCE_NAME.check(name)
    if idle_minutes is not None:
        IDLE_MINUTES.check(idle_minutes)
    person = assigned_to or user
    if not can(Actor(person), "use_compute", workspace):
        raise Invalid(
            f"{person} may not use compute of {workspace}, so no instance can be assigned to them.",
            target="assignedUser",
        )
    recorded["description"] = DESCRIPTION.check(recorded.get("description") or "")
    recorded["tags"] = TAGS.check(recorded.get("tags") or {})
    recorded["location"] = recorded.get("location") or workspace.location
    with transaction.atomic():
        size = sizes.find_offered(vm_size)
        target = ComputeTarget(
            workspace=workspace,
            created_by=user,
            name=name,
            kind=ComputeTarget.Kind.INSTANCE,
            vm_size=size.name,
            **recorded,
        )
        target.insert()
        instance = ComputeInstance.objects.create(
            target=target, assigned_to=person, label=free_label(name), idle_minutes=idle_minutes
        )
        activity.record("compute.create", target, scope=workspace, message=f"for {person}")
        if starts:
            _queue(instance, Operation.CREATE, USER)
    return instance


def start_instance(instance: ComputeInstance, trigger: str = USER, message: str = "") -> None:
    with transaction.atomic():
        locked = _lock(instance)
        if locked.state not in (State.STOPPED, State.CREATE_FAILED):
            raise Conflict(
                f"The compute instance {locked} is {locked.state.lower()}; only a stopped one can be started."
            )
        _queue(locked, Operation.START, trigger)
        activity.record("compute.start", locked.target, scope=locked.target.workspace, message=message)


def _queue(instance: ComputeInstance, operation: str, trigger: str) -> None:
    target, person = instance.target, instance.assigned_to
    if person is None:
        raise Conflict(f"The user of {instance} no longer has an account. Create an instance for somebody else.")
    files = InstanceFiles(target.workspace, Home.of(target.workspace, person))
    files.prepare()
    spec = jupyter.build_spec(target.name, instance.label, files)
    # It reserves nothing of its node, so that a job can run next to it.
    work = queue.enqueue(target, f"{KIND}:{target.pk}", spec, person, resources=Resources(0, 0))
    token = instance.make_server_token()
    fields = {"work": work, "server_token_text": token, "active_at": timezone.now(), "stops_at": None}
    instance.record_operation(operation, trigger, **fields)


def stop_instance(instance: ComputeInstance, trigger: str = USER, message: str = "") -> None:
    """Stop an instance: kernels and terminals end, files stay."""
    with transaction.atomic():
        locked = _lock(instance)
        if locked.state in (State.STOPPED, State.STOPPING, State.DELETING, State.CREATE_FAILED):
            raise Conflict(f"The compute instance {locked} is {locked.state.lower()}; it cannot be stopped.")
        if locked.work:
            queue.stop_work(locked.work)
        locked.record_operation(Operation.STOP, trigger, stops_at=None, server_token_text="")
        locked.revoke_token()
        activity.record("compute.stop", locked.target, scope=locked.target.workspace, message=message or trigger)


def restart_instance(instance: ComputeInstance, trigger: str = USER) -> None:
    """Restart the server of an instance; kernels and terminals end."""
    with transaction.atomic():
        locked = _lock(instance)
        if locked.state != State.RUNNING:
            raise Conflict(
                f"The compute instance {locked} is {locked.state.lower()}; only a running one can be restarted."
            )
        if locked.work:
            queue.restart_work(locked.work)
        locked.record_operation(Operation.RESTART, trigger, active_at=timezone.now(), stops_at=None)
        activity.record("compute.restart", locked.target, scope=locked.target.workspace)


def resize_instance(instance: ComputeInstance, vm_size: str) -> None:
    """Give a stopped instance another size, which it has from its next start on."""
    with transaction.atomic():
        locked = _lock(instance)
        if locked.state not in (State.STOPPED, State.CREATE_FAILED):
            raise Conflict(
                f"The compute instance {locked} is {locked.state.lower()}; stop it before it gets another size."
            )
        if locked.target.work.held().exists():
            raise Conflict(f"A job still runs on the compute instance {locked}; wait for its end, or cancel it.")
        locked.target.change_size(vm_size)


def rebuild_environment(instance: ComputeInstance, user: User) -> None:
    """Build the environment of the workspace's instances again with the next start of each; this one starts now if it
    is on."""
    with transaction.atomic():
        locked = _lock(instance)
        rebuilds.order_rebuild(locked.target.workspace, user, jupyter.find_version())
        activity.record("compute.rebuild", locked.target, scope=locked.target.workspace)
        if locked.work is None or locked.state not in (State.CREATING, State.STARTING, State.RESTARTING, State.RUNNING):
            return
        spec = {**locked.work.spec, "environment": jupyter.build_environment(locked.target.workspace)}
        Work.objects.filter(pk=locked.work.pk).update(spec=spec, not_before=None)
        queue.restart_work(locked.work)
        locked.record_operation(Operation.RESTART, USER, active_at=timezone.now(), stops_at=None)


def stop_instances_of(workspace: Workspace) -> None:
    """Stop the running instances of a workspace that moves to the trash."""
    for instance in ComputeInstance.objects.present().filter(target__workspace=workspace).with_state():
        if instance.state in (State.CREATING, State.STARTING, State.RESTARTING, State.RUNNING):
            stop_instance(instance, "WorkspaceDeleted")


def delete_instance(instance: ComputeInstance) -> None:
    """Delete an instance; the home of its user stays in the file share."""
    with transaction.atomic():
        locked = _lock(instance)
        locked.revoke_token()
        ComputeInstance.objects.filter(pk=locked.pk).update(label="", token=None, stops_at=None)
        locked.target.start_deleting()


def change_idle_shutdown(instance: ComputeInstance, minutes: int | None) -> None:
    if minutes is not None:
        IDLE_MINUTES.check(minutes)
    with transaction.atomic():
        before = instance.idle_minutes
        instance.change_idle_shutdown(minutes)
        changes = {"idle_minutes": [before, minutes]}
        activity.record("compute.edit", instance.target, scope=instance.target.workspace, changes=changes)


def _lock(instance: ComputeInstance) -> ComputeInstance:
    """Lock its row until the transaction ends: of two simultaneous starts, one is refused."""
    ComputeInstance.objects.select_for_update().get(pk=instance.pk)
    found = ComputeInstance.objects.with_state().get(pk=instance.pk)
    found.target.workspace = instance.target.workspace
    return found
