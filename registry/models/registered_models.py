"""Registered models: names with versions, tags, aliases and stages."""

import contextlib

from django.db import IntegrityError, models, transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from registry.models.changes import change_json, update_row, without_key
from registry.models.logged_models import LoggedModel
from runs import run_tokens
from runs.models import Run
from studio.errors import Conflict, Invalid
from workspaces.models import Workspace


@contextlib.contextmanager
def _unique_name(name: str):
    """A transaction that raises a Conflict if the name is taken."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise Conflict(f"Registered Model (name={name}) already exists.", code="already_exists") from error


class ModelQuerySet(models.QuerySet):
    def register(self, actor, workspace: Workspace, name: str, *, description: str = "", tags: dict | None = None):
        """Create a registered model without versions."""
        with _unique_name(name):
            return self.create(
                workspace=workspace,
                name=name,
                description=description,
                tags=tags or {},
                created_by=actor.user,
                made_by_run=actor.run_id,
            )


class Model(models.Model):
    """A registered model."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="models")
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    tags = models.JSONField(default=dict, blank=True)
    # Alias → version number.
    aliases = models.JSONField(default=dict, blank=True)
    # The id of the run whose token created it; empty if a person did.
    made_by_run = models.CharField(max_length=256, blank=True)
    version_count = models.PositiveIntegerField(
        default=0, help_text="Also the number of the newest version; none is used twice."
    )
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)

    objects = ModelQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_model_of_a_name")]

    def __str__(self):
        return self.name

    def rename(self, name: str):
        with _unique_name(name):
            update_row(self, name=name)

    def set_description(self, description: str):
        update_row(self, description=description)

    def set_tag(self, key: str, value: str):
        change_json(self, "tags", lambda stored: stored | {key: value})

    def remove_tag(self, key: str):
        change_json(self, "tags", lambda stored: without_key(stored, key))

    def set_alias(self, alias: str, number: int):
        change_json(self, "aliases", lambda stored: stored | {alias: number})

    def remove_alias(self, alias: str):
        change_json(self, "aliases", lambda stored: without_key(stored, alias))

    def add_version(self, actor, *, source: str, source_run_id: str = "", run: Run | None = None, **fields):
        """Create the next version. `run` has its files or created its logged model, so a purge keeps it."""
        with transaction.atomic():
            changed = {"version_count": F("version_count") + 1, "updated_at": timezone.now()}
            Model.objects.filter(pk=self.pk).update(**changed)
            self.refresh_from_db()
            version = self.versions.create(
                number=self.version_count,
                source=source,
                source_run_id=source_run_id,
                run=run,
                created_by=actor.user,
                made_by_run=actor.run_id,
                **fields,
            )
            if version.logged_model:
                version.logged_model.add_version_to_tag(self.name, version.number)
        return version

    def latest_versions(self) -> list["ModelVersion"]:
        """The newest version in each stage."""
        return list({row.stage: row for row in sorted(self.versions.all(), key=lambda row: row.number)}.values())


class ModelVersion(models.Model):
    """A version of a registered model. Its files belong to a run or a logged model, named by `source`."""

    class Stage(models.TextChoices):
        NONE = "None"
        STAGING = "Staging"
        PRODUCTION = "Production"
        ARCHIVED = "Archived"

    ACTIVE_STAGES = (Stage.STAGING, Stage.PRODUCTION)

    model = models.ForeignKey(Model, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    description = models.TextField(blank=True)
    tags = models.JSONField(default=dict, blank=True)
    properties = models.JSONField(default=dict, blank=True)
    stage = models.CharField(max_length=10, choices=Stage, default=Stage.NONE)
    source = models.TextField()
    # A purge keeps this run and its family (trash/purge.py); `source_run_id` may name a run of another server.
    run = models.ForeignKey(Run, models.SET_NULL, null=True, blank=True, related_name="model_versions")
    source_run_id = models.CharField(max_length=256, blank=True, db_index=True)
    run_link = models.TextField(blank=True)
    # The id of the run whose token made it; empty if a person did.
    made_by_run = models.CharField(max_length=256, blank=True)
    # It has the files, so it cannot be deleted before the version.
    logged_model = models.ForeignKey(LoggedModel, models.RESTRICT, null=True, blank=True, related_name="versions")
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["model", "number"], name="one_version_of_a_model_number")]

    def __str__(self):
        return f"{self.model}:{self.number}"

    def get_absolute_url(self):
        return reverse("registry:version_detail", args=[self.model.workspace.slug, self.model.name, self.number])

    def set_description(self, description: str):
        update_row(self, description=description)

    def set_tag(self, key: str, value: str):
        change_json(self, "tags", lambda stored: stored | {key: value})

    def remove_tag(self, key: str):
        change_json(self, "tags", lambda stored: without_key(stored, key))

    def transition_to(self, stage: str, actor, *, archive_existing: bool = False):
        """Move to another stage, optionally archiving the versions in it. A run token archives only what its run created."""
        if archive_existing and stage not in self.ACTIVE_STAGES:
            raise Invalid(
                "Model version transition cannot archive existing model versions because "
                f"'{stage}' is not an Active stage. Valid stages are {', '.join(self.ACTIVE_STAGES)}."
            )
        with transaction.atomic():
            if archive_existing:
                others = self.model.versions.filter(stage=stage).exclude(pk=self.pk)
                for other in others if actor.is_run else []:
                    run_tokens.check_made(actor, other)
                others.update(stage=self.Stage.ARCHIVED, updated_at=timezone.now())
            update_row(self.model)
            update_row(self, stage=stage)

    def delete(self, *args, **kwargs):
        """Delete it with the aliases that point to it."""

        def kept(aliases: dict) -> dict:
            return {name: number for name, number in aliases.items() if number != self.number}

        with transaction.atomic():
            change_json(self.model, "aliases", kept)
            return super().delete(*args, **kwargs)
