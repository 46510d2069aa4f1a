"""Security headers, Azure's paths, and our errors as pages."""

import gzip
import logging
import re

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware, LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.gzip import GZipMiddleware, re_accepts_gzip
from django.shortcuts import render
from django.template import loader
from django.utils.cache import patch_vary_headers
from django_htmx.middleware import HtmxMiddleware

from studio import errors, outages
from studio.htmx import is_htmx, reload_page, show_toasts, wants_piece
from studio.links import page_of_form
from studio.request_context import current_request

logger = logging.getLogger(__name__)
# Plotly sets style attributes, so inline styles are allowed; inline scripts are not.
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self'; frame-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
# The bare tracking URL of a workspace is a page: MLflow's clients print links that start with it.
PERMISSIONS = "camera=(), microphone=(), geolocation=()"
# Files that a page consists of, which browsers do not show as pages.
PARTS, POLICY_OF_PARTS = (".js", ".css", ".woff2"), "default-src 'none'"
ABOUT_DOCUMENTS = ["Cross-Origin-Opener-Policy", "Referrer-Policy"]
API = re.compile(
    r"^/(subscriptions|administration|history|content|modelmanagement|nodes|discovery|metadata|signed|notices|pypi|mlflow(?!/[^/]+/subscriptions/.*/workspaces/[^/]+/$))(/|$)"
    r"|^/login/(device(/token)?|whoami)$|^/[^/]+/oauth2/(v2\.0/)?token$",
    re.I,
)
ONE_PACKET = 1400
FIXED_WORDS = [
    (re.compile(r"(/subscriptions/[^/]+)/resourcegroups(?=/|$)", re.I), r"\1/resourceGroups"),
    (
        re.compile(r"/providers/microsoft\.machinelearningservices(?=/|$)", re.I),
        "/providers/Microsoft.MachineLearningServices",
    ),
]


def is_api(request: HttpRequest) -> bool:
    return bool(API.match(request.path_info))


class SecurityHeaders:
    """The same strict policy on every response; a view may set its own first (the sandbox for users' HTML).

    Personal pages are never cached by proxies, and by browsers only with revalidation. Scripts and styles, of which a first
    visit has many, need no headers that are about documents.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        is_static = request.path_info.startswith(settings.WHITENOISE_STATIC_PREFIX)
        if is_static and request.path_info.endswith(PARTS) and response.status_code < 400:
            response.headers["Content-Security-Policy"] = POLICY_OF_PARTS
            for name in ABOUT_DOCUMENTS:
                response.headers.pop(name, None)
            return response
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("Cache-Control", "private, no-cache")
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        return response


class ApiHeaders:
    """All that SecurityHeaders, SecurityMiddleware and XFrameOptionsMiddleware set, in one step."""

    HEADERS = {
        "Content-Security-Policy": POLICY,
        "Cache-Control": "private, no-cache",
        "Permissions-Policy": PERMISSIONS,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": settings.SECURE_REFERRER_POLICY,
        "Cross-Origin-Opener-Policy": settings.SECURE_CROSS_ORIGIN_OPENER_POLICY,
        "X-Frame-Options": settings.X_FRAME_OPTIONS,
    }

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        for name, value in self.HEADERS.items():
            response.headers.setdefault(name, value)
        return response


class AzurePaths:
    """Azure's URLs ignore case in their fixed words; ours have one spelling. A NUL is refused: no database stores it."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if "\0" in request.path_info:
            raise Http404("An address cannot contain a NUL character.")
        if "%00" in request.META["QUERY_STRING"]:
            _refuse_nul(request.GET)
        if "/subscriptions/" in request.path_info.lower():
            for pattern, word in FIXED_WORDS:
                request.path_info = pattern.sub(word, request.path_info)
        return self.get_response(request)


def _refuse_nul(query: QueryDict) -> None:
    for name, values in query.lists():
        if any("\0" in word for word in (name, *values)):
            raise BadRequest(f"{name!r} contains a NUL character. Remove it.")


class Compression(GZipMiddleware):
    """Skips responses that fit into one packet: scripts get a thousand of them a minute."""

    def process_response(self, request, response):
        if not response.streaming and len(response.content) < ONE_PACKET:
            return response
        return super().process_response(request, response)


class FastCompression(Compression):
    """For the API: output a fifth larger than that of pages, in a third of the time."""

    def process_response(self, request, response):
        if response.streaming or response.has_header("Content-Encoding") or len(response.content) < ONE_PACKET:
            return super().process_response(request, response)
        patch_vary_headers(response, ("Accept-Encoding",))
        if re_accepts_gzip.search(request.META.get("HTTP_ACCEPT_ENCODING", "")):
            response.content = gzip.compress(response.content, compresslevel=1, mtime=0)
            response.headers["Content-Encoding"] = "gzip"
            # CommonMiddleware, which is further in, has written the length of before.
            response.headers["Content-Length"] = str(len(response.content))
        return response


class ForPages:
    """Middleware for browsers only; skipped for the API, which accepts no cookies and gets many requests."""

    def __call__(self, request):
        return self.get_response(request) if is_api(request) else super().__call__(request)


class Sessions(ForPages, SessionMiddleware):
    """Skipped for the API."""


class Csrf(ForPages, CsrfViewMiddleware):
    """Not for the API."""


class People(ForPages, AuthenticationMiddleware):
    """Not for the API."""


class FormsWithFiles:
    """Checks the sender and the size of a form with files first, because Django stores its files on disk before it
    checks the CSRF token.


    """

    # A form without files that a script has sent as one with files.
    SMALL = 64 * 1024

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.content_type == "multipart/form-data" and not is_api(request):
            refusal = self._find_refusal(
                request, int(request.META.get("CONTENT_LENGTH") or settings.SNAPSHOT_MAX_BYTES + 1)
            )
            if refusal:
                return outage_page(refusal)
        return self.get_response(request)

    def _find_refusal(self, request, size: int) -> errors.StudioError | None:
        if size > settings.SNAPSHOT_MAX_BYTES:
            return errors.TooLarge(
                f"The form is larger than the {settings.SNAPSHOT_MAX_BYTES // 2**20} MiB that are allowed."
            )
        if size > self.SMALL and not request.user.is_authenticated:
            return errors.Denied("Sign in before you send files.")
        return None


class Messages(ForPages, MessageMiddleware):
    """Not for the API."""


class Htmx(ForPages, HtmxMiddleware):
    """Not for the API."""


class PagesNeedSignIn(LoginRequiredMiddleware):
    """Requires a session for pages. The API checks for a token itself (studio/api.py) and accepts no cookies."""

    def process_view(self, request, view_func, view_args, view_kwargs):
        return None if is_api(request) else super().process_view(request, view_func, view_args, view_kwargs)

    def handle_no_permission(self, request, view_func):
        if is_htmx(request):
            # A poll of a page whose session has ended: the whole page goes to the sign-in, not only the partial.
            return reload_page()
        if request.method == "POST":
            # The URL of a form may answer no GET.
            return redirect_to_login(page_of_form(request))
        return super().handle_no_permission(request, view_func)


def outage_page(error: errors.StudioError) -> HttpResponse:
    """Needs neither database nor session, because these may be unreachable."""
    request = current_request()
    context = {"error": error, "request": request}
    response = HttpResponse(loader.render_to_string("outage.html", context), status=error.status)
    if error.retry_after:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


class Errors:
    """Renders our errors as pages; the API renders them itself (studio/api.py)."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, request, exception) -> HttpResponse | None:
        if is_api(request):
            return None
        if refusal := outages.make_refusal(exception):
            logger.warning("%s %s: %s", request.method, request.path, exception)
            exception = refusal
        return error_page(request, exception) if isinstance(exception, errors.StudioError) else None


def error_page(request, error: errors.StudioError) -> HttpResponse:
    if wants_piece(request):
        # htmx swaps nothing on an error; a toast shows the reason.
        return show_toasts(HttpResponse(status=error.status), [(error.message, "error")])
    if error.status >= 500:
        return outage_page(error)
    return render(request, "error.html", {"error": error}, status=error.status)
