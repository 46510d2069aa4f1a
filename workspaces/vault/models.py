"""Secrets of a workspace, and their versions. Values are stored encrypted; only `Secret.read` returns them."""

import uuid

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from accounts import activity
from accounts.actors import Actor
from accounts.models import User
from studio import encryption
from studio.errors import Conflict, Denied
from workspaces.vault import rules


class SecretQuerySet(models.QuerySet):
    def readable(self):
        """Secrets without those of the studio itself, such as the credentials of datastores, which nobody can read or
        list."""
        return self.filter(internal=False)

    def with_versions(self):
        counted = self.annotate(version_count=models.Count("versions"), changed_at=models.Max("versions__created_at"))
        return counted.order_by("name")


class Secret(models.Model):
    workspace = models.ForeignKey("workspaces.Workspace", models.CASCADE, related_name="secrets")
    name = models.CharField(max_length=127)
    # Whether the token of a run can read it, if the submitter of the run may.
    for_runs = models.BooleanField(default=True)
    # One of the studio's own: no page lists it, no route reads it.
    internal = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = SecretQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(models.functions.Lower("name"), "workspace", name="one_secret_of_a_name")
        ]

    def __str__(self):
        return self.name

    @property
    def arm_id(self) -> str:
        return f"{self.workspace.arm_id}/secrets/{self.name}"

    @property
    def owner_of_text(self) -> str:
        return f"{self.workspace.workspace_id}/{self.name.lower()}"

    @classmethod
    @transaction.atomic
    def set(
        cls, actor: Actor, workspace, name: str, value: str, content_type: str = "", for_runs: bool | None = None
    ) -> "SecretVersion":
        """Store a new version of the secret, which is created if it does not exist."""
        rules.SECRET_NAME.check(name)
        rules.SECRET_VALUE.check(value)
        rules.CONTENT_TYPE.check(content_type)
        found = cls.objects.select_for_update().filter(workspace=workspace, name__iexact=name).first()
        if found and found.internal:
            raise Conflict(f"The name {name} belongs to the studio's own secrets. Choose another name.", target="name")
        secret = found or cls._create(workspace, name, True if for_runs is None else for_runs)
        secret.workspace = workspace
        if secret.versions.count() >= rules.MAX_VERSIONS:
            raise Conflict(
                f"The secret {secret.name} has {rules.MAX_VERSIONS} versions. Delete old ones first.", target="name"
            )
        keys = encryption.load_keys()
        version = secret.versions.create(
            text=keys.encrypt(value, secret.owner_of_text),
            key_id=keys.current_id,
            content_type=content_type,
            created_by=actor.user,
        )
        activity.record(
            "secret.rotate" if found else "secret.create",
            secret,
            actor=actor,
            scope=workspace,
            message=f"version {version.version}",
        )
        if found and for_runs is not None:
            secret.offer_to_runs(actor, for_runs)
        return version

    @classmethod
    @transaction.atomic
    def set_internal(cls, actor: Actor, workspace, name: str, value: str, content_type: str) -> "Secret":
        """A new secret for the studio's own use."""
        secret = cls.set(actor, workspace, name, value, content_type, for_runs=False).secret
        cls.objects.filter(pk=secret.pk).update(internal=True)
        secret.internal = True
        return secret

    def decrypt_newest(self) -> str:
        """The value of an internal secret, for the studio's own requests."""
        assert self.internal, "other secrets leave by `read`, which records it"
        newest = self.versions.first()
        assert newest, "a secret is made with its first version"
        return encryption.load_keys().decrypt(newest.text, self.owner_of_text)

    @classmethod
    def _create(cls, workspace, name: str, for_runs: bool) -> "Secret":
        try:
            with transaction.atomic():
                return cls.objects.create(workspace=workspace, name=name, for_runs=for_runs)
        except IntegrityError as error:
            raise Conflict(
                f"Another secret {name!r} was created at the same moment. Try again.", target="name"
            ) from error

    @transaction.atomic
    def read(self, actor: Actor, version: "SecretVersion") -> str:
        """The value, for the API alone: no page shows it. The activity log records who has read it. A run reads only
        what is offered to runs, within its submitter's permissions (runs/run_tokens.py)."""
        if actor.is_run and not self.for_runs:
            raise Denied(f"The secret {self.name} is not available to jobs. People who may edit it can change that.")
        value = encryption.load_keys().decrypt(version.text, self.owner_of_text)
        activity.record("secret.read", self, actor=actor, scope=self.workspace, message=f"version {version.version}")
        return value

    @transaction.atomic
    def offer_to_runs(self, actor: Actor, for_runs: bool) -> None:
        """Whether runs may read it."""
        if for_runs == self.for_runs:
            return
        Secret.objects.filter(pk=self.pk).update(for_runs=for_runs)
        changes = {"for_runs": [self.for_runs, for_runs]}
        self.for_runs = for_runs
        activity.record("secret.edit", self, actor=actor, scope=self.workspace, changes=changes)

    @transaction.atomic
    def remove(self, actor: Actor) -> None:
        """Delete it with all versions, permanently."""
        activity.record("secret.delete", self, actor=actor, scope=self.workspace)
        self.delete()

    @transaction.atomic
    def remove_old_versions(self, actor: Actor) -> int:
        old = list(self.versions.values_list("pk", flat=True)[1:])
        number, _ = self.versions.filter(pk__in=old).delete()
        activity.record("secret.prune", self, actor=actor, scope=self.workspace, message=f"{number} old versions")
        return number


def make_version() -> str:
    return uuid.uuid4().hex


class SecretVersion(models.Model):
    secret = models.ForeignKey(Secret, models.CASCADE, related_name="versions")
    version = models.CharField(max_length=32, default=make_version, editable=False)
    # Encrypted; see studio/encryption.py.
    text = models.TextField(editable=False)
    key_id = models.CharField(max_length=12, editable=False)
    content_type = models.CharField(max_length=255, blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["secret", "version"], name="one_version_of_a_secret")]

    def __str__(self):
        return self.version
