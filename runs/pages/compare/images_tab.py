"""The tab *Images*: images with the same name side by side, at one step."""

from urllib.parse import quote

from django.urls import reverse

from runs import metrics
from runs.charts.metric_cards import path_of
from runs.models import MetricSeries, Run
from runs.pages.compare.query import UnknownName
from runs.pages.compare.selection import RunSelection
from studio import numbers

MAX_STEPS = 200


def build_context(selected: RunSelection, query) -> dict:
    """Each run shows its newest image up to the step; without a step, the last one."""
    series = MetricSeries.objects.filter(run__in=selected.pks, kind=MetricSeries.Kind.IMAGE).order_by("name")
    names = list(dict.fromkeys(one.name for one in series))
    name = query["image"] or next(iter(names), "")
    if name and name not in names:
        raise UnknownName("image", name, "none of the runs has images of this name.")
    by_run = {one.run_id: one for one in series if one.name == name}
    columns = metrics.read_points_of_many(list(by_run.values()))
    paths = {pk: _paths_by_step(columns[one.pk]) for pk, one in by_run.items()}
    all_steps = sorted({step for found in paths.values() for step in found})
    steps = thin_steps(all_steps)
    step = _nearest_step(query["step"], steps)
    return {
        "names": names,
        "name": name,
        "steps": steps,
        "step": step,
        "index": steps.index(step) if step is not None else 0,
        "last_index": max(0, len(steps) - 1),
        "left_out": len(all_steps) - len(steps),
        "images": [_build_image(run, paths.get(run.pk, {}), steps, step) for run in selected.runs],
        "visible": ("image", "step"),
    }


def _paths_by_step(columns) -> dict[int, str]:
    steps, _, values = columns
    return {int(step): path_of(value) for step, value in zip(steps, values, strict=True)}


def thin_steps(steps: list[int]) -> list[int]:
    """Evenly, with the first and the last."""
    if len(steps) <= MAX_STEPS:
        return steps
    return [steps[round(index * (len(steps) - 1) / (MAX_STEPS - 1))] for index in range(MAX_STEPS)]


def _nearest_step(requested: str, steps: list[int]) -> int | None:
    """The step to show: the last one up to the requested step."""
    if not steps:
        return None
    if not requested:
        return steps[-1]
    wanted = numbers.parse_int(requested, "step", min_value=-numbers.MAX_INT)
    return max((step for step in steps if step <= wanted), default=steps[0])


def _build_image(run: Run, paths: dict[int, str], steps: list[int], step: int | None) -> dict:
    """The image that the run shows, and its image at each step for static/js/compare/images.js."""
    file = reverse("runs:run_file", args=[run.workspace.slug, run.run_id])
    own = sorted(paths)
    found, index = [], -1
    for one in steps:
        while index + 1 < len(own) and own[index + 1] <= one:
            index += 1
        found.append((own[index], f"{file}?path={quote(paths[own[index]], safe='')}") if index >= 0 else None)
    now = found[steps.index(step)] if step is not None else None
    return {"run": run, "found": found, "step": now and now[0], "src": now and now[1]}
