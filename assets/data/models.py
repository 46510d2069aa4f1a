"""Datastores of a workspace, and its datasets: named lists of versions, each with the list of steps that reads it."""

import json
import uuid

from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts import activity
from accounts.actors import Actor
from accounts.models import User
from assets.data import rules
from studio.errors import Conflict, Denied, Invalid
from studio.links import link_to
from studio.rules import DESCRIPTION, TAGS
from workspaces.models import Secret, Workspace

BLOB_STORE = "workspaceblobstore"
FILE_STORE = "workspacefilestore"
ARTIFACT_STORE = "workspaceartifactstore"
# The built-in datastores, with the word in the names of their containers.
BUILT_IN = {
    BLOB_STORE: "blobstore",
    FILE_STORE: "filestore",
    "workspaceworkingdirectory": "workingdirectory",
    ARTIFACT_STORE: "artifactstore",
}
MAX_DATASTORES = 500


class DatastoreQuerySet(models.QuerySet):
    def visible_to(self, actor):
        return self.filter(workspace__in=Workspace.objects.visible_to(actor))

    def of(self, workspace: Workspace):
        """The datastores of the workspace; the four built-in ones are created on first use."""
        found = self.filter(workspace=workspace)
        if not found.filter(kind=Datastore.Kind.WORKSPACE).exists():
            rows = [
                Datastore(
                    workspace=workspace,
                    name=name,
                    kind=Datastore.Kind.WORKSPACE,
                    is_default=name == BLOB_STORE,
                    # They are written when somebody first asks for them.
                    created_at=workspace.created_at,
                )
                for name in BUILT_IN
            ]
            Datastore.objects.bulk_create(rows, ignore_conflicts=True)
        return found


class Datastore(models.Model):
    class Kind(models.TextChoices):
        WORKSPACE = "Workspace", "Storage of the studio"
        FOLDER = "Folder", "Folder of the server"
        BLOB = "AzureBlob", "Azure Blob Storage"
        FILE = "AzureFile", "Azure file share"
        LAKE = "AzureDataLakeGen2", "Azure Data Lake Storage Gen2"
        S3 = "S3", "S3"
        POSTGRESQL = "AzurePostgreSql", "PostgreSQL database"
        MYSQL = "AzureMySql", "MySQL or MariaDB database"
        SQLITE = "Sqlite", "SQLite file of the server"

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="datastores")
    name = models.CharField(max_length=255)
    kind = models.CharField(max_length=20, choices=Kind)
    # Settings without secrets, by the names of rules.SETTINGS: account_name, container, folder, endpoint, region, …
    settings = models.JSONField(default=dict, blank=True)
    # Its credentials, as JSON in the key vault.
    secret = models.ForeignKey(Secret, models.SET_NULL, null=True, blank=True, related_name="+", editable=False)
    credentials = models.CharField(max_length=20, blank=True, help_text="The kind of credentials, such as AccountKey.")
    is_default = models.BooleanField(default=False)
    description = models.TextField(max_length=5000, blank=True)
    tags = models.JSONField(default=dict, blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = DatastoreQuerySet.as_manager()
    # Credentials of a datastore that is tested before its registration.
    offered: dict[str, str] | None = None

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(Lower("name"), "workspace", name="one_datastore_of_a_name"),
            models.UniqueConstraint(
                fields=["workspace"], condition=Q(is_default=True), name="one_default_datastore_of_a_workspace"
            ),
        ]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return link_to("datastore", self.workspace.slug, self.name)

    @property
    def arm_id(self) -> str:
        return f"{self.workspace.arm_id}/datastores/{self.name}"

    @property
    def is_built_in(self) -> bool:
        return self.kind == self.Kind.WORKSPACE

    @property
    def has_share(self) -> bool:
        """Whether it contains the file share of the workspace (assets/data/share_files.py)."""
        return self.is_built_in and self.name == FILE_STORE

    @property
    def is_database(self) -> bool:
        return self.is_database_server or self.kind == self.Kind.SQLITE

    @property
    def is_database_server(self) -> bool:
        return self.kind in (self.Kind.POSTGRESQL, self.Kind.MYSQL)

    @property
    def storage_area(self) -> str:
        """The folder of a built-in one in the studio's own storage."""
        return f"{self.workspace.storage_area}/datastores/{self.name}"

    @classmethod
    def build_unsaved(cls, workspace: Workspace, name: str, fields: dict) -> "Datastore":
        """An unsaved datastore for a test of the connection."""
        checked = rules.check_datastore(fields)
        offered = checked.pop("secrets")
        row = cls(workspace=workspace, name=rules.DATASTORE_NAME.check(name), **checked)
        row.offered = offered
        return row

    @classmethod
    def register(cls, actor: Actor, workspace: Workspace, name: str, fields: dict, overwrite: bool = False):
        """Store a new datastore, or with `overwrite` replace the one of this name. `fields` as rules.check_datastore has them."""
        rules.DATASTORE_NAME.check(name)
        checked = rules.check_datastore(fields)
        present = cls.objects.of(workspace).filter(name__iexact=name).first()
        if present and not overwrite:
            raise Conflict(f"There is a datastore {present.name} already. Choose another name.", target="name")
        if present and present.is_built_in:
            raise Denied(f"{present.name} is a datastore of every workspace; it cannot be replaced.")
        if not present and workspace.datastores.count() >= MAX_DATASTORES:
            raise Conflict(f"The workspace has {MAX_DATASTORES} datastores. Remove some first.", target="name")
        try:
            with transaction.atomic():
                return cls._store(actor, workspace, present, name, checked)
        except IntegrityError as error:
            raise Conflict(
                f"Another datastore {name!r} was created at the same moment. Try again.", target="name"
            ) from error

    @classmethod
    def _store(cls, actor, workspace, present, name, checked):
        secrets = checked.pop("secrets")
        if present:
            row = present
            for field, value in checked.items():
                setattr(row, field, value)
        else:
            row = cls(workspace=workspace, name=name, created_by=actor.user, **checked)
        old, row.secret = row.secret, None
        if secrets:
            title = f"datastore-{name.replace('_', '-')}-{uuid.uuid4().hex[:8]}"
            row.secret = Secret.set_internal(actor, workspace, title, json.dumps(secrets), "datastore credentials")
        row.save()
        if old:
            old.workspace = workspace
            old.remove(actor)
        activity.record("datastore.edit" if present else "datastore.create", row, actor=actor, scope=workspace)
        return row

    def read_secrets(self) -> dict[str, str]:
        """The secrets for the studio's requests to the store; no response contains them."""
        if self.offered is not None:
            return self.offered
        if self.secret is None:
            return {}
        self.secret.workspace = self.workspace
        return json.loads(self.secret.decrypt_newest())

    @transaction.atomic
    def remove(self, actor: Actor) -> None:
        """Remove it with its credentials; the files stay where they are."""
        if self.is_built_in:
            raise Denied(f"{self.name} is a datastore of every workspace; it cannot be removed.")
        if self.is_default:
            raise Conflict(f"{self.name} is the default datastore. Make another one the default first.", target="name")
        activity.record("datastore.delete", self, actor=actor, scope=self.workspace)
        if self.secret:
            self.secret.workspace = self.workspace
            self.secret.remove(actor)
        self.delete()

    @transaction.atomic
    def make_default(self, actor: Actor) -> None:
        if self.is_database:
            raise Conflict(f"{self.name} is a database. The default datastore stores files.", target="name")
        present = Datastore.objects.select_for_update().filter(workspace=self.workspace, is_default=True).first()
        if present and present.pk == self.pk:
            return
        Datastore.objects.filter(workspace=self.workspace, is_default=True).update(is_default=False)
        Datastore.objects.filter(pk=self.pk).update(is_default=True)
        self.is_default = True
        changes = {"default": [present.name if present else "", self.name]}
        activity.record("datastore.edit", self, actor=actor, scope=self.workspace, changes=changes)

    @transaction.atomic
    def edit(self, actor: Actor, **fields) -> None:
        """Change description or tags."""
        checks = {"description": DESCRIPTION, "tags": TAGS}
        for name, value in fields.items():
            setattr(self, name, checks[name].check(value))
        self.save(update_fields=list(fields))
        activity.record("datastore.edit", self, actor=actor, scope=self.workspace)


class DataAssetQuerySet(models.QuerySet):
    def visible_to(self, actor):
        return self.filter(workspace__in=Workspace.objects.visible_to(actor))


class DataAsset(models.Model):
    """A name with versions. Numbers of deleted versions are not reused."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="data_assets")
    name = models.CharField(max_length=255)
    last_number = models.PositiveIntegerField(default=0)
    # As quality.check_rules returns them; new versions are checked by them.
    quality_rules = models.JSONField(default=list, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    # People and jobs that still read it are told so, and what to read instead.
    deprecated_at = models.DateTimeField(null=True, blank=True)
    replaced_by = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = DataAssetQuerySet.as_manager()
    # Set by lists (runs/api/data_assets.py).
    newest: "DataVersion"
    newest_pk: int

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_data_asset_of_a_name")]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return link_to("data_asset", self.workspace.slug, self.name)

    @property
    def arm_id(self) -> str:
        return f"{self.workspace.arm_id}/data/{self.name}"

    @transaction.atomic
    def archive(self, actor: Actor, archived: bool) -> None:
        """Archive the asset, or restore it."""
        self.archived_at = timezone.now() if archived else None
        self.save(update_fields=["archived_at"])
        changes = {"archived": [not archived, archived]}
        activity.record("data.archive", self, actor=actor, scope=self.workspace, changes=changes)

    @property
    def deprecation(self) -> str:
        """Tell who reads it that it is deprecated; empty if it is not."""
        if not self.deprecated_at:
            return ""
        return f"{self.name} is deprecated{f'; use {self.replaced_by.name} instead' if self.replaced_by else ''}."

    @transaction.atomic
    def deprecate(self, actor: Actor, replacement: "DataAsset | None" = None) -> None:
        """It can still be read, with a warning that may name its replacement."""
        if replacement and replacement.pk == self.pk:
            raise Invalid(f"{self.name} cannot replace itself.", target="replacedBy")
        before = self.deprecation
        self.deprecated_at, self.replaced_by = timezone.now(), replacement
        self._store_deprecation(actor, before)

    @transaction.atomic
    def undo_deprecation(self, actor: Actor) -> None:
        before, self.deprecated_at, self.replaced_by = self.deprecation, None, None
        self._store_deprecation(actor, before)

    def _store_deprecation(self, actor: Actor, before: str) -> None:
        self.save(update_fields=["deprecated_at", "replaced_by"])
        changes = {"deprecation": [before, self.deprecation]}
        activity.record("data.edit", self, actor=actor, scope=self.workspace, changes=changes)

    @transaction.atomic
    def set_quality_rules(self, actor: Actor, rules: list[dict]) -> None:
        """Replace the rules by others, which quality.check_rules has checked."""
        before, self.quality_rules = self.quality_rules, rules
        self.save(update_fields=["quality_rules"])
        changes = {"qualityRules": [before, rules]}
        activity.record("data.edit", self, actor=actor, scope=self.workspace, changes=changes)

    @transaction.atomic
    def remove(self, actor: Actor) -> None:
        """Remove it with all versions, which stay readable by their id for the jobs that used them."""
        activity.record("data.delete", self, actor=actor, scope=self.workspace)
        self.versions.update(asset=None)
        self.delete()


class DataVersion(models.Model):
    """A saved dataset; without an asset it is not registered, such as the input of a job.

    Kind and definition never change; the files can.
    """

    class Kind(models.TextChoices):
        FILE = "file", "File"
        TABULAR = "tabular", "Tabular"
        URI_FILE = "uri_file", "File (uri_file)"
        URI_FOLDER = "uri_folder", "Folder (uri_folder)"
        MLTABLE = "mltable", "Table (mltable)"

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="data_versions")
    asset = models.ForeignKey(DataAsset, models.SET_NULL, null=True, related_name="versions")
    dataset_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    version = models.CharField(max_length=30, blank=True)
    number = models.PositiveIntegerField(default=0, help_text="The order of creation; the highest is the latest.")
    kind = models.CharField(max_length=12, choices=Kind)
    # The list of steps (sdk/src/lazuli/data/definitions.py), and for v2 the address that was registered.
    definition = models.JSONField()
    uri = models.TextField(blank=True)
    digest = models.CharField(max_length=64)
    description = models.TextField(max_length=5000, blank=True)
    tags = models.JSONField(default=dict, blank=True)
    properties = models.JSONField(default=dict, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    # The run whose script made it.
    made_by_run = models.CharField(max_length=256, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-number", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["asset", "version"], name="one_data_version"),
            models.UniqueConstraint(fields=["asset", "number"], name="one_data_version_number"),
        ]
        indexes = [models.Index(fields=["workspace", "digest"], name="data_versions_by_digest")]

    def __str__(self):
        return f"{self.asset}:{self.version}" if self.asset_id else str(self.dataset_id)

    def get_absolute_url(self):
        return link_to("data_version", self.workspace.slug, self.named_asset.name, self.version)

    @property
    def arm_id(self) -> str:
        if self.asset:
            return f"{self.asset.arm_id}/versions/{self.version}"
        return f"{self.workspace.arm_id}/datasets/{self.dataset_id}"

    @property
    def named_asset(self) -> DataAsset:
        """The asset of a registered version."""
        assert self.asset is not None, "it was found by the name of its asset"
        return self.asset

    @property
    def is_table(self) -> bool:
        return self.definition["kind"] == "tabular"

    @transaction.atomic
    def edit(self, actor: Actor, **fields) -> None:
        """Change description, tags or properties."""
        checks = {"description": DESCRIPTION, "tags": TAGS, "properties": TAGS}
        changes = {name: [getattr(self, name), value] for name, value in fields.items() if getattr(self, name) != value}
        for name, value in fields.items():
            setattr(self, name, checks[name].check(value))
        self.save(update_fields=list(fields))
        if changes:
            activity.record("data.edit", self, actor=actor, scope=self.workspace, changes=changes)

    @transaction.atomic
    def archive(self, actor: Actor, archived: bool) -> None:
        self.archived_at = timezone.now() if archived else None
        self.save(update_fields=["archived_at"])
        changes = {"archived": [not archived, archived]}
        activity.record("data.archive", self, actor=actor, scope=self.workspace, changes=changes)

    @transaction.atomic
    def remove(self, actor: Actor) -> None:
        """Remove the version from its asset; it stays readable by its id for the jobs that used it."""
        activity.record("data.delete", self, actor=actor, scope=self.workspace)
        asset = self.asset
        DataVersion.objects.filter(pk=self.pk).update(asset=None)
        if asset and not asset.versions.exists() and asset.archived_at:
            asset.delete()
