"""Validation rules for the fields of environments (studio/rules.py)."""

from studio.rules import name_rule, text_rule

ENVIRONMENT_NAME = name_rule("environment name")
IMAGE = text_rule("image", max_length=500, allow_empty=True)
