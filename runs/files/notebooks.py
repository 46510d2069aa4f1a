"""A Jupyter notebook as cells for display: no code runs, and HTML in its outputs is sanitized."""

import base64
import dataclasses
import json
import re

from django.utils.safestring import SafeString, mark_safe

from runs.files.highlighting import highlight_text
from studio.markdown import render_markdown

# A larger notebook is shown as text.
MAX_BYTES = 4 * 1024 * 1024
MAX_CELLS = 200
MAX_OUTPUTS = 50
# Characters of one source or one text of an output.
MAX_TEXT_LENGTH = 20_000
# Colours of a terminal, in tracebacks and streams.
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# As an <img>, also an SVG runs no script.
IMAGES = ("image/png", "image/jpeg", "image/gif", "image/svg+xml")
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")


@dataclasses.dataclass(frozen=True)
class Output:
    """One of text, an image as a data address, or cleaned HTML; `is_error` marks a traceback."""

    text: str = ""
    image: str = ""
    html: SafeString | str = ""
    is_error: bool = False


@dataclasses.dataclass(frozen=True)
class Cell:
    kind: str
    html: SafeString | str
    count: str = ""
    outputs: list[Output] = dataclasses.field(default_factory=list)


def read_notebook(data: bytes) -> list[dict] | None:
    """The cells as they are stored; None if this is not a notebook."""
    try:
        found = json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    cells = found.get("cells") if isinstance(found, dict) else None
    return [cell for cell in cells if isinstance(cell, dict)] if isinstance(cells, list) else None


def render_cells(cells: list[dict]) -> list[Cell]:
    return [_render_cell(cell) for cell in cells[:MAX_CELLS]]


def _render_cell(cell: dict) -> Cell:
    source = _text(cell.get("source"))
    if cell.get("cell_type") == "markdown":
        return Cell("markdown", render_markdown(source))
    if cell.get("cell_type") != "code":
        return Cell("raw", highlight_text(source, "x.txt"))
    outputs = cell.get("outputs")
    found = [_render_output(one) for one in (outputs if isinstance(outputs, list) else [])[:MAX_OUTPUTS]]
    count = cell.get("execution_count")
    shown = [output for output in found if output]
    return Cell("code", highlight_text(source, "x.py"), str(count) if isinstance(count, int) else "", shown)


def _render_output(output) -> Output | None:
    if not isinstance(output, dict):
        return None
    if output.get("output_type") == "error":
        trace = _text(output.get("traceback"), "\n") or f"{output.get('ename')}: {output.get('evalue')}"
        return Output(text=trace, is_error=True)
    if output.get("output_type") == "stream":
        return Output(text=_text(output.get("text")), is_error=output.get("name") == "stderr")
    data = output.get("data")
    return _render_data(data) if isinstance(data, dict) else None


def _render_data(data: dict) -> Output | None:
    """Render the richest supported format."""
    for kind in IMAGES:
        if kind in data:
            return _render_image(kind, data[kind])
    if "text/html" in data and len(html := _join(data["text/html"])) <= MAX_TEXT_LENGTH * 5:
        return Output(html=_clean(html))
    if "text/markdown" in data:
        return Output(html=render_markdown(_text(data["text/markdown"])))
    if "application/json" in data:
        return Output(text=json.dumps(data["application/json"], indent=1)[:MAX_TEXT_LENGTH])
    return Output(text=_text(data.get("text/plain")))


def _clean(html: str) -> SafeString:
    # Imported here because most processes never need it, and it takes memory.
    import nh3

    return mark_safe(nh3.clean(html))


def _render_image(kind: str, content) -> Output | None:
    text = _join(content)
    if kind == "image/svg+xml":
        return Output(image=f"data:{kind};base64,{_to_base64(text)}")
    return Output(image=f"data:{kind};base64,{''.join(text.split())}") if BASE64.fullmatch(text) else None


def _to_base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "replace")).decode()


def _join(content, between: str = "") -> str:
    """Texts are stored whole or as a list of lines."""
    if isinstance(content, list):
        return between.join(line for line in content if isinstance(line, str))
    return content if isinstance(content, str) else ""


def _text(content, between: str = "") -> str:
    text = ESCAPES.sub("", _join(content, between))
    return text if len(text) <= MAX_TEXT_LENGTH else f"{text[:MAX_TEXT_LENGTH]}\n… {len(text) - MAX_TEXT_LENGTH:,} more"
