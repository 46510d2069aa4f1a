"""The one place that asks whether a request comes from htmx."""

import json

from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers


def wants_piece(request: HttpRequest) -> bool:
    """Boosted links and history restores get the whole page."""
    htmx = request.htmx
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def render_page(
    request, template: str, context: dict | None = None, *, partial: str = "", status: int = 200
) -> HttpResponse:
    """The page, or only its piece named `partial` when htmx asks for that piece (partial name = DOM id = hx-target)."""
    if partial and wants_piece(request) and request.htmx.target in (None, partial):
        template = f"{template}#{partial}"
    response = render(request, template, context or {}, status=status)
    if "#" in template:
        toast(response, [(str(message), message.level_tag) for message in get_messages(request)])
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def keep() -> HttpResponse:
    """Status 286 ends a poll when what it watches is gone."""
    return HttpResponse(status=286)


def toast(response: HttpResponse, notices: list[tuple[str, str]]) -> HttpResponse:
    """Short notices (text, level) at the edge of the page; a piece carries the messages of the redirect before it."""
    if notices:
        toasts = [{"text": text, "level": level} for text, level in notices]
        response.headers["HX-Trigger"] = json.dumps({"toast": {"toasts": toasts}})
    return response
