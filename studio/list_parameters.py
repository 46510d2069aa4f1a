"""The parameters of a list's address; a page names those that it does not know, so that a misspelt filter is noticed."""

import difflib
import functools
from collections.abc import Callable, Iterable

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
