"""Subscription ⊃ resource group ⊃ workspace, the people, their roles and their tokens."""

import datetime as dt
import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from studio.errors import Conflict, Invalid
from workspaces import names
from workspaces.secrets import digest, new_secret


class User(AbstractUser):
    class Theme(models.TextChoices):
        SYSTEM = "system"
        LIGHT = "light"
        DARK = "dark"

    theme = models.CharField(max_length=8, choices=Theme, default=Theme.SYSTEM)

    @property
    def label(self) -> str:
        return self.get_full_name() or self.username

    @property
    def initials(self) -> str:
        words = self.label.replace(".", " ").replace("_", " ").split()
        return "".join(word[0] for word in words[:2]).upper()


class SubscriptionQuerySet(models.QuerySet):
    def visible_to(self, actor):
        """Those on which, or on something inside which, the actor has a role."""
        if actor.workspace_id:
            return self.filter(resource_groups__workspaces=actor.workspace_id)
        if actor.user.is_superuser:
            return self
        mine = RoleAssignment.objects.filter(user=actor.user)
        return self.filter(
            Q(pk__in=mine.values("subscription"))
            | Q(resource_groups__in=mine.values("resource_group"))
            | Q(resource_groups__workspaces__in=Workspace.objects.visible_to(actor))
        ).distinct()


class Subscription(models.Model):
    # Any text names a subscription, as scripts in the wild have it.
    subscription_id = models.CharField(max_length=100, unique=True)
    display_name = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        ordering = ["subscription_id"]

    def __str__(self):
        return self.display_name or self.subscription_id

    @property
    def arm_id(self) -> str:
        return f"/subscriptions/{self.subscription_id}"


class ResourceGroupQuerySet(models.QuerySet):
    def visible_to(self, actor):
        if actor.workspace_id:
            return self.filter(workspaces=actor.workspace_id)
        present = self.filter(deleted_at=None)
        if actor.user.is_superuser:
            return present
        mine = RoleAssignment.objects.filter(user=actor.user)
        return present.filter(
            Q(pk__in=mine.values("resource_group"))
            | Q(subscription__in=mine.values("subscription"))
            | Q(workspaces__in=Workspace.objects.visible_to(actor))
        ).distinct()


class ResourceGroup(models.Model):
    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="resource_groups")
    name = models.CharField(max_length=90)
    location = models.CharField(max_length=40, default="eastus")
    tags = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # Out of sight since then; its row stays while a workspace of it is in the trash.
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = ResourceGroupQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(models.functions.Lower("name"), "subscription", name="one_group_of_a_name")
        ]

    def __str__(self):
        return self.name

    @property
    def arm_id(self) -> str:
        return f"{self.subscription.arm_id}/resourceGroups/{self.name}"


class WorkspaceQuerySet(models.QuerySet):
    def visible_to(self, actor):
        """Those on which the actor has any role, by itself, its group or its subscription; none that is in the trash.

        A run's own token still reaches its workspace there, so that a script which is being ended hears of it.
        """
        if actor.workspace_id:
            return self.filter(pk=actor.workspace_id)
        return self.filter(deleted_at=None)._with_role_of(actor.user)

    def in_trash_of(self, actor):
        """Those in the trash on which the actor has any role."""
        if actor.workspace_id:
            return self.none()
        return self.exclude(deleted_at=None)._with_role_of(actor.user)

    def _with_role_of(self, user):
        if user.is_superuser:
            return self
        mine = RoleAssignment.objects.filter(user=user)
        return self.filter(
            Q(pk__in=mine.values("workspace"))
            | Q(resource_group__in=mine.values("resource_group"))
            | Q(resource_group__subscription__in=mine.values("subscription"))
        )

    def with_path(self):
        return self.select_related("resource_group__subscription")


class Workspace(models.Model):
    resource_group = models.ForeignKey(ResourceGroup, models.CASCADE, related_name="workspaces")
    name = models.CharField(max_length=33)
    slug = models.SlugField(max_length=60, unique=True)
    workspace_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    location = models.CharField(max_length=40, default="eastus")
    friendly_name = models.CharField(max_length=100, blank=True)
    description = models.TextField(max_length=5000, blank=True)
    tags = models.JSONField(default=dict, blank=True)
    sku = models.CharField(max_length=20, default="Basic")
    hbi_workspace = models.BooleanField(default=False)
    # The names of the resources that Azure makes beside a workspace.
    storage_account = models.CharField(max_length=100)
    key_vault = models.CharField(max_length=100)
    application_insights = models.CharField(max_length=260)
    container_registry = models.CharField(max_length=100, blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # In the trash since then. Its name stays taken.
    deleted_at = models.DateTimeField(null=True, blank=True)

    EDITABLE = ("friendly_name", "description", "tags", "container_registry")

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(models.functions.Lower("name"), "resource_group", name="one_workspace_of_a_name")
        ]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("workspaces:home", args=[self.slug])

    @property
    def title(self) -> str:
        return self.friendly_name or self.name

    @property
    def arm_id(self) -> str:
        return f"{self.resource_group.arm_id}/providers/Microsoft.MachineLearningServices/workspaces/{self.name}"

    @property
    def storage_area(self) -> str:
        return f"w/{self.pk}"

    def edit(self, **fields):
        """Change friendly name, description, tags or container registry; the values are checked by the caller's form."""
        for name, value in fields.items():
            setattr(self, name, value)
        self.save(update_fields=list(fields))

    @property
    def config(self) -> dict:
        """The content of config.json: Azure's three keys."""
        return {
            "subscription_id": self.resource_group.subscription.subscription_id,
            "resource_group": self.resource_group.name,
            "workspace_name": self.name,
        }


class Role(models.TextChoices):
    OWNER = "Owner"
    CONTRIBUTOR = "Contributor"
    DATA_SCIENTIST = "AzureML Data Scientist"
    COMPUTE_OPERATOR = "AzureML Compute Operator"
    READER = "Reader"


class RoleAssignment(models.Model):
    """A role of a person on a subscription, a resource group or a workspace; it holds for all below."""

    user = models.ForeignKey(User, models.CASCADE, related_name="roles")
    role = models.CharField(max_length=40, choices=Role)
    subscription = models.ForeignKey(Subscription, models.CASCADE, null=True, blank=True, related_name="roles")
    resource_group = models.ForeignKey(ResourceGroup, models.CASCADE, null=True, blank=True, related_name="roles")
    workspace = models.ForeignKey(Workspace, models.CASCADE, null=True, blank=True, related_name="roles")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(subscription__isnull=False, resource_group__isnull=True, workspace__isnull=True)
                | Q(subscription__isnull=True, resource_group__isnull=False, workspace__isnull=True)
                | Q(subscription__isnull=True, resource_group__isnull=True, workspace__isnull=False),
                name="a_role_has_one_scope",
            )
        ]

    def __str__(self):
        return f"{self.user}: {self.role} on {self.subscription or self.resource_group or self.workspace}"


class SignInLink(models.Model):
    """A link that signs a person in once."""

    user = models.ForeignKey(User, models.CASCADE)
    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self):
        return f"for {self.user}"

    @classmethod
    def make(cls, user, hours: int = 24) -> str:
        """The secret to put into the address; only its digest is stored."""
        secret = new_secret()
        cls.objects.create(user=user, digest=digest(secret), expires_at=timezone.now() + dt.timedelta(hours=hours))
        return secret

    @classmethod
    def redeem(cls, secret: str) -> User | None:
        """The person, the first time and in time; None afterwards."""
        now = timezone.now()
        fresh = cls.objects.filter(digest=digest(secret), used_at=None, expires_at__gt=now)
        # One conditional UPDATE: of two clicks, one wins.
        if not fresh.update(used_at=now):
            return None
        return cls.objects.select_related("user").get(digest=digest(secret)).user


class FailedSignIn(models.Model):
    """A wrong password, kept for a while: all processes of the web server count the same ones."""

    MOST = 10
    WINDOW = dt.timedelta(minutes=15)

    name = models.CharField(max_length=150, db_index=True)
    at = models.DateTimeField(default=timezone.now)

    def __str__(self):
        return f"{self.name}, {self.at:%Y-%m-%d %H:%M}"

    @classmethod
    def note(cls, name: str):
        cls.objects.filter(at__lt=timezone.now() - cls.WINDOW).delete()
        cls.objects.create(name=name.lower())

    @classmethod
    def too_many(cls, name: str) -> bool:
        return cls.objects.filter(name=name.lower(), at__gt=timezone.now() - cls.WINDOW).count() >= cls.MOST


class Token(models.Model):
    """A personal access token. The secret is shown once; its sha256 is stored."""

    user = models.ForeignKey(User, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self):
        return f"{self.name} ({self.prefix}…)"

    @classmethod
    def make(cls, user, name: str, days: int | None = None) -> tuple["Token", str]:
        secret = new_secret("lz_")
        expires = timezone.now() + dt.timedelta(days=days) if days else None
        token = cls.objects.create(
            user=user,
            name=names.checked(name, "token name", most=100),
            prefix=secret[:8],
            digest=digest(secret),
            expires_at=expires,
        )
        return token, secret

    def revoke(self):
        self.revoked_at = timezone.now()
        self.save(update_fields=["revoked_at"])

    @property
    def is_active(self) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())


class DeviceLogin(models.Model):
    """`lazuli login`: the terminal shows a short code, a signed-in browser approves it."""

    device_digest = models.CharField(max_length=64, unique=True)
    user_code = models.CharField(max_length=9, unique=True)
    client_name = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    user = models.ForeignKey(User, models.CASCADE, null=True)
    denied_at = models.DateTimeField(null=True)
    redeemed_at = models.DateTimeField(null=True)

    def __str__(self):
        return self.user_code

    def approve(self, user):
        if not DeviceLogin.objects.filter(pk=self.pk, user=None, denied_at=None, expires_at__gt=timezone.now()).update(
            user=user
        ):
            raise Conflict("This code was used already or has expired. Run `lazuli login` again.")

    def deny(self):
        DeviceLogin.objects.filter(pk=self.pk, user=None).update(denied_at=timezone.now())

    def redeem(self) -> str:
        """The new token's secret, once approved; raises Invalid with OAuth's device-flow codes before that."""
        if self.denied_at:
            raise Invalid("The request was denied in the browser.", code="access_denied")
        if self.expires_at < timezone.now() or self.redeemed_at:
            raise Invalid("The code has expired. Run `lazuli login` again.", code="expired_token")
        if not self.user:
            raise Invalid("Waiting for approval in the browser.", code="authorization_pending")
        if not DeviceLogin.objects.filter(pk=self.pk, redeemed_at=None).update(redeemed_at=timezone.now()):
            raise Invalid("The code has expired. Run `lazuli login` again.", code="expired_token")
        return Token.make(self.user, f"login from {self.client_name}")[1]
