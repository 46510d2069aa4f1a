"""User-written Markdown on a page."""

import functools
from collections.abc import Iterable, Iterator

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

# A longer text with nested marks would take seconds.
MAX_LENGTH = 20_000
# What a cell of a list shows, and the pointer over it.
MAX_CELL = 400
COMMONMARK = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table")


def render_markdown(text: str) -> SafeString:
    """User-written Markdown as safe HTML; a very long one as plain text."""
    if len(text) > MAX_LENGTH:
        return format_html("<pre>{}</pre>", text)
    # Imported here because most processes never need it, and it takes memory.
    import nh3

    html = COMMONMARK.render(text)
    return mark_safe(nh3.clean(html))


@functools.lru_cache(maxsize=1_000)
def strip_markdown(text: str) -> str:
    """The words of Markdown in one line, for a cell of a list."""
    found = " ".join(" ".join(_read_words(COMMONMARK.parse(text[:MAX_CELL]))).split())
    return f"{found}…" if len(text) > MAX_CELL else found


def _read_words(tokens: Iterable[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type == "inline":
            yield "".join(_read_inline(token.children or []))
        elif token.type in ("fence", "code_block"):
            yield token.content


def _read_inline(tokens: Iterable[Token]) -> Iterator[str]:
    for token in tokens:
        yield " " if token.type in ("softbreak", "hardbreak") else token.content
