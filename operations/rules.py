"""Validation rules for the fields of announcements (studio/rules.py)."""

from django.db.models import TextChoices

from studio.rules import choice_rule, text_rule


class AnnouncementLevel(TextChoices):
    INFO = "info", "Information"
    WARNING = "warning", "Warning"


ANNOUNCEMENT = text_rule("text", max_length=500)
LEVEL = choice_rule("level", AnnouncementLevel.values, target="level")
