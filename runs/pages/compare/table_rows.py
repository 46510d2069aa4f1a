"""Rows of a table whose columns are runs. Python renders the cells, because there may be thousands."""

import dataclasses
from html import escape

from django.core.paginator import Paginator
from django.utils.safestring import SafeString, mark_safe

from studio.errors import Invalid
from studio.words import split_words

NOTHING = '<span class="muted">--</span>'
# Longer texts are cut, and shown completely on hover.
LONG = 90
MAX_ROWS = 100


@dataclasses.dataclass
class TableRow:
    """`texts` has an entry for each run; None if the run has no value. `cells` is their HTML."""

    name: str
    texts: list[str | None]
    cells: str = ""
    # A value that always differs, such as the creation time.
    is_own: bool = False
    # Further values for the template of this table.
    more: dict = dataclasses.field(default_factory=dict)

    @property
    def differs(self) -> bool:
        """Whether the values differ."""
        return not self.is_own and len(set(self.texts)) > 1

    def has(self, words: list[str]) -> bool:
        if not words:
            return True
        text = " ".join([self.name, *filter(None, self.texts)]).lower()
        return all(word in text for word in words)


def filter_rows(rows: list[TableRow], query) -> list[TableRow]:
    """The rows that match the search box and *Only differences*."""
    words = split_words(query["q"].lower())
    return [row for row in rows if row.has(words) and (row.differs or not query["only"])]


def get_page(rows: list, query):
    """A page of a long table; a page beyond the last is an error."""
    paginator = Paginator(rows, MAX_ROWS)
    if query.page > paginator.num_pages:
        raise Invalid(f"page={query.page}: the last page is {paginator.num_pages}.", target="page")
    return paginator.page(query.page)


def render_cells(row: TableRow, base: int) -> SafeString:
    """The cells, with marks on those that differ from the base; `htmls` are their richer forms."""
    texts = row.texts
    inner = row.more.get("htmls") or [render_text(text) for text in texts]
    wanted = texts[base]
    number = "number " if row.more.get("is_numeric") else ""
    marks = [
        number + ("is-base" if index == base else "is-other" if text != wanted and row.differs else "")
        for index, text in enumerate(texts)
    ]
    classes = [f' class="{mark.strip()}"' if mark else "" for mark in marks]
    return mark_safe("".join(f"<td{one}>{html}</td>" for one, html in zip(classes, inner, strict=True)))


def render_text(text: str | None, short: str | None = None) -> str:
    """`short` is shown instead, if it differs."""
    if text is None or text == "":
        return NOTHING
    safe = escape(text)
    if short is not None and short != text:
        return f'<span title="{safe[:2000]}">{escape(short)}</span>'
    return f'<span class="long" title="{safe[:2000]}">{safe[:4000]}</span>' if len(text) > LONG else safe
