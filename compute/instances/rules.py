"""Validation rules for the fields of compute instances."""

import re

from studio.errors import Invalid
from studio.rules import Rule, number_rule

NAME = re.compile(r"[a-zA-Z](?:[a-zA-Z0-9]|-(?=[a-zA-Z])){2,23}", re.ASCII)
NAME_HELP = "3 to 24 letters, digits and hyphens; it begins with a letter, and a letter follows each hyphen."
# The minutes without activity in JupyterLab; docs/notebooks.md defines idle.
IDLE_MINUTES = number_rule("minutes before idle shutdown", 15, 3 * 24 * 60, target="idleTimeBeforeShutdown")


def check_name(name) -> str:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise Invalid(f"{str(name)[:60]!r} cannot be the name of a compute instance: use {NAME_HELP}", target="name")
    return name


INSTANCE_NAME = Rule(check_name, "name", {"minLength": 3, "maxLength": 24, "description": NAME_HELP})
