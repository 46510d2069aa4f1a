"""Validation rules for the fields of quotas and budgets (studio/rules.py)."""

from django.db.models import TextChoices

from studio.errors import Invalid
from studio.rules import Rule, choice_rule, number_rule


class BudgetUnit(TextChoices):
    DOLLARS = "dollars", "US dollars"
    NODE_HOURS = "hours", "node-hours"


CORES = number_rule("number of cores", 0, 10**6, target="cores")
NODES = number_rule("number of nodes", 0, 10**6, target="nodes")
MEMORY_GB = number_rule("memory in GB", 0, 10**9, target="memory_gb")
GPUS = number_rule("number of GPUs", 0, 10**6, target="gpus")
RUNNING_JOBS = number_rule("number of running jobs", 0, 10**6, target="running_jobs")
STORAGE_GB = number_rule("storage in GB", 0, 10**9, target="storage_gb")
# By field of the model.
QUOTA_RULES = {
    "cores": CORES,
    "memory_gb": MEMORY_GB,
    "gpus": GPUS,
    "running_jobs": RUNNING_JOBS,
    "nodes": NODES,
    "storage_gb": STORAGE_GB,
}
MIN_AMOUNT, MAX_AMOUNT = 0.01, 10**9


def check_amount(value) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not MIN_AMOUNT <= value <= MAX_AMOUNT:
        raise Invalid(f"The amount is {value!r}: write a number from {MIN_AMOUNT} to {MAX_AMOUNT:,}.", target="amount")
    return value


UNIT = choice_rule("unit", BudgetUnit.values, target="unit")
AMOUNT = Rule(check_amount, "amount", {"minimum": MIN_AMOUNT, "maximum": MAX_AMOUNT})
