"""The submitted code of runs."""

import uuid

from django.db import models
from django.utils import timezone

from accounts.models import User
from workspaces.models import Workspace


class Snapshot(models.Model):
    """The submitted code of a run: one zip, stored once per content."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="snapshots")
    snapshot_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    digest = models.CharField(max_length=64)
    key = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField()
    files = models.JSONField(default=list)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # When it was last requested; unused snapshots are deleted some time later.
    used_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "digest"], name="one_snapshot_of_a_content")]

    def __str__(self):
        return str(self.snapshot_id)
