"""Addresses of a list that differ in one thing from the present one."""

from django.http import QueryDict

from runs.pages.lists.forms import RunFilter
from studio.errors import Invalid

# What says how a list looks, not which runs it has: a person's own layout consists of these.
LAYOUT = ["col", "pin", "width", "sort", "size", "group", "chart", "charts"]


# Every link of a page holds the whole address, with the next one in it.
MOST_ADDRESS = 8_000


def clean_query(query: QueryDict) -> QueryDict:
    """The words of a list, without what only passes through and what means nothing to it."""
    left = query.copy()
    for word in query:
        if word not in RunFilter.base_fields:
            del left[word]
    if (length := len(left.urlencode())) > MOST_ADDRESS:
        raise Invalid(f"The address of the list has {length} characters; {MOST_ADDRESS} are allowed.")
    return left


def change_query(query: QueryDict, **words) -> str:
    """`?…` with these words set to a value or list; None takes one away."""
    copy = query.copy()
    for word, value in words.items():
        if value is None:
            copy.pop(word, None)
        else:
            copy.setlist(word, value if isinstance(value, list) else [value])
    return f"?{copy.urlencode()}"


def toggle_value(query: QueryDict, word: str, value, **words) -> str:
    """With this value among those of the word, or without it if it is there."""
    had = query.getlist(word)
    value = str(value)
    left = [one for one in had if one != value] if value in had else [*had, value]
    return change_query(query, **{word: left, **words})


def hidden_fields(query: QueryDict, *without: str) -> list[tuple[str, str]]:
    """For hidden inputs of a form that sets the words left out."""
    return [(word, value) for word, values in query.lists() if word not in without for value in values]
