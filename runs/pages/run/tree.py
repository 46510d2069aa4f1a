"""Runs as a tree of children."""

import hashlib

from runs.charts import colours
from runs.models import Run


def list_descendants(run: Run, max_count: int) -> list[Run]:
    """The descendants as a flat tree, each with its `depth`, at most `max_count`."""
    below: dict[int | None, list[Run]] = {}
    layer, found = [run.pk], 0
    while layer and found <= max_count:
        children = Run.objects.filter(parent__in=layer, deleted_at=None).order_by("-created_at", "-pk")
        rows = list(
            children.select_related("experiment", "created_by", "workspace").prefetch_related("tag_rows")[:max_count]
        )
        for child in rows:
            below.setdefault(child.parent_id, []).append(child)
        layer, found = [child.pk for child in rows], found + len(rows)
    return _flatten_tree(run.pk, below, 0)[:max_count]


def state_token(runs: list[Run]) -> str:
    """A token that changes as soon as a run changes, is added or removed."""
    text = ".".join(f"{run.pk}-{run.revision}" for run in runs)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _flatten_tree(pk: int, below: dict, depth: int) -> list[Run]:
    rows = []
    for child in below.get(pk, []):
        child.depth = depth
        child.colour = colours.colour_index(child.pk)
        rows += [child, *_flatten_tree(child.pk, below, depth + 1)]
    return rows
