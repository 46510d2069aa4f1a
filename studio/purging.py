"""What a purge deletes and what it must keep. Each app registers its own in its apps.py, so that a new app needs no edit in trash."""

import dataclasses
from collections.abc import Callable, Collection, Iterable
from datetime import datetime

from django.db.models import QuerySet

# Rows in one transaction.
BATCH = 200
# Key in storage, bytes.
StoredFile = tuple[str, int]


@dataclasses.dataclass(frozen=True)
class Selection:
    """What a purge is to delete: a whole workspace, all that was in its trash by `until`, or the rows named by key."""

    workspace_id: int
    whole_workspace: bool = False
    until: datetime | None = None
    run_pks: Collection[int] = ()
    experiment_pks: Collection[int] = ()
    # To be called inside the transaction that deletes runs, with their number.
    count_runs: Callable[[int], None] = lambda number: None


@dataclasses.dataclass(frozen=True)
class Step:
    """`delete_batch` deletes some of what the selection reaches and gives the files of it; None if nothing was left.

    The steps are taken in the order of `position`: rows that others name come after those.
    """

    position: int
    delete_batch: Callable[[Selection], list[StoredFile] | None]


@dataclasses.dataclass(frozen=True)
class StorageFolder:
    """A folder of a workspace's storage, `w/<workspace>/<name>/<owner>/…`, so that files without a row are found."""

    name: str
    # (keys, keys of the owners' rows) -> those of these files that a row names.
    known_keys: Callable[[list[str], set[int]], Iterable[str]]
    # The rows whose keys the subfolders carry; None if there are no subfolders.
    owners: Callable[[], QuerySet] | None = None


STEPS: list[Step] = []
FOLDERS: list[StorageFolder] = []
# Functions (workspace id) -> queryset of the keys of runs that neither a purge nor a rule of retention may delete.
NEEDED_RUNS: list[Callable[[int], QuerySet]] = []


def list_steps() -> list[Step]:
    return sorted(STEPS, key=lambda step: step.position)


def list_needed_runs(workspace_id: int) -> list[int]:
    """A list, since there are few, and a query in a query would be answered anew for each batch."""
    return sorted({pk for find in NEEDED_RUNS for pk in find(workspace_id)})
