"""Validation rules for the fields of accounts (studio/rules.py). Those for passwords: `AUTH_PASSWORD_VALIDATORS` in
studio/settings.py."""

import re

from django.db import models

from studio.errors import Invalid
from studio.rules import Rule, choice_rule, text_rule


class TokenScope(models.TextChoices):
    """The part of its owner's permissions that a personal token has."""

    READ = "read", "Read only"
    WRITE = "write", "Read and write, but no members, roles, keys or deletion of workspaces"
    ADMIN = "admin", "Everything that I can do"


TOKEN_NAME = text_rule("token name", max_length=100)
PASSKEY_NAME = text_rule("passkey name", max_length=80)
CLIENT_NAME = text_rule("client name", max_length=80)
TOKEN_SCOPE = choice_rule("scope", TokenScope.values, target="scope")
# As user names: Latin letters only, so that no name looks like another.
PRINCIPAL_PATTERN = re.compile(r"[a-zA-Z0-9][\w.-]{0,99}", re.ASCII)
PRINCIPAL_WORDS = "letters, digits and . _ -, starting with a letter or digit, at most 100"


def check_principal_name(text) -> str:
    if not isinstance(text, str) or not PRINCIPAL_PATTERN.fullmatch(text):
        raise Invalid(
            f"{str(text)[:100]!r} is not a name for a service principal: use {PRINCIPAL_WORDS}.", target="name"
        )
    return text


PRINCIPAL_NAME = Rule(check_principal_name, "name", {"maxLength": 100, "description": PRINCIPAL_WORDS})
