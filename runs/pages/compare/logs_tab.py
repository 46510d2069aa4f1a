"""The tab *Logs*: the end of the same log of several runs, with marks on lines that the baseline does not have."""

import dataclasses
import functools
import operator
import re

from django.db.models import Q

from runs.files import artifacts
from runs.models import Artifact, Run
from runs.pages.compare.matching import StepBudget, find_opcodes
from runs.pages.compare.query import UnknownName
from runs.pages.compare.selection import RunSelection
from studio.errors import Invalid

FIRST = "user_logs/std_log.txt"
FOLDERS = ("user_logs/", "logs/", "azureml-logs/", "system_logs/")
# Number of logs side by side by default, and at most.
FIRST_SIDES, MAX_SIDES = 3, 6
TAIL = 64 * 1024
MAX_LINES = 400
# Number of logs to choose from.
MAX_PATHS = 500
LOGS = functools.reduce(
    operator.or_,
    [Q(path__startswith=folder) for folder in FOLDERS] + [Q(path__endswith=end) for end in (".log", "log.txt")],
)
# Times and dates differ in every line and are ignored.
MOMENT = re.compile(r"\d{4}-\d\d-\d\d|\d\d?:\d\d(:\d\d)?([.,]\d+)?|\[\d+(\.\d+)?m?s\]")
COLOURS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")


@dataclasses.dataclass(frozen=True)
class LogLine:
    """`is_new` if the baseline lacks the line; `is_first` for the first of consecutive new lines."""

    text: str
    is_new: bool
    is_first: bool


def build_context(selected: RunSelection, query) -> dict:
    files = Artifact.objects.filter(run__in=selected.pks)
    named = files.filter(LOGS).order_by("path").values_list("path", flat=True).distinct()[:MAX_PATHS]
    paths = sorted(named, key=lambda path: (path != FIRST, path))
    path = query["path"] or next(iter(paths), "")
    if path and path not in paths and not files.filter(LOGS, path=path).exists():
        raise UnknownName("path", path, "none of the runs has a log of this name.")
    runs = choose_sides(selected, query)
    lines = {file.run_id: read_tail(file) for file in files.filter(path=path, run__in=runs).select_related("run")}
    base = lines.get(selected.base.pk, [])
    shown = [_build_side(run, selected.base, lines.get(run.pk), base) for run in runs]
    return {
        "paths": paths,
        "path": path,
        "sides": shown,
        "differences": sum(side.get("differences", 0) for side in shown),
        "side_ids": [run.run_id for run in runs],
        "max_count": MAX_SIDES,
        "most_lines": MAX_LINES,
        "visible": ("path",),
    }


def choose_sides(selected: RunSelection, query) -> list[Run]:
    """The baseline first, then the runs in the URL, or the next ones."""
    others = [run for run in selected.runs if run is not selected.base]
    if not query["side"]:
        return [selected.base, *others][:FIRST_SIDES]
    named = [selected.get_run(run_id, "side") for run_id in query["side"]]
    named = [selected.base, *[run for run in named if run is not selected.base]]
    if len(named) > MAX_SIDES:
        raise Invalid(f"{len(named)} logs are selected; at most {MAX_SIDES} fit side by side.", target="side")
    return named


def read_tail(file: Artifact) -> list[str]:
    """The last lines of a file, as a terminal would show them."""
    start = max(0, file.size - TAIL)
    text = artifacts.read_bytes(file, start).decode("utf-8", "replace")
    # From the start of a line.
    if start and "\n" in text:
        text = text.partition("\n")[2]
    return [clean_line(line) for line in text.rstrip("\n").split("\n")[-MAX_LINES:]] if text else []


def clean_line(line: str) -> str:
    """The line without colour codes; of a progress bar, the last state."""
    return COLOURS.sub("", line).rstrip("\r").rpartition("\r")[2]


def _build_side(run: Run, base: Run, lines: list[str] | None, wanted: list[str]) -> dict:
    if lines is None:
        return {"run": run, "lines": None}
    is_compared = run is not base and wanted
    marks = mark_new_lines(wanted, lines) if is_compared else [(line, False) for line in lines]
    before = [False, *(new for _, new in marks)]
    shown = [LogLine(line, new, new and not old) for (line, new), old in zip(marks, before, strict=False)]
    return {"run": run, "lines": shown, "differences": sum(line.is_first for line in shown)}


def mark_new_lines(wanted: list[str], lines: list[str]) -> list[tuple[str, bool]]:
    """Each line, and whether the baseline lacks it; times are ignored."""
    old, new = ([MOMENT.sub("", one) for one in side] for side in (wanted, lines))
    codes = find_opcodes(old, new, StepBudget())
    added = {index for what, _, _, start, end in codes if what in ("replace", "insert") for index in range(start, end)}
    return [(line, index in added) for index, line in enumerate(lines)]
