"""The only module that checks whether a request comes from htmx."""

import json

from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

# The headers on which the response to a URL depends.
HTMX_HEADERS = (
    "HTTP_HX_REQUEST",
    "HTTP_HX_TARGET",
    "HTTP_HX_CURRENT_URL",
    "HTTP_HX_BOOSTED",
    "HTTP_HX_HISTORY_RESTORE_REQUEST",
)


def is_htmx(request: HttpRequest) -> bool:
    """Whether the request comes from htmx, for a partial or for a whole page."""
    return bool(request.htmx)


def wants_piece(request: HttpRequest) -> bool:
    """Whether htmx wants a partial; boosted links and history restores get the whole page."""
    htmx = request.htmx
    return is_htmx(request) and not htmx.boosted and not htmx.history_restore_request


def address_of_page(request: HttpRequest) -> str:
    """Path and query of the page that requests a partial; empty without htmx or for a page of another server."""
    try:
        return request.htmx.current_url_abs_path or ""
    except ValueError:
        # The header is no address.
        return ""


def render_page(
    request, template: str, context: dict | None = None, *, partial: str = "", status: int = 200
) -> HttpResponse:
    """The page, or only its partial `partial` if htmx requests it (partial name = DOM id = hx-target)."""
    if partial and wants_piece(request) and request.htmx.target in (None, partial):
        template = f"{template}#{partial}"
    response = render(request, template, context or {}, status=status)
    if "#" in template:
        show_toasts(response, [(str(message), message.level_tag) for message in get_messages(request)])
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def reload_page(response: HttpResponse | None = None) -> HttpResponse:
    """Makes htmx reload the whole page instead of swapping a partial."""
    response = response or HttpResponse()
    response.headers["HX-Refresh"] = "true"
    return response


def swap_whole(response: HttpResponse, target: str) -> HttpResponse:
    """Makes htmx replace the element `target`, whatever target the request named."""
    response.headers["HX-Retarget"] = f"#{target}"
    response.headers["HX-Reswap"] = "outerHTML"
    return response


def keep_address(response: HttpResponse) -> HttpResponse:
    """Makes htmx keep the URL of the page, even if the request says to push another."""
    response.headers["HX-Push-Url"] = response.headers["HX-Replace-Url"] = "false"
    return response


def stop_polling() -> HttpResponse:
    """Status 286 ends a poll when its object is gone."""
    return HttpResponse(status=286)


def show_toasts(response: HttpResponse, notices: list[tuple[str, str]]) -> HttpResponse:
    """Shows toasts (text, level); a partial carries the messages of the redirect before it."""
    if notices:
        toasts = [{"text": text, "level": level} for text, level in notices]
        response.headers["HX-Trigger"] = json.dumps({"toast": {"toasts": toasts}})
    return response
