"""Requests for a promotion that a rule reserves for other people: asked, then approved or declined."""

from django.db import models, transaction
from django.utils import timezone

from accounts import activity
from accounts.actors import Actor
from accounts.models import User
from registry import rules
from registry.models import promotion
from registry.models.promotion import PromotionRule
from registry.models.registered_models import ModelVersion
from studio.errors import Conflict, Denied, Invalid
from workspaces import access
from workspaces.models import RoleAssignment, UserGroup

# The maximum number of people who are notified of a request.
MAX_APPROVERS = 200


class PromotionRequestQuerySet(models.QuerySet):
    def open(self):
        return self.filter(state=PromotionRequest.State.OPEN)

    def decide(self, state: str, actor: Actor) -> int:
        """Only open ones change, so of two people one decides."""
        return self.open().update(state=state, decided_by=actor.user, decided_at=timezone.now())


class PromotionRequest(models.Model):
    class State(models.TextChoices):
        OPEN = "open", "Open"
        APPROVED = "approved", "Approved"
        DECLINED = "declined", "Declined"

    version = models.ForeignKey(ModelVersion, models.CASCADE, related_name="promotion_requests")
    kind = models.CharField(max_length=5, choices=PromotionRule.Kind)
    # The alias or the stage.
    name = models.CharField(max_length=255)
    message = models.CharField(max_length=rules.MAX_MESSAGE, blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    decided_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)

    objects = PromotionRequestQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "kind", "name"], condition=models.Q(state="open"), name="one_open_promotion_request"
            )
        ]

    def __str__(self):
        return f"{self.kind} {self.name} for {self.version}"

    @property
    def arm_id(self) -> str:
        return f"{self.version.arm_id}/promotionRequests/{self.pk}"

    @classmethod
    def ask(cls, actor: Actor, version: ModelVersion, kind: str, name: str, message: str = "") -> "PromotionRequest":
        """Ask for the alias or the stage; a rule must limit it, because everybody who edits models can set the others."""
        kind = rules.PROMOTED_KIND.check(kind)
        name = rules.PROMOTED[kind].check(name)
        if not promotion.rules_of(version.model, kind, name).exists():
            raise Invalid(f"No promotion rule limits the {kind} {name}: set it without a request.", target="name")
        fields = {"kind": kind, "name": name, "message": rules.MESSAGE.check(message), "created_by": actor.user}
        with transaction.atomic():
            if version.promotion_requests.open().filter(kind=kind, name=name).exists():
                raise Conflict(f"The {kind} {name} has been requested for {version} already.", target="name")
            made = cls.objects.create(version=version, **fields)
            activity.record("promotion.ask", made, actor=actor, scope=version.model.workspace, message=made.message)
        return made

    def approve(self, actor: Actor) -> None:
        """Set the alias or stage, as the person who approves: the rules apply to them."""
        with transaction.atomic():
            self._decide(self.State.APPROVED, actor)
            if self.kind == PromotionRule.Kind.ALIAS:
                self.version.model.set_alias(self.name, self.version.number, actor)
            else:
                self.version.transition_to(self.name, actor)
            activity.record("promotion.approve", self, actor=actor, scope=self.version.model.workspace)

    def decline(self, actor: Actor) -> None:
        """Declined by somebody who could approve it, or who asked for it."""
        if actor.user != self.created_by and not self.is_approver(actor.user):
            raise Denied(f"Only people who may set the {self.kind} {self.name}, or who asked for it, can decline this.")
        with transaction.atomic():
            self._decide(self.State.DECLINED, actor)
            activity.record("promotion.decline", self, actor=actor, scope=self.version.model.workspace)

    def _decide(self, state: str, actor: Actor) -> None:
        if not PromotionRequest.objects.filter(pk=self.pk).decide(state, actor):
            self.refresh_from_db()
            raise Conflict(f"The request for the {self} was {self.state} already.", target="state")
        self.state = state

    def is_approver(self, user: User) -> bool:
        """Whether the promotion rules would let this person set it; what the version itself lacks does not count."""
        limits = promotion.rules_of(self.version.model, self.kind, self.name)
        if any(rule.needs_other_person for rule in limits) and self.version.created_by_id == user.pk:
            return False
        return all(rule.allows_person(user) for rule in limits)

    def list_approvers(self) -> list[User]:
        """The people who edit models in the workspace and may approve this; not the one who asked."""
        workspace = self.version.model.workspace
        roles = RoleAssignment.objects.filter(access.scope_filter(workspace))
        groups = UserGroup.objects.filter(roles__in=roles)
        people = User.objects.filter(models.Q(roles__in=roles) | models.Q(pk__in=groups.values("members")))
        people = people.filter(is_active=True).exclude(pk=self.created_by_id or 0).distinct()[:MAX_APPROVERS]
        return [one for one in people if access.can(Actor(one), "edit", workspace) and self.is_approver(one)]
