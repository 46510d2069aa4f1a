"""Files in storage without a row, left by an upload or purge that was killed."""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Callable

from django.utils import timezone

from runs.files import artifacts
from studio import storage
from studio.purging import FOLDERS

# An upload stores the bytes before the row, and a multipart upload can take hours.
GRACE = dt.timedelta(days=1)
# `w/<workspace>/runs/<run>/…`, `w/<workspace>/models/<model>/…`, `w/<workspace>/snapshots/…`
OWNER_KEY = re.compile(r"w/\d+/(?P<folder>\w+)/(?P<owner>\d+)?.*")


def delete_orphans(area: str, between: Callable[[], None]) -> tuple[int, int]:
    """Delete the orphans below an area of storage; returns the numbers of deleted and remaining bytes.

    `between` is called regularly, because a workspace can have very many files.
    """
    freed = left = 0
    young = timezone.now() - GRACE
    for batch in storage.list_area(area):
        named, ownerless = _known([item["path"] for item in batch])
        unnamed = [item for item in batch if item["path"] not in named]
        gone = [item for item in unnamed if item["path"] in ownerless or item["last_modified"] < young]
        artifacts.delete_objects([item["path"] for item in gone])
        between()
        bytes_freed = sum(item["size"] for item in gone)
        freed += bytes_freed
        left += sum(item["size"] for item in batch) - bytes_freed
    return freed, left


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
