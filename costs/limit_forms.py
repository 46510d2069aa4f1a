"""Forms of quotas and budgets."""

from django import forms
from django.conf import settings

from accounts.models import User
from costs import rules
from costs.limit_models import Budget
from studio.forms import DecimalNumberField, NumberField, SelectField
from workspaces.models import Subscription, UserGroup, Workspace

EACH_PERSON = "each-person"


class ScopeForm(forms.Form):
    """The scope of a limit: a kind and a name."""

    kind = forms.ChoiceField(
        label="For",
        choices=[
            (EACH_PERSON, "Each person"),
            ("person", "One person"),
            ("group", "A group of people, together"),
            ("workspace", "A workspace"),
            ("subscription", "A subscription"),
        ],
    )
    name = forms.CharField(
        required=False,
        max_length=150,
        help_text="The name of the person, group or workspace, or the id of the subscription.",
    )

    def clean(self):
        given = super().clean()
        kind, name = given.get("kind"), given.get("name", "").strip()
        if kind and kind != EACH_PERSON:
            given["scope"] = self._find(kind, name)
        return given

    def _find(self, kind: str, name: str):
        rows = {
            "person": User.objects.filter(username__iexact=name),
            "group": UserGroup.objects.filter(name__iexact=name),
            "workspace": Workspace.objects.with_path().filter(name__iexact=name, deleted_at=None),
            "subscription": Subscription.objects.filter(subscription_id__iexact=name),
        }[kind]
        found = list(rows[:2])
        if len(found) == 1:
            return found[0]
        words = f"There is no {kind} {name!r}." if not found else f"There are several {kind}s {name!r}."
        self.add_error("name", words)
        return None

    @property
    def scope(self):
        """None for each person."""
        return self.cleaned_data.get("scope")


class QuotaForm(ScopeForm):
    cores = NumberField(rules.CORES, required=False, label="Cores in use")
    memory_gb = NumberField(rules.MEMORY_GB, required=False, label="Memory in use in GB")
    gpus = NumberField(rules.GPUS, required=False, label="GPUs in use")
    running_jobs = NumberField(rules.RUNNING_JOBS, required=False, label="Running jobs")
    nodes = NumberField(rules.NODES, required=False, help_text="Only for a workspace or subscription.")
    storage_gb = NumberField(
        rules.STORAGE_GB, required=False, label="Storage in GB", help_text="Only for a workspace or subscription."
    )
    is_soft = forms.BooleanField(
        required=False, label="Soft: jobs may exceed it while nobody else waits in their queue"
    )

    @property
    def limits(self) -> dict:
        return {name: self.cleaned_data[name] for name in ("is_soft", *rules.QUOTA_RULES)}


class BudgetForm(ScopeForm):
    amount = DecimalNumberField(rules.AMOUNT, label="For each month")
    unit = SelectField(
        rules.UNIT, choices=Budget.Unit.choices, help_text="Dollars need prices: set VM_PRICES or prices of sizes."
    )
    asks_approval = forms.BooleanField(
        required=False, label="Let each new job wait for an approval when it is used up; running jobs continue"
    )
    blocks_new_work = forms.BooleanField(
        required=False, label="Block new jobs when it is used up; running jobs continue, waiting jobs keep waiting"
    )
    cancels_jobs = forms.BooleanField(
        required=False, label="Cancel running and waiting jobs when it is used up, and block new ones"
    )
    stops_idle_nodes = forms.BooleanField(
        required=False, label="Stop idle nodes when it is used up, also those of a cluster's minimum"
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not settings.VM_PRICES:
            self.initial.setdefault("unit", Budget.Unit.NODE_HOURS)
        field = self.fields["kind"]
        field.choices = [choice for choice in field.choices if choice[0] != EACH_PERSON]
