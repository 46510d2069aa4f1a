"""The tab *Code*: the differences between the snapshots of two runs, file by file."""

import dataclasses

from runs.files import snapshots
from runs.models import Run, Snapshot
from runs.pages.compare import diffs
from runs.pages.compare.query import UnknownName
from runs.pages.compare.selection import RunSelection

MAX_BYTES = 512 * 1024
# The states of files, in the order in which they are listed.
CHANGED, ADDED, REMOVED, SAME = "changed", "added", "removed", "same"
ORDER = [CHANGED, ADDED, REMOVED, SAME]
MAX_FILES = 500


@dataclasses.dataclass(frozen=True)
class ChangedFile:
    path: str
    state: str


def build_context(selected: RunSelection, query) -> dict:
    base, other = _choose_pair(selected, query)
    common = {"other": other, "others": [run for run in selected.runs if run is not base], "visible": ("with",)}
    if not (base.snapshot and other.snapshot):
        return {**common, "without": [run for run in (base, other) if not run.snapshot]}
    files = compare_files(base.snapshot, other.snapshot)
    path = query["path"] or next((file.path for file in files), "")
    file = next((file for file in files if file.path == path), None)
    if path and file is None:
        raise UnknownName("path", path, "neither code has this file.")
    counts = {state: sum(one.state == state for one in files) for state in ORDER}
    shown = files[:MAX_FILES]
    more = {"files": shown, "file": file, "counts": counts, "left_out": len(files) - len(shown)}
    return {**common, **more, "diff": _build_diff(base.snapshot, other.snapshot, file, query) if file else None}


def _choose_pair(selected: RunSelection, query) -> tuple[Run, Run]:
    base = selected.base
    if query["with"] and query["with"] != base.run_id:
        return base, selected.get_run(query["with"], "with")
    others = [run for run in selected.runs if run is not base]
    # Prefer a run with different code.
    return base, next((run for run in others if run.snapshot and run.snapshot_id != base.snapshot_id), others[0])


def compare_files(old: Snapshot, new: Snapshot) -> list[ChangedFile]:
    """All files of both snapshots, changed ones first."""
    before = snapshots.read_fingerprints(old)
    after = before if new.pk == old.pk else snapshots.read_fingerprints(new)
    files = [ChangedFile(path, _file_state(before.get(path), after.get(path))) for path in {**before, **after}]
    return sorted(files, key=lambda file: (ORDER.index(file.state), file.path))


def _file_state(before, after) -> str:
    if before is None or after is None:
        return ADDED if before is None else REMOVED
    return SAME if before == after else CHANGED


def _build_diff(before: Snapshot, after: Snapshot, file: ChangedFile, query) -> dict:
    """The rows of the diff, or the reason why there are none."""
    old, new = _read_text(before, file, ADDED), _read_text(after, file, REMOVED)
    if old is None or new is None:
        return {
            "problem": "This file is not text, or larger than 512 KB. The size and checksum of both versions differ."
        }
    view = diffs.build_unified if query["view"] == "unified" else diffs.build_split
    return view(old, new, file.path, whole=bool(query["full"]))


def _read_text(snapshot: Snapshot, file: ChangedFile, absent: str) -> str | None:
    """Empty if this side does not have the file, None if it cannot be shown."""
    if file.state == absent:
        return ""
    data = snapshots.read_file(snapshot, file.path, MAX_BYTES + 1)
    if len(data) > MAX_BYTES or b"\0" in data[:8192]:
        return None
    return data.decode("utf-8", "replace")
