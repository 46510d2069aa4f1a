"""Files in storage that no row names: what an upload or a purge leaves when it is killed in between."""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Callable

from django.utils import timezone

from registry.models import LoggedModel, ModelFile
from runs.files import artifacts
from runs.models import ArtifactSegment, Run, Snapshot
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
    for batch in storage.list_area(area):
        named, nowhere = _known([item["path"] for item in batch])
        lost = [item for item in batch if item["path"] not in named]
        gone = [item for item in lost if item["path"] in nowhere or item["last_modified"] < young]
        artifacts.free([item["path"] for item in gone])
        between()
        bytes_gone = sum(item["size"] for item in gone)
        freed += bytes_gone
        left += sum(item["size"] for item in batch) - bytes_gone
    return freed, left


def _known(keys: list[str]) -> tuple[set[str], set[str]]:
    """Those that a row names, or that lie where we store nothing; and those whose run or model is gone, so that none will."""
    rooms = defaultdict(lambda: defaultdict(list))
    named = set()
    for key in keys:
        place = PLACE.fullmatch(key)
        if place:
            rooms[place["room"]][place["pk"]].append(key)
        else:
            named.add(key)
    runs, models = ({int(pk) for pk in rooms[room] if pk} for room in ("runs", "models"))
    snapshots = [key for found in rooms["snapshots"].values() for key in found]
    segments = ArtifactSegment.objects.filter(artifact__run__in=runs)
    files = ModelFile.objects.filter(model__in=models)
    for rows in (segments, files, Snapshot.objects.filter(key__in=snapshots)):
        named.update(rows.values_list("key", flat=True))
    nowhere = set()
    for room, model, pks in (("runs", Run, runs), ("models", LoggedModel, models)):
        for pk in pks - set(model.objects.filter(pk__in=pks).values_list("pk", flat=True)):
            nowhere.update(rooms[room][str(pk)])
    return named, nowhere
