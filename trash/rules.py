"""Validation rules for the fields of retention rules (studio/rules.py)."""

from studio.rules import number_rule, text_rule

DAYS = number_rule("number of days", 1, 36_500)
EXPERIMENTS = text_rule("experiments", max_length=500)
TAG_NAME = text_rule("tag name", max_length=256, allow_empty=True)
