"""A person's Markdown on a page."""

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

# A longer text, with marks inside each other, would take seconds.
MAX_LENGTH = 20_000


def render_markdown(text: str) -> SafeString:
    """A person's Markdown as HTML that does no harm; a very long one as it was written."""
    if len(text) > MAX_LENGTH:
        return format_html("<pre>{}</pre>", text)
    # Here, since most processes never show a text, and it takes memory.
    import nh3

    html = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table").render(text)
    return mark_safe(nh3.clean(html))
