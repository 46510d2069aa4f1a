"""The difference of two files, of one run or of two: a page of the tab Outputs + logs."""

from django import forms
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from runs.files import artifacts
from runs.models import Artifact, Run
from runs.pages.access import find_run
from runs.pages.compare import diffs
from runs.pages.compare.code_tab import MAX_BYTES
from runs.pages.run.views import tab_context
from studio.formats import format_bytes
from studio.forms import cleaned_or_invalid
from studio.names import natural_key

# Runs of the same experiment, and files of the other run, to choose from; others are named by their ids and paths.
MAX_OFFERED = 50
MAX_PATHS = 500
SPLIT, UNIFIED = "split", "unified"


class DiffQuery(forms.Form):
    """`path` of this run with `other` of `job`, by default the same path of the newest other run of the experiment."""

    path = forms.CharField(max_length=1000, strip=False)
    job = forms.CharField(required=False, max_length=256)
    other = forms.CharField(required=False, max_length=1000, strip=False)
    view = forms.ChoiceField(required=False, choices=[(SPLIT, "Side by side"), (UNIFIED, "Unified")])
    full = forms.BooleanField(required=False)


@require_safe
def file_diff(request, slug, run_id):
    run = find_run(request, slug, run_id)
    query = cleaned_or_invalid(DiffQuery(request.GET))
    file = get_object_or_404(Artifact, run=run, path=query["path"])
    before = _offer_runs(run)
    other_run = find_run(request, slug, query["job"]) if query["job"] else _find_same(before, query["path"]) or run
    paths = _offer_paths(other_run)
    other = _find_other(other_run, query, file)
    if other_run not in before:
        before = [other_run, *before]
    more = {"file": file, "other_run": other_run, "other": other, "runs": before, "paths": paths, "query": query}
    more["view"] = query["view"] or SPLIT
    if other is not None:
        more["diff"] = _build_diff(other, file, query)
    return render(request, "runs/file_diff.html", tab_context(request, run, "logs", live_tab="", **more))


def _offer_runs(run: Run) -> list[Run]:
    """This run, and the newest of its experiment."""
    others = Run.objects.filter(experiment=run.experiment, deleted_at=None).exclude(pk=run.pk)
    return [run, *others.select_related("workspace").order_by("-created_at")[:MAX_OFFERED]]


def _find_same(runs: list[Run], path: str) -> Run | None:
    """The newest other run that has a file of this path."""
    having = set(Artifact.objects.filter(run__in=runs[1:], path=path).values_list("run", flat=True))
    return next((run for run in runs[1:] if run.pk in having), None)


def _offer_paths(run: Run) -> list[str]:
    return sorted(run.artifacts.values_list("path", flat=True)[:MAX_PATHS], key=natural_key)


def _find_other(run: Run, query: dict, file: Artifact) -> Artifact | None:
    """The file in the URL, otherwise the same path of another run, otherwise None."""
    wanted = query["other"] or ("" if run.pk == file.run_id else query["path"])
    return run.artifacts.filter(path=wanted).first() if wanted else None


def _build_diff(old: Artifact, new: Artifact, query: dict) -> dict:
    before, after = _read_text(old), _read_text(new)
    if before is None or after is None:
        limit = format_bytes(MAX_BYTES)
        return {"problem": f"Files are compared line by line if both are text and at most {limit}. {_sizes(old, new)}"}
    view = diffs.build_unified if query["view"] == UNIFIED else diffs.build_split
    return view(before, after, new.path, whole=query["full"])


def _sizes(old: Artifact, new: Artifact) -> str:
    return f"These have {format_bytes(old.size)} and {format_bytes(new.size)}."


def _read_text(file: Artifact) -> str | None:
    """None if it cannot be compared by lines."""
    if file.size > MAX_BYTES:
        return None
    data = artifacts.read_bytes(file, 0, file.size)
    return None if b"\0" in data[:8192] else data.decode("utf-8", "replace")
