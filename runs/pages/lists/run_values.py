"""The values of one column of all runs of a list, as vectors: runs that have changed since a value was stored are read
again, all others are not."""

import dataclasses
import functools
import hashlib
import io
from collections import Counter
from typing import Any

import numpy as np
from django.db import connection
from django.utils import timezone

from runs.models import ColumnChunk
from studio.database import skipped_if_busy
from studio.search.db_functions import JoinedNumbers

# A chunk has the runs of 2 ** BITS keys.
BITS = 16
# From so many values on that are not stored, they are stored once they have been read; reading more takes long.
WORTH_STORING, MANY = 2_000, 10_000
# Keys of one statement, unless most of the keys between the first and the last are read.
KEYS = 1_000
I8, F8 = np.dtype("<i8"), np.dtype("<f8")


@dataclasses.dataclass(frozen=True)
class RunKeys:
    """The runs of a list: sorted keys, their revisions, and the number of runs by status."""

    keys: Any
    revisions: Any
    counts: Counter

    @classmethod
    def read(cls, runs) -> "RunKeys":
        rows = runs.order_by().values_list("status").annotate(keys=JoinedNumbers("pk"), of=JoinedNumbers("revision"))
        found = [(status, _parse_numbers(keys), _parse_numbers(revisions)) for status, keys, revisions in rows]
        keys = np.concatenate([np.empty(0, I8), *[of_status for _, of_status, _ in found]])
        revisions = np.concatenate([np.empty(0, I8), *[of_status for _, _, of_status in found]])
        order = np.argsort(keys)
        return cls(keys[order], revisions[order], Counter({status: len(keys) for status, keys, _ in found}))

    @functools.cached_property
    def chunks(self) -> list[int]:
        """The numbers of the chunks that they are in."""
        return np.unique(self.keys >> BITS).tolist()

    @property
    def sums(self) -> tuple[int, int, int]:
        """They change with any of the runs."""
        return len(self.keys), int(self.keys.sum()), int(self.revisions.sum())


@dataclasses.dataclass(frozen=True)
class Source:
    """Where the values of a column are: the table, and its fields with the key of the run and the value. A text is
    represented by a digest, so that all values are numbers."""

    column: str
    rows: Any
    run: str
    value: str
    is_text: bool


def read_values(source: Source, runs: RunKeys, workspace, patient: bool = True) -> Any:
    """The values of a column in the order of the runs, NaN without one; None if that takes long and nobody is patient.

    Values that had to be read are stored in the workspace, if they are many.
    """
    keys, revisions, values = _load_chunks(source, runs, workspace)
    positions = np.minimum(np.searchsorted(keys, runs.keys), max(len(keys) - 1, 0))
    known = (keys[positions] == runs.keys) & (revisions[positions] == runs.revisions) if len(keys) else runs.keys < 0
    found = values[positions] if len(keys) else np.empty(len(runs.keys), values.dtype)
    missing = np.flatnonzero(~known)
    if len(missing) >= MANY and not patient:
        return None
    if len(missing):
        found[missing] = _read_rows(source, runs.keys[missing])
    if len(missing) >= WORTH_STORING and workspace is not None:
        others = ~np.isin(keys, runs.keys[missing])
        parts = zip((keys, revisions, values), (runs.keys, runs.revisions, found), strict=True)
        joined = [np.concatenate([had[others], new[missing]]) for had, new in parts]
        _store_chunks(source, joined, np.unique(runs.keys[missing] >> BITS).tolist(), workspace)
    return found


def _parse_numbers(text: str) -> Any:
    return np.fromstring(text, I8, sep=",")


def _read_rows(source: Source, keys) -> Any:
    """The values of these runs."""
    dtype = I8 if source.is_text else F8
    rows = np.concatenate([np.empty(0, [("key", I8), ("value", dtype)]), *_iterate_rows(source, keys)])
    empty = _digest_text(None) if source.is_text else np.nan
    found = np.full(len(keys), empty, dtype)
    positions = np.minimum(np.searchsorted(keys, rows["key"]), len(keys) - 1)
    there = keys[positions] == rows["key"]
    found[positions[there]] = rows["value"][there]
    return found


def _iterate_rows(source: Source, keys):
    first, last = int(keys[0]), int(keys[-1])
    if len(keys) > KEYS and len(keys) * 4 > last - first:
        lists = [source.rows.filter(**{f"{source.run}__gte": first, f"{source.run}__lte": last})]
    else:
        parts = [keys[start : start + KEYS].tolist() for start in range(0, len(keys), KEYS)]
        lists = [source.rows.filter(**{f"{source.run}__in": part}) for part in parts]
    for rows in lists:
        with connection.cursor() as cursor:
            # A queryset takes a third longer.
            cursor.execute(*rows.order_by().values_list(source.run, source.value).query.sql_with_params())
            pairs = ((key, _digest_text(value)) for key, value in cursor) if source.is_text else cursor
            yield np.fromiter(pairs, [("key", I8), ("value", I8 if source.is_text else F8)])


@functools.lru_cache(maxsize=1_000)
def _digest_text(text: str | None) -> int:
    return int.from_bytes(hashlib.blake2b((text or "").encode(), digest_size=8).digest(), "little", signed=True)


# ---- the stored values


def _load_chunks(source: Source, runs: RunKeys, workspace) -> list:
    """Keys, revisions and values that are stored for runs of these chunks, in the order of the keys."""
    dtypes = (I8, I8, I8 if source.is_text else F8)
    stored = []
    # Few values are read faster one by one.
    if len(runs.keys) >= WORTH_STORING:
        rows = ColumnChunk.objects.filter(workspace=workspace, column=source.column, number__in=runs.chunks)
        contents = rows.order_by("number").values_list("content", flat=True)
        stored = [_unpack_vectors(bytes(content)) for content in contents]
    parts = zip(*stored, strict=True) if stored else [[]] * 3
    return [np.concatenate([np.empty(0, dtype), *part]) for dtype, part in zip(dtypes, parts, strict=True)]


def _store_chunks(source: Source, vectors: list, numbers: list[int], workspace) -> None:
    """Store the chunks of these numbers."""
    now, rows = timezone.now(), []
    order = np.argsort(vectors[0])
    for number in numbers:
        start, stop = np.searchsorted(vectors[0], [number << BITS, (number + 1) << BITS], sorter=order)
        content = _pack_vectors([vector[order[start:stop]] for vector in vectors])
        size = len(content)
        rows.append(
            ColumnChunk(
                workspace=workspace, column=source.column, number=number, content=content, size=size, stored_at=now
            )
        )
    unique, changed = ["workspace", "column", "number"], ["content", "size", "stored_at"]
    with skipped_if_busy():
        ColumnChunk.objects.bulk_create(rows, update_conflicts=True, unique_fields=unique, update_fields=changed)


def _pack_vectors(vectors: list) -> bytes:
    """Only numbers: a stored format that could run code would be dangerous. Keys and revisions take few bytes each."""
    keys, revisions, values = vectors
    file = io.BytesIO()
    for vector in (_shrink(keys), _shrink(revisions), values):
        np.save(file, vector, allow_pickle=False)
    return file.getvalue()


def _shrink(vector) -> Any:
    return vector.astype(np.min_scalar_type(-1 - int(vector.max())))


def _unpack_vectors(content: bytes) -> list:
    file = io.BytesIO(content)
    return [np.load(file, allow_pickle=False) for _ in range(3)]
