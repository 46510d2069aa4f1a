"""Dimensions such as `metrics.loss`, `params.lr` and `tags.stage`, for scatter plots and parallel coordinates."""

import dataclasses

from runs import metric_order
from runs.models import MetricSeries
from runs.pages.compare.metrics_tab import CHARTED, load_summaries
from runs.pages.compare.query import UnknownName
from runs.pages.compare.selection import RunSelection
from studio import numbers
from studio.formats import INFINITE

METRICS, PARAMS, TAGS = "metrics.", "params.", "tags."
DURATION, CREATED, EXPERIMENT = "duration", "created", "experiment"
FACTS = {DURATION: "Duration (s)", CREATED: "Created on", EXPERIMENT: "Experiment"}


@dataclasses.dataclass(frozen=True)
class Dimension:
    """A number or text for each run; None if it has none. `is_numeric` if all existing values are numbers."""

    word: str
    values: list
    is_numeric: bool
    # The texts of infinite values and of NaN, by the position of the run; they have no position on an axis.
    unplaced: dict[int, str] = dataclasses.field(default_factory=dict)

    @property
    def label(self) -> str:
        return FACTS.get(self.word) or self.word.partition(".")[2]


class Dimensions:
    """All dimensions of the selected runs."""

    def __init__(self, selected: RunSelection):
        self.selected, self.metrics = selected, load_summaries(selected)

    @property
    def choices(self) -> dict[str, list[tuple[str, str]]]:
        """(word, label) by group, for the select elements."""
        named = {
            "Metrics": [(METRICS + name, name) for name in self.metrics],
            "Parameters": [(PARAMS + name, name) for name in self.selected.parameters],
            "Tags": [(TAGS + name, name) for name in self.selected.tags],
        }
        return {**named, "Job": list(FACTS.items())}

    def get(self, word: str, target: str) -> Dimension:
        raw = self._raw_values(word, target)
        unplaced = {index: INFINITE[str(value)] for index, value in enumerate(raw) if str(value) in INFINITE}
        values = [None if index in unplaced else parse_number(value) for index, value in enumerate(raw)]
        present = [value for value in values if value is not None]
        if present and not any(isinstance(value, str) for value in present):
            return Dimension(word, values, True, unplaced)
        return Dimension(word, [None if value is None else str(value) for value in raw], False)

    def _raw_values(self, word: str, target: str) -> list:
        runs = self.selected.runs
        if word == DURATION:
            return [run.duration for run in runs]
        if word == CREATED:
            return [run.created_at.isoformat(sep=" ", timespec="seconds") for run in runs]
        if word == EXPERIMENT:
            return [run.experiment.name for run in runs]
        group, name = next(
            ((group, word.removeprefix(group)) for group in self._groups if word.startswith(group)), ("", "")
        )
        of_runs = self._groups[group].get(name) if group else None
        if of_runs is None:
            raise UnknownName(target, word, "none of the runs has this. Write metrics.NAME, params.NAME or tags.NAME.")
        return [of_runs.get(run.pk) for run in runs]

    @property
    def _groups(self) -> dict[str, dict]:
        last = {name: {pk: _last_of(one) for pk, one in of_runs.items()} for name, of_runs in self.metrics.items()}
        return {METRICS: last, PARAMS: self.selected.parameters, TAGS: self.selected.tags}

    @property
    def varying_parameters(self) -> list[str]:
        """Parameters that differ between the runs, numbers and common ones first."""
        counts = {
            name: len(values)
            for name, values in self.selected.parameters.items()
            if metric_order.is_varying(values.values())
        }
        ordered = sorted(counts, key=lambda name: (not self._is_numeric(name), -counts[name], name))
        return [PARAMS + name for name in ordered]

    def _is_numeric(self, name: str) -> bool:
        return all(not isinstance(parse_number(value), str) for value in self.selected.parameters[name].values())

    @property
    def telling_metrics(self) -> list[str]:
        """Metrics, those that tell the runs apart first, and of them what matters first."""
        values = {name: [one.last for one in of_runs.values()] for name, of_runs in self.metrics.items()}
        names = [name for name in values if any(value is not None for value in values[name])]
        ordered = metric_order.sort_metrics({name: len(values[name]) for name in names}, self.selected.objective.name)
        return [METRICS + name for name in sorted(ordered, key=lambda name: _is_alike(values[name]))]


def _is_alike(values: list) -> bool:
    return len(set(values)) == 1


def _last_of(summary):
    """NaN is not in the column of numbers."""
    return summary.shown if summary.last is None and summary.shown in INFINITE else summary.last


def parse_number(value):
    """A number if the text is one; booleans and other values stay unchanged."""
    if not isinstance(value, str):
        return value
    found = numbers.float_or_none(value)
    return value if found is None else found


def list_series_names(selected: RunSelection) -> list[str]:
    """Names of metrics that have numbers, what matters first: those with lines, then single values."""
    series = MetricSeries.objects.filter(run__in=selected.pks, kind__in=CHARTED, last__isnull=False)
    found: dict[str, list[int]] = {}
    for name, count in series.order_by("name").values_list("name", "count"):
        found.setdefault(name, []).append(count)
    ordered = metric_order.sort_metrics({name: len(counts) for name, counts in found.items()}, selected.objective.name)
    return sorted(ordered, key=lambda name: max(found[name]) == 1)
