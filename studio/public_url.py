"""Absolute URLs for clients and links. They never come from the request, whose sender controls its Host header."""

from django.conf import settings


def public_url(path: str) -> str:
    """The absolute URL of a path that `reverse()` or `request.path` gives, as other people and machines reach it."""
    return settings.PUBLIC_URL.removesuffix(settings.PUBLIC_PATH) + path
