"""The objects that a purge deletes or must keep. Each app registers its own part in its apps.py."""

import dataclasses
from collections.abc import Callable, Collection, Iterable
from datetime import datetime

from django.db.models import QuerySet

# Rows in one transaction.
BATCH = 200
# Key in storage, bytes.
StoredFile = tuple[str, int]


@dataclasses.dataclass(frozen=True)
class PurgeSelection:
    """The objects of a purge: a whole workspace, everything in its trash at `until`, or rows by key."""

    workspace_id: int
    whole_workspace: bool = False
    until: datetime | None = None
    run_pks: Collection[int] = ()
    experiment_pks: Collection[int] = ()
    # Called with the number of runs, inside the transaction that deletes them.
    count_runs: Callable[[int], None] = lambda number: None


@dataclasses.dataclass(frozen=True)
class PurgeStep:
    """`delete_batch` deletes some rows of the selection and returns their files; None if nothing was left.

    The steps run in the order of `position`: referenced rows come after the rows that refer to them.
    """

    position: int
    delete_batch: Callable[[PurgeSelection], list[StoredFile] | None]


@dataclasses.dataclass(frozen=True)
class StorageFolder:
    """A folder of a workspace's storage, `w/<workspace>/<name>/<owner>/…`, in which files without a row can be found."""

    name: str
    # (keys, primary keys of the owners) -> those of the files that a row refers to.
    known_keys: Callable[[list[str], set[int]], Iterable[str]]
    # The rows whose primary keys name the subfolders; None if there are no subfolders.
    owners: Callable[[], QuerySet] | None = None


STEPS: list[PurgeStep] = []
FOLDERS: list[StorageFolder] = []
# Functions (workspace id) -> queryset of the keys of runs that neither a purge nor a retention rule may delete.
NEEDED_RUNS: list[Callable[[int], QuerySet]] = []


def list_steps() -> list[PurgeStep]:
    return sorted(STEPS, key=lambda step: step.position)


def list_needed_runs(workspace_id: int) -> list[int]:
    """A list, because there are few, and a subquery would be evaluated again for each batch."""
    return sorted({pk for find in NEEDED_RUNS for pk in find(workspace_id)})
