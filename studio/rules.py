"""Rules for single values. Each rule is one object with three uses:

DESCRIPTION = text_rule("description", max_length=5000, allow_empty=True, allow_lines=True)

description: Annotated[str, DESCRIPTION]      # in the class of a request body
description = TextField(DESCRIPTION)          # the form of a page (studio/forms.py)
DESCRIPTION.check(description)                # the method of a model, which everybody calls
"""

import dataclasses
from collections.abc import Callable, Collection
from typing import Any

from pydantic_core import core_schema

from studio import names
from studio.errors import Invalid


@dataclasses.dataclass(frozen=True, eq=False)
class Rule:
    """`check` returns the value to store, or raises Invalid, whose target is the field's name in the API.

    `limits` are the limits as JSON Schema keywords, for the description of the API and the form's field.
    """

    check: Callable[[Any], Any]
    target: str
    limits: dict[str, Any]

    def __get_pydantic_core_schema__(self, source, handler):
        # Invalid passes through pydantic, so that errors have the same text everywhere.
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema, handler):
        return handler(schema) | self.limits


def text_rule(what: str, *, max_length: int, allow_empty: bool = False, allow_lines: bool = False) -> Rule:
    """See `names.check_text`."""

    def check(value) -> str:
        return names.check_text(value, what, max_length=max_length, allow_empty=allow_empty, allow_lines=allow_lines)

    limits = {"maxLength": max_length} | ({} if allow_empty else {"minLength": 1})
    return Rule(check, names.wire_name(what), limits)


def name_rule(what: str) -> Rule:
    """`what` is a key of `names.RULES`."""
    return Rule(lambda value: names.check_name(value, what), what, {"description": names.RULES[what][1]})


def number_rule(what: str, min_value: int, max_value: int, *, target: str = "") -> Rule:
    target = target or names.wire_name(what)

    def check(value) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not min_value <= value <= max_value:
            text = f"The {what} is {value!r}: write a whole number from {min_value:,} to {max_value:,}."
            raise Invalid(text, target=target)
        return value

    return Rule(check, target, {"minimum": min_value, "maximum": max_value})


def choice_rule(what: str, choices: Collection[str], *, target: str) -> Rule:
    """One of a few words, ignoring case."""
    known = {choice.lower(): choice for choice in choices}

    def check(value) -> str:
        found = known.get(value.lower()) if isinstance(value, str) else None
        if found is None:
            raise Invalid(f"The {what} is {value!r}; it may be {' or '.join(choices)}.", target=target)
        return found

    return Rule(check, target, {"enum": list(choices)})


def tags_rule(what: str, *, max_count: int) -> Rule:
    """Names and values; see `names.check_tags`."""
    target = "properties" if what == "property" else f"{what}s"
    return Rule(lambda value: names.check_tags(value, what, max_count=max_count), target, {"maxProperties": max_count})


DESCRIPTION = text_rule("description", max_length=5000, allow_empty=True, allow_lines=True)
TAGS = tags_rule("tag", max_count=names.MAX_TAGS)
