"""Environments and their versions."""

from django.db import models
from django.utils import timezone

from accounts.models import User
from assets.data.models import DataAsset, Datastore, DataVersion
from assets.data.work import DataManifest, DataWork
from workspaces.models import Workspace

__all__ = [
    "DataAsset",
    "DataManifest",
    "DataVersion",
    "DataWork",
    "Datastore",
    "Environment",
    "EnvironmentRebuild",
    "EnvironmentVersion",
]


class EnvironmentQuerySet(models.QuerySet):
    def visible_to(self, actor):
        return self.filter(workspace__in=Workspace.objects.visible_to(actor))


class Environment(models.Model):
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="environments")
    name = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = EnvironmentQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_environment_of_a_name")]

    def __str__(self):
        return self.name


class EnvironmentVersion(models.Model):
    """A version never changes. `definition` is SDK v1's environment, `digest` the sha256 of its canonical JSON."""

    environment = models.ForeignKey(Environment, models.CASCADE, related_name="versions")
    version = models.CharField(max_length=30)
    number = models.PositiveIntegerField(help_text="The order of creation; the highest is the latest.")
    definition = models.JSONField()
    digest = models.CharField(max_length=64)
    description = models.TextField(max_length=5000, blank=True)
    tags = models.JSONField(default=dict, blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["environment", "version"], name="one_environment_version"),
            models.UniqueConstraint(fields=["environment", "number"], name="one_environment_number"),
        ]

    def __str__(self):
        return f"{self.environment}:{self.version}"


class EnvironmentRebuild(models.Model):
    """The number of requested rebuilds of a version: each machine builds it once for each number.

    Stored by name, because curated environments have no rows.
    """

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    name = models.CharField(max_length=255)
    version = models.CharField(max_length=30)
    number = models.PositiveIntegerField(default=0)
    ordered_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    ordered_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name", "version"], name="one_rebuild_of_a_version")
        ]

    def __str__(self):
        return f"{self.name}:{self.version}, {self.number}"
