"""The runs of a comparison, in the order of the URL."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Sum

from runs import metric_order, objectives
from runs.charts import colours, run_charts
from runs.metric_order import NO_OBJECTIVE, Objective
from runs.models import MetricSeries, Run, RunParameter, RunTag
from runs.pages.compare.query import CompareQuery
from studio.errors import Invalid

MIN_RUNS, MAX_RUNS = 2, 50
# How many charts are shown by default.
FIRST_CHARTS = 6


@dataclasses.dataclass
class RunSelection:
    runs: list[Run]
    # None if there are too few runs to compare; then it is not used.
    base: Any
    # Ids in the URL without a visible run.
    missing: list[str] = dataclasses.field(default_factory=list)
    user: Any = None

    def __len__(self) -> int:
        return len(self.runs)

    @functools.cached_property
    def pks(self) -> list[int]:
        return [run.pk for run in self.runs]

    @functools.cached_property
    def objective(self) -> Objective:
        """The metric by which the runs are judged, if they are of one experiment."""
        if len({run.experiment_id for run in self.runs}) != 1:
            return NO_OBJECTIVE
        return objectives.find_objective(self.runs[0].experiment, self.user)

    @property
    def is_live(self) -> bool:
        return any(run.is_active for run in self.runs)

    @property
    def token(self) -> str:
        """A token that changes whenever one of the runs changes."""
        return _format_token(sum(run.revision for run in self.runs))

    @functools.cached_property
    def parameters(self) -> dict[str, dict[int, str]]:
        """{name: {run: value}}, by one query."""
        return self._values_by_name(RunParameter)

    @functools.cached_property
    def tags(self) -> dict[str, dict[int, str]]:
        return self._values_by_name(RunTag)

    def _values_by_name(self, model) -> dict[str, dict[int, str]]:
        found: dict[str, dict[int, str]] = {}
        rows = model.objects.filter(run__in=self.pks).order_by("name").values_list("name", "run", "value")
        for name, pk, value in rows:
            found.setdefault(name, {})[pk] = value
        return found

    def get_run(self, run_id: str, word: str) -> Run:
        """The run that a parameter names."""
        for run in self.runs:
            if run.run_id == run_id:
                return run
        raise Invalid(f"{word}={run_id!r}: this job is not part of the comparison.", target=word)


def load_selection(scope, query, user) -> tuple[CompareQuery, RunSelection]:
    """Up to 50 runs of `scope`, the visible runs, and the query without missing ones."""
    wanted = query["runs"]
    if len(wanted) > MAX_RUNS:
        raise Invalid(f"{len(wanted)} jobs are selected; {MIN_RUNS} to {MAX_RUNS} can be compared.", target="runs")
    found = scope.filter(run_id__in=wanted).select_related("experiment", "created_by", "workspace", "snapshot")
    found = found.annotate(own_colour=colours.chosen_colour(user))
    by_id = {run.run_id: run for run in found}
    runs = [by_id[run_id] for run_id in wanted if run_id in by_id]
    selected = RunSelection(runs, runs[0] if runs else None, [run_id for run_id in wanted if run_id not in by_id])
    selected.user = user
    _assign_colours(selected, query["show"])
    query = query.without_runs(selected.missing)
    if query["base"]:
        selected.base = selected.get_run(query["base"], "base")
    return query, selected


def is_unchanged(scope, query, token: str) -> bool:
    """Whether no run has changed since this token, by one small query, because pages poll every few seconds."""
    if not token:
        return False
    total = scope.filter(run_id__in=query["runs"]).aggregate(total=Sum("revision"))["total"]
    return token == _format_token(total or 0)


def _format_token(total: int) -> str:
    return f"{total:x}"


def _assign_colours(selected: RunSelection, charted: Sequence[str]) -> None:
    """Each run gets the colour that it has in lists of these runs; runs that share a colour get different dashes."""
    bright = _find_bright(selected, charted) if colours.are_shared(selected.runs) else []
    own = colours.assign_colours(selected.runs, bright)
    dashes = colours.assign_dashes(own, bright)
    for run in selected.runs:
        run.colour, run.dash = own[run.pk], dashes[run.pk]


def _find_bright(selected: RunSelection, charted: Sequence[str]) -> list[list[int]]:
    """The runs that stand out in the charts of what matters first, then in those of other charted metrics."""
    found = MetricSeries.objects.filter(run__in=selected.pks).order_by()
    counts = dict(found.values_list("name").annotate(number=Count("pk")))
    first = metric_order.sort_metrics(counts, selected.objective.name)[:FIRST_CHARTS]
    charts = [[name] for name in dict.fromkeys([*first, *charted])]
    return run_charts.find_bright(selected.runs, charts, selected.objective)
