"""Validation rules for labeling projects, shared by pages and methods of the models."""

from assets.data.rules import DATA_NAME
from studio.errors import Invalid
from studio.rules import Rule, number_rule, text_rule

# The labels are registered as a data asset with the name of the project and this ending.
EXPORT_ENDING = "-labels"
MAX_NAME_LENGTH = 200
MIN_LABELS, MAX_LABELS = 2, 50
MAX_LABEL_LENGTH = 60
INSTRUCTIONS = text_rule("instructions", max_length=5000, allow_empty=True, allow_lines=True)
LABELERS = number_rule("number of labelers", 1, 5, target="labelersPerItem")
LABEL = text_rule("label", max_length=MAX_LABEL_LENGTH)


def check_name(value) -> str:
    name = DATA_NAME.check(value)
    if len(name) > MAX_NAME_LENGTH:
        raise Invalid(f"The name has {len(name)} characters; {MAX_NAME_LENGTH} are allowed.", target="name")
    return name


def check_labels(value) -> list[str]:
    """A list of different labels."""
    if not isinstance(value, list) or not MIN_LABELS <= len(value) <= MAX_LABELS:
        raise Invalid(f"Write {MIN_LABELS} to {MAX_LABELS} labels.", target="labels")
    found = [LABEL.check(label.strip() if isinstance(label, str) else label) for label in value]
    taken: set[str] = set()
    for label in found:
        if label.casefold() in taken:
            raise Invalid(f"The label {label!r} appears twice.", target="labels")
        taken.add(label.casefold())
    return found


NAME = Rule(check_name, "name", {**DATA_NAME.limits, "maxLength": MAX_NAME_LENGTH})
LABELS = Rule(check_labels, "labels", {"minItems": MIN_LABELS, "maxItems": MAX_LABELS})
