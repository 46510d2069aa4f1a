"""How objects show themselves in a notebook: a small table with links."""

from __future__ import annotations

from html import escape
from typing import Dict, Optional, Tuple, Union

Cell = Union[str, Tuple[str, Optional[str]]]


def table(cells: Dict[str, Cell]) -> str:
    """One row under its headings; a cell is a text, or a text and the address it leads to."""
    head = "".join(f"<th>{escape(name)}</th>" for name in cells)
    row = "".join(f"<td>{_cell(value)}</td>" for value in cells.values())
    return f'<table style="width:100%"><tr>{head}</tr><tr>{row}</tr></table>'


def _cell(value: Cell) -> str:
    text, link = value if isinstance(value, tuple) else (value, None)
    if not link:
        return escape(str(text))
    return f'<a href="{escape(link)}" target="_blank" rel="noopener">{escape(str(text))}</a>'
