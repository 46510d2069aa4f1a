"""Quotas and budgets of a person, a group of people, a workspace or a subscription; administrators set them."""

import datetime as dt

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from accounts import activity
from accounts.models import User
from compute.models import Work
from costs import rules
from studio.errors import Invalid
from workspaces.models import Subscription, UserGroup, Workspace

# The kinds of scopes, by field.
SCOPES: dict[str, type] = {"person": User, "group": UserGroup, "workspace": Workspace, "subscription": Subscription}
HAS_ONE_SCOPE = Q(*(Q(**{f"{name}__isnull": name != one for name in SCOPES}) for one in SCOPES), _connector=Q.OR)
# A quota without a scope applies to each person without a quota of their own.
FOR_EACH_PERSON = Q(**{f"{name}__isnull": True for name in SCOPES})


class Quota(models.Model):
    """A limit on simultaneous use. All applicable quotas are enforced."""

    LIMITS = ("cores", "memory_gb", "gpus", "running_jobs", "nodes", "storage_gb")

    person = models.OneToOneField(User, models.CASCADE, null=True, blank=True, related_name="quota")
    # Its members share the limits.
    group = models.OneToOneField(UserGroup, models.CASCADE, null=True, blank=True, related_name="quota")
    workspace = models.OneToOneField(Workspace, models.CASCADE, null=True, blank=True, related_name="quota")
    subscription = models.OneToOneField(Subscription, models.CASCADE, null=True, blank=True, related_name="quota")
    # Null: no limit. Nodes and storage are only for workspaces and subscriptions.
    cores = models.PositiveIntegerField(null=True, blank=True)
    memory_gb = models.PositiveIntegerField(null=True, blank=True)
    gpus = models.PositiveIntegerField(null=True, blank=True)
    nodes = models.PositiveIntegerField(null=True, blank=True)
    running_jobs = models.PositiveIntegerField(null=True, blank=True)
    storage_gb = models.PositiveIntegerField(null=True, blank=True)
    # Jobs may exceed it as long as nobody else waits in their queue.
    is_soft = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=HAS_ONE_SCOPE | FOR_EACH_PERSON, name="a_quota_has_one_scope_at_most"),
            # Two rows without a scope would both be for each person.
            models.UniqueConstraint(models.Value(1), condition=FOR_EACH_PERSON, name="one_quota_for_each_person"),
        ]

    def __str__(self):
        return f"quota of {self.label}"

    @property
    def label(self) -> str:
        return label_of(self) or "each person"

    @property
    def is_for_each_person(self) -> bool:
        return not any(getattr(self, f"{name}_id") for name in SCOPES)

    @property
    def limits(self) -> dict[str, int]:
        """The limits that are set, by name."""
        found = {name: getattr(self, name) for name in self.LIMITS}
        return {name: value for name, value in found.items() if value is not None}

    @classmethod
    def set(cls, scope, is_soft: bool = False, **limits) -> "Quota":
        """Replace the limits of a person, group, workspace or subscription, or those of each person (None)."""
        unknown = set(limits) - set(cls.LIMITS)
        assert not unknown, unknown
        of_people = scope is None or isinstance(scope, User | UserGroup)
        if of_people and (limits.get("nodes") is not None or limits.get("storage_gb") is not None):
            raise Invalid(
                "Nodes and storage belong to workspaces: give people a quota of cores, memory, GPUs or running jobs.",
                target="nodes",
            )
        for name, value in limits.items():
            if value is not None:
                rules.QUOTA_RULES[name].check(value)
        if all(value is None for value in limits.values()):
            raise Invalid("Set at least one limit.", target="cores")
        with transaction.atomic():
            quota = cls.objects.filter(**_filter_of(scope)).first() or cls(**_fields_of(scope))
            wanted = {name: limits.get(name) for name in cls.LIMITS} | {"is_soft": is_soft}
            changes = {name: [getattr(quota, name), new] for name, new in wanted.items() if getattr(quota, name) != new}
            for name, value in wanted.items():
                setattr(quota, name, value)
            quota.save()
            activity.record("quota.set", quota, scope=scope_of(quota), label=quota.label, changes=changes)
        return quota

    def remove(self) -> None:
        with transaction.atomic():
            activity.record("quota.delete", self, scope=scope_of(self), label=self.label, changes=self.limits)
            Quota.objects.filter(pk=self.pk).delete()


class BudgetQuerySet(models.QuerySet):
    def in_force(self):
        """Whether it is used up and has an effect."""
        effects = Q(*((name, True) for name in Budget.EFFECTS), _connector=Q.OR)
        return self.filter(effects, is_used_up=True)


class Budget(models.Model):
    """The maximum cost of a calendar month (UTC), and the effects when it is used up."""

    Unit = rules.BudgetUnit

    WARN_AT = 0.8
    EFFECTS = ("asks_approval", "blocks_new_work", "stops_idle_nodes", "cancels_jobs")

    person = models.OneToOneField(User, models.CASCADE, null=True, blank=True, related_name="budget")
    # The members spend it together.
    group = models.OneToOneField(UserGroup, models.CASCADE, null=True, blank=True, related_name="budget")
    workspace = models.OneToOneField(Workspace, models.CASCADE, null=True, blank=True, related_name="budget")
    subscription = models.OneToOneField(Subscription, models.CASCADE, null=True, blank=True, related_name="budget")
    amount = models.FloatField()
    unit = models.CharField(max_length=8, choices=Unit, default=Unit.DOLLARS)
    # Each new job waits until a site admin approves it.
    asks_approval = models.BooleanField(default=False)
    blocks_new_work = models.BooleanField(default=False)
    # Running jobs too.
    cancels_jobs = models.BooleanField(default=False)
    stops_idle_nodes = models.BooleanField(default=False)
    # As counted at `checked_at`, in the month that begins with this day.
    spent = models.FloatField(default=0)
    month = models.DateField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    # Whether this was reported in this month.
    is_warned = models.BooleanField(default=False)
    is_used_up = models.BooleanField(default=False)

    objects = BudgetQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=HAS_ONE_SCOPE, name="a_budget_has_one_scope"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="a_budget_is_more_than_nothing"),
        ]

    def __str__(self):
        return f"budget of {self.label}"

    @property
    def label(self) -> str:
        return label_of(self)

    @property
    def effects(self) -> list[str]:
        """Its effects, in words."""
        words = ("new jobs wait for an approval", "new jobs are blocked", "idle nodes stop", "jobs are canceled")
        return [text for name, text in zip(self.EFFECTS, words, strict=True) if getattr(self, name)]

    @property
    def share(self) -> float:
        return self.spent / self.amount

    @property
    def percent(self) -> int:
        return round(100 * self.share)

    def describe(self, value: float) -> str:
        """`$12.50` or `12.5 node-hours`."""
        return f"${value:,.2f}" if self.unit == self.Unit.DOLLARS else f"{value:,.1f} node-hours"

    @property
    def state(self) -> str:
        spent = self.describe(self.spent) if self.unit == self.Unit.DOLLARS else f"{self.spent:,.1f}"
        return f"{spent} of {self.describe(self.amount)}"

    @classmethod
    def set(cls, scope, amount: float, unit: str, **effects: bool):
        """Replace the budget of a person, group, workspace or subscription; `effects` are some of EFFECTS."""
        unit, amount = rules.UNIT.check(unit), rules.AMOUNT.check(amount)
        if scope is None:
            raise Invalid("Choose a person, a group, a workspace or a subscription.", target="scope")
        chosen = {name: effects.pop(name, False) for name in cls.EFFECTS}
        assert not effects, effects
        if chosen["asks_approval"] and (chosen["blocks_new_work"] or chosen["cancels_jobs"]):
            raise Invalid("New jobs can either be blocked or wait for an approval.", target="asks_approval")
        # New jobs would be canceled half a minute later.
        chosen["blocks_new_work"] |= chosen["cancels_jobs"]
        with transaction.atomic():
            budget = cls.objects.filter(**_filter_of(scope)).first() or cls(**_fields_of(scope))
            before = {"amount": budget.amount, "unit": budget.unit} if budget.pk else {}
            budget.amount, budget.unit = amount, unit
            for name, value in chosen.items():
                setattr(budget, name, value)
            budget.save()
            changes = {"amount": [before.get("amount"), amount], "unit": [before.get("unit"), unit]}
            changes |= {name: [None, value] for name, value in chosen.items()}
            activity.record("budget.set", budget, scope=scope_of(budget), label=budget.label, changes=changes)
        return budget

    def remove(self) -> None:
        with transaction.atomic():
            activity.record("budget.delete", self, scope=scope_of(self), label=self.label)
            Budget.objects.filter(pk=self.pk).delete()

    def record_spending(self, spent: float, month: dt.date) -> None:
        """Store the spending, and report once a month that the budget is nearly used up and that it is used up; a new
        month or a higher amount starts again."""
        was_warned, was_used_up = (self.is_warned, self.is_used_up) if self.month == month else (False, False)
        self.spent, self.month, self.checked_at = spent, month, timezone.now()
        self.is_used_up, self.is_warned = spent >= self.amount, spent >= self.amount * self.WARN_AT
        with transaction.atomic():
            self.save(update_fields=["spent", "month", "checked_at", "is_used_up", "is_warned"])
            if self.is_used_up and not was_used_up:
                activity.record("budget.use_up", self, scope=scope_of(self), label=self.label, message=self.state)
            elif self.is_warned and not was_warned:
                activity.record("budget.warn", self, scope=scope_of(self), label=self.label, message=self.state)


class Approval(models.Model):
    """A site admin lets a job run although a budget that asks for it is used up."""

    work = models.OneToOneField(Work, models.CASCADE, related_name="approval")
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    def __str__(self):
        return f"{self.work} by {self.by}"


def label_of(limit) -> str:
    if limit.person:
        return str(limit.person.label)
    scope = limit.group or limit.workspace or limit.subscription
    return f"the {scope._meta.verbose_name} {scope}" if scope else ""


def scope_of(limit):
    """The scope of its activities: a person has none."""
    return limit.workspace or limit.subscription


def _fields_of(scope) -> dict:
    return {} if scope is None else {name: scope for name, kind in SCOPES.items() if isinstance(scope, kind)}


def _filter_of(scope) -> dict:
    return _fields_of(scope) or dict.fromkeys(SCOPES)
