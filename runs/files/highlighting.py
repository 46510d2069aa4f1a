"""Syntax highlighting with a time limit, because some texts keep a lexer busy for minutes."""

import time

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from pygments import format
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_for_filename
from pygments.util import ClassNotFound

# A longer text, or one with a longer line, is not highlighted.
MAX_COLOURED_LENGTH = 100_000
MAX_LINE_LENGTH = 2_000
# Processor time, after which the text is not highlighted.
MAX_SECONDS = 0.4


def highlight_code(text: str, name: str, lexer_options: dict, **options) -> str | None:
    """The text as highlighted HTML, by the file's name; None if it is too long or takes too long."""
    if len(text) > MAX_COLOURED_LENGTH or any(len(line) > MAX_LINE_LENGTH for line in text.splitlines()):
        return None
    try:
        lexer = get_lexer_for_filename(name, **lexer_options)
    except ClassNotFound:
        lexer = TextLexer(**lexer_options)
    tokens, until = [], time.thread_time() + MAX_SECONDS
    for token in lexer.get_tokens(text):
        if time.thread_time() > until:
            return None
        tokens.append(token)
    return format(tokens, HtmlFormatter(**options))


def highlight_text(text: str, path: str) -> SafeString | str:
    """The text as highlighted HTML with an anchor at every line; a very long one as plain text."""
    look = {"nowrap": False, "cssclass": "source", "linespans": "L", "wrapcode": True}
    found = highlight_code(text, path.rsplit("/", 1)[-1], {}, **look)
    return format_html('<div class="source"><pre>{}</pre></div>', text) if found is None else mark_safe(found)
