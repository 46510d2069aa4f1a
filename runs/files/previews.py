"""Previews of run files: by type, from the first bytes only, and never as active content of this site."""

import csv
import dataclasses
import io
import json

from django.conf import settings
from django.utils.safestring import SafeString

from runs.files import notebooks
from runs.files.highlighting import highlight_text
from studio.formats import format_bytes
from studio.markdown import render_markdown

MB = 1024 * 1024
MAX_ROWS = 200
MAX_COLUMNS = 50
# Shown inline by the browser; everything else is downloaded or rendered by us.
IMAGES = {"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/svg+xml", "image/avif"}
# Played by the browser, which fetches what it plays.
AUDIO = {"audio/mpeg", "audio/wav", "audio/x-wav", "audio/ogg", "audio/flac", "audio/mp4", "audio/aac", "audio/webm"}
VIDEO = {"video/mp4", "video/webm", "video/ogg"}
MEDIA = AUDIO | VIDEO
PDF = "application/pdf"
# Kinds of previews that the browser fetches by the address of the file.
WITH_ADDRESS = {"image", "page", "pdf", "audio", "video"}
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
MAX_INLINE_BYTES = {"image": 20 * MB, "page": 20 * MB, "pdf": 50 * MB}
LOGS = {"log", "txt", "out", "err"}
HTML = {"html", "htm"}
# Formats of data that nothing here can read, and what reads them.
READ_BY = {
    "parquet": "pandas.read_parquet",
    "feather": "pandas.read_feather",
    "arrow": "pandas.read_feather",
    "npy": "numpy.load",
    "npz": "numpy.load",
    "pkl": "pickle.load, if you trust it",
    "joblib": "joblib.load, if you trust it",
    "pt": "torch.load",
    "safetensors": "safetensors.torch.load_file",
    "h5": "h5py.File",
    "onnx": "onnx.load",
}


@dataclasses.dataclass
class FilePreview:
    """`kind` selects the part of the template: log, image, table, code, prose, notebook, page, pdf, audio, video or none."""

    kind: str
    text: str = ""
    html: SafeString | str = ""
    header: list[str] = dataclasses.field(default_factory=list)
    rows: list[list[str]] = dataclasses.field(default_factory=list)
    cells: list[notebooks.Cell] = dataclasses.field(default_factory=list)
    # Shown above the preview, e.g. that it is only a part.
    note: str = ""


def extension_of(path: str) -> str:
    return path.rsplit("/", 1)[-1].rsplit(".", 1)[-1].lower()


def kind_of(path: str, content_type: str, size: int) -> str:
    extension = extension_of(path)
    for kind, types in (("image", IMAGES), ("audio", AUDIO), ("video", VIDEO), ("pdf", {PDF})):
        if content_type in types:
            return kind
    if extension in LOGS or path.startswith(("user_logs/", "system_logs/", "logs/", "azureml-logs/")):
        return "log"
    if extension in ("csv", "tsv"):
        return "table"
    if extension == "ipynb":
        return "notebook"
    if extension == "json":
        return "json"
    if extension in ("md", "markdown"):
        return "prose"
    if extension in HTML:
        return "page"
    if extension in CODE:
        return "code"
    return "log" if content_type.startswith("text/") else "unknown"


def make_preview(path: str, content_type: str, size: int, read) -> FilePreview:
    """`read(length)` gives the first bytes."""
    kind = kind_of(path, content_type, size)
    if kind in MAX_INLINE_BYTES and size > MAX_INLINE_BYTES[kind]:
        max_mb = MAX_INLINE_BYTES[kind] // MB
        return FilePreview(
            "none", note=f"This file is larger than the {max_mb} MB that are shown in place. Download it to open it."
        )
    if kind in WITH_ADDRESS or kind == "log":
        return FilePreview(kind)
    if reader := READ_BY.get(extension_of(path)):
        note = f"This file is not text and has {format_bytes(size)}. Download it, and read it with {reader}."
        return FilePreview("none", note=note)
    if kind == "notebook" and (found := _notebook(size, read)):
        return found
    return _of_text(kind, path, size, read)


def _notebook(size: int, read) -> FilePreview | None:
    """None if it is too large or none after all; it is shown as text then."""
    if size > notebooks.MAX_BYTES:
        return None
    found = notebooks.read_notebook(read(size))
    if found is None:
        return None
    left_out = len(found) - notebooks.MAX_CELLS
    note = f"The first {notebooks.MAX_CELLS} of {len(found)} cells are shown." if left_out > 0 else ""
    return FilePreview("notebook", cells=notebooks.render_cells(found), note=note)


def preview_code(path: str, size: int, read) -> FilePreview:
    return _of_text("code", path, size, read)


def _of_text(kind: str, path: str, size: int, read) -> FilePreview:
    data = read(min(size, settings.PREVIEW_MAX_BYTES))
    if b"\0" in data[:4096]:
        return FilePreview("none", note="This file is not text. Download it to open it.")
    text = data.decode("utf-8", "replace")
    note = _note(len(data), size)
    if kind == "table":
        return _table(text, "\t" if path.lower().endswith(".tsv") else ",", note)
    if kind == "prose":
        return FilePreview("prose", html=render_markdown(text), note=note)
    if kind in ("json", "notebook") or (kind == "unknown" and text.lstrip()[:1] in ("{", "[")):
        # A file without an extension may be JSON, such as a confusion matrix.
        return FilePreview("code", html=highlight_text(_pretty(text, bool(note)), "x.json"), note=note)
    # MLflow's description of a model is YAML without an extension.
    name = "x.yaml" if path.endswith("MLmodel") else path
    return FilePreview("code", html=highlight_text(text, name), note=note)


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


def _table(text: str, delimiter: str, note: str) -> FilePreview:
    if note:
        # The last line is cut.
        text = text.rpartition("\n")[0]
    try:
        lines = _first(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error:
        return FilePreview("code", html=highlight_text(text, "x.txt"), note=note)
    if len(lines) > MAX_ROWS:
        note = f"The first {MAX_ROWS} rows are shown. Download the file to see all."
    if lines and len(lines[0]) > MAX_COLUMNS:
        note = f"{note} The first {MAX_COLUMNS} columns are shown.".strip()
    lines = [line[:MAX_COLUMNS] for line in lines]
    return FilePreview("table", header=lines[0] if lines else [], rows=lines[1 : MAX_ROWS + 1], note=note)


def _first(rows) -> list[list[str]]:
    return [row[: MAX_COLUMNS + 1] for row, _ in zip(rows, range(MAX_ROWS + 2), strict=False)]
