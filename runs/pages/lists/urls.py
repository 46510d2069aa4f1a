"""Addresses of a list that differ in one thing from the present one."""

from django.http import QueryDict

# What says how a list looks, not which runs it has: a person's own layout consists of these.
LAYOUT = ["col", "pin", "width", "sort", "size", "group", "chart", "charts"]
# A poll's own business, and a marker that holds only for the address it came with.
PASSING = ["seen", "experiment", "rows"]


def tidy(query: QueryDict) -> QueryDict:
    """The words of a list, without what only passes through."""
    left = query.copy()
    for word in PASSING:
        left.pop(word, None)
    return left


def changed(query: QueryDict, **words) -> str:
    """`?…` with these words set to a value or list; None takes one away."""
    copy = query.copy()
    for word, value in words.items():
        if value is None:
            copy.pop(word, None)
        else:
            copy.setlist(word, value if isinstance(value, list) else [value])
    return f"?{copy.urlencode()}"


def toggled(query: QueryDict, word: str, value, **words) -> str:
    """With this value among those of the word, or without it if it is there."""
    had = query.getlist(word)
    value = str(value)
    left = [one for one in had if one != value] if value in had else [*had, value]
    return changed(query, **{word: left, **words})


def pairs(query: QueryDict, *without: str) -> list[tuple[str, str]]:
    """For hidden inputs of a form that sets the words left out."""
    return [(word, value) for word, values in query.lists() if word not in without for value in values]
