"""User-written Markdown on a page."""

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

# A longer text with nested marks would take seconds.
MAX_LENGTH = 20_000


def render_markdown(text: str) -> SafeString:
    """User-written Markdown as safe HTML; a very long one as plain text."""
    if len(text) > MAX_LENGTH:
        return format_html("<pre>{}</pre>", text)
    # Imported here because most processes never need it, and it takes memory.
    import nh3

    html = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table").render(text)
    return mark_safe(nh3.clean(html))
