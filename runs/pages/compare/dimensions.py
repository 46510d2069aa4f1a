"""Words such as `metrics.loss`, `params.lr` and `tags.stage`: what a scatter or an axis of parallel coordinates shows."""

import dataclasses
import math

from runs.models import MetricSeries
from runs.pages.compare.metrics_tab import CHARTED, summaries
from runs.pages.compare.query import Absent
from runs.pages.compare.selection import Chosen
from studio import numbers

METRICS, PARAMS, TAGS = "metrics.", "params.", "tags."
DURATION, CREATED, EXPERIMENT = "duration", "created", "experiment"
FACTS = {DURATION: "Duration (s)", CREATED: "Created on", EXPERIMENT: "Experiment"}


@dataclasses.dataclass(frozen=True)
class Key:
    """One number or text for each run; None where the run has none. `is_numeric` if all that are there are numbers."""

    word: str
    values: list
    is_numeric: bool

    @property
    def label(self) -> str:
        return FACTS.get(self.word) or self.word.partition(".")[2]


class Keys:
    """All that the chosen runs can be placed by."""

    def __init__(self, chosen: Chosen):
        self.chosen, self.metrics = chosen, summaries(chosen)

    @property
    def words(self) -> dict[str, list[tuple[str, str]]]:
        """(word, label) by group, for the lists that one chooses from."""
        named = {
            "Metrics": [(METRICS + name, name) for name in self.metrics],
            "Parameters": [(PARAMS + name, name) for name in self.chosen.parameters],
            "Tags": [(TAGS + name, name) for name in self.chosen.tags],
        }
        return {**named, "Job": list(FACTS.items())}

    def key(self, word: str, target: str) -> Key:
        raw = self._raw(word, target)
        # What is infinite has no place on an axis.
        values = [None if isinstance(value, float) and math.isinf(value) else as_number(value) for value in raw]
        present = [value for value in values if value is not None]
        if present and not any(isinstance(value, str) for value in present):
            return Key(word, values, True)
        return Key(word, [None if value is None else str(value) for value in raw], False)

    def _raw(self, word: str, target: str) -> list:
        runs = self.chosen.runs
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
            raise Absent(target, word, "none of the runs has this. Write metrics.NAME, params.NAME or tags.NAME.")
        return [of_runs.get(run.pk) for run in runs]

    @property
    def _groups(self) -> dict[str, dict]:
        last = {name: {pk: one.last for pk, one in of_runs.items()} for name, of_runs in self.metrics.items()}
        return {METRICS: last, PARAMS: self.chosen.parameters, TAGS: self.chosen.tags}

    @property
    def varying(self) -> list[str]:
        """Parameters that are not the same everywhere, numbers first."""
        count = len(self.chosen)
        names = [
            name
            for name, values in self.chosen.parameters.items()
            if len({*values.values()}) > 1 or len(values) < count
        ]
        return [PARAMS + name for name in sorted(names, key=lambda name: (not self._is_numeric(name), name))]

    def _is_numeric(self, name: str) -> bool:
        return all(not isinstance(as_number(value), str) for value in self.chosen.parameters[name].values())

    @property
    def most_common(self) -> list[str]:
        """Metrics, those that tell the runs apart first, then those that most of them have."""
        values = {name: [one.last for one in of_runs.values()] for name, of_runs in self.metrics.items()}
        names = [name for name in values if any(value is not None for value in values[name])]
        return [
            METRICS + name
            for name in sorted(names, key=lambda name: (_is_alike(values[name]), -len(values[name]), name))
        ]


def _is_alike(values: list) -> bool:
    return len(set(values)) == 1


def as_number(value):
    """A number if it can be read as one; truths and all else stay what they are."""
    if not isinstance(value, str):
        return value
    found = numbers.float_or_none(value)
    return value if found is None else found


def series_names(chosen: Chosen) -> list[str]:
    """Names of metrics that have numbers: those with lines first, then those that most runs have."""
    series = MetricSeries.objects.filter(run__in=chosen.pks, kind__in=CHARTED, last__isnull=False)
    found: dict[str, list[int]] = {}
    for name, count in series.order_by("name").values_list("name", "count"):
        found.setdefault(name, []).append(count)
    return sorted(found, key=lambda name: (max(found[name]) == 1, -len(found[name]), name))
