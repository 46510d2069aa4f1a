"""Subscription ⊃ resource group ⊃ workspace, and the roles of people on them."""

import uuid

from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from accounts import activity
from accounts.models import User
from workspaces.claim_models import ClaimedMembership, ClaimMapping
from workspaces.file_share import Home
from workspaces.role_definitions import Definition, built_in
from workspaces.role_models import CustomRole, UserGroup
from workspaces.vault.models import Secret, SecretVersion

__all__ = [
    "ClaimMapping",
    "ClaimedMembership",
    "CustomRole",
    "Home",
    "ResourceGroup",
    "Role",
    "RoleAssignment",
    "Secret",
    "SecretVersion",
    "Subscription",
    "UserGroup",
    "Workspace",
]


class SubscriptionQuerySet(models.QuerySet):
    def visible_to(self, actor):
        """Subscriptions on which the actor has a role, or on something inside them."""
        if actor.workspace_id:
            return self.filter(resource_groups__workspaces=actor.workspace_id)
        if actor.only_workspace:
            return self.filter(resource_groups__workspaces__in=Workspace.objects.visible_to(actor)).distinct()
        if actor.user.is_superuser:
            return self
        mine = RoleAssignment.objects.of(actor.user)
        return self.filter(
            Q(pk__in=mine.values("subscription"))
            | Q(resource_groups__in=mine.values("resource_group"))
            | Q(resource_groups__workspaces__in=Workspace.objects.visible_to(actor))
        ).distinct()


class Subscription(models.Model):
    # The id can be any text, as in existing scripts.
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
        if actor.only_workspace:
            return present.filter(workspaces__in=Workspace.objects.visible_to(actor)).distinct()
        if actor.user.is_superuser:
            return present
        mine = RoleAssignment.objects.of(actor.user)
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
    # When it was deleted; the row stays while a workspace of it is in the trash.
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
        """Workspaces on which the actor has a role, directly or by group or subscription; none in the trash.

        A run's own token still reaches its workspace in the trash, so that its script is notified to stop.
        """
        if actor.workspace_id:
            return self.filter(pk=actor.workspace_id)
        return self.filter(deleted_at=None)._with_role_of(actor)

    def in_trash_of(self, actor):
        """Workspaces in the trash on which the actor has a role."""
        if actor.workspace_id:
            return self.none()
        return self.exclude(deleted_at=None)._with_role_of(actor)

    def _with_role_of(self, actor):
        opened = self.filter(pk=actor.only_workspace) if actor.only_workspace else self
        if actor.user.is_superuser:
            return opened
        mine = RoleAssignment.objects.of(actor.user)
        return opened.filter(
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
    # The names of the resources that Azure creates with a workspace.
    storage_account = models.CharField(max_length=100)
    key_vault = models.CharField(max_length=100)
    application_insights = models.CharField(max_length=260)
    container_registry = models.CharField(max_length=100, blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # When it was moved to the trash. Its name stays taken.
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
        """Change friendly name, description, tags or container registry; the caller has checked the values."""
        before = Workspace.objects.values(*fields).get(pk=self.pk) if fields else {}
        for name, value in fields.items():
            setattr(self, name, value)
        with transaction.atomic():
            self.save(update_fields=list(fields))
            changes = {name: [before[name], value] for name, value in fields.items() if value != before[name]}
            if changes:
                activity.record("workspace.edit", self, scope=self, changes=changes)

    @property
    def config(self) -> dict:
        """The content of config.json, with Azure's three keys."""
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


class RoleAssignmentQuerySet(models.QuerySet):
    def of(self, user):
        """The roles of a person or service principal, including those of their groups."""
        return self.filter(Q(user=user) | Q(group__in=UserGroup.objects.filter(members=user)))


class RoleAssignment(models.Model):
    """A role of a person, service principal or group on a subscription, resource group or workspace, and on everything
    below it."""

    user = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="roles")
    group = models.ForeignKey(UserGroup, models.CASCADE, null=True, blank=True, related_name="roles")
    # The name of a built-in role, or of the custom one.
    role = models.CharField(max_length=100)
    custom_role = models.ForeignKey(CustomRole, models.PROTECT, null=True, blank=True, related_name="assignments")
    subscription = models.ForeignKey(Subscription, models.CASCADE, null=True, blank=True, related_name="roles")
    resource_group = models.ForeignKey(ResourceGroup, models.CASCADE, null=True, blank=True, related_name="roles")
    workspace = models.ForeignKey(Workspace, models.CASCADE, null=True, blank=True, related_name="roles")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = RoleAssignmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(subscription__isnull=False, resource_group__isnull=True, workspace__isnull=True)
                | Q(subscription__isnull=True, resource_group__isnull=False, workspace__isnull=True)
                | Q(subscription__isnull=True, resource_group__isnull=True, workspace__isnull=False),
                name="a_role_has_one_scope",
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=False, group__isnull=True) | Q(user__isnull=True, group__isnull=False),
                name="a_role_has_one_holder",
            ),
            models.CheckConstraint(
                condition=Q(custom_role__isnull=False) | Q(role__in=Role.values), name="a_role_is_known"
            ),
        ]

    def __str__(self):
        return f"{self.holder}: {self.role} on {self.scope}"

    @property
    def holder(self) -> User | UserGroup:
        found = self.user or self.group
        assert found is not None, "the database keeps one of both"
        return found

    @property
    def scope(self):
        return self.workspace or self.resource_group or self.subscription

    @property
    def definition(self) -> Definition:
        return self.custom_role.definition if self.custom_role else built_in(self.role)
