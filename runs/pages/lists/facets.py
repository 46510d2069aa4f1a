"""The choices of a list: completions of its query, columns, groups and filters."""

import dataclasses
import datetime as dt
from collections import Counter

from django.utils import timezone

from runs import facet_counts
from runs.facet_counts import MAX_VALUES
from runs.metric_order import sort_metrics
from runs.models.job_types import job_type
from runs.pages.lists import list_query
from runs.pages.lists.list_query import STATUS_GROUPS
from runs.search import ATTRIBUTES
from studio.formats import format_given, format_labels, format_number

MAX_VALUE_LENGTH = 100
# Parameters whose values are offered at once, and metrics with their ranges.
MAX_OFFERED = 20
SPANS = [("Last hour", 1), ("Last 24 hours", 24), ("Last 7 days", 24 * 7), ("Last 30 days", 24 * 30)]
LABELS = {"by": "Created by", "target": "Compute", "type": "Job type", "experiment": "Experiment"}


def read_facets(table) -> dict:
    """The counts of all runs of the list, whatever its query."""
    return facet_counts.read_facets(table.scope, table.workspace, table.experiment)


def names_of(facets: dict) -> dict[str, list[str]]:
    """Names of metrics, parameters, tags and properties, the most common first."""
    found = {kind: [row[0] for row in facets[kind]] for kind in ("metrics", "params", "tags")}
    return {**found, "properties": facets["properties"]}


def list_completions(facets: dict) -> dict:
    """Completions for the query box: names with the number of runs that have them, and values."""
    counts = {
        list_query.query_key(kind, row[0]): row[1]
        for kind in ("metric", "param", "tag")
        for row in facets[list_query.ENTITIES[kind]]
    }
    attributes = facets["attributes"]
    values = {
        "status": [state.value for states in STATUS_GROUPS.values() for state in states],
        **{list_query.QUERY_ATTRIBUTES[word]: [value for value, _ in attributes[word]] for word in LABELS},
    }
    values["type"] = [label for label, _ in _label_types(attributes["type"])]
    for kind in ("param", "tag"):
        for name, offered in facets[f"{kind}_values"].items():
            values[list_query.query_key(kind, name)] = [
                value for value, _ in offered if 0 < len(value) <= MAX_VALUE_LENGTH
            ]
    found = names_of(facets)
    found.pop("properties")
    return {**found, "attributes": ATTRIBUTES, "values": values, "counts": counts}


@dataclasses.dataclass
class Facet:
    label: str
    # (words, number of runs or None, condition)
    options: list[tuple[str, int | None, str]]


@dataclasses.dataclass
class RangeFacet:
    """A metric or a parameter of numbers, of which a person can select a range."""

    label: str
    key: str
    count: int
    low: float
    high: float
    is_parameter: bool = False

    @property
    def bounds(self) -> tuple[str, str]:
        """The limits as texts."""
        if self.is_parameter:
            return format_given(repr(self.low)), format_given(repr(self.high))
        return format_number(self.low), format_number(self.high)


def list_facets(facets: dict, has_experiments: bool) -> list[Facet]:
    """Conditions that can be added to a query with one click."""
    counts = dict(facets["attributes"]["status"])
    states = [state for group in STATUS_GROUPS.values() for state in group]
    now = timezone.now()
    words = [word for word in LABELS if word != "experiment" or has_experiments]
    found = [
        Facet(
            "Status", [(s.label, counts[s.value], _equality("status", s.value)) for s in states if s.value in counts]
        ),
        Facet("Created", [(label, None, f"created >= '{_format_minute(now, hours)}'") for label, hours in SPANS]),
        *[Facet(LABELS[word], _equality_options(word, facets["attributes"][word])) for word in words],
        *_value_facets("Parameter", "param", facets),
        *_value_facets("Tag", "tag", facets),
    ]
    return [facet for facet in found if facet.options]


def list_ranges(facets: dict) -> list[RangeFacet]:
    """The ranges of metrics, the most important first; then those of the parameters that are numbers."""
    metrics = {row[0]: row for row in facets["metrics"] if None not in row}
    ordered = sort_metrics({name: row[1] for name, row in metrics.items()})[:MAX_OFFERED]
    found = [
        RangeFacet(name, list_query.query_key("metric", name), *metrics[name][1:])
        for name in ordered
    ]  # fmt: skip
    counts = {row[0]: row[1] for row in facets["params"]}
    ranges = [(name, *pair) for name, pair in facets["param_ranges"].items() if name in counts][:MAX_OFFERED]
    return found + [
        RangeFacet(f"Parameter {name}", list_query.query_key("param", name), counts[name], low, high, True)
        for name, low, high in ranges
    ]


def _format_minute(now: dt.datetime, hours: int) -> str:
    """Rounded to the minute, so that a selected choice is recognized for a while."""
    return f"{now - dt.timedelta(hours=hours):%Y-%m-%dT%H:%M}"


def _equality(name: str, value: str) -> str:
    return list_query.format_equality("attribute", name, value)


def _label_types(counted: list) -> list[tuple[str, int]]:
    """Types of jobs by their labels, of which several types have the same."""
    found: Counter[str] = Counter()
    for value, number in counted:
        found[job_type(value)] += number
    return found.most_common()


def _equality_options(name: str, counted: list) -> list[tuple]:
    labeled = _label_types(counted) if name == "type" else counted
    return [(value, number, _equality(name, value)) for value, number in labeled]


def _value_facets(label: str, kind: str, facets: dict) -> list[Facet]:
    """The most common values of each name; not of one that differs in each run, nor of numbers that have a range instead."""
    values = facets[f"{kind}_values"]
    many = {name for name in facets["param_ranges"] if kind == "param" and len(values[name]) == MAX_VALUES}
    counts = {name: number for name, number in facets[list_query.ENTITIES[kind]] if name not in many}
    names = [name for name, number in counts.items() if number == 1 or values[name][0][1] > 1]
    return [Facet(f"{label} {name}", _value_options(kind, name, values[name])) for name in names[:MAX_OFFERED]]


def _value_options(kind: str, name: str, counted: list) -> list[tuple]:
    texts = [value for value, _ in counted]
    labels = format_labels(texts) if kind == "param" else texts
    return [
        (label or "(empty)", number, _value_clause(kind, name, value))
        for label, (value, number) in zip(labels, counted, strict=True)
    ]


def _value_clause(kind: str, name: str, value: str) -> str:
    return f"{list_query.query_key(kind, name)} = {list_query.quote_text(value)}"
