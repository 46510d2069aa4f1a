"""The one place that asks whether a request comes from htmx."""

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
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def stop_polling() -> HttpResponse:
    """Status 286 ends a poll when what it watches is gone."""
    return HttpResponse(status=286)
