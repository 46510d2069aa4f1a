"""The states of a run, and the allowed transitions."""

from django.db import models
from django.utils import timezone


class RunStatus(models.TextChoices):
    NOT_STARTED = "NotStarted", "Not started"
    PREPARING = "Preparing"
    PROVISIONING = "Provisioning"
    STARTING = "Starting"
    QUEUED = "Queued"
    RUNNING = "Running"
    FINALIZING = "Finalizing"
    CANCEL_REQUESTED = "CancelRequested", "Cancel requested"
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELED = "Canceled"


TERMINAL = [RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELED]
ACTIVE = [
    RunStatus.NOT_STARTED,
    RunStatus.PREPARING,
    RunStatus.PROVISIONING,
    RunStatus.STARTING,
    RunStatus.QUEUED,
    RunStatus.RUNNING,
    RunStatus.FINALIZING,
    RunStatus.CANCEL_REQUESTED,
]

# The allowed previous states of each. Whether Preparing or Queued is first depends on who builds the environment.
BEFORE_RUNNING = [
    RunStatus.NOT_STARTED,
    RunStatus.PREPARING,
    RunStatus.PROVISIONING,
    RunStatus.STARTING,
    RunStatus.QUEUED,
]
MOVES = {
    RunStatus.PREPARING: BEFORE_RUNNING,
    RunStatus.PROVISIONING: BEFORE_RUNNING,
    RunStatus.STARTING: BEFORE_RUNNING,
    RunStatus.QUEUED: BEFORE_RUNNING,
    RunStatus.RUNNING: BEFORE_RUNNING,
    RunStatus.FINALIZING: [*BEFORE_RUNNING, RunStatus.RUNNING],
    RunStatus.CANCEL_REQUESTED: [*BEFORE_RUNNING, RunStatus.RUNNING, RunStatus.FINALIZING],
    RunStatus.COMPLETED: ACTIVE,
    RunStatus.FAILED: ACTIVE,
    RunStatus.CANCELED: ACTIVE,
}
PROGRESS = [
    RunStatus.PREPARING,
    RunStatus.PROVISIONING,
    RunStatus.STARTING,
    RunStatus.QUEUED,
    RunStatus.RUNNING,
    RunStatus.FINALIZING,
]


class RunEvent(models.Model):
    """When a run reached each state, and why."""

    run = models.ForeignKey("runs.Run", models.CASCADE, related_name="events")
    status = models.CharField(max_length=16, choices=RunStatus)
    at = models.DateTimeField(default=timezone.now)
    message = models.CharField(max_length=1000, blank=True)

    class Meta:
        ordering = ["at", "pk"]
        # For those of the last minutes, which notices look for again and again.
        indexes = [models.Index(fields=["at"], name="events_by_time")]

    def __str__(self):
        return self.status
