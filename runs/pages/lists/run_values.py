"""The values of one column of all runs of a list, as vectors: runs that have changed since a value was stored are read
again, all others are not."""

import dataclasses
import functools
import io
from collections import Counter
from typing import Any

import numpy as np
from django.db.models import Case, F, Value, When
from django.utils import timezone

from runs.models import ColumnChunk
from runs.models.status import ACTIVE, TERMINAL
from runs.pages.lists import vectors
from runs.pages.lists.vectors import F8, I8
from studio import statements
from studio.database import skipped_if_busy

# A chunk has the runs of 2 ** BITS keys.
BITS = 16
# From so many values on that are not stored, they are stored once they have been read; reading more takes long.
WORTH_STORING, MANY = 2_000, 10_000
# Keys of one statement, unless most of the keys between the first and the last are read.
KEYS, DENSE = 1_000, 4


# Key, revision and status of a run in one number. Of two different revisions, these numbers are never the same by chance.
REVISION_BITS, STATE_BITS = 24, 4
REVISIONS, STATES = 2**REVISION_BITS, 2**STATE_BITS
STATUSES = [str(status) for status in (*TERMINAL, *ACTIVE)]
CODE = Case(*[When(status=status, then=Value(code)) for code, status in enumerate(STATUSES)], default=Value(0))
SHORT_REVISION = F("revision") % REVISIONS
PACKED = F("pk") * (REVISIONS * STATES) + SHORT_REVISION * STATES + CODE


@dataclasses.dataclass(frozen=True)
class RunKeys:
    """The runs of a list: keys, their revisions, and the positions of their states in STATUSES."""

    keys: Any
    revisions: Any
    codes: Any

    @classmethod
    def read(cls, runs, is_majority: bool = False) -> "RunKeys":
        """In the order of the keys. `is_majority`: the list probably has most of the runs in the database."""
        packed = vectors.read_integers(runs.order_by().annotate(packed=PACKED), "packed", is_majority)
        # Nearly sorted already.
        packed.sort(kind="stable")
        return cls._unpack(packed)

    @classmethod
    def read_in_order(cls, runs) -> "RunKeys":
        return cls._unpack(vectors.read_integers(runs.annotate(packed=PACKED), "packed"))

    @classmethod
    def _unpack(cls, packed) -> "RunKeys":
        revisions = packed >> STATE_BITS & REVISIONS - 1
        return cls(packed >> REVISION_BITS + STATE_BITS, revisions, packed & STATES - 1)

    @functools.cached_property
    def counts(self) -> Counter:
        """The number of runs by status."""
        counts = np.bincount(self.codes, minlength=len(STATUSES)).tolist()
        return Counter({status: number for status, number in zip(STATUSES, counts, strict=True) if number})

    def slice_of_states(self, states: set[str], start: int, stop: int) -> list[tuple[int, int]]:
        """Key and revision of some of the runs in these states."""
        wanted = np.isin(self.codes, [code for code, status in enumerate(STATUSES) if status in states])
        pairs = (self.keys[wanted][start:stop].tolist(), self.revisions[wanted][start:stop].tolist())
        return list(zip(*pairs, strict=True))

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
    represented by a digest, so that all values are numbers; `is_indexed`: an index has the starts of the texts."""

    column: str
    rows: Any
    run: str
    value: str
    is_text: bool
    is_indexed: bool = False


def read_values(source: Source, runs: RunKeys, workspace, patient: bool = True) -> Any:
    """The values of a column in the order of the runs, NaN without one; None if that takes long and nobody is patient.

    Values that had to be read are stored in the workspace, if they are many.
    """
    keys, revisions, values = _load_chunks(source, runs, workspace)
    positions = _locate(keys, runs.keys)
    known = positions >= 0
    known[known] = revisions[positions[known]] == runs.revisions[known]
    found = np.empty(len(runs.keys), values.dtype)
    found[known] = values[positions[known]]
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


def _locate(keys, wanted) -> Any:
    """The position of each wanted key in the sorted keys, or -1."""
    if np.array_equal(keys, wanted):
        return np.arange(len(keys))
    if not len(keys):
        return np.full(len(wanted), -1)
    first, span = int(keys[0]), int(keys[-1] - keys[0]) + 1
    if span > DENSE * (len(keys) + len(wanted)):
        positions = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[positions] == wanted, positions, -1)
    # One more for keys outside.
    table = np.full(span + 1, -1)
    table[keys - first] = np.arange(len(keys))
    return table[np.where((wanted >= first) & (wanted < first + span), wanted - first, span)]


def _read_rows(source: Source, keys) -> Any:
    """The values of these runs."""
    found = np.zeros(len(keys), I8) if source.is_text else np.full(len(keys), np.nan)
    lists = _select_rows(source, keys)
    by_index = source.is_indexed and len(keys) > KEYS * len(lists)
    for rows in lists:
        names = (rows.order_by(), source.run, source.value)
        of, values = vectors.read_digests(*names, by_index) if source.is_text else vectors.read_numbers(*names)
        positions = _locate(keys, of)
        there = positions >= 0
        found[positions[there]] = values[there]
    return found


def _select_rows(source: Source, keys) -> list:
    first, last = int(keys[0]), int(keys[-1])
    if len(keys) > KEYS and len(keys) * DENSE > last - first:
        return [source.rows.filter(**{f"{source.run}__gte": first, f"{source.run}__lte": last})]
    parts = [keys[start : start + KEYS].tolist() for start in range(0, len(keys), KEYS)]
    return [source.rows.filter(**{f"{source.run}__in": part}) for part in parts]


# ---- the stored values


def _load_chunks(source: Source, runs: RunKeys, workspace) -> list:
    """Keys, revisions and values that are stored for runs of these chunks, in the order of the keys."""
    dtypes = (I8, I8, I8 if source.is_text else F8)
    stored = []
    # Few values are read faster one by one.
    if len(runs.keys) >= WORTH_STORING:
        rows = ColumnChunk.objects.filter(workspace=workspace, column=source.column, number__in=runs.chunks)
        contents = vectors.read_rows(rows.order_by("number").values_list("content"))
        stored = [_unpack_vectors(bytes(content)) for (content,) in contents]
    parts = zip(*stored, strict=True) if stored else [[]] * 3
    return [np.concatenate([np.empty(0, dtype), *part]) for dtype, part in zip(dtypes, parts, strict=True)]


def _store_chunks(source: Source, joined: list, numbers: list[int], workspace) -> None:
    """Store the chunks of these numbers."""
    now, rows = timezone.now(), []
    order = np.argsort(joined[0], kind="stable")
    for number in numbers:
        start, stop = np.searchsorted(joined[0], [number << BITS, (number + 1) << BITS], sorter=order)
        content = _pack_vectors([vector[order[start:stop]] for vector in joined])
        rows.append((workspace.pk, source.column, number, content, len(content), now))
    names = ["workspace", "column", "number", "content", "size", "stored_at"]
    with skipped_if_busy():
        statements.replace_rows(ColumnChunk, names, rows, unique=names[:3])


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
