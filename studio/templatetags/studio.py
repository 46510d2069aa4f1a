"""Tags and filters that every template has. docs/ui.md shows each with an example."""

import datetime as dt
import functools
import secrets

from django import template
from django.conf import settings
from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import QueryDict
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import get_script_prefix
from django.utils import timezone
from django.utils.html import format_html

from studio.formats import format_bytes, format_duration
from studio.forms import FORM_KEY
from studio.icons import ICONS
from studio.links import link_to, page_of_form
from studio.markdown import render_markdown, strip_markdown
from studio.shell import NavGroup
from studio.static_files import find_static, list_imports

register = template.Library()
register.filter("bytes", format_bytes)
register.filter("duration", format_duration)
register.filter("markdown", render_markdown)
register.filter(intcomma)
register.simple_tag(link_to)

MINUTE, HOUR, DAY = 60, 3600, 86400
# Longer values are shortened.
CHIP_LENGTH = 120
# A longer description above a list is folded.
ABOUT_LENGTH = 160

RUNNING, QUEUED, GOOD, BAD, OTHER, AMBER = "running", "queued", "good", "bad", "other", "amber"
# State → colour and icon, for jobs, clusters and nodes, whose states do not clash.
STATUSES = {
    "Running": (RUNNING, "play"),
    "Finalizing": (RUNNING, "sort-up"),
    "NotStarted": (QUEUED, "clock"),
    "Preparing": (QUEUED, "clock"),
    "Provisioning": (QUEUED, "clock"),
    "Starting": (QUEUED, "clock"),
    "Queued": (QUEUED, "clock"),
    "Resizing": (QUEUED, "clock"),
    "Creating": (QUEUED, "clock"),
    "Updating": (QUEUED, "clock"),
    "Restarting": (QUEUED, "clock"),
    "Stopping": (OTHER, "clock"),
    "Stopped": (OTHER, "stop"),
    "CreateFailed": (BAD, "error"),
    "CancelRequested": (OTHER, "stop"),
    "Deleting": (OTHER, "clock"),
    "Leaving": (OTHER, "minus"),
    "Left": (OTHER, "minus"),
    # It says nothing of success, so it has no tick.
    "Ended": (OTHER, "minus"),
    "Idle": (GOOD, "check"),
    "Completed": (GOOD, "check"),
    "Succeeded": (GOOD, "check"),
    "Healthy": (GOOD, "check"),
    "Unhealthy": (AMBER, "warning"),
    "Transitioning": (QUEUED, "clock"),
    "Failed": (BAD, "error"),
    "Unusable": (BAD, "error"),
    "Preempted": (AMBER, "warning"),
    "NotResponding": (AMBER, "warning"),
    "Canceled": (OTHER, "cancel"),
    "NotDeployed": (OTHER, "minus"),
}
WORDS = {
    "NotStarted": "Not started",
    "CancelRequested": "Cancel requested",
    "NotResponding": "Not responding",
    "CreateFailed": "Failed",
    "NotDeployed": "Not deployed",
}


@register.filter
def pairs(mapping) -> list:
    """Names and values, of a query all values of each name.

    In a template, `tags.items` is the value of the tag `items` if there is one, and the page breaks.
    """
    return list(mapping.lists() if isinstance(mapping, QueryDict) else mapping.items()) if mapping else []


@register.simple_tag
def form_key() -> str:
    """For a form that creates something, next to its csrf_token: sent twice, it is processed once."""
    return format_html('<input type="hidden" name="{}" value="{}">', FORM_KEY, secrets.token_urlsafe(12))


@register.simple_tag
@functools.lru_cache(maxsize=1000, typed=True)
def icon(name: str, size: int = 20, label: str = "") -> str:
    """An icon; decorative unless it has a label."""
    return render_to_string("studio/_icon.html", {"shape": ICONS[name], "size": size, "label": label})


# Every page has the next three.


@register.simple_tag
@functools.lru_cache(maxsize=10_000)
def nav_links(nav: tuple[NavGroup, ...]) -> str:
    """The entries of the left navigation."""
    return render_to_string("studio/_nav_links.html", {"nav": nav})


@register.simple_tag
@functools.lru_cache(maxsize=10_000)
def nav_keys(nav: tuple[NavGroup, ...]) -> str:
    """The entries of the left navigation with their keyboard shortcuts."""
    return render_to_string("studio/_nav_keys.html", {"nav": nav})


@register.simple_tag
def account_links(is_admin: bool) -> str:
    """The entries of the menu of the account."""
    return _account_links(is_admin, get_script_prefix())


@functools.lru_cache(maxsize=10)
def _account_links(is_admin: bool, script_prefix: str) -> str:
    return render_to_string("studio/_account_links.html", {"is_admin": is_admin})


@register.simple_tag(takes_context=True)
def form_page(context) -> str:
    """The page whose form was sent."""
    return page_of_form(context["request"])


@register.simple_tag
def asset(path: str) -> str:
    """The URL of a static file, which changes with the file, so that browsers can cache it."""
    find_static(path)
    return static(path)


@register.simple_tag
def module(path: str) -> str:
    """A JavaScript module such as `js/pages/jobs.js`, with preloads of all that it imports."""
    return _read_module(path) if settings.DEBUG else _read_module_once(path)


def _read_module(path: str) -> str:
    context = {"address": asset(path), "imports": [static(imported) for imported in list_imports(path)]}
    return render_to_string("studio/_module.html", context)


_read_module_once = functools.cache(_read_module)


@register.simple_tag
@functools.lru_cache(maxsize=200, typed=True)
def status(value: str, detail: str = "", word: str = "") -> str:
    """Icon and name of the state of a job, cluster or node, in its colour; `detail` is shown on hover."""
    key = str(value)[:1].upper() + str(value)[1:]
    colour, symbol = STATUSES.get(key, (OTHER, "question"))
    context = {"colour": colour, "symbol": symbol, "detail": detail, "word": word or WORDS.get(key, key)}
    return render_to_string("studio/_status.html", context)


@register.simple_tag
def when(moment: dt.datetime | None, exact: bool = False, seconds: bool = False) -> str:
    """A time; static/js/shell/times.js writes it in the reader's time zone, relative unless `exact`, or with `seconds`."""
    if moment is None:
        return "--"
    moment = moment.astimezone(dt.UTC)
    second = f":{moment:%S}" if seconds else ""
    return format_html(
        '<time datetime="{}" data-when="{}" title="{}">{}</time>',
        moment.isoformat(timespec="milliseconds"),
        "seconds" if seconds else "exact" if exact else "relative",
        f"{moment:%b} {moment.day}, {moment:%Y %H:%M:%S} UTC",
        ("" if exact or seconds else _ago(moment)) or f"{moment:%b} {moment.day}, {moment:%Y %H:%M}{second} UTC",
    )


def _ago(moment: dt.datetime) -> str:
    """The same text as static/js/pure/times.js, so that nothing moves; empty for times over a week ago or in the future."""
    seconds = (timezone.now() - moment).total_seconds()
    if not -5 <= seconds < 7 * DAY:
        return ""
    if seconds < 10:
        return "just now"
    for unit, name, until in ((1, "s", MINUTE), (MINUTE, "min", HOUR), (HOUR, "h", DAY)):
        if seconds < until:
            return f"{int(seconds // unit)} {name} ago"
    days = int(seconds // DAY)
    return "yesterday" if days == 1 else f"{days} days ago"


@register.simple_tag
def ticking(start: dt.datetime | None, end: dt.datetime | None = None) -> str:
    """The duration from start to end; without an end, the browser updates it."""
    if start is None:
        return "--"
    text = format_duration((end or timezone.now()) - start)
    if end:
        return text
    return format_html('<span data-since="{}">{}</span>', start.astimezone(dt.UTC).isoformat(), text)


@register.filter
def dash(value):
    """Two hyphens for an empty value, as in Azure."""
    return "--" if value is None or value == "" else value


@register.simple_tag
def chip(name, value, kind: str, number: int, title: str = "") -> str:
    """A name with its value. A long value is shortened; a click shows all of it. `kind` and `number` make the id of the
    value; `title` is shown on hover."""
    text = "" if value is None else str(value)
    return _long_chip(str(name), text, kind, number) if len(text) > CHIP_LENGTH else _short_chip(str(name), text, title)


def _long_chip(name: str, value: str, kind: str, number: int) -> str:
    context = {"name": name, "value": value, "id": f"{kind}-value-{number}", "is_long": True}
    return render_to_string("studio/_chip.html", context)


# A page has many of them.
@functools.lru_cache(maxsize=5000)
def _short_chip(name: str, value: str, title: str) -> str:
    context = {"name": name, "value": value, "title": title if title != value else ""}
    return render_to_string("studio/_chip.html", context)


@register.simple_tag
def cut_markdown(text: str) -> str:
    """The words of a description in one line of a cell; as many as fit, more on hover."""
    words = strip_markdown(text)
    return format_html('<span class="cut" title="{0}">{0}</span>', words) if words else "--"


@register.inclusion_tag("studio/_about.html")
def about(text: str) -> dict:
    """A description above a list, which leaves the screen to the list: a longer one is folded to a line of its words."""
    is_long = len(text) > ABOUT_LENGTH or "\n" in text.strip()
    return {"text": text, "words": strip_markdown(text) if is_long else ""}


@register.inclusion_tag("studio/_copy.html")
def copy(text, label: str = "Copy") -> dict:
    """A small button that copies the text."""
    return {"text": text, "label": label}


@register.simple_block_tag
def empty_state(content: str, title: str, action_url: str = "", action_label: str = "") -> str:
    """An empty state: a drawing, a title, the text inside the tag and optionally a link."""
    context = {"title": title, "text": content, "action_url": action_url, "action_label": action_label}
    return render_to_string("studio/_empty.html", context)


@register.inclusion_tag("studio/_pager.html", takes_context=True)
def pager(context, page, target: str = "") -> dict:
    """`« ‹ Page [1] of N › »  25/Page` for a page of Django's Paginator; `target` is a piece's id to swap by htmx."""
    return {"page": page, "request": context["request"], "target": target, "sizes": [10, 25, 50, 100]}


@register.inclusion_tag("studio/_pager_keyset.html", takes_context=True)
def pager_keyset(context, previous: str = "", following: str = "", target: str = "") -> dict:
    """Newer and older links, for lists that are too long to count."""
    return {"previous": previous, "following": following, "request": context["request"], "target": target}


@register.inclusion_tag("studio/_sort_header.html", takes_context=True)
def sort_header(context, label: str, field: str, numeric: bool = False, default: str = "") -> dict:
    """A `<th>` with a link that sorts by `?sort=field`, or reverses the order if it is sorted by it."""
    sort = context["request"].GET.get("sort", default)
    order = {field: "ascending", f"-{field}": "descending"}.get(sort, "")
    return {
        "label": label,
        "numeric": numeric,
        "order": order,
        "to": f"-{field}" if order == "ascending" else field,
        "request": context["request"],
    }
