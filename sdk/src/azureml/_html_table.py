"""The HTML table of an object in a notebook."""

from __future__ import annotations

from html import escape
from typing import Dict, Optional, Tuple, Union

Cell = Union[str, Tuple[str, Optional[str]]]


def render_table(cells: Dict[str, Cell]) -> str:
    """An HTML table of one row with headings; a cell is a text, or a text and the URL that it links to."""
    head = "".join(f"<th>{escape(name)}</th>" for name in cells)
    row = "".join(f"<td>{_render_cell(value)}</td>" for value in cells.values())
    return f'<table style="width:100%"><tr>{head}</tr><tr>{row}</tr></table>'


def _render_cell(value: Cell) -> str:
    text, link = value if isinstance(value, tuple) else (value, None)
    if not link:
        return escape(str(text))
    return f'<a href="{escape(link)}" target="_blank" rel="noopener">{escape(str(text))}</a>'
