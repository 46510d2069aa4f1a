"""Validation rules for secrets, as in Azure's key vault. Error messages never contain values."""

from studio.errors import Invalid
from studio.rules import Rule, name_rule, text_rule

MAX_LENGTH = 25_000
MAX_VERSIONS = 100


def check_value(value) -> str:
    if not isinstance(value, str):
        raise Invalid(f"The value must be text, not {type(value).__name__}.", target="value")
    if not value:
        raise Invalid("The value is empty.", target="value")
    if len(value) > MAX_LENGTH:
        raise Invalid(f"The value has {len(value):,} characters; {MAX_LENGTH:,} are allowed.", target="value")
    if any("\ud800" <= character <= "\udfff" or character == "\0" for character in value):
        raise Invalid("The value contains a NUL character or half of a character.", target="value")
    return value


SECRET_NAME: Rule = name_rule("secret name")
SECRET_VALUE = Rule(check_value, "value", {"minLength": 1, "maxLength": MAX_LENGTH})
CONTENT_TYPE = text_rule("content type", max_length=255, allow_empty=True)
