"""Whole addresses that others are given. Never from the request: whoever sends it writes its Host header."""

from django.conf import settings


def public_url(path: str) -> str:
    """The address of one of our paths, as people and machines elsewhere reach it."""
    return settings.PUBLIC_URL + path
