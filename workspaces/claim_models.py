"""Mappings of claim values of an identity provider, and the people who have groups or rights by them
(workspaces/claim_mappings.py)."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import IdentityProvider
from workspaces.role_models import UserGroup


class ClaimMapping(models.Model):
    provider = models.ForeignKey(IdentityProvider, models.CASCADE, related_name="mappings")
    value = models.CharField(max_length=200)
    # Without a group, the value makes a site admin.
    group = models.ForeignKey(UserGroup, models.CASCADE, null=True, related_name="claim_mappings")

    class Meta:
        ordering = ["value", "group__name"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "value", "group"], name="one_claim_mapping_of_a_group"),
            models.UniqueConstraint(
                fields=["provider", "value"], condition=Q(group=None), name="one_claim_mapping_of_site_admins"
            ),
        ]

    def __str__(self):
        return f"{self.value} → {self.group or 'site admin'}"


class ClaimedMembership(models.Model):
    """A membership by claims of a provider: in a group, or without one the rights of a site admin."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="claimed_memberships")
    provider = models.ForeignKey(IdentityProvider, models.CASCADE, related_name="memberships")
    group = models.ForeignKey(UserGroup, models.CASCADE, null=True, related_name="claimed_memberships")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "provider", "group"], name="one_claimed_membership"),
            models.UniqueConstraint(fields=["user", "provider"], condition=Q(group=None), name="one_claimed_admin"),
        ]

    def __str__(self):
        return f"{self.user} in {self.group or 'site admins'} by {self.provider}"
