"""The page for the gateway's own responses."""

import html
import pathlib
import string

TEMPLATE = string.Template(
    (pathlib.Path(__file__).resolve().parents[2] / "templates" / "gateway" / "page.html").read_text()
)


def make_page(title: str, text: str, link: str) -> str:
    return TEMPLATE.substitute(title=html.escape(title), text=html.escape(text), link=html.escape(link))
