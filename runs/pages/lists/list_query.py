"""The query string of a list: its form, changes to it, and the conditions of its filter."""

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import QueryDict

from runs import search
from runs.charts.group_charts import BANDS
from runs.models import Run
from runs.pages.lists.columns import MAX_COLUMNS
from studio.errors import Invalid
from studio.formats import format_given
from studio.forms import RepeatedField, RepeatedKeyField, cleaned_or_invalid
from studio.search.grammar import TOKEN, All, BadFilter, Clause, Not, parse_filter
from studio.words import split_words

SIZES = [10, 25, 50, 100]
# The counters above a list, with Azure's groups of states.
STATUS_GROUPS = {
    "Running": [Run.Status.RUNNING, Run.Status.FINALIZING],
    "Completed": [Run.Status.COMPLETED],
    "Failed": [Run.Status.FAILED],
    "Canceled": [Run.Status.CANCELED],
    "Queued": [
        Run.Status.NOT_STARTED,
        Run.Status.PREPARING,
        Run.Status.PROVISIONING,
        Run.Status.STARTING,
        Run.Status.QUEUED,
    ],
    "Other": [Run.Status.CANCEL_REQUESTED],
}


class RunFilter(forms.Form):
    """The form of the query string; an invalid value raises an error that lists the allowed ones."""

    # Filters.
    q = forms.CharField(required=False, max_length=200)
    filter = forms.CharField(required=False, max_length=3000)
    status = forms.MultipleChoiceField(required=False, choices=[(name, name) for name in STATUS_GROUPS])
    mine = forms.BooleanField(required=False)
    starred = forms.BooleanField(required=False)
    children = forms.BooleanField(required=False)
    # The id of a run: the list is that of its child jobs.
    parent = forms.CharField(required=False, max_length=256)
    # Layout: see runs/pages/lists/columns.py.
    col = RepeatedField(MAX_COLUMNS)
    pin = RepeatedField(MAX_COLUMNS)
    width = RepeatedField(MAX_COLUMNS)
    sort = RepeatedField(5)
    group = forms.CharField(required=False, max_length=300)
    unfold = RepeatedField(30, 1000)
    # Runs whose children are shown, and runs hidden in the charts.
    open = RepeatedKeyField(100)
    hide = RepeatedKeyField(100)
    chart = RepeatedField(12, 256)
    charts = forms.ChoiceField(required=False, choices=[("", "Shown"), ("off", "Hidden")])
    # The metric by which the runs are judged: higher:NAME or lower:NAME.
    primary = forms.CharField(required=False, max_length=263)
    # Metrics that share the chart of the previous metric, those with a logarithmic axis, and how all charts are drawn.
    merge = RepeatedField(12, 256)
    log = RepeatedField(12, 256)
    smooth = forms.FloatField(required=False, min_value=0, max_value=0.99)
    across = forms.ChoiceField(required=False, choices=[("", "Automatic"), *[(str(n), str(n)) for n in range(1, 5)]])
    band = forms.ChoiceField(required=False, choices=list(BANDS.items()))
    page = forms.IntegerField(required=False, min_value=1, max_value=10**6)
    size = forms.TypedChoiceField(
        required=False,
        coerce=int,
        empty_value=25,  # type: ignore[arg-type]  # any value may stand for none; the stubs know only texts
        choices=[(size, str(size)) for size in SIZES],
    )
    view = forms.IntegerField(required=False, min_value=1)

    def clean_q(self) -> str:
        return " ".join(split_words(self.cleaned_data["q"]))

    @classmethod
    def read(cls, query) -> dict:
        """The validated options of the query string."""
        return cleaned_or_invalid(cls(query))


# ---- the same address with one change

# Parameters of the layout, as opposed to filters; a saved layout consists of them.
LAYOUT = [
    "col", "pin", "width", "sort", "size", "group", "chart", "charts", "merge", "log", "smooth", "across", "band",
    "primary",
]  # fmt: skip


# Every link of a page contains the whole query string.
MAX_ADDRESS_LENGTH = 8_000


def clean_query(query: QueryDict) -> QueryDict:
    """The parameters of a list, without transient and unknown ones."""
    left = query.copy()
    for word in query:
        if word not in RunFilter.base_fields:
            del left[word]
    if (length := len(left.urlencode())) > MAX_ADDRESS_LENGTH:
        raise Invalid(f"The address of the list has {length} characters; {MAX_ADDRESS_LENGTH} are allowed.")
    return left


def drop_refused(query: QueryDict, read: Callable[[QueryDict], Any]) -> tuple[Any, list[str]]:
    """`read` of the query without the parameters that it refuses, and what is wrong with these."""
    refused: list[str] = []
    while True:
        try:
            return read(query), refused
        except Invalid as error:
            if error.target not in query:
                raise
            refused.append(error.message)
            query = query.copy()
            del query[error.target]


def describe_refused(refused: list[str]) -> list[str]:
    """Notes for the page, which uses its defaults instead."""
    return [f"{text} It is ignored." for text in refused]


# Parameters of the requests of a page, which are not part of its address.
TRANSIENT = {"seen", "experiment", "whole"}


def change_query(query: QueryDict, **words) -> str:
    """`?…` with these parameters set to a value or list; None removes one."""
    # Not `query.copy()`, which copies deeply: a page has hundreds of such links.
    left = dict(query.lists())
    for word, value in words.items():
        if value is None:
            left.pop(word, None)
        else:
            left[word] = value if isinstance(value, list) else [value]
    return f"?{urlencode(left, doseq=True)}"


def toggle_value(query: QueryDict, word: str, value, **words) -> str:
    """Toggle a value of a repeated parameter."""
    had = query.getlist(word)
    value = str(value)
    left = [one for one in had if one != value] if value in had else [*had, value]
    return change_query(query, **{word: left, **words})


def hidden_fields(query: QueryDict, *without: str) -> list[tuple[str, str]]:
    """Hidden inputs for a form that has fields for the parameters `without`."""
    return [(word, value) for word, values in query.lists() if word not in without for value in values]


# ---- conditions of the filter, in the words of the query box (studio/search/grammar.py)

PLAIN_KEY = re.compile(r"[^\W\d][\w/:-]*")
ENTITIES = {"param": "params", "tag": "tags", "metric": "metrics"}
# Columns with another name in the query language.
QUERY_ATTRIBUTES = {
    "by": "created_by",
    "target": "compute",
    "experiment": "experiment",
    "status": "status",
    "type": "type",
    "name": "name",
}


def query_key(kind: str, name: str) -> str:
    """`params.lr`, with quotes if the grammar needs them."""
    if kind == "attribute":
        return QUERY_ATTRIBUTES[name]
    return f"{ENTITIES[kind]}.{name if PLAIN_KEY.fullmatch(name) else quote_key(name)}"


def quote_key(name: str) -> str:
    return f'"{name}"' if "`" in name else f"`{name}`"


def quote_text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def format_equality(kind: str, name: str, value: str) -> str:
    return f"{query_key(kind, name)} = {quote_text(value)}" if value else f"{query_key(kind, name)} is null"


def add_clause(filter_text: str, clause: str) -> str:
    """Toggle a condition that must hold."""
    parts = split_conditions(filter_text)
    if clause in parts:
        return remove_clause(parts, clause)
    return " and ".join([*map(_bracket, parts), clause])


def switch_clause(filter_text: str, clause: str) -> tuple[str, bool]:
    """Toggle a choice; also returns whether it was selected.

    Several values of one key are combined with "or"; a new bound replaces the old one.
    """
    parts, wanted = split_conditions(filter_text), parse_filter(clause)
    if clause in parts:
        return remove_clause(parts, clause), True
    for index, part in enumerate(parts):
        found = _parse_clause(part)
        if found and (found.entity, found.key) == (wanted.entity, wanted.key):
            if found.operator in ("=", "in") and wanted.operator == "=":
                values, is_on = _toggle_value(found, wanted.value)
                key = TOKEN.match(clause)
                assert key is not None  # It has been parsed before.
                return _replace_part(parts, index, _any_of_clause(key["name"], values)), is_on
            if found.operator == wanted.operator:
                return _replace_part(parts, index, clause), False
    return add_clause(filter_text, clause), False


def _parse_clause(part: str) -> Clause | None:
    try:
        found = parse_filter(part)
    except BadFilter:
        return None
    return found if isinstance(found, Clause) else None


def _toggle_value(found: Clause, value: str) -> tuple[list, bool]:
    had = list(found.value) if found.operator == "in" else [found.value]
    return ([one for one in had if one != value], True) if value in had else ([*had, value], False)


def _any_of_clause(name: str, values: list) -> str:
    words = [quote_text(str(value)) for value in values]
    return f"{name} = {words[0]}" if len(words) == 1 else f"{name} in ({', '.join(words)})" if words else ""


def _replace_part(parts: list[str], index: int, part: str) -> str:
    return " and ".join(filter(None, [*parts[:index], part, *parts[index + 1 :]]))


def queried_metrics(filter_text: str) -> list[str]:
    """Names of the metrics that a query has a condition on."""
    clauses = list_clauses(filter_text)
    return list(dict.fromkeys(clause.key for clause in clauses if clause.entity in ("metric", "metrics")))


def list_clauses(filter_text: str) -> list[Clause]:
    """The comparisons of a query; none while it has an error."""
    try:
        return list(_iterate_clauses(parse_filter(filter_text))) if filter_text.strip() else []
    except BadFilter:
        return []


def _iterate_clauses(found) -> Iterator[Clause]:
    if isinstance(found, Clause):
        yield found
        return
    for part in [found.part] if isinstance(found, Not) else found.parts:
        yield from _iterate_clauses(part)


def shorten_numbers(part: str) -> str:
    """A condition with its numbers of metrics and parameters as the cells of a list have them, for people to read."""
    spans = [
        token.span(str(token.lastgroup))
        for clause in list_clauses(part)
        if search.ENTITIES.get(clause.entity) in (search.METRIC, search.PARAM)
        for column in clause.value_columns
        if (token := TOKEN.match(part, column))
    ]
    for start, end in sorted(spans, reverse=True):
        given = part[start:end]
        quote = given[0] if given[0] in "'\"" else ""
        part = f"{part[:start]}{quote}{format_given(given.strip(quote or None))}{quote}{part[end:]}"
    return part


def remove_clause(parts: list[str], clause: str) -> str:
    return " and ".join(part for part in parts if part != clause)


def _bracket(part: str) -> str:
    """Adds parentheses if a following AND would bind to a part of it."""
    try:
        return part if isinstance(parse_filter(f"{part} and name is null"), All) else f"({part})"
    except BadFilter:
        return part


def split_conditions(filter_text: str) -> list[str]:
    """The parts of a query that are joined by AND; the whole query if it is joined by OR."""
    try:
        parse_filter(filter_text, may_end_with_and=True)
    except BadFilter:
        return [filter_text.strip()]
    parts, start, depth = [], 0, 0
    for token in TOKEN.finditer(filter_text):
        depth += {"(": 1, ")": -1}.get(token["mark"], 0)
        word = (token["name"] or "").lower() if not depth else ""
        if word == "or":
            return [filter_text.strip()]
        if word == "and":
            parts.append(filter_text[start : token.start()].strip())
            start = token.end()
    return [part for part in [*parts, filter_text[start:].strip()] if part]
