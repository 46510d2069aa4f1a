"""The tab *Logs*: the ends of one log of several runs, with marks on lines that the baseline does not have."""

import difflib
import re

from django.db.models import F

from runs.compare.chosen import Chosen
from runs.models import Artifact, ArtifactSegment, Run
from studio import storage
from studio.errors import Invalid

FIRST = "user_logs/std_log.txt"
FOLDERS = ("user_logs/", "logs/", "azureml-logs/", "system_logs/")
# Logs side by side at first, and at most.
FIRST_SIDES, MOST_SIDES = 3, 6
TAIL = 64 * 1024
MOST_LINES = 400
# What differs in every line of every run says nothing: times and dates.
MOMENT = re.compile(r"\d{4}-\d\d-\d\d|\d\d?:\d\d(:\d\d)?([.,]\d+)?|\[\d+(\.\d+)?m?s\]")


def context(chosen: Chosen, asked) -> dict:
    files = Artifact.objects.filter(run__in=chosen.pks)
    paths = sorted(
        {path for path in files.values_list("path", flat=True) if _is_log(path)}, key=lambda path: (path != FIRST, path)
    )
    path = asked["path"] or next(iter(paths), "")
    if path and path not in paths:
        raise Invalid(f"path={path!r}: none of the runs has a log of this name.", target="path")
    runs = sides(chosen, asked)
    texts = tails(list(files.filter(path=path, run__in=runs)))
    lines = {pk: text.splitlines()[-MOST_LINES:] for pk, text in texts.items()}
    base = lines.get(chosen.base.pk, [])
    return {
        "paths": paths,
        "path": path,
        "sides": [_side(run, chosen.base, lines.get(run.pk), base) for run in runs],
        "side_ids": [run.run_id for run in runs],
        "most": MOST_SIDES,
        "most_lines": MOST_LINES,
        "visible": ("path",),
    }


def _is_log(path: str) -> bool:
    return path.startswith(FOLDERS) or path.endswith((".log", "log.txt"))


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


def tails(files: list[Artifact]) -> dict[int, str]:
    """The end of each file by its run. Where the bytes lie is asked by one query for all."""
    starts = {file.pk: max(0, file.size - TAIL) for file in files}
    segments = ArtifactSegment.objects.filter(artifact__in=list(starts)).annotate(end=F("offset") + F("size"))
    parts: dict[int, list[bytes]] = {pk: [] for pk in starts}
    for segment in segments.filter(end__gt=F("artifact__size") - TAIL).order_by("artifact", "offset"):
        skip = max(0, starts[segment.artifact_id] - segment.offset)
        parts[segment.artifact_id].append(storage.get_range(segment.key, skip, segment.size - skip))
    return {file.run_id: _text(b"".join(parts[file.pk]), starts[file.pk] > 0) for file in files}


def _text(data: bytes, is_cut: bool) -> str:
    """From the start of a line."""
    text = data.decode("utf-8", "replace")
    return text.partition("\n")[2] if is_cut and "\n" in text else text


def _side(run: Run, base: Run, lines: list[str] | None, wanted: list[str]) -> dict:
    if lines is None:
        return {"run": run, "lines": None}
    if run is base or not wanted:
        return {"run": run, "lines": [(line, False) for line in lines]}
    return {"run": run, "lines": marked(wanted, lines)}


def marked(wanted: list[str], lines: list[str]) -> list[tuple[str, bool]]:
    """Each line, and whether the baseline lacks it; times do not count."""
    matcher = difflib.SequenceMatcher(
        None, [MOMENT.sub("", one) for one in wanted], [MOMENT.sub("", one) for one in lines]
    )
    new = {
        place
        for what, _, _, start, end in matcher.get_opcodes()
        if what in ("replace", "insert")
        for place in range(start, end)
    }
    return [(line, place in new) for place, line in enumerate(lines)]
