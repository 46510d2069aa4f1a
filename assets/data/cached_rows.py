"""All rows of a version as a parquet file on this machine: pages search and sort it much faster than text files, and
files of other machines not at all.

The control worker writes it; those that were not used for the longest time make room for others.
"""

import os
import pathlib
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence

from django.conf import settings

from assets.data import manifests, previews, reading
from assets.data.models import DataVersion
from assets.data.reading import SourceFile
from studio.errors import Invalid
from studio.formats import digest_json

MAX_BYTES, MAX_TOTAL = 10 * 1024**3, 20 * 1024**3
UNUSED_SECONDS = 14 * 24 * 3600


def can_be_cached(version: DataVersion, sources: Sequence[SourceFile]) -> bool:
    """Whether a copy is of use and its age can be told: parquet on this machine is read as it is, files on the web and
    databases may change at any time."""
    if not version.is_table or not sources or any(source.url or source.is_query for source in sources):
        return False
    if version.definition["steps"][0]["type"] != "read_parquet":
        return True
    stores = {source.datastore: source for source in sources}.values()
    return any(reading.open_files(version.workspace, one).find_local(one.path) is None for one in stores)


def find_rows(version: DataVersion, sources: Sequence[SourceFile]) -> pathlib.Path | None:
    """The copy, if it has been written since the files changed."""
    path = _path_of(version, sources)
    try:
        os.utime(path)
    except FileNotFoundError:
        return None
    return path


def write_rows(version: DataVersion, on_progress: Callable[[float], None]) -> None:
    sources = previews.list_sources(version.workspace, version.definition)
    if not can_be_cached(version, sources):
        raise Invalid("The rows of this version are not copied.", target="act")
    path = _path_of(version, sources)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}")
    is_parquet = version.definition["steps"][0]["type"] == "read_parquet"
    request = {"act": "export", "target": str(partial), "strict": False, "file_bytes": MAX_BYTES}
    try:
        with tempfile.TemporaryDirectory(prefix="lazuli-rows-") as folder:
            copies = reading.fetch_all(version.workspace, list(sources), folder, is_parquet, on_progress)
            reading.read_copies(version.definition, copies, reading.FULL, on_progress, **request)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    _free_space(path)


def _folder() -> pathlib.Path:
    return settings.DATA_DIR / "cache" / "rows"


def _path_of(version: DataVersion, sources: Sequence[SourceFile]) -> pathlib.Path:
    digest = digest_json([manifests.digest_of(list(sources)), version.definition])
    return _folder() / f"{version.pk}-{digest[:24]}.parquet"


def delete_unused() -> None:
    """Delete the copies of versions that were removed, and those that nobody has searched for a while."""
    files = list(_folder().iterdir()) if _folder().is_dir() else []
    numbers = {int(number) for number in (_number_of(file) for file in files) if number.isdecimal()}
    present = set(DataVersion.objects.filter(pk__in=numbers).exclude(asset=None).values_list("pk", flat=True))
    for file in files:
        number = _number_of(file)
        is_old = file.stat().st_mtime < time.time() - UNUSED_SECONDS
        if is_old or not number.isdecimal() or int(number) not in present:
            file.unlink(missing_ok=True)


def _number_of(file: pathlib.Path) -> str:
    """The number of the row of its version."""
    return file.name.partition("-")[0]


def _free_space(path: pathlib.Path) -> None:
    """Delete outdated copies of the same version, and those beyond the limit for all."""
    total = 0
    for file in sorted(path.parent.iterdir(), key=lambda file: file.stat().st_mtime, reverse=True):
        total += file.stat().st_size
        if total > MAX_TOTAL or (file != path and _number_of(file) == _number_of(path)):
            file.unlink(missing_ok=True)
