"""Promotion rules: who can set an alias or a stage, and the requirements for the version."""

import math
from collections.abc import Sequence

from django.db import models, transaction
from django.utils import timezone

from accounts import activity
from accounts.actors import Actor
from accounts.models import User
from registry import rules, signatures
from registry.models.logged_models import LoggedModel
from runs.models import Run
from studio.errors import Conflict, Denied, Invalid
from workspaces import access
from workspaces.models import Workspace


class PromotionRule(models.Model):
    """Applies to every model of the workspace, or to the named one."""

    class Kind(models.TextChoices):
        ALIAS = "alias", "Alias"
        STAGE = "stage", "Stage"

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="promotion_rules")
    kind = models.CharField(max_length=5, choices=Kind, default=Kind.ALIAS)
    # The alias or the stage.
    name = models.CharField(max_length=255)
    model_name = models.CharField(max_length=255, blank=True)
    # The name of a role; Owners may always. Empty: everybody who may edit models.
    role = models.CharField(max_length=100, blank=True)
    needs_other_person = models.BooleanField(default=False)
    needs_description = models.BooleanField(default=False)
    needs_signature = models.BooleanField(default=False)
    # Names of tags, or name and value: {"reviewed": ""} takes any value.
    needs_tags = models.JSONField(default=dict, blank=True)
    # [["accuracy", ">=", 0.9]]
    needs_metrics = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["kind", "name", "model_name"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "kind", "name", "model_name"], name="one_rule_of_a_promotion")
        ]

    def __str__(self):
        return f"{self.get_kind_display().lower()} {self.name}{f' of {self.model_name}' if self.model_name else ''}"

    @classmethod
    def add(
        cls,
        actor: Actor,
        workspace: Workspace,
        kind: str,
        name: str,
        model_name: str = "",
        needs_metrics: Sequence[str] = (),
        **conditions,
    ) -> "PromotionRule":
        """`needs_metrics` are lines such as `accuracy >= 0.9`."""
        kind = rules.PROMOTED_KIND.check(kind)
        name = rules.PROMOTED[kind].check(name)
        if model_name and not workspace.models.present().filter(name=model_name).exists():
            raise Invalid(f"The workspace has no model {model_name!r}.", target="model_name")
        same = {"workspace": workspace, "kind": kind, "name": name, "model_name": model_name}
        if cls.objects.filter(**same).exists():
            raise Conflict("There is such a rule already; delete it first.", target="name")
        conditions["needs_metrics"] = rules.CONDITIONS.check(needs_metrics)
        with transaction.atomic():
            made = cls.objects.create(**same, **conditions)
            activity.record("promotion_rule.create", made, actor=actor, scope=workspace)
        return made

    def remove(self, actor: Actor) -> None:
        with transaction.atomic():
            activity.record("promotion_rule.delete", self, actor=actor, scope=self.workspace)
            self.delete()

    def describe(self) -> list[str]:
        """Its conditions, as phrases."""
        found = [f"the role {self.role}"] if self.role else []
        if self.needs_other_person:
            found.append("a person other than the one who registered the version")
        if self.needs_description:
            found.append("a description")
        if self.needs_signature:
            found.append("a signature")
        found += [f"the tag {name}{f' = {value}' if value else ''}" for name, value in self.needs_tags.items()]
        return found + [f"{name} {sign} {limit:g}" for name, sign, limit in self.needs_metrics]

    def allows_person(self, user: User) -> bool:
        if not self.role or user.is_superuser:
            return True
        return bool({one.name for one in access.definitions_on(user, self.workspace)} & {self.role, "Owner"})

    def check_person(self, actor: Actor, what: str) -> None:
        if not self.allows_person(actor.user):
            raise Denied(
                f"Only people with the role {self.role} may change the {what}: a promotion rule requires this."
            )

    def list_missing(self, actor: Actor, version) -> list[str]:
        """The requirements of the rule that the version does not meet."""
        missing = []
        if self.needs_other_person and version.created_by_id == actor.user.pk:
            missing.append("a person other than you, who registered it")
        if self.needs_description and not version.description:
            missing.append("a description")
        if self.needs_signature and not signatures.has_signature(version):
            missing.append("a signature")
        for name, value in self.needs_tags.items():
            if version.tags.get(name) != value if value else name not in version.tags:
                missing.append(f"the tag {name}{f' = {value}' if value else ''}")
        metrics = read_metrics(version) if self.needs_metrics else {}
        for name, sign, limit in self.needs_metrics:
            if not rules.COMPARISONS[sign](metrics.get(name, math.nan), limit):
                shown = f"it is {metrics[name]:g}" if name in metrics else "it has none"
                missing.append(f"{name} {sign} {limit:g} ({shown})")
        return missing


def rules_of(model, kind: str, name: str):
    found = PromotionRule.objects.filter(workspace=model.workspace_id, kind=kind, name=name)
    return found.filter(model_name__in=["", model.name])


def check_promotion(actor: Actor, version, kind: str, name: str) -> None:
    """Raises Denied or Conflict unless the rules let the actor give the version this alias or stage."""
    for rule in rules_of(version.model, kind, name):
        what = f"{rule.get_kind_display().lower()} {name}"
        rule.check_person(actor, what)
        if missing := rule.list_missing(actor, version):
            raise Conflict(
                f"{version} cannot get the {what} yet. A promotion rule needs {'; '.join(missing)}.",
                code="promotion_rule",
                target=kind,
            )


def check_removal(actor: Actor, model, alias: str) -> None:
    for rule in rules_of(model, PromotionRule.Kind.ALIAS, alias):
        rule.check_person(actor, f"alias {alias}")


def read_metrics(version) -> dict[str, float]:
    """The last values of its logged model, otherwise of its run."""
    logged: LoggedModel | None = version.logged_model
    if logged and logged.metrics:
        return {item["key"]: float(item["value"]) for item in logged.metrics}
    run: Run | None = version.run
    if run is None:
        return {}
    return {name: last for name, last in run.metrics.values_list("name", "last") if last is not None}
