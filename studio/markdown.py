"""A person's Markdown on a page."""

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt


def render_markdown(text: str) -> SafeString:
    """A person's Markdown as HTML that does no harm."""
    # Here, since most processes never show a text, and it takes memory.
    import nh3

    html = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table").render(text)
    return mark_safe(nh3.clean(html))
