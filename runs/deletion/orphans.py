"""Files in storage that no row names: what an upload or a purge leaves when it is killed in between."""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Callable

from django.utils import timezone

from assets.registry import ModelFile
from runs.files import artifacts
from runs.models import ArtifactSegment, Snapshot
from studio import storage

# An upload stores the bytes before the row, and one in parts may take hours.
GRACE = dt.timedelta(days=1)
# `w/<workspace>/runs/<run>/…`, `w/<workspace>/models/<model>/…`, `w/<workspace>/snapshots/…`
PLACE = re.compile(r"w/\d+/(?P<room>runs|models|snapshots)/(?P<pk>\d+)?.*")


def sweep(area: str, between: Callable[[], None]) -> tuple[int, int]:
    """Free the orphans below an area of storage; gives the bytes that were freed and those that are left.

    `between` is called now and then, since a workspace may have very many files.
    """
    freed = left = 0
    young = timezone.now() - GRACE
    for batch in storage.listed(area):
        named = _named([item["path"] for item in batch])
        gone = [item for item in batch if item["path"] not in named and item["last_modified"] < young]
        artifacts.free([item["path"] for item in gone])
        bytes_gone = sum(item["size"] for item in gone)
        between()
        freed += bytes_gone
        left += sum(item["size"] for item in batch) - bytes_gone
    return freed, left


def _named(keys: list[str]) -> set[str]:
    """Those that a row names, or that lie where we store nothing."""
    rooms = defaultdict(set)
    named = set()
    for key in keys:
        place = PLACE.fullmatch(key)
        if place:
            rooms[place["room"]].add(place["pk"] if place["room"] != "snapshots" else key)
        else:
            named.add(key)
    segments = ArtifactSegment.objects.filter(artifact__run__in=[pk for pk in rooms["runs"] if pk])
    files = ModelFile.objects.filter(model__in=[pk for pk in rooms["models"] if pk])
    kept = Snapshot.objects.filter(key__in=rooms["snapshots"])
    for rows in (segments, files, kept):
        named.update(rows.values_list("key", flat=True))
    return named
