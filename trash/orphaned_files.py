"""Files in storage without a row, left by an upload or purge that was killed."""

import dataclasses
import datetime as dt
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from django.utils import timezone

from runs.files import artifacts
from studio import storage
from studio.errors import Conflict
from studio.formats import digest_json
from studio.purging import FOLDERS

# An upload stores the bytes before the row, and a multipart upload can take hours.
GRACE = dt.timedelta(days=1)
# A page waits so long for a preview, and deletes so many files itself.
PREVIEW_SECONDS, MAX_PREVIEWED = 10, 20_000
# `w/<workspace>/runs/<run>/…`, `w/<workspace>/models/<model>/…`, `w/<workspace>/snapshots/…`
OWNER_KEY = re.compile(r"w/\d+/(?P<folder>\w+)/(?P<owner>\d+)?.*")


def delete_orphans(area: str, between: Callable[[], None]) -> tuple[int, int]:
    """Delete the orphans below an area of storage; returns the numbers of deleted and remaining bytes.

    `between` is called regularly, because a workspace can have very many files.
    """
    freed = left = 0
    for batch, gone in _find_batches(area, timezone.now() - GRACE):
        artifacts.delete_objects([item["path"] for item in gone])
        between()
        bytes_freed = sum(item["size"] for item in gone)
        freed += bytes_freed
        left += sum(item["size"] for item in batch) - bytes_freed
    return freed, left


def _find_batches(area: str, young: dt.datetime) -> Iterator[tuple[Sequence, list]]:
    """Batches of files, and those of each that are orphans: older than `young`, or of a run or model that is gone."""
    for batch in storage.list_area(area):
        named, ownerless = _known([item["path"] for item in batch])
        unnamed = [item for item in batch if item["path"] not in named]
        yield batch, [item for item in unnamed if item["path"] in ownerless or item["last_modified"] < young]


@dataclasses.dataclass(frozen=True)
class OrphansPreview:
    """The unused files of all workspaces at a time. `is_whole` is false if there are too many files for a page."""

    at: dt.datetime
    keys: list[str]
    bytes: int
    looked_at: int
    is_whole: bool

    @property
    def token(self) -> str:
        """Two previews with the same token have the same files."""
        return digest_json(sorted(self.keys))


def preview_orphans(at: dt.datetime, seconds: float = PREVIEW_SECONDS) -> OrphansPreview:
    deadline, keys, size, looked_at, is_whole = time.monotonic() + seconds, [], 0, 0, True
    for batch, gone in _find_batches(storage.ROOT, at - GRACE):
        keys += [item["path"] for item in gone]
        size, looked_at = size + sum(item["size"] for item in gone), looked_at + len(batch)
        if time.monotonic() > deadline or len(keys) > MAX_PREVIEWED:
            is_whole = False
            break
    return OrphansPreview(at, keys, size, looked_at, is_whole)


def delete_previewed(at: dt.datetime, token: str) -> OrphansPreview:
    """Delete what a preview has shown, if it is still exactly that."""
    if storage.is_deletion_held():
        raise Conflict("A backup is running, which needs the files. Try again when it has ended.")
    found = preview_orphans(at, 2 * PREVIEW_SECONDS)
    if not found.is_whole or found.token != token:
        text = "The unused files are no longer those that the page showed, so nothing was deleted. Open the page again."
        raise Conflict(text, code="selection_changed")
    artifacts.delete_objects(found.keys)
    return found


def _known(keys: list[str]) -> tuple[set[str], set[str]]:
    """The keys that have a row or an unknown format, and the keys whose run or model is gone."""
    folders = {folder.name: folder for folder in FOLDERS}
    found: dict[str, dict[str | None, list[str]]] = defaultdict(lambda: defaultdict(list))
    named: set[str] = set()
    ownerless: set[str] = set()
    for key in keys:
        match = OWNER_KEY.fullmatch(key)
        if match and match["folder"] in folders:
            found[match["folder"]][match["owner"]].append(key)
        else:
            named.add(key)
    for name, by_owner in found.items():
        folder, owners = folders[name], {int(pk) for pk in by_owner if pk}
        named.update(folder.known_keys([key for some in by_owner.values() for key in some], owners))
        if folder.owners:
            present = set(folder.owners().filter(pk__in=owners).values_list("pk", flat=True))
            ownerless.update(key for pk in owners - present for key in by_owner[str(pk)])
    return named, ownerless
