"""Purges of the trash (trash/purge.py) and retention rules (trash/retention_rules.py)."""

from django.db import models
from django.utils import timezone

from accounts.models import User
from workspaces.models import Workspace


class PurgeJob(models.Model):
    class State(models.TextChoices):
        QUEUED = "Queued"
        RUNNING = "Running"
        COMPLETED = "Completed"
        FAILED = "Failed"

    class Scope(models.TextChoices):
        TRASH = "trash", "Everything that was in the trash"
        CHOSEN = "chosen", "Selected objects in the trash"
        WORKSPACE = "workspace", "The workspace"

    OPEN = [State.QUEUED, State.RUNNING]

    # Null once the workspace itself is purged.
    workspace = models.ForeignKey(Workspace, models.SET_NULL, null=True, related_name="purges")
    workspace_name = models.CharField(max_length=33)
    # The area of the workspace's files, still known when its row is gone.
    area = models.CharField(max_length=60)
    scope = models.CharField(max_length=9, choices=Scope)
    # Objects in the trash at this time are deleted; later ones stay.
    until = models.DateTimeField(default=timezone.now)
    run_pks = models.JSONField(default=list, blank=True)
    experiment_pks = models.JSONField(default=list, blank=True)
    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    # Until when a worker holds the job; if it has passed, the worker was killed and another may continue.
    held_until = models.DateTimeField(null=True, blank=True)
    total = models.PositiveIntegerField(default=0, help_text="Runs to delete.")
    done = models.PositiveIntegerField(default=0)
    kept = models.PositiveIntegerField(
        default=0, help_text="Runs that stay, because a registered model has its files there."
    )
    # Bytes of the database and of the workspace's files, before and after.
    database_before = models.PositiveBigIntegerField(null=True)
    database_after = models.PositiveBigIntegerField(null=True)
    files_freed = models.PositiveBigIntegerField(default=0)
    files_after = models.PositiveBigIntegerField(null=True)
    error = models.TextField(blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["id"], condition=models.Q(state__in=["Queued", "Running"]), name="purges_open")]

    def __str__(self):
        return f"{self.get_scope_display()} ({self.workspace_name})"

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN

    @property
    def files_before(self) -> int | None:
        return None if self.files_after is None else self.files_after + self.files_freed

    def end(self, state, **fields):
        fields |= {"state": state, "ended_at": timezone.now(), "held_until": None}
        PurgeJob.objects.filter(pk=self.pk, state__in=self.OPEN).update(**fields)
        self.refresh_from_db()


class RetentionRule(models.Model):
    class Takes(models.TextChoices):
        RUNS = "runs", "Jobs, to the trash"
        LOGS = "logs", "Logs of jobs, permanently"
        OUTPUTS = "outputs", "Outputs of jobs, permanently"

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="retention_rules")
    takes = models.CharField("deletes", max_length=7, choices=Takes, default=Takes.RUNS)
    days = models.PositiveIntegerField("ended more than … days ago", default=90)
    # With the wildcards * and ?.
    experiments = models.CharField("in experiments named", max_length=500, default="*")
    keep_tag = models.CharField("except with the tag", max_length=256, blank=True, default="keep")
    keep_starred = models.BooleanField("except with a star", default=True)
    is_on = models.BooleanField("on", default=False)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ran_at = models.DateTimeField(null=True, blank=True)
    took = models.PositiveIntegerField(default=0, help_text="Jobs that the last application affected.")

    class Meta:
        ordering = ["pk"]

    def __str__(self):
        return f"{self.get_takes_display()}: more than {self.days} days after the end, in {self.experiments}"


class RetentionAct(models.Model):
    """One application of a rule, described by a text that stays if the rule is changed or deleted."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="retention_acts")
    rule = models.CharField(max_length=600)
    at = models.DateTimeField(default=timezone.now, editable=False)
    runs = models.PositiveIntegerField(default=0)
    files = models.PositiveIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["-pk"]

    def __str__(self):
        return self.rule
