"""The sums of the blocks of a list, and how they are stored for other processes: runs/models/list_sums.py."""

import dataclasses
import io
import json
import zlib
from typing import Any

import numpy as np
from django.utils import timezone

from runs.models import ListSums
from studio.database import skipped_if_busy

# The limit for the stored sums of a metric.
MAX_BYTES = 400_000


@dataclasses.dataclass(frozen=True)
class BlockSums:
    """For each group of a block: its key, the number of its runs, and in a row for each metric the number of values, their
    mean, the sum of their squared distances from it, and the points: of a run at most, of all runs."""

    keys: list[str]
    totals: Any
    sums: Any


# Block → state of its runs, and the sums of its groups.
Blocks = dict[int, tuple[tuple[int, int, int], BlockSums]]


def load_blocks(keys: list[str]) -> list[Blocks]:
    """For each key its blocks, or none."""
    found = dict(ListSums.objects.filter(key__in=keys).values_list("key", "content"))
    return [_unpack_blocks(bytes(found[key])) if found.get(key) else {} for key in keys]


def store_blocks(parts: dict[str, Blocks], workspace) -> None:
    now = timezone.now()
    # In order, so that two processes do not wait for each other.
    packed = sorted((key, _pack_blocks(blocks)) for key, blocks in parts.items())
    rows = [
        ListSums(key=key, workspace=workspace, content=content, stored_at=now)
        for key, content in packed
        if len(content) <= MAX_BYTES
    ]
    with skipped_if_busy():
        ListSums.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["key"], update_fields=["content", "stored_at"]
        )


def count_blocks(blocks: Blocks) -> Blocks:
    """The blocks without metrics."""
    return {
        block: (state, BlockSums(part.keys, part.totals, part.sums[:, :0])) for block, (state, part) in blocks.items()
    }


def split_blocks(blocks: Blocks, number: int) -> list[Blocks]:
    """The blocks of each of the metrics alone."""
    return [
        {
            block: (state, BlockSums(part.keys, part.totals, part.sums[:, index : index + 1]))
            for block, (state, part) in blocks.items()
        }
        for index in range(number)
    ]


def join_blocks(parts: list[Blocks]) -> Blocks:
    """The blocks of several metrics, if they have the same state and groups for all of them."""
    found: Blocks = {}
    for block, (state, first) in parts[0].items():
        same = [other[block] for other in parts if block in other]
        if len(same) == len(parts) and all((had, part.keys) == (state, first.keys) for had, part in same):
            sums = np.concatenate([part.sums for _, part in same], axis=1)
            found[block] = (state, BlockSums(first.keys, first.totals, sums))
    return found


def _pack_blocks(blocks: Blocks) -> bytes:
    """Only numbers and text: a stored format that could run code would be dangerous."""
    parts = [part for _, part in blocks.values()]
    keys = json.dumps([part.keys for part in parts]).encode()
    file = io.BytesIO()
    np.savez(
        file,
        states=np.array([(block, *state) for block, (state, _) in blocks.items()], np.int64),
        keys=np.frombuffer(keys, np.uint8),
        totals=np.concatenate([part.totals for part in parts]),
        sums=np.concatenate([part.sums for part in parts]),
    )
    return zlib.compress(file.getvalue(), 1)


def _unpack_blocks(content: bytes) -> Blocks:
    with np.load(io.BytesIO(zlib.decompress(content)), allow_pickle=False) as found:
        keys, states = json.loads(found["keys"].tobytes()), found["states"].tolist()
        ends = np.cumsum([len(of_block) for of_block in keys])[:-1]
        totals, sums = np.split(found["totals"], ends), np.split(found["sums"], ends)
    return {
        block: (tuple(state), BlockSums(of_block, *numbers))
        for (block, *state), of_block, *numbers in zip(states, keys, totals, sums, strict=True)
    }
