"""The items that a project labels: the images of a data version, or the texts of a column of its table."""

import dataclasses
import mimetypes
import random
import tempfile

from assets.data import exports, previews, reading
from assets.data.models import DataVersion
from runs.files.ranges import SHOWN
from studio.errors import Invalid, TooLarge
from studio.formats import format_bytes

MAX_ITEMS = 10_000
MAX_TEXT_LENGTH = 5000
IMAGES = tuple(kind for kind in SHOWN if kind.startswith("image/"))


@dataclasses.dataclass(frozen=True)
class ItemContent:
    """An image in a datastore, or a text."""

    datastore: str = ""
    path: str = ""
    text: str = ""


def read_items(version: DataVersion, column: str = "") -> list[ItemContent]:
    """The items in random order, so that neighbours are not alike; with a column its texts, otherwise the images."""
    found = _read_texts(version, column) if column else _list_images(version)
    if len(found) > MAX_ITEMS:
        text = f"{version} has more than {MAX_ITEMS:,} items, the most that a project can have."
        raise TooLarge(f"{text} Register a data asset with fewer.", target="dataAsset")
    random.shuffle(found)
    return found


def _list_images(version: DataVersion) -> list[ItemContent]:
    if version.is_table:
        raise Invalid(
            f"{version} is a table. Name the column with its texts, or choose a data asset of images.", target="column"
        )
    found = previews.list_sources(version.workspace, version.definition)
    images = [
        ItemContent(source.datastore, source.path)
        for source in found
        if source.datastore and mimetypes.guess_type(source.path)[0] in IMAGES
    ]
    if not images:
        text = f"{version} has no images in a datastore that a browser shows: PNG, JPEG, GIF or WebP."
        raise Invalid(text, target="dataAsset")
    return images


def _read_texts(version: DataVersion, column: str) -> list[ItemContent]:
    if not version.is_table:
        raise Invalid(f"{version} is not a table, so it has no column {column!r}.", target="column")
    sources = previews.list_sources(version.workspace, version.definition)
    size = sum(source.size or 0 for source in sources)
    if size > exports.MAX_BYTES:
        text = f"The files have {format_bytes(size)}; projects read up to {format_bytes(exports.MAX_BYTES)}."
        raise TooLarge(text, target="dataAsset")
    keep = {"type": "keep_columns", "columns": [column]}
    definition = {**version.definition, "steps": [*version.definition["steps"], keep]}
    is_parquet = version.definition["steps"][0]["type"] == "read_parquet"
    with tempfile.TemporaryDirectory(prefix="lazuli-labeling-") as folder:
        copies = reading.fetch_all(version.workspace, sources, folder, is_parquet, lambda progress: None)
        found = reading.read_copies(definition, copies, exports.BOUNDS, None, act="rows", limit=MAX_ITEMS + 1)
    # PostgreSQL stores no NUL.
    values = ((value or "").replace("\0", "").strip() for (value,) in found["rows"])
    texts = [value[:MAX_TEXT_LENGTH] for value in values if value]
    if not texts:
        raise Invalid(f"The column {column!r} has no texts.", target="column")
    return [ItemContent(text=text) for text in texts]
