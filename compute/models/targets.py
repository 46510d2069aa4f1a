"""Compute targets: the fields of all kinds, and the settings of clusters."""

import dataclasses
import functools

from django.db import IntegrityError, models, transaction
from django.db.models import F, OuterRef, Q
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from accounts import activity
from accounts.models import User
from compute import notifications, quota, rules, sizes
from compute.models.hosts import Host
from compute.models.nodes import Node
from compute.models.sizes import VmSize
from compute.models.work import Assignment, Resources, Work
from studio.errors import Conflict, Invalid
from studio.formats import format_count
from workspaces.models import Workspace

# How long the node of services without a cluster stays without work.
CONTAINER_IDLE_SECONDS = 600


@dataclasses.dataclass(frozen=True)
class Scale:
    """The minimum and maximum number of nodes of a cluster, and the idle seconds after which a node is released."""

    min_nodes: int = 0
    max_nodes: int = 1
    idle_seconds: int = 120

    def __post_init__(self):
        rules.MIN_NODES.check(self.min_nodes)
        rules.MAX_NODES.check(self.max_nodes)
        rules.IDLE_SECONDS.check(self.idle_seconds)
        if self.min_nodes > self.max_nodes:
            raise Invalid(
                f"The minimum of {self.min_nodes} nodes is more than the maximum of {self.max_nodes}.",
                target="minNodeCount",
            )


class ComputeTargetQuerySet(models.QuerySet):
    def visible_to(self, actor):
        return self.present().filter(workspace__in=Workspace.objects.visible_to(actor))

    def present(self):
        return self.with_nodes().exclude(kind=ComputeTarget.Kind.CONTAINER)

    def with_nodes(self):
        """All targets that can have nodes, including internal ones."""
        return self.filter(deleted_at=None)

    def clusters(self):
        return self.filter(kind__in=ComputeTarget.CLUSTERS).select_related("cluster")

    def for_services(self):
        """The clusters to which services can be deployed. Attached machines are for jobs."""
        return self.clusters().exclude(kind=ComputeTarget.Kind.ATTACHED)

    def clusters_of_subscription(self, subscription_id: int):
        return self.with_nodes().filter(workspace__resource_group__subscription=subscription_id, cluster__isnull=False)

    def with_instances(self):
        """Load the data of compute instances among them, including their state."""
        related = ("created_by", "instance__assigned_to", "instance__work")
        return self.select_related(*related).prefetch_related(
            "instance__work__assignments__node", "instance__schedules"
        )

    def with_path(self):
        return self.select_related("workspace__resource_group__subscription")

    def with_counts(self):
        """Annotates the number of nodes in each state and of queued and running work, in one query with the settings."""
        nodes = Node.objects.present().filter(target=OuterRef("pk"))
        work = Work.objects.filter(target=OuterRef("pk"))
        counts = {f"{state}_count": _count_rows(nodes.filter(state=state)) for state in Node.State.values}
        return self.select_related("cluster").annotate(
            **counts,
            queued_count=_count_rows(work.filter(state=Work.State.QUEUED)),
            held_count=_count_rows(work.filter(state=Work.State.CLAIMED)),
        )


def _count_rows(rows):
    """A correlated count, because joins of several tables would multiply the rows."""
    counted = rows.order_by().values("target").annotate(number=models.Count("pk")).values("number")
    return Coalesce(models.Subquery(counted, output_field=models.IntegerField()), 0)


class ComputeTarget(models.Model):
    class Kind(models.TextChoices):
        CLUSTER = "AmlCompute", "Compute cluster"
        INSTANCE = "ComputeInstance", "Compute instance"
        # Runs only services, on a fixed number of nodes; named after Azure's Kubernetes service.
        INFERENCE = "AKS", "Inference cluster"
        # One machine, to which jobs are sent by its name.
        ATTACHED = "VirtualMachine", "Attached compute"
        # The target of services without a cluster; not shown in lists.
        CONTAINER = "ContainerInstance", "Container instance"

    # The name of the only one of its kind, which people cannot choose.
    CONTAINERS = "_container-instances"
    # The kinds with the settings of a cluster, and nodes that use resources.
    CLUSTERS = [Kind.CLUSTER, Kind.INFERENCE, Kind.ATTACHED]

    class State(models.TextChoices):
        CREATING = "Creating"
        SUCCEEDED = "Succeeded"
        FAILED = "Failed"
        DELETING = "Deleting"

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="compute_targets")
    name = models.CharField(max_length=32)
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.CLUSTER)
    state = models.CharField(max_length=12, choices=State, default=State.SUCCEEDED)
    location = models.CharField(max_length=40)
    description = models.TextField(max_length=5000, blank=True)
    tags = models.JSONField(default=dict, blank=True)
    vm_size = models.CharField(max_length=40)
    # Settings of Azure that are only recorded: SSH user, subnet, identity, …
    settings = models.JSONField(default=dict, blank=True)
    resized_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = ComputeTargetQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                models.functions.Lower("name"), "workspace", condition=Q(deleted_at=None), name="one_compute_of_a_name"
            ),
        ]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        if self.kind == self.Kind.CONTAINER:
            return reverse("compute:list", args=[self.workspace.slug])
        page = "compute:cluster_detail" if self.is_cluster else "compute:instance_detail"
        return reverse(page, args=[self.workspace.slug, self.name])

    @property
    def title(self) -> str:
        """The name, unless the studio chose it."""
        return "Container instances" if self.kind == self.Kind.CONTAINER else self.name

    @property
    def arm_id(self) -> str:
        return f"{self.workspace.arm_id}/computes/{self.name}"

    @functools.cached_property
    def size(self) -> VmSize:
        return sizes.find_size(self.vm_size)

    @property
    def scale_settings(self) -> Scale:
        """The scale settings of a cluster; a target of another kind has one node while it has work. That of services
        stays for a while, because its warm environments start the next one quickly."""
        if self.is_cluster:
            return self.cluster.scale
        return Scale(0, 1, CONTAINER_IDLE_SECONDS if self.kind == self.Kind.CONTAINER else 0)

    @property
    def is_cluster(self) -> bool:
        return self.kind in self.CLUSTERS

    @property
    def needs_own_machine(self) -> bool:
        """Compute instances need the studio's own machine, which has the folder of their files, and container instances are a
        part of it."""
        return not (self.is_cluster or self.is_inference)

    @property
    def is_inference(self) -> bool:
        return self.kind == self.Kind.INFERENCE

    @property
    def is_attached(self) -> bool:
        return self.kind == self.Kind.ATTACHED

    def may_use(self, host: Host) -> bool:
        """Whether a node of this target may start there; that of an attached machine only on it."""
        return not self.is_attached or self.attached.host_id == host.pk

    @property
    def node_resources(self) -> Resources:
        """The resources of a node."""
        size = self.size
        return Resources(size.vcpus, size.memory_gb, size.gpus)

    @property
    def is_deleting(self) -> bool:
        return self.state == self.State.DELETING

    # The following need the annotations of `with_counts()`.

    @property
    def node_counts(self) -> dict[str, int]:
        return {state: getattr(self, f"{state}_count") for state in Node.State.values}

    @property
    def current_node_count(self) -> int:
        return sum(self.node_counts.values())

    @property
    def usable_count(self) -> int:
        return self.preparing_count + self.idle_count + self.running_count

    @property
    def unprovisioned_count(self) -> int:
        """The number of nodes that the cluster can still add."""
        return max(0, self.scale_settings.max_nodes - self.usable_count)

    @property
    def active_count(self) -> int:
        """The number of queued and running units of work."""
        return self.queued_count + self.held_count

    @property
    def target_node_count(self) -> int:
        scale = self.scale_settings
        return 0 if self.is_deleting else min(max(scale.min_nodes, self.active_count), scale.max_nodes)

    @property
    def allocation_state(self) -> str:
        moving = self.preparing_count or self.leaving_count or self.usable_count < self.target_node_count
        return "Resizing" if moving else "Steady"

    @property
    def state_key(self) -> str:
        """Deleting, Resizing, or the provisioning state."""
        if self.is_deleting or self.allocation_state == "Steady":
            return self.state
        return "Resizing"

    @property
    def state_words(self) -> str:
        number = self.current_node_count
        return f"{self.state_key} ({format_count(number, 'node')})"

    @property
    def is_changing(self) -> bool:
        """Whether a page that shows it must poll."""
        return self.is_deleting or self.allocation_state == "Resizing" or self.active_count > 0 or self._will_shrink

    @property
    def _will_shrink(self) -> bool:
        return self.idle_count > self.scale_settings.min_nodes

    # Pages, API and commands call the following methods.

    @classmethod
    def create(cls, workspace: Workspace, user: User, name: str, vm_size: str, scale: Scale, **recorded):
        """A new cluster. `recorded`: location, description, tags, vm_priority, settings; kind and purpose."""
        rules.COMPUTE_NAME.check(name)
        size = sizes.find_offered(vm_size)
        recorded = _check_fields(recorded)
        priority, purpose = recorded.pop("vm_priority", rules.VmPriority.DEDICATED), recorded.pop("purpose", "")
        rules.check_purpose(purpose, scale.max_nodes, size.vcpus)
        recorded |= {"vm_size": size.name, "location": recorded.get("location") or workspace.location}
        with transaction.atomic():
            others = cls.objects.clusters_of_subscription(workspace.resource_group.subscription_id)
            quota.check_quota(others, size, scale.max_nodes)
            target = cls(workspace=workspace, created_by=user, name=name, **recorded)
            target.insert()
            Cluster.objects.create(target=target, vm_priority=priority, purpose=purpose, **dataclasses.asdict(scale))
            activity.record("compute.create", target, scope=workspace)
        return target

    def insert(self):
        """Store a new target of any kind; raises Conflict if its name is taken."""
        try:
            with transaction.atomic():
                self.save(force_insert=True)
        except IntegrityError as error:
            other = ComputeTarget.objects.present().filter(workspace=self.workspace, name__iexact=self.name).first()
            if other is None:
                raise
            raise Conflict(other.taken, target="name") from error
        notifications.notify_autoscaler()

    @property
    def taken(self) -> str:
        if self.is_deleting:
            return (
                f"The compute target {self.name} is still being deleted. Try again in a moment, or choose another name."
            )
        return f"There is a compute target {self.name} in this workspace already. Choose another name."

    def scale(self, scale: Scale):
        """Set new limits; nodes are added or released accordingly. A running node ends its work first."""
        rules.check_purpose(self.cluster.purpose, scale.max_nodes, self.size.vcpus)
        with transaction.atomic():
            subscription = self.workspace.resource_group.subscription_id
            if scale.max_nodes > self.cluster.max_nodes:
                others = ComputeTarget.objects.clusters_of_subscription(subscription).exclude(pk=self.pk)
                quota.check_quota(others, self.size, scale.max_nodes)
            before = dataclasses.asdict(self.scale_settings)
            self._change(resized_at=timezone.now())
            self.cluster.change(scale)
            changes = {name: [before[name], value] for name, value in dataclasses.asdict(scale).items()}
            activity.record("compute.scale", self, scope=self.workspace, changes=changes)
        notifications.notify_autoscaler()

    def change_size(self, vm_size: str):
        """Give a target without work another size; its nodes of the old size stop."""
        size, before = sizes.find_offered(vm_size), self.vm_size
        with transaction.atomic():
            self._change(vm_size=size.name, resized_at=timezone.now())
            self.__dict__.pop("size", None)
            for node in self.nodes.usable():
                node.leave(f"{self.name} has another size now.")
            activity.record("compute.edit", self, scope=self.workspace, changes={"vm_size": [before, size.name]})
        notifications.notify_autoscaler()

    def describe(self, **recorded):
        """Change tags or description; without arguments nothing changes."""
        if recorded:
            before = {name: getattr(self, name) for name in recorded}
            with transaction.atomic():
                self._change(**_check_fields(recorded))
                changes = {name: [value, getattr(self, name)] for name, value in before.items()}
                activity.record("compute.edit", self, scope=self.workspace, changes=changes)

    def _change(self, **fields):
        present = ComputeTarget.objects.filter(pk=self.pk, deleted_at=None).exclude(state=self.State.DELETING)
        if not present.update(**fields):
            raise Conflict(f"The compute target {self.name} is being deleted and can no longer be changed.")
        for name, value in fields.items():
            setattr(self, name, value)

    def start_deleting(self, ends_work: bool = True):
        """Cancels queued work, ends running work and releases the nodes; the target is deleted after the last one.

        Without `ends_work`, running work ends by itself, on nodes that the caller drains.
        """
        with transaction.atomic():
            ComputeTarget.objects.filter(pk=self.pk, deleted_at=None).update(state=self.State.DELETING)
            now = timezone.now()
            reason = f"The compute target {self.name} was deleted."
            self.work.queued().update(state=Work.State.CANCELED, ended_at=now, reason=reason)
            if ends_work:
                self.work.held().update(state=Work.State.LOST, ended_at=now, reason=reason)
                Assignment.objects.current().filter(work__target=self).update(ended_at=now)
                self.nodes.present().update(state=Node.State.LEAVING, state_at=now, message=reason)
            self.state = self.State.DELETING
            activity.record("compute.delete", self, scope=self.workspace)
        notifications.notify_autoscaler()

    def record_resize(self):
        """Record that a node started or stopped."""
        ComputeTarget.objects.filter(pk=self.pk).update(resized_at=timezone.now())

    def finish_deleting(self):
        """Mark it deleted unless a node is still there."""
        if not self.nodes.present().exists():
            ComputeTarget.objects.filter(pk=self.pk, state=self.State.DELETING).update(deleted_at=timezone.now())


class Cluster(models.Model):
    """The settings of a compute cluster, which targets of other kinds do not have."""

    target = models.OneToOneField(ComputeTarget, models.CASCADE, primary_key=True, related_name="cluster")
    vm_priority = models.CharField(max_length=12, choices=rules.VmPriority, default=rules.VmPriority.DEDICATED)
    # The fields from here are those of an inference cluster.
    purpose = models.CharField(max_length=10, choices=rules.Purpose, blank=True)
    min_nodes = models.PositiveIntegerField(default=0)
    max_nodes = models.PositiveIntegerField(default=1)
    idle_seconds = models.PositiveIntegerField(default=120)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(min_nodes__lte=F("max_nodes")), name="min_nodes_at_most_max_nodes"),
        ]

    def __str__(self):
        return self.target.name

    @property
    def scale(self) -> Scale:
        return Scale(self.min_nodes, self.max_nodes, self.idle_seconds)

    def change(self, scale: Scale):
        fields = dataclasses.asdict(scale)
        Cluster.objects.filter(pk=self.pk).update(**fields)
        for name, value in fields.items():
            setattr(self, name, value)


def _check_fields(recorded: dict) -> dict:
    """Checks lengths and types of recorded settings, nothing else."""
    known = rules.RECORDED_RULES
    return {name: known[name].check(value) if name in known else value for name, value in recorded.items()}
