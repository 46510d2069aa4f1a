"""Validation rules for the fields of registered models, for pages, the API and MLflow's routes."""

import operator
import re
from typing import Any

from registry import sources
from runs.rules import METRIC_NAME
from studio import numbers
from studio.errors import Invalid
from studio.rules import Rule, choice_rule, name_rule, tags_rule, text_rule

MODEL_NAME = name_rule("model name")
MODEL_TYPES = ("custom_model", "mlflow_model", "triton_model")
MODEL_TYPE = choice_rule("model type", MODEL_TYPES, target="modelType")
STAGES = ("None", "Staging", "Production", "Archived")
STAGE = choice_rule("stage", STAGES, target="stage")
FRAMEWORK = text_rule("model framework", max_length=100, allow_empty=True)
FRAMEWORK_VERSION = text_rule("model framework version", max_length=100, allow_empty=True)
DATASET_ID = text_rule("dataset id", max_length=500, allow_empty=True)
PROPERTIES = tags_rule("property", max_count=50)
# MLflow's limit.
MAX_VERSION = 10**9
ALIAS_TEXT = "1 to 255 letters, digits, hyphens and underscores"


def check_alias(value) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[\w-]{1,255}", value, re.ASCII):
        raise Invalid(f"{str(value)[:100]!r} is not an alias: use {ALIAS_TEXT}.", target="alias")
    if value.lower() == "latest" or re.fullmatch(r"v\d+", value, re.IGNORECASE):
        raise Invalid(f"The alias {value!r} is reserved: it would be mistaken for a version.", target="alias")
    return value


ALIAS = Rule(check_alias, "alias", {"maxLength": 255, "minLength": 1, "description": ALIAS_TEXT})
MODEL_URI = Rule(sources.check_source, "modelUri", {"minLength": 1, "maxLength": sources.MAX_LENGTH})
# What a promotion rule may be about, with the rule of its name.
PROMOTED = {"alias": ALIAS, "stage": STAGE}
PROMOTED_KIND = choice_rule("kind", PROMOTED, target="kind")
MAX_MESSAGE = 500
MESSAGE = text_rule("message", max_length=MAX_MESSAGE, allow_empty=True)
DECISION = choice_rule("decision", ("approved", "declined"), target="state")
COMPARISONS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
CONDITION = re.compile(r"(?P<name>\S.*?)\s*(?P<sign>>=|<=|>|<)\s*(?P<limit>\S+)")
MAX_CONDITIONS = 20


def check_conditions(lines) -> list[list[Any]]:
    """Conditions such as `accuracy >= 0.9`, as they are stored: ["accuracy", ">=", 0.9]."""
    if len(lines) > MAX_CONDITIONS:
        raise Invalid(f"{len(lines)} are given; {MAX_CONDITIONS} are allowed.", target="needs_metrics")
    return [_read_condition(line) for line in lines]


def _read_condition(line: str) -> list[Any]:
    match = CONDITION.fullmatch(line)
    limit = numbers.float_or_none(match["limit"]) if match else None
    if match is None or limit is None:
        raise Invalid(f"{line[:100]!r}: write it as accuracy >= 0.9.", target="needs_metrics")
    return [METRIC_NAME.check(match["name"]), match["sign"], limit]


CONDITIONS = Rule(check_conditions, "needs_metrics", {"maxItems": MAX_CONDITIONS})


def parse_version(text: str) -> int:
    """The number of a version, as it stands in an address."""
    if not (text.isascii() and text.isdigit() and len(text) < 11 and 0 < int(text) <= MAX_VERSION):
        raise Invalid(
            f"{text[:50]!r} is not the version of a model: write a whole number from 1 to {MAX_VERSION:,}.",
            target="version",
        )
    return int(text)
