"""Registered models: names with versions, tags, aliases and stages."""

import contextlib
from collections.abc import Callable, Iterable

from django.db import IntegrityError, models, transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from accounts import activity
from accounts.models import User
from registry.models import promotion
from registry.models.changes import change_json, update_row, without_key
from registry.models.logged_models import LoggedModel
from runs import run_tokens
from runs.models import Run
from studio.errors import Conflict, Invalid
from workspaces.models import Workspace

# Functions of apps above this one: each raises Conflict if one of the given versions must not be deleted.
DELETION_CHECKS: "list[Callable[[Iterable[ModelVersion]], None]]" = []
# The indexes of the lists of versions: their columns, and the rows that they have.
IN_LIST = ["workspace", "-created_at", "-id"]
ACTIVE = models.Q(deleted_at=None, archived_at=None)
NEWEST = models.Q(is_latest=True)
ARCHIVED = models.Q(deleted_at=None, archived_at__isnull=False)


@contextlib.contextmanager
def _unique_name(name: str):
    """A transaction that raises a Conflict if the name is taken."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise Conflict(f"Registered Model (name={name}) already exists.", code="already_exists") from error


class ModelQuerySet(models.QuerySet):
    def present(self):
        """Rows that are not in the trash."""
        return self.filter(deleted_at=None)

    def with_newest(self):
        """Annotate `newest_number`, the number of the newest version, or None."""
        versions = ModelVersion.objects.present().filter(model=models.OuterRef("pk"), is_latest=True)
        return self.annotate(newest_number=models.Subquery(versions.values("number")[:1]))

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
        default=0, help_text="Also the number of the newest version; no number is used twice."
    )
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)
    # New versions of an archived model are archived too.
    archived_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = ModelQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "name"], condition=models.Q(deleted_at=None), name="one_model_of_a_name"
            )
        ]
        indexes = [
            # Finds models that MLflow's clients have made without a version, which no list of versions shows.
            models.Index("workspace", condition=models.Q(version_count=0), name="models_without_versions")
        ]

    def __str__(self):
        return self.name

    @property
    def arm_id(self) -> str:
        return f"{self.workspace.arm_id}/models/{self.name}"

    def rename(self, name: str):
        with _unique_name(name):
            # Copies of its versions name it in their source.
            copies = ModelVersion.objects.filter(workspace=self.workspace_id, created_at__gte=self.created_at)
            copies = copies.filter(source__startswith=f"models:/{self.name}/")
            for source in set(copies.values_list("source", flat=True)):
                copies.filter(source=source).update(source=f"models:/{name}/{source.rpartition('/')[2]}")
            update_row(self, name=name)

    def set_description(self, description: str):
        update_row(self, description=description)

    def set_tags(self, tags: dict):
        """Replace the tags."""
        update_row(self, tags=tags)

    def set_tag(self, key: str, value: str):
        change_json(self, "tags", lambda stored: stored | {key: value})

    def remove_tag(self, key: str):
        change_json(self, "tags", lambda stored: without_key(stored, key))

    def set_alias(self, alias: str, number: int, actor):
        """Point it to another version, if the promotion rules of the workspace allow that."""
        version = self.versions.present().select_related("logged_model", "run").get(number=number)
        with transaction.atomic():
            promotion.check_promotion(actor, version, promotion.PromotionRule.Kind.ALIAS, alias)
            before = self.aliases.get(alias)
            change_json(self, "aliases", lambda stored: stored | {alias: number})
            if before != number:
                activity.record(
                    "model.alias",
                    self,
                    actor=actor,
                    scope=self.workspace,
                    label=f"{alias} of {self.name}",
                    changes={alias: [before, number]},
                )

    def remove_alias(self, alias: str, actor):
        if alias not in self.aliases:
            return
        with transaction.atomic():
            promotion.check_removal(actor, self, alias)
            before = self.aliases[alias]
            change_json(self, "aliases", lambda stored: without_key(stored, alias))
            label, changes = f"{alias} of {self.name}", {alias: [before, None]}
            activity.record("model.alias", self, actor=actor, scope=self.workspace, label=label, changes=changes)

    def add_version(
        self,
        actor,
        *,
        source: str,
        source_run_id: str = "",
        run: Run | None = None,
        number: int | None = None,
        **fields,
    ):
        """Create the next version, or one with a higher number. `run` has its files or created its logged model, so a purge keeps it."""
        with transaction.atomic():
            self._take_number(number)
            self.versions.filter(is_latest=True).update(is_latest=False)
            version = self.versions.create(
                workspace_id=self.workspace_id,
                number=self.version_count,
                source=source,
                source_run_id=source_run_id,
                run=run,
                created_by=actor.user,
                made_by_run=actor.run_id,
                is_latest=True,
                archived_at=self.archived_at,
                **fields,
            )
            version.link_datasets()
            if version.logged_model:
                version.logged_model.add_version_to_tag(self.name, version.number)
            activity.record("model_version.create", version, actor=actor, scope=self.workspace)
        return version

    def _take_number(self, number: int | None) -> None:
        changed = {"version_count": F("version_count") + 1 if number is None else number, "updated_at": timezone.now()}
        free = Model.objects.filter(pk=self.pk)
        if not (free if number is None else free.filter(version_count__lt=number)).update(**changed):
            raise Conflict(
                f"The model {self.name} already had a version {number}, and numbers are not used again. The next one is "
                f"{self.version_count + 1}.",
                target="version",
            )
        self.refresh_from_db()

    def latest_versions(self) -> list["ModelVersion"]:
        """The newest version in each stage."""
        present = [row for row in self.versions.all() if row.deleted_at is None]
        return list({row.stage: row for row in sorted(present, key=lambda row: row.number)}.values())

    def set_archived(self, is_archived: bool, actor):
        """Archive it with all its versions, including later ones, or restore all of them from the archive."""
        at, before = timezone.now() if is_archived else None, self.archived_at is not None
        with transaction.atomic():
            update_row(self, archived_at=at)
            self.versions.update(archived_at=at)
            self.mark_latest()
            changes = {"archived": [before, is_archived]}
            activity.record("model.archive", self, actor=actor, scope=self.workspace, changes=changes)

    def move_to_trash(self, actor):
        """Move it to the trash with all its versions; its name is available at once."""
        at = timezone.now()
        with transaction.atomic():
            for alias in self.aliases:
                promotion.check_removal(actor, self, alias)
            _check_deletion(self.versions.present())
            self.versions.present().update(deleted_at=at, is_latest=False)
            update_row(self, deleted_at=at)
            activity.record("model.delete", self, actor=actor, scope=self.workspace)

    def restore(self, actor):
        """Restore it with the versions that were deleted together with it."""
        at = self.deleted_at
        with _unique_name(self.name), transaction.atomic():
            update_row(self, deleted_at=None)
            self.versions.filter(deleted_at=at).update(deleted_at=None)
            self.mark_latest()
            activity.record("model.restore", self, actor=actor, scope=self.workspace)

    def mark_latest(self):
        """The newest version, or the newest that is not archived if there is one."""
        present = self.versions.present().values_list("pk", flat=True)
        newest = present.filter(archived_at=None).first() or present.first()
        self.versions.filter(is_latest=True).exclude(pk=newest).update(is_latest=False)
        self.versions.filter(pk=newest).update(is_latest=True)


class SourceHead(models.Func):
    """The beginning of an address, short enough for an index; as text, so that SQLite recognises its index."""

    template = "SUBSTR(%(expressions)s, 1, 200)"
    output_field = models.TextField()


class ModelVersionQuerySet(models.QuerySet["ModelVersion"]):
    def with_source(self, sources: Iterable[str]):
        """Versions with one of these sources, in every workspace; long ones that begin alike are found too."""
        # With a condition for the whole source too, SQLite would not use the index.
        return self.alias(head=SourceHead("source")).filter(head__in={source[:200] for source in sources})

    def present(self):
        """Rows that are not in the trash."""
        return self.filter(deleted_at=None)

    def with_related(self):
        path = "model__workspace__resource_group__subscription"
        return self.select_related(path, "run__workspace", "run__experiment", "created_by", "logged_model")


def _check_deletion(versions: "Iterable[ModelVersion]") -> None:
    for check in DELETION_CHECKS:
        check(versions)


class ModelVersion(models.Model):
    """A version of a registered model. Its files belong to a run or a logged model, named by `source`."""

    class Stage(models.TextChoices):
        NONE = "None"
        STAGING = "Staging"
        PRODUCTION = "Production"
        ARCHIVED = "Archived"

    class Type(models.TextChoices):
        CUSTOM = "custom_model", "Custom"
        MLFLOW = "mlflow_model", "MLflow"
        TRITON = "triton_model", "Triton"
        # A text that MLflow's clients keep in a tag.
        PROMPT = "prompt", "Prompt"

    ACTIVE_STAGES = (Stage.STAGING, Stage.PRODUCTION)

    # The same as the model's, for the list of a workspace.
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="model_versions")
    model = models.ForeignKey(Model, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    description = models.TextField(blank=True)
    tags = models.JSONField(default=dict, blank=True)
    properties = models.JSONField(default=dict, blank=True)
    stage = models.CharField(max_length=10, choices=Stage, default=Stage.NONE)
    source = models.TextField()
    # The folder of its own copies among the workspace's files, once the files of its run were changed (registry/kept_files.py).
    own_folder = models.CharField(max_length=100, blank=True)
    # A purge keeps this run and its family (trash/purge.py); `source_run_id` may name a run of another server.
    run = models.ForeignKey(Run, models.SET_NULL, null=True, blank=True, related_name="model_versions")
    source_run_id = models.CharField(max_length=256, blank=True, db_index=True)
    run_link = models.TextField(blank=True)
    # The id of the run whose token made it; empty if a person did.
    made_by_run = models.CharField(max_length=256, blank=True)
    # It has the files, so it cannot be deleted before the version.
    logged_model = models.ForeignKey(LoggedModel, models.RESTRICT, null=True, blank=True, related_name="versions")
    model_type = models.CharField(max_length=20, choices=Type, default=Type.CUSTOM)
    framework = models.CharField(max_length=100, blank=True)
    framework_version = models.CharField(max_length=100, blank=True)
    flavors = models.JSONField(default=dict, blank=True)
    # Its data sets, in SDK v1's form: [{"name": "training data", "id": "…"}]; VersionDataset has their ids.
    datasets = models.JSONField(default=list, blank=True)
    sample_input = models.CharField(max_length=500, blank=True)
    sample_output = models.CharField(max_length=500, blank=True)
    # {"cpu", "memoryInGB", "gpu"}
    resources = models.JSONField(default=dict, blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)
    is_latest = models.BooleanField(
        default=False, help_text="The newest version of its model, archived ones only if all are."
    )
    archived_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = ModelVersionQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["model", "number"], name="one_version_of_a_model_number")]
        indexes = [
            # The lists of a workspace and their counts. What is fixed is a condition: PostgreSQL sorts the rows of an
            # index again if `IS NULL` is one of its columns.
            models.Index(fields=IN_LIST, condition=ACTIVE, name="active_versions_in_list"),
            models.Index(fields=IN_LIST, condition=ACTIVE & NEWEST, name="newest_versions_in_list"),
            models.Index(fields=IN_LIST, condition=ARCHIVED, name="archived_versions_in_list"),
            models.Index(SourceHead("source"), name="versions_by_source"),
        ]

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
            promotion.check_promotion(actor, self, promotion.PromotionRule.Kind.STAGE, stage)
            others = self.model.versions.present().filter(stage=stage).exclude(pk=self.pk)
            for other in others if archive_existing else []:
                if actor.is_run:
                    run_tokens.check_made(actor, other)
                other.model = self.model
                other._move_to(self.Stage.ARCHIVED, actor)
            update_row(self.model)
            self._move_to(stage, actor)

    def _move_to(self, stage: str, actor):
        before = self.stage
        update_row(self, stage=stage)
        if before != stage:
            changes, scope = {"stage": [before, stage]}, self.model.workspace
            activity.record("model_version.stage", self, actor=actor, scope=scope, changes=changes)

    @property
    def arm_id(self) -> str:
        return f"{self.model.arm_id}/versions/{self.number}"

    @property
    def asset_id(self) -> str:
        """Its reference in jobs of Azure's v2."""
        return f"azureml:{self.model.name}:{self.number}"

    @property
    def aliases(self) -> list[str]:
        return sorted(alias for alias, number in self.model.aliases.items() if number == self.number)

    def edit(
        self, *, description: str | None = None, tags: dict | None = None, properties: dict | None = None, **fields
    ):
        """Change fields. Tags replace the present ones; properties can only be added. `fields` are columns."""
        if properties:
            changed = [key for key, value in properties.items() if self.properties.get(key, value) != value]
            if changed:
                raise Conflict(
                    f"Properties of a model never change: {', '.join(changed)} has another value. Use a tag.",
                    target="properties",
                )
            change_json(self, "properties", lambda stored: stored | properties)
        given = {"description": description, "tags": tags, **fields}
        if given := {name: value for name, value in given.items() if value is not None}:
            with transaction.atomic():
                update_row(self, **given)
                if "datasets" in given:
                    self.link_datasets()

    def link_datasets(self):
        """Store the ids in `datasets` as rows, by which versions are found."""
        self.dataset_links.all().delete()
        ids = dict.fromkeys(one["id"] for one in self.datasets)
        self.dataset_links.bulk_create([VersionDataset(version=self, dataset_id=one) for one in ids])

    def set_archived(self, is_archived: bool, actor):
        changes = {"archived": [self.archived_at is not None, is_archived]}
        with transaction.atomic():
            update_row(self, archived_at=timezone.now() if is_archived else None)
            self.model.mark_latest()
            scope = self.model.workspace
            activity.record("model_version.archive", self, actor=actor, scope=scope, changes=changes)

    def move_to_trash(self, actor):
        """Move it to the trash and remove its aliases, unless a promotion rule or DELETION_CHECKS prevents it."""

        def remove_own_aliases(aliases: dict) -> dict:
            return {name: number for name, number in aliases.items() if number != self.number}

        with transaction.atomic():
            for alias in self.aliases:
                promotion.check_removal(actor, self.model, alias)
            _check_deletion([self])
            change_json(self.model, "aliases", remove_own_aliases)
            update_row(self, deleted_at=timezone.now(), is_latest=False)
            self.model.mark_latest()
            activity.record("model_version.delete", self, actor=actor, scope=self.model.workspace)

    def restore(self, actor):
        with transaction.atomic():
            if self.model.deleted_at:
                raise Conflict(f"The model {self.model.name} is in the trash. Restore it first.")
            update_row(self, deleted_at=None)
            self.model.mark_latest()
            activity.record("model_version.restore", self, actor=actor, scope=self.model.workspace)


class VersionDataset(models.Model):
    """An id in `datasets` of a version: databases do not find a value in a list of JSON by an index."""

    version = models.ForeignKey(ModelVersion, models.CASCADE, related_name="dataset_links")
    dataset_id = models.CharField(max_length=500, db_index=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["version", "dataset_id"], name="one_link_to_a_dataset")]

    def __str__(self):
        return self.dataset_id
