"""Validation rules for a person's notifications (studio/rules.py)."""

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db.models import TextChoices

from studio import names
from studio.errors import Invalid
from studio.rules import Rule, choice_rule
from studio.time_zones import list_zones


class Channel(TextChoices):
    BELL = "bell", "Bell"
    EMAIL = "email", "Mail"
    DIGEST = "digest", "Daily mail"
    WEBHOOK = "webhook", "Webhook"


class WebhookFormat(TextChoices):
    """The body of a post: the studio's own, or what a chat tool accepts."""

    JSON = "json", "JSON"
    SLACK = "slack", "Message for Slack and compatible chat tools"
    TEAMS = "teams", "Card for Microsoft Teams"


MAX_URL_LENGTH = 500
check_address = URLValidator(schemes=["https", "http"])


def check_webhook_url(value) -> str:
    """A web address; without a scheme it is https."""
    text = value if "://" in str(value) else f"https://{value}"
    url = names.check_text(text, "address", max_length=MAX_URL_LENGTH, target="url")
    try:
        check_address(url)
    except ValidationError as error:
        raise Invalid("Write an address that begins with https:// or http://.", target="url") from error
    return url


def check_time_zone(value) -> str:
    if value not in list_zones():
        raise Invalid(
            f"{str(value)[:64]!r} is not a time zone: write one such as Europe/Berlin or UTC.", target="timeZone"
        )
    return value


CHANNEL = choice_rule("channel", Channel.values, target="channel")
WEBHOOK_FORMAT = choice_rule("format", WebhookFormat.values, target="format")
WEBHOOK_URL = Rule(check_webhook_url, "url", {"maxLength": MAX_URL_LENGTH, "format": "uri"})
TIME_ZONE = Rule(check_time_zone, "timeZone", {"maxLength": 64})
