"""Data quality rules of a data asset: their validation, and the results of versions."""

import datetime as dt
from collections.abc import Iterable

from lazuli.data.quality import MAX_RULES, MAX_VALUES, RULES

from assets.data.models import DataVersion
from assets.data.work import DataWork
from studio import names
from studio.errors import Invalid

# The values of each rule beside its column, and whether they are required.
VALUES = {"not_null": {}, "range": {"min": False, "max": False}, "unique": {}, "set": {"values": True}}
VALUES["freshness"] = {"hours": True}
MAX_HOURS = 24 * 366
MAX_LENGTH = 500


def check_rules(rules) -> list[dict]:
    """The rules of an asset without double ones. Raises Invalid."""
    if not isinstance(rules, list) or len(rules) > MAX_RULES:
        raise Invalid(f"Write a list of at most {MAX_RULES} rules.", target="qualityRules")
    found: list[dict] = []
    for number, rule in enumerate(rules):
        checked = _check_rule(rule, f"qualityRules/{number}")
        if checked not in found:
            found.append(checked)
    return found


def _check_rule(rule, target: str) -> dict:
    if not isinstance(rule, dict) or rule.get("type") not in RULES:
        raise Invalid(f"A rule is an object whose type is {' or '.join(RULES)}.", target=target)
    column = names.check_text(rule.get("column"), "column", max_length=MAX_LENGTH, target=f"{target}/column")
    known = VALUES[rule["type"]]
    if unknown := sorted(set(rule) - {"type", "column", *known}):
        raise Invalid(f"The rule {rule['type']} has no {unknown[0][:60]}.", target=target)
    given = {name: rule[name] for name in known if rule.get(name) is not None}
    if missing := [name for name, required in known.items() if required and name not in given]:
        raise Invalid(f"The rule {rule['type']} needs {missing[0]}.", target=target)
    for name, value in given.items():
        CHECKS[name](value, f"{target}/{name}")
    if rule["type"] == "range" and not given:
        raise Invalid("The rule range needs min or max.", target=target)
    return {"type": rule["type"], "column": column, **given}


def _check_bound(value, target: str) -> None:
    if isinstance(value, str):
        try:
            dt.datetime.fromisoformat(value)
        except ValueError as error:
            text = f"{value[:60]!r} is not a number, nor a time such as 2024-01-31T12:00:00."
            raise Invalid(text, target=target) from error
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise Invalid("A bound is a number or a time.", target=target)


def _check_values(value, target: str) -> None:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_VALUES:
        raise Invalid(f"Write a list of 1 to {MAX_VALUES} values.", target=target)
    if any(not isinstance(one, str | int | float) or len(str(one)) > MAX_LENGTH for one in value):
        raise Invalid(f"Values are texts of up to {MAX_LENGTH} characters, numbers or flags.", target=target)


def _check_hours(value, target: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_HOURS:
        raise Invalid(f"Write a number of hours up to {MAX_HOURS:,}.", target=target)


CHECKS = {"min": _check_bound, "max": _check_bound, "values": _check_values, "hours": _check_hours}


def describe_rule(rule: dict) -> str:
    """The rule in words."""
    column, kind = rule["column"], rule["type"]
    if kind == "range":
        bounds = [f"{word} {rule[name]}" for name, word in (("min", "at least"), ("max", "at most")) if name in rule]
        return f"{column} is {' and '.join(bounds)}"
    if kind == "set":
        return f"{column} is one of {', '.join(map(str, rule['values']))}"
    if kind == "freshness":
        return f"{column} is at most {rule['hours']:g} hours old in the newest row"
    return f"{column} is {'never missing' if kind == 'not_null' else 'unique'}"


def queue_check(version: DataVersion, user) -> None:
    """Check a new version of an asset that has rules."""
    if version.is_table and version.named_asset.quality_rules:
        DataWork.queue(version, DataWork.Kind.QUALITY, user)


def find_results(versions: Iterable[DataVersion]) -> dict[int, DataWork]:
    """The newest check of each version, by the number of the version's row."""
    rows = DataWork.objects.filter(kind=DataWork.Kind.QUALITY, version__in=[one.pk for one in versions])
    return {row.version_id: row for row in rows.order_by("pk")}
