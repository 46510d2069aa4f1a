"""The one place that asks whether a request comes from htmx."""

import json

from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers


def is_htmx(request: HttpRequest) -> bool:
    """Whether htmx asks, be it for a piece or for a whole page."""
    return bool(request.htmx)


def wants_piece(request: HttpRequest) -> bool:
    """Boosted links and history restores get the whole page."""
    htmx = request.htmx
    return is_htmx(request) and not htmx.boosted and not htmx.history_restore_request


def address_of_page(request: HttpRequest) -> str:
    """The path and query of the page that a piece is for; empty if htmx does not ask or the page is another server's."""
    return request.htmx.current_url_abs_path or ""


def render_page(
    request, template: str, context: dict | None = None, *, partial: str = "", status: int = 200
) -> HttpResponse:
    """The page, or only its piece named `partial` when htmx asks for that piece (partial name = DOM id = hx-target)."""
    if partial and wants_piece(request) and request.htmx.target in (None, partial):
        template = f"{template}#{partial}"
    response = render(request, template, context or {}, status=status)
    if "#" in template:
        show_toasts(response, [(str(message), message.level_tag) for message in get_messages(request)])
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def reload_page(response: HttpResponse | None = None) -> HttpResponse:
    """htmx loads the whole page again instead of swapping a piece."""
    response = response or HttpResponse()
    response.headers["HX-Refresh"] = "true"
    return response


def swap_whole(response: HttpResponse, target: str) -> HttpResponse:
    """htmx puts the answer in the place of the element `target`, whatever its request named."""
    response.headers["HX-Retarget"] = f"#{target}"
    response.headers["HX-Reswap"] = "outerHTML"
    return response


def stop_polling() -> HttpResponse:
    """Status 286 ends a poll when what it watches is gone."""
    return HttpResponse(status=286)


def show_toasts(response: HttpResponse, notices: list[tuple[str, str]]) -> HttpResponse:
    """Short notices (text, level) at the edge of the page; a piece carries the messages of the redirect before it."""
    if notices:
        toasts = [{"text": text, "level": level} for text, level in notices]
        response.headers["HX-Trigger"] = json.dumps({"toast": {"toasts": toasts}})
    return response
