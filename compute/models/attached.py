"""Attached compute: a compute target whose jobs run on one machine that the studio was given, Azure's `VirtualMachine`."""

from django.conf import settings
from django.db import models, transaction
from django.urls import reverse

from accounts.actors import Actor, require_site_admin
from compute import sizes
from compute.models.attachments import SshAttachment
from compute.models.hosts import Host
from compute.models.targets import ComputeTarget, Scale
from studio.errors import Conflict
from workspaces.models import Workspace

# A node is kept so long after its last job.
IDLE_SECONDS = 300


class AttachedMachine(models.Model):
    """The machine of an attached compute target. Machines belong to the site, so site administrators attach and detach it."""

    target = models.OneToOneField(ComputeTarget, models.CASCADE, primary_key=True, related_name="attached")
    # None until it has joined, and after it was detached.
    host = models.ForeignKey(Host, models.SET_NULL, null=True, related_name="attached")
    attachment = models.OneToOneField(SshAttachment, models.SET_NULL, null=True, related_name="attached")
    username = models.CharField(max_length=32, blank=True)
    address = models.CharField(max_length=253, blank=True)
    port = models.PositiveIntegerField(default=22)

    def __str__(self):
        return self.target.name

    @classmethod
    @transaction.atomic
    def attach(cls, actor: Actor, workspace: Workspace, name: str, *, machine: dict, **recorded) -> SshAttachment:
        """Create a target whose machine is attached by SSH in the background; `machine` has the fields of an SshAttachment."""
        row = cls._create(actor, workspace, name, **recorded)
        attachment = SshAttachment.create(actor, workspace, **{**machine, "name": machine.get("name") or name})
        row.attachment, row.username = attachment, machine["username"]
        row.address, row.port = machine["address"], machine["port"]
        row.save()
        return attachment

    @classmethod
    @transaction.atomic
    def take_free(cls, actor: Actor, workspace: Workspace, name: str, **recorded) -> "AttachedMachine":
        """A target on a machine that has joined already and that no other target has."""
        row = cls._create(actor, workspace, name, **recorded)
        joined = [host for host in Host.objects.alive().filter(attached=None) if host.has_joined and host.is_open]
        if not joined:
            raise Conflict(
                "There is no free machine. A site admin adds one in Compute, Machines, or attaches one by its address.",
                target="address",
            )
        row.connect(joined[0])
        return row

    @classmethod
    def _create(cls, actor: Actor, workspace: Workspace, name: str, **recorded) -> "AttachedMachine":
        require_site_admin(actor, "attach machines")
        recorded |= {"kind": ComputeTarget.Kind.ATTACHED, "state": ComputeTarget.State.CREATING}
        size = sizes.suggest_size()
        target = ComputeTarget.create(workspace, actor.user, name, size, Scale(0, 1, IDLE_SECONDS), **recorded)
        return cls.objects.create(target=target)

    def connect(self, host: Host) -> None:
        """It has joined: jobs start there, on a node of the largest size that fits."""
        self.host = host
        AttachedMachine.objects.filter(pk=self.pk).update(host=host)
        fitting = sizes.find_largest(host.cpus, host.memory_gb, host.gpus)
        self._change(state=ComputeTarget.State.SUCCEEDED, vm_size=fitting.name)

    def lose(self) -> None:
        """Its machine could not be attached, or was detached."""
        self._change(state=ComputeTarget.State.FAILED)

    def retry(self) -> None:
        self._change(state=ComputeTarget.State.CREATING)

    def _change(self, **fields) -> None:
        present = ComputeTarget.objects.filter(pk=self.pk).exclude(state=ComputeTarget.State.DELETING)
        present.update(**fields)

    @property
    def state_reason(self) -> str:
        """The reason why no job can run, such as what its machine waits for; empty when jobs can run."""
        if self.host is not None:
            return "" if self.host.is_open else f"{self.host.name} accepts no nodes: {self.host.closed_reason}"
        if self.attachment is None:
            return "Its machine was detached. Delete this compute target, and attach the machine again."
        if self.attachment.state == SshAttachment.State.CONFIRM:
            url = f"{settings.PUBLIC_URL.removesuffix(settings.PUBLIC_PATH)}{self.attachment_path}"
            return f"A site admin confirms the host key {self.attachment.shown_key} of {self.attachment} on {url}"
        return self.attachment.problem or f"{self.attachment} is being attached."

    @property
    def attachment_path(self) -> str:
        """The path of the page with the steps."""
        return reverse("compute:machine_attachment", args=[self.target.workspace.slug, self.attachment_id])

    @transaction.atomic
    def detach(self, actor: Actor) -> None:
        """Delete the target and detach its machine, which stops after its current jobs."""
        require_site_admin(actor, "detach machines")
        self.target.start_deleting(ends_work=self.host is None)
        if self.host is not None:
            self.host.detach()
        elif self.attachment is not None:
            self.attachment.remove(actor)
