"""Cost of nodes and stored files: rows with the names of workspaces, people and jobs as text, so that they stay when
those are deleted."""

from django.db import models
from django.db.models import F, Q, Sum

from costs.limit_models import Approval, Budget, Quota
from studio.statements import read_rows
from workspaces.models import Workspace

__all__ = ["Approval", "Budget", "Meter", "Quota", "Usage", "UsageQuerySet"]


class UsageQuerySet(models.QuerySet):
    def in_workspaces(self, keys):
        """Rows of the workspaces with these keys; None is the whole site, including permanently deleted workspaces."""
        return self if keys is None else self.filter(workspace_key__in=keys)

    def between_days(self, since, until):
        """Rows of these days, both included."""
        return self.filter(day__gte=since, day__lte=until)

    def sum_up(self) -> dict:
        """`job_seconds` and `idle_seconds` of nodes, and the `cost`, which is None without prices."""
        return sum_rows(self.order_by().values_list("kind").annotate(Sum("seconds"), Sum("cost")))


def sum_rows(rows) -> dict:
    """Add up rows of (kind, seconds, cost)."""
    rows = list(rows)
    costs = [cost for _, _, cost in rows if cost is not None]
    return {
        "job_seconds": sum((seconds for kind, seconds, _ in rows if kind == Usage.Kind.JOB), 0.0),
        "idle_seconds": sum((seconds for kind, seconds, _ in rows if kind == Usage.Kind.IDLE), 0.0),
        "cost": sum(costs) if costs else None,
    }


def sum_work(workspace_key: int, scope: str) -> dict:
    """Like `UsageQuerySet.sum_up`, of the work with this scope."""
    rows = read_rows(Usage, workspace_key=workspace_key, work_scope=scope)
    return sum_rows((row.kind, row.seconds, row.cost) for row in rows)


class Usage(models.Model):
    """Usage of one node, or storage of one workspace, within a day at one price. The sum of `cost` is the bill."""

    class Kind(models.TextChoices):
        JOB = "job", "Jobs"
        # A node without work: starting, or idle.
        IDLE = "idle", "Idle nodes"
        STORAGE = "storage", "Storage"

    kind = models.CharField(max_length=8, choices=Kind)
    # In UTC.
    day = models.DateField()
    subscription = models.CharField(max_length=100)
    resource_group = models.CharField(max_length=90)
    workspace = models.CharField(max_length=100)
    # No foreign key: the bill stays when the workspace is deleted.
    workspace_key = models.BigIntegerField()
    compute = models.CharField(max_length=64, blank=True)
    vm_size = models.CharField(max_length=40, blank=True)
    node = models.CharField(max_length=60, blank=True)
    work = models.UUIDField(null=True, blank=True)
    # `kind:subject` of the work, such as `run:my-run`.
    work_scope = models.CharField(max_length=300, blank=True)
    experiment = models.CharField(max_length=255, blank=True)
    person = models.CharField(max_length=150, blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    # Seconds of the node; work that shares the node has its part of them.
    seconds = models.FloatField(default=0)
    # For storage: the bytes at `ended_at`, and bytes times the seconds that they were stored.
    bytes = models.BigIntegerField(default=0)
    byte_seconds = models.FloatField(default=0)
    # The price at that time: of a node per hour, of a gigabyte per month. Null if there was none.
    price = models.FloatField(null=True, blank=True)
    cost = models.FloatField(null=True, blank=True)

    objects = UsageQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "usage"
        indexes = [
            models.Index(fields=["workspace_key", "day"], name="usage_by_workspace"),
            models.Index(fields=["day"], name="usage_by_day"),
            models.Index(fields=["node", "-ended_at"], name="usage_by_node"),
            models.Index(fields=["workspace_key", "work_scope"], name="usage_by_work"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["node", "work", "started_at"], condition=Q(kind="job"), name="one_usage_by_work_at_a_time"
            ),
            models.UniqueConstraint(
                fields=["node", "started_at"], condition=Q(kind="idle"), name="one_idle_usage_at_a_time"
            ),
            models.UniqueConstraint(
                fields=["workspace_key", "day"], condition=Q(kind="storage"), name="one_storage_usage_of_a_day"
            ),
            models.CheckConstraint(condition=Q(ended_at__gte=F("started_at")), name="usage_ends_after_its_start"),
        ]

    def __str__(self):
        return f"{self.node or self.workspace}, {self.work_scope or self.get_kind_display()}, {self.day}"

    @staticmethod
    def path_of(workspace: Workspace) -> dict:
        """The fields for subscription, group and workspace; needs the workspace with its path."""
        group = workspace.resource_group
        return {
            "subscription": group.subscription.subscription_id,
            "resource_group": group.name,
            "workspace": workspace.name,
            "workspace_key": workspace.pk,
        }


class Meter(models.Model):
    """A single row with the time until which nodes are counted. It is locked during a count."""

    counted_until = models.DateTimeField(null=True)

    def __str__(self):
        return f"until {self.counted_until}"
