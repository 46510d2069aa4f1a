"""The tab *Logs*: the ends of one log of several runs, with marks on lines that the baseline does not have."""

import dataclasses
import functools
import operator
import re

from django.db.models import Q

from runs.files import artifacts
from runs.models import Artifact, Run
from runs.pages.compare.matching import Budget, opcodes
from runs.pages.compare.query import Absent
from runs.pages.compare.selection import Chosen
from studio.errors import Invalid

FIRST = "user_logs/std_log.txt"
FOLDERS = ("user_logs/", "logs/", "azureml-logs/", "system_logs/")
# Logs side by side at first, and at most.
FIRST_SIDES, MOST_SIDES = 3, 6
TAIL = 64 * 1024
MOST_LINES = 400
# Names of logs to choose from.
MOST_PATHS = 500
LOGS = functools.reduce(
    operator.or_,
    [Q(path__startswith=folder) for folder in FOLDERS] + [Q(path__endswith=end) for end in (".log", "log.txt")],
)
# What differs in every line of every run says nothing: times and dates.
MOMENT = re.compile(r"\d{4}-\d\d-\d\d|\d\d?:\d\d(:\d\d)?([.,]\d+)?|\[\d+(\.\d+)?m?s\]")
COLOURS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")


@dataclasses.dataclass(frozen=True)
class Line:
    """`is_new` if the baseline lacks it; `is_first` for the first of some that it lacks."""

    text: str
    is_new: bool
    is_first: bool


def context(chosen: Chosen, asked) -> dict:
    files = Artifact.objects.filter(run__in=chosen.pks)
    named = files.filter(LOGS).order_by("path").values_list("path", flat=True).distinct()[:MOST_PATHS]
    paths = sorted(named, key=lambda path: (path != FIRST, path))
    path = asked["path"] or next(iter(paths), "")
    if path and path not in paths and not files.filter(LOGS, path=path).exists():
        raise Absent("path", path, "none of the runs has a log of this name.")
    runs = sides(chosen, asked)
    lines = {file.run_id: tail(file) for file in files.filter(path=path, run__in=runs).select_related("run")}
    base = lines.get(chosen.base.pk, [])
    shown = [_side(run, chosen.base, lines.get(run.pk), base) for run in runs]
    return {
        "paths": paths,
        "path": path,
        "sides": shown,
        "differences": sum(side.get("differences", 0) for side in shown),
        "side_ids": [run.run_id for run in runs],
        "most": MOST_SIDES,
        "most_lines": MOST_LINES,
        "visible": ("path",),
    }


def sides(chosen: Chosen, asked) -> list[Run]:
    """The baseline first; then those that the address names, or the next ones."""
    others = [run for run in chosen.runs if run is not chosen.base]
    if not asked["side"]:
        return [chosen.base, *others][:FIRST_SIDES]
    named = [chosen.of_id(run_id, "side") for run_id in asked["side"]]
    named = [chosen.base, *[run for run in named if run is not chosen.base]]
    if len(named) > MOST_SIDES:
        raise Invalid(f"{len(named)} logs are chosen; {MOST_SIDES} fit side by side.", target="side")
    return named


def tail(file: Artifact) -> list[str]:
    """The last lines of a file, as a terminal would show them."""
    start = max(0, file.size - TAIL)
    text = artifacts.content(file, start).decode("utf-8", "replace")
    # From the start of a line.
    if start and "\n" in text:
        text = text.partition("\n")[2]
    return [cleaned(line) for line in text.rstrip("\n").split("\n")[-MOST_LINES:]] if text else []


def cleaned(line: str) -> str:
    """Without colours; of a progress bar, which writes over itself, what was written last."""
    return COLOURS.sub("", line).rstrip("\r").rpartition("\r")[2]


def _side(run: Run, base: Run, lines: list[str] | None, wanted: list[str]) -> dict:
    if lines is None:
        return {"run": run, "lines": None}
    is_compared = run is not base and wanted
    marks = marked(wanted, lines) if is_compared else [(line, False) for line in lines]
    before = [False, *(new for _, new in marks)]
    shown = [Line(line, new, new and not old) for (line, new), old in zip(marks, before, strict=False)]
    return {"run": run, "lines": shown, "differences": sum(line.is_first for line in shown)}


def marked(wanted: list[str], lines: list[str]) -> list[tuple[str, bool]]:
    """Each line, and whether the baseline lacks it; times do not count."""
    plain = ([MOMENT.sub("", one) for one in side] for side in (wanted, lines))
    codes = opcodes(*plain, Budget())
    new = {place for what, _, _, start, end in codes if what in ("replace", "insert") for place in range(start, end)}
    return [(line, place in new) for place, line in enumerate(lines)]
