"""The rows that a person looks for on the tab *Explore*, as parameters of its URL: search words, filters and sorting.

`?q=ann&column=age&op=at_least&value=15&sort=age&order=descending`; column, op and value come once for each filter.
"""

import dataclasses

from django.http import QueryDict
from lazuli.data.row_views import OPERATORS

from studio.errors import Invalid
from studio.words import split_words

MAX_FILTERS, MAX_VALUE = 20, 500
WORDS = {
    "contains": "contains",
    "is": "is",
    "is_not": "is not",
    "at_least": "is at least",
    "at_most": "is at most",
    "missing": "is missing",
    "not_missing": "is not missing",
}
WITHOUT_VALUE = ("missing", "not_missing")


@dataclasses.dataclass(frozen=True)
class Filter:
    column: str
    op: str
    value: str = ""

    def __str__(self):
        return f"{self.column} {WORDS[self.op]} {self.value}".strip()


@dataclasses.dataclass(frozen=True)
class Head:
    """A column of the table, with the URL that sorts by it."""

    name: str
    kind: str
    url: str
    order: str

    @property
    def is_number(self) -> bool:
        return self.kind.lower() in ("long", "double", "float")


@dataclasses.dataclass(frozen=True)
class RowView:
    words: list[str]
    filters: list[Filter]
    sort: str
    is_descending: bool

    @property
    def is_plain(self) -> bool:
        """Whether it is the table as it is."""
        return not (self.words or self.filters or self.sort)

    def build_request(self) -> dict:
        """The view as the reading process gets it."""
        return dataclasses.asdict(self)

    def build_url(self, **changes) -> str:
        """The URL of this view with changes, on its first page."""
        return f"?{_write_query(dataclasses.replace(self, **changes))}"

    def list_chips(self) -> list[tuple[str, str]]:
        """Each filter in words, with the URL without it."""
        rest = [self.filters[:number] + self.filters[number + 1 :] for number in range(len(self.filters))]
        return [(str(one), self.build_url(filters=left)) for one, left in zip(self.filters, rest, strict=True)]

    def list_heads(self, columns: list[tuple[str, str]]) -> list[Head]:
        """The first click on a column sorts it ascending, the second descending."""
        heads = []
        for name, kind in columns:
            order = ("descending" if self.is_descending else "ascending") if name == self.sort else ""
            url = self.build_url(sort=name, is_descending=order == "ascending")
            heads.append(Head(name, kind, url, order))
        return heads


def read_view(query: QueryDict) -> RowView:
    """Raises Invalid for parameters that do not belong together."""
    lists = [query.getlist(name) for name in ("column", "op", "value")]
    if len({len(values) for values in lists}) > 1:
        raise Invalid("Each filter needs column, op and value.", target="column")
    # The row for a new filter is empty unless a column is chosen.
    filters = [_read_filter(*one) for one in zip(*lists, strict=True) if one[0]]
    if len(filters) > MAX_FILTERS:
        raise Invalid(f"{len(filters)} filters; {MAX_FILTERS} are allowed.", target="column")
    order = query.get("order") or "ascending"
    if order not in ("ascending", "descending"):
        raise Invalid(f"order={order[:40]!r}: write ascending or descending.", target="order")
    words = split_words(_check_text(query.get("q", ""), "q"))
    return RowView(words, filters, _check_text(query.get("sort", ""), "sort"), order == "descending")


def _read_filter(column: str, op: str, value: str) -> Filter:
    if op not in OPERATORS:
        raise Invalid(f"op={op[:40]!r}: write {', '.join(OPERATORS)}.", target="op")
    value = "" if op in WITHOUT_VALUE else value
    return Filter(_check_text(column, "column"), op, _check_text(value, "value"))


def _check_text(text: str, name: str) -> str:
    if len(text) > MAX_VALUE or "\0" in text:
        raise Invalid(f"{name}: write up to {MAX_VALUE} characters without NUL.", target=name)
    return text


def _write_query(view: RowView) -> str:
    query = QueryDict(mutable=True)
    if view.words:
        query["q"] = " ".join(view.words)
    for one in view.filters:
        query.appendlist("column", one.column)
        query.appendlist("op", one.op)
        query.appendlist("value", one.value)
    if view.sort:
        query["sort"] = view.sort
        query["order"] = "descending" if view.is_descending else "ascending"
    return query.urlencode()
