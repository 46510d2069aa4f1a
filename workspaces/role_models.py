"""Custom roles, and groups of people. Both belong to the site; their assignments are to subscriptions, groups and workspaces."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from workspaces.role_definitions import Definition


class CustomRole(models.Model):
    """A role with lists of actions, like Azure's custom roles."""

    name = models.CharField(max_length=100)
    role_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    description = models.TextField(max_length=2000, blank=True)
    actions = models.JSONField(default=list)
    not_actions = models.JSONField(default=list, blank=True)
    # Addresses of subscriptions, resource groups and workspaces; it can be assigned there and below. `/` is everywhere.
    assignable_scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(models.functions.Lower("name"), name="one_custom_role_of_a_name")]

    def __str__(self):
        return self.name

    @property
    def definition(self) -> Definition:
        return Definition(self.name, tuple(self.actions), tuple(self.not_actions), self.description, str(self.role_id))

    def is_assignable(self, scope: str) -> bool:
        """At a subscription, resource group or workspace, by its address."""
        below = f"{scope.lower()}/"
        return any(below.startswith(f"{one.lower().rstrip('/')}/") for one in self.assignable_scopes)


class UserGroup(models.Model):
    """A group can have roles like a person. Its owners manage its members and need no role."""

    name = models.CharField(max_length=100)
    description = models.CharField(max_length=500, blank=True)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="member_of", blank=True)
    owners = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="owner_of", blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "group"
        ordering = ["name"]
        constraints = [models.UniqueConstraint(models.functions.Lower("name"), name="one_user_group_of_a_name")]

    def __str__(self):
        return self.name

    @property
    def label(self) -> str:
        return f"{self.name} (group)"
