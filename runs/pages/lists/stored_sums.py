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

MAX_BYTES = 2_000_000


@dataclasses.dataclass(frozen=True)
class BlockSums:
    """For each group of a block: its key, the number of its runs, and in a row for each metric the number of values, their
    mean, the sum of their squared distances from it, and the points: of a run at most, of all runs."""

    keys: list[str]
    totals: Any
    sums: Any


# Block → state of its runs, and the sums of its groups.
Blocks = dict[int, tuple[tuple[int, int, int], BlockSums]]


def load_blocks(key: str) -> Blocks:
    content = ListSums.objects.filter(key=key).values_list("content", flat=True).first()
    return _unpack_blocks(bytes(content)) if content else {}


def store_blocks(key: str, workspace, blocks: Blocks) -> None:
    content = _pack_blocks(blocks)
    if len(content) > MAX_BYTES:
        return
    row = ListSums(key=key, workspace=workspace, content=content, stored_at=timezone.now())
    with skipped_if_busy():
        ListSums.objects.bulk_create(
            [row], update_conflicts=True, unique_fields=["key"], update_fields=["content", "stored_at"]
        )


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
