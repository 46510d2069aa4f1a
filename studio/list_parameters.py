"""The parameters of a list's address; a page names those that it does not know, so that a misspelt filter is noticed."""

import difflib
import functools
from collections.abc import Callable, Iterable, Mapping

from django.db.models import QuerySet
from django.http import QueryDict

# Every list may have pages.
COMMON = ("page", "size")
MAX_UNKNOWN = 5


def find_unknown(query: QueryDict, known: Iterable[str], unnamed: Iterable[str] = ()) -> list[tuple[str, str]]:
    """The parameters that a list ignores, each with a known one of a similar name, or an empty text; `unnamed` are
    accepted, but never suggested."""
    known = list(known)
    unknown = [word for word in query if word not in known and word not in unnamed]
    return [(word[:60], "".join(difflib.get_close_matches(word[:60], known, 1))) for word in unknown[:MAX_UNKNOWN]]


def accept_parameters(*known: str) -> Callable:
    """For the view of a list: the page names other parameters in a bar below its heading."""

    def decorate(view):
        @functools.wraps(view)
        def wrapped(request, *args, **kwargs):
            request.unknown_parameters = find_unknown(request.GET, [*known, *COMMON])
            return view(request, *args, **kwargs)

        return wrapped

    return decorate


def order_rows(request, rows: QuerySet, sorts: Mapping[str, str], default: str) -> QuerySet:
    """The rows in the order of `?sort=`, a key of `sorts`, falling after a minus; the page names one that the list does not have."""
    sort = request.GET.get("sort") or default
    if sort.removeprefix("-") not in sorts:
        request.wrong_sort = {"value": sort[:60], "allowed": list(sorts)}
        sort = default
    sign, field = "-" if sort[:1] == "-" else "", sorts[sort.removeprefix("-")]
    return rows.order_by(f"{sign}{field}", f"{sign}pk")
