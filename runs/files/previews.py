"""Previews of run files: by type, from the first bytes only, and never as active content of this site."""

import csv
import dataclasses
import io
import json

from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from runs.files import highlighting
from studio.markdown import render_markdown

MB = 1024 * 1024
MAX_ROWS = 200
MAX_COLUMNS = 50
# Shown inline by the browser; everything else is downloaded or rendered by us.
IMAGES = {"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/svg+xml", "image/avif"}
CODE = {
    "py",
    "sh",
    "yml",
    "yaml",
    "toml",
    "ini",
    "cfg",
    "r",
    "sql",
    "js",
    "css",
    "xml",
    "dockerfile",
    "cs",
    "java",
    "c",
}
# Files that a browser loads completely to show them.
MAX_INLINE_BYTES = {"image": 20 * MB, "page": 20 * MB}
LOGS = {"log", "txt", "out", "err"}
HTML = {"html", "htm"}


@dataclasses.dataclass
class Preview:
    """`kind` selects the part of the template: log, image, table, code, prose, page or none."""

    kind: str
    text: str = ""
    html: SafeString | str = ""
    header: list[str] = dataclasses.field(default_factory=list)
    rows: list[list[str]] = dataclasses.field(default_factory=list)
    # Shown above the preview, e.g. that it is only a part.
    note: str = ""


def kind_of(path: str, content_type: str, size: int) -> str:
    extension = path.rsplit("/", 1)[-1].rsplit(".", 1)[-1].lower()
    if content_type in IMAGES:
        return "image"
    if extension in LOGS or path.startswith(("user_logs/", "system_logs/", "logs/", "azureml-logs/")):
        return "log"
    if extension in ("csv", "tsv"):
        return "table"
    if extension in ("json", "ipynb"):
        return "json"
    if extension in ("md", "markdown"):
        return "prose"
    if extension in HTML:
        return "page"
    if extension in CODE:
        return "code"
    return "log" if content_type.startswith("text/") else "unknown"


def make_preview(path: str, content_type: str, size: int, read) -> Preview:
    """`read(length)` gives the first bytes."""
    kind = kind_of(path, content_type, size)
    if kind in MAX_INLINE_BYTES and size > MAX_INLINE_BYTES[kind]:
        max_mb = MAX_INLINE_BYTES[kind] // MB
        return Preview(
            "none", note=f"This file is larger than the {max_mb} MB that are shown in place. Download it to open it."
        )
    if kind in ("log", "image", "page"):
        return Preview(kind)
    return _of_text(kind, path, size, read)


def preview_code(path: str, size: int, read) -> Preview:
    return _of_text("code", path, size, read)


def _of_text(kind: str, path: str, size: int, read) -> Preview:
    data = read(min(size, settings.PREVIEW_MAX_BYTES))
    if b"\0" in data[:4096]:
        return Preview("none", note="This file is not text. Download it to open it.")
    text = data.decode("utf-8", "replace")
    note = _note(len(data), size)
    if kind == "table":
        return _table(text, "\t" if path.lower().endswith(".tsv") else ",", note)
    if kind == "prose":
        return Preview("prose", html=render_markdown(text), note=note)
    if kind in ("json", "unknown"):
        # A file without an extension may be JSON, such as a confusion matrix.
        return Preview("code", html=highlight_text(_pretty(text, bool(note)), "x.json"), note=note)
    return Preview("code", html=highlight_text(text, path), note=note)


def _note(shown: int, size: int) -> str:
    return (
        f"Only the first {shown:,} of {size:,} bytes are shown. Download the file to see all." if shown < size else ""
    )


def _pretty(text: str, is_part: bool) -> str:
    """Indented, unless it would then be too long for a preview."""
    try:
        found = text if is_part else json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
    return found if len(found) <= settings.PREVIEW_MAX_BYTES else text


def _table(text: str, delimiter: str, note: str) -> Preview:
    if note:
        # The last line is cut.
        text = text.rpartition("\n")[0]
    try:
        lines = [line[:MAX_COLUMNS] for line in _first(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))]
    except csv.Error:
        return Preview("code", html=highlight_text(text, "x.txt"), note=note)
    if len(lines) > MAX_ROWS:
        note = f"The first {MAX_ROWS} rows are shown. Download the file to see all."
    return Preview("table", header=lines[0] if lines else [], rows=lines[1 : MAX_ROWS + 1], note=note)


def _first(rows) -> list[list[str]]:
    return [row for row, _ in zip(rows, range(MAX_ROWS + 2), strict=False)]


def highlight_text(text: str, path: str) -> SafeString | str:
    """The text as highlighted HTML with an anchor at every line; a very long one as plain text."""
    look = {"nowrap": False, "cssclass": "source", "linespans": "L", "wrapcode": True}
    found = highlighting.highlight_code(text, path.rsplit("/", 1)[-1], {}, **look)
    return format_html('<div class="source"><pre>{}</pre></div>', text) if found is None else mark_safe(found)
