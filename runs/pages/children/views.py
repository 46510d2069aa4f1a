"""The tab Child jobs: the best child, the objective of the children, and the list of child jobs."""

import dataclasses
import math
from typing import Any

from django.http import QueryDict
from django.views.decorators.http import require_safe

from runs import metric_order, objectives
from runs.charts import figures, trials
from runs.models import MetricSeries, Run, RunParameter
from runs.pages.access import find_run
from runs.pages.compare import plots, selection
from runs.pages.compare.query import CompareQuery
from runs.pages.lists.tables import RunTable
from runs.pages.lists.views import build_table, charts_json, render_list
from runs.pages.run.views import tab_context
from studio.formats import format_given

# Points of the chart, and lines of the parallel coordinates: the best.
MAX_TRIALS, MAX_LINES = 1_000, 50
MAX_AXES = 8
# The comparison accepts a URL of this length.
MAX_IDS_LENGTH = 15_000


@dataclasses.dataclass
class JudgedChildren:
    """`trials` are the children that have a value, in the order of their creation."""

    name: str
    better: str
    trials: list[tuple[Run, float]]

    @property
    def ranked_trials(self) -> list[tuple[Run, float]]:
        return sorted(self.trials, key=lambda trial: -trial[1] if self.better == "higher" else trial[1])


def _only_children(request, run: Run) -> None:
    """The list of this run's children, with the parameters of the URL."""
    query = request.GET.copy()
    query["parent"] = run.run_id
    request.GET = query


@require_safe
def run_children(request, slug, run_id):
    run = find_run(request, slug, run_id)
    _only_children(request, run)

    def describe(table: RunTable) -> dict:
        more = tab_context(request, run, "children")
        objective = read_objective(run, table)
        return more | (_describe_objective(objective, table) if objective else {})

    return render_list(request, slug, run.experiment, "runs/run_children.html", describe)


@require_safe
def run_children_charts(request, slug, run_id):
    """The charts above the list."""
    run = find_run(request, slug, run_id)
    _only_children(request, run)
    return charts_json(build_table(request, slug, run.experiment))


def read_objective(run: Run, table: RunTable) -> JudgedChildren | None:
    """The children with the objective of the list or sweep, otherwise with their most important metric; None without
    values."""
    chosen = _find_objective(run, table)
    name = chosen.name if chosen.name in table.common_metrics else ""
    name = name or next(filter(metric_order.is_objective, table.common_metrics), "")
    better = chosen.better if name == chosen.name else metric_order.better_direction(name)
    if not name or not better:
        return None
    series = MetricSeries.objects.filter(
        run__in=table.scope, name=name, last__isnull=False, kind=MetricSeries.Kind.SCALAR
    )
    newest = series.select_related("run__workspace").order_by("-run__created_at", "-run")[:MAX_TRIALS]
    found = [(one.run, one.last) for one in reversed(newest) if one.last is not None and math.isfinite(one.last)]
    return JudgedChildren(name, better, found) if found else None


def _find_objective(run: Run, table: RunTable) -> metric_order.Objective:
    """The objective chosen for the list, otherwise that of this sweep, otherwise that of the newest one."""
    own = objectives.objective_of_sweep(run)
    return table.objective if table.options["primary"] or not own.name else own


def _describe_objective(objective: JudgedChildren, table: RunTable) -> dict[str, Any]:
    ranked = objective.ranked_trials
    best, value = ranked[0]
    varying = table.varying_parameters[:MAX_AXES]
    parameters = dict(RunParameter.objects.filter(run=best, name__in=varying).order_by().values_list("name", "value"))
    return {
        "objective": objective,
        "best": best,
        "best_value": value,
        "best_parameters": [
            (name, format_given(parameters[name]), parameters[name]) for name in varying if name in parameters
        ],
        "trial_count": len(objective.trials),
        "trials_figure": trials.draw_trials(objective.trials, objective.name, objective.better),
        "templates": figures.build_templates(),
        "parallel": _draw_parallel(table, [run for run, _ in ranked[:MAX_LINES]], objective.name, varying),
    }


def _draw_parallel(table: RunTable, runs: list[Run], name: str, parameters: list[str]) -> dict | None:
    """The parallel coordinates of the comparison; None if no parameter differs between the children."""
    while sum(len(run.run_id) + 3 for run in runs) > MAX_IDS_LENGTH:
        runs = runs[:-1]
    if len(runs) < selection.MIN_RUNS or not parameters:
        return None
    words = QueryDict(mutable=True)
    words["runs"], words["sc"] = ",".join(run.run_id for run in runs), f"metrics.{name}"
    words.setlist("axis", [*(f"params.{one}" for one in parameters), f"metrics.{name}"])
    query, selected = selection.load_selection(table.scope, CompareQuery.parse(words), table.user)
    return plots.build_parallel_context(selected, query)["plot"]
