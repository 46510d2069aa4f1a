"""The tab *Code*: what differs between the snapshots of two runs, file by file."""

import dataclasses

from runs.files import snapshots
from runs.models import Run, Snapshot
from runs.pages.compare import diffs
from runs.pages.compare.query import Absent
from runs.pages.compare.selection import Chosen

MOST_BYTES = 512 * 1024
# How files are told, in the order in which they stand.
CHANGED, ADDED, REMOVED, SAME = "changed", "added", "removed", "same"
ORDER = [CHANGED, ADDED, REMOVED, SAME]
MOST_FILES = 500


@dataclasses.dataclass(frozen=True)
class File:
    path: str
    state: str


def context(chosen: Chosen, asked) -> dict:
    base, other = _pair(chosen, asked)
    common = {"other": other, "others": [run for run in chosen.runs if run is not base], "visible": ("with",)}
    if not (base.snapshot and other.snapshot):
        return {**common, "without": [run for run in (base, other) if not run.snapshot]}
    files = files_of(base.snapshot, other.snapshot)
    path = asked["path"] or next((file.path for file in files), "")
    file = next((file for file in files if file.path == path), None)
    if path and file is None:
        raise Absent("path", path, "neither code has this file.")
    counts = {state: sum(one.state == state for one in files) for state in ORDER}
    shown = files[:MOST_FILES]
    more = {"files": shown, "file": file, "counts": counts, "left_out": len(files) - len(shown)}
    return {**common, **more, "diff": _diff(base, other, file, asked) if file else None}


def _pair(chosen: Chosen, asked) -> tuple[Run, Run]:
    base = chosen.base
    if asked["with"] and asked["with"] != base.run_id:
        return base, chosen.of_id(asked["with"], "with")
    others = [run for run in chosen.runs if run is not base]
    # A run with other code says more than one with the same.
    return base, next((run for run in others if run.snapshot and run.snapshot_id != base.snapshot_id), others[0])


def files_of(old: Snapshot, new: Snapshot) -> list[File]:
    """All files of both, changed ones first."""
    before = snapshots.fingerprints(old)
    after = before if new.pk == old.pk else snapshots.fingerprints(new)
    files = [File(path, _state(before.get(path), after.get(path))) for path in {**before, **after}]
    return sorted(files, key=lambda file: (ORDER.index(file.state), file.path))


def _state(before, after) -> str:
    if before is None or after is None:
        return ADDED if before is None else REMOVED
    return SAME if before == after else CHANGED


def _diff(base: Run, other: Run, file: File, asked) -> dict:
    """Rows to show, or a reason why there are none."""
    texts = [_text(base.snapshot, file, ADDED), _text(other.snapshot, file, REMOVED)]
    if any(text is None for text in texts):
        return {"problem": "This file is not text, or larger than 512 KB. Its size and checksum say that it differs."}
    old, new = texts
    view = diffs.unified if asked["view"] == "unified" else diffs.split
    return view(old, new, file.path, whole=bool(asked["full"]))


def _text(snapshot: Snapshot, file: File, absent: str) -> str | None:
    """Empty for a file that this side does not have, None for one that cannot be shown."""
    if file.state == absent:
        return ""
    data = snapshots.read_file(snapshot, file.path, MOST_BYTES + 1)
    if len(data) > MOST_BYTES or b"\0" in data[:8192]:
        return None
    return data.decode("utf-8", "replace")
