"""Names and values of the newest runs of a list, for completions, columns and filters."""

import dataclasses
import datetime as dt
from collections import Counter

from django.db.models import Count
from django.utils import timezone

from runs.models import MetricSeries, Run, RunParameter, RunTag
from runs.pages.lists import list_query
from runs.pages.lists.list_query import STATUS_GROUPS
from runs.search import ATTRIBUTES

# Of each kind.
MAX_NAMES = 500
MAX_VALUES = 20
MAX_VALUE_LENGTH = 100
SPANS = [("Last hour", 1), ("Last 24 hours", 24), ("Last 7 days", 24 * 7), ("Last 30 days", 24 * 30)]


def list_names(pks: list[int]) -> dict[str, list[str]]:
    """Names of metrics, parameters, tags and properties, the most common first."""
    return {
        "metrics": _names_by_use(MetricSeries.objects.filter(run__in=pks, kind=MetricSeries.Kind.SCALAR)),
        "params": _names_by_use(RunParameter.objects.filter(run__in=pks)),
        "tags": _names_by_use(RunTag.objects.filter(run__in=pks)),
        "properties": _property_names(pks),
    }


def _names_by_use(rows) -> list[str]:
    by_count = rows.order_by().values("name").annotate(number=Count("pk")).order_by("-number", "name")
    return [row["name"] for row in by_count[:MAX_NAMES]]


def _property_names(pks: list[int]) -> list[str]:
    found = Counter(
        name
        for properties in Run.objects.filter(pk__in=pks).values_list("properties", flat=True)
        for name in properties
    )
    return [name for name, _ in found.most_common(MAX_NAMES)]


def list_completions(pks: list[int]) -> dict:
    """Completions for the query box."""
    people, targets, experiments = _common_attributes(pks)
    found = list_names(pks)
    found.pop("properties")
    values = {
        "status": [state.value for states in STATUS_GROUPS.values() for state in states],
        "created_by": people,
        "compute": targets,
        "experiment": experiments,
    }
    for kind, rows in (("param", RunParameter), ("tag", RunTag)):
        for name, offered in _values_by_name(rows.objects.filter(run__in=pks)).items():
            values[list_query.query_key(kind, name)] = [
                value for value in offered if 0 < len(value) <= MAX_VALUE_LENGTH
            ]
    return {**found, "attributes": ATTRIBUTES, "values": values}


def _common_attributes(pks: list[int]) -> list[list[str]]:
    fields = ("created_by__username", "target_name", "experiment__name")
    rows = list(Run.objects.filter(pk__in=pks).values_list(*fields))
    return [
        [value for value, _ in Counter(filter(None, column)).most_common(MAX_VALUES)]
        for column in zip(*rows, strict=True)
    ] or [
        [],
        [],
        [],
    ]


@dataclasses.dataclass
class Facet:
    label: str
    # (words, condition)
    options: list[tuple[str, str]]


def list_facets(pks: list[int], has_experiments: bool) -> list[Facet]:
    """Conditions that can be added to a query with one click."""
    people, targets, experiments = _common_attributes(pks)
    states = [state for group in STATUS_GROUPS.values() for state in group]
    now = timezone.now()
    found = [
        Facet(
            "Status",
            [(state.label, list_query.format_equality("attribute", "status", state.value)) for state in states],
        ),
        Facet("Created", [(label, f"created >= '{_format_minute(now, hours)}'") for label, hours in SPANS]),
        Facet("Created by", _equality_options("by", people)),
        Facet("Compute", _equality_options("target", targets)),
        Facet("Experiment", _equality_options("experiment", experiments) if has_experiments else []),
        *_tag_facets(pks),
    ]
    return [facet for facet in found if facet.options]


def _format_minute(now: dt.datetime, hours: int) -> str:
    """Rounded to the minute, so that a selected choice is recognized for a while."""
    return f"{now - dt.timedelta(hours=hours):%Y-%m-%dT%H:%M}"


def _equality_options(name: str, values: list[str]) -> list[tuple[str, str]]:
    return [(value, list_query.format_equality("attribute", name, value)) for value in values]


def _tag_facets(pks: list[int]) -> list[Facet]:
    by_name = _values_by_name(RunTag.objects.filter(run__in=pks))
    return [
        Facet(
            f"Tag {name}",
            [
                (value or "(empty)", f"{list_query.query_key('tag', name)} = {list_query.quote_text(value)}")
                for value in values
            ],
        )
        for name, values in list(by_name.items())[:MAX_VALUES]
    ]


def _values_by_name(rows) -> dict[str, list[str]]:
    """Values by name, the most common first."""
    counted = rows.order_by().values_list("name", "value").annotate(number=Count("pk"))
    by_name: dict[str, list[str]] = {}
    for name, value, _ in counted.order_by("-number", "name", "value")[: MAX_NAMES * MAX_VALUES]:
        values = by_name.setdefault(name, [])
        if len(values) < MAX_VALUES:
            values.append(value)
    return by_name
