"""The bodies of webhooks: the studio's own JSON, or the bodies that chat tools show as a message."""

from collections.abc import Callable
from typing import Any

from notices.models import Notification
from notices.rules import WebhookFormat
from studio.formats import utc_time
from studio.public_url import public_url

CARD = "application/vnd.microsoft.card.adaptive"


def _url_of(notification: Notification) -> str:
    return public_url(notification.path) if notification.path else ""


def write_json(notification: Notification) -> dict[str, Any]:
    return {
        "id": notification.pk,
        "event": notification.event,
        "title": notification.title,
        "detail": notification.detail,
        "url": _url_of(notification),
        "time": utc_time(notification.at),
        "data": notification.data,
        # The text for chat tools.
        "text": f"{notification.title}\n{notification.detail}".strip(),
    }


def write_slack(notification: Notification) -> dict[str, Any]:
    """The title in bold, the details and a link; Slack reads three characters of names as its own."""
    title = _escape(" ".join(notification.title.split()))
    lines = [f"*{title}*", _escape(notification.detail), f"<{_url_of(notification)}|Open>" if notification.path else ""]
    return {"text": "\n".join(filter(None, lines))}


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def write_teams(notification: Notification) -> dict[str, Any]:
    """An adaptive card, which Teams' workflows post."""
    blocks: list[dict[str, Any]] = [{"type": "TextBlock", "text": notification.title, "weight": "Bolder", "wrap": True}]
    if notification.detail:
        blocks.append({"type": "TextBlock", "text": notification.detail, "wrap": True})
    card: dict[str, Any] = {"type": "AdaptiveCard", "version": "1.4", "body": blocks}
    if url := _url_of(notification):
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open", "url": url}]
    return {"type": "message", "attachments": [{"contentType": CARD, "content": card}]}


WRITERS: dict[WebhookFormat, Callable[[Notification], dict[str, Any]]] = {
    WebhookFormat.JSON: write_json,
    WebhookFormat.SLACK: write_slack,
    WebhookFormat.TEAMS: write_teams,
}
