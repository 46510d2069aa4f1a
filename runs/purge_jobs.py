"""The row of a purge: what it shall free, how far it is, and what it has freed. runs/deletion/purge.py does the work."""

from django.db import models
from django.utils import timezone

from workspaces.models import User, Workspace


class PurgeJob(models.Model):
    class State(models.TextChoices):
        QUEUED = "Queued"
        RUNNING = "Running"
        COMPLETED = "Completed"
        FAILED = "Failed"

    class Scope(models.TextChoices):
        TRASH = "trash", "All that was in the trash"
        CHOSEN = "chosen", "Chosen things of the trash"
        WORKSPACE = "workspace", "The workspace"

    OPEN = [State.QUEUED, State.RUNNING]

    # Empty once a purge has taken the workspace itself.
    workspace = models.ForeignKey(Workspace, models.SET_NULL, null=True, related_name="purges")
    workspace_name = models.CharField(max_length=33)
    # Below which all files of the workspace lie; still known when its row is gone.
    area = models.CharField(max_length=60)
    scope = models.CharField(max_length=9, choices=Scope)
    # What was in the trash by then; what comes later stays.
    until = models.DateTimeField(default=timezone.now)
    run_pks = models.JSONField(default=list, blank=True)
    experiment_pks = models.JSONField(default=list, blank=True)
    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    # Whoever works at it says until when; one that is overdue was killed, and anybody may go on.
    held_until = models.DateTimeField(null=True, blank=True)
    total = models.PositiveIntegerField(default=0, help_text="Runs to free.")
    done = models.PositiveIntegerField(default=0)
    kept = models.PositiveIntegerField(default=0, help_text="Runs left, since a registered model has its files there.")
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
