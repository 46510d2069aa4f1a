"""The columns that a list of runs can have: what each is called in the address, and what it sorts by.

name, status, created, …       what a run is (ATTRIBUTES)
metric-loss, min-loss, max-loss   the last, least or greatest value of a metric
param-lr, tag-team, property-x    by name
"""

import dataclasses

from django.db.models import F, FilteredRelation, Q, TextField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, Now

from studio import numbers
from studio.errors import Invalid
from studio.search.db_functions import AsNumber, SecondsBetween

MOST = 60
# Widths in pixels that a person may give.
NARROWEST, WIDEST = 60, 900
# Of a column that stays at the left while the others scroll, unless told.
PINNED_WIDTH, PINNED_NAME_WIDTH = 160, 300
# attribute → its words and what it sorts by.
ATTRIBUTES = {
    "name": ("Display name", "display_name"),
    "experiment": ("Experiment", "experiment__name"),
    "status": ("Status", "status"),
    "created": ("Created on", "created_at"),
    "started": ("Started on", "started_at"),
    "ended": ("Ended on", "ended_at"),
    "duration": ("Duration", "taken"),
    "by": ("Created by", "created_by__username"),
    "target": ("Compute target", "target_name"),
    "node": ("Node", "node_name"),
    "type": ("Job type", "run_type"),
    "number": ("Number", "number"),
    "id": ("Run ID", "run_id"),
    "description": ("Description", "description"),
    "tags": ("Tags", ""),
}
METRIC_COLUMNS = {"metric": "last", "min": "min", "max": "max"}
METRIC_WORDS = {"metric": "last", "min": "min", "max": "max"}
TEXTS = {"param": "parameter_rows", "tag": "tag_rows"}
KINDS = [*METRIC_COLUMNS, *TEXTS, "property"]
NUMERIC_ATTRIBUTES = {"duration", "number"}
DEFAULT_COLUMNS = ["name", "experiment", "status", "created", "duration", "by", "target", "type", "tags"]


@dataclasses.dataclass(frozen=True)
class Column:
    """`kind` is one of KINDS, or "attribute"; `name` is the metric's, the tag's …"""

    id: str
    kind: str
    name: str
    width: int = 0
    # Where a pinned column stands from the left; None if it scrolls.
    left: int | None = None

    @property
    def label(self) -> str:
        if self.kind == "attribute":
            return ATTRIBUTES[self.name][0]
        return f"{self.name} ({METRIC_WORDS[self.kind]})" if self.kind in ("min", "max") else self.name

    @property
    def title(self) -> str:
        """What it is, in words: two columns may have the same name."""
        if self.kind == "attribute":
            return self.label
        return f"{METRIC_WORDS[self.kind]} of the metric {self.name}" if self.is_metric else f"{self.kind} {self.name}"

    @property
    def is_metric(self) -> bool:
        return self.kind in METRIC_COLUMNS

    @property
    def is_row(self) -> bool:
        """Whether it is a row of a table of its own, sorted by an index there."""
        return self.is_metric or self.kind in TEXTS

    @property
    def is_numeric(self) -> bool:
        return self.is_metric or (self.name in NUMERIC_ATTRIBUTES and self.kind == "attribute")

    @property
    def is_sortable(self) -> bool:
        return self.id != "tags"

    @property
    def style(self) -> str:
        width = f"width:{self.width}px;min-width:{self.width}px;max-width:{self.width}px" if self.width else ""
        return f"left:{self.left}px;{width}" if self.left is not None else width

    @property
    def classes(self) -> str:
        return " ".join(
            filter(
                None,
                [
                    "number" if self.is_numeric else "",
                    "pinned" if self.left is not None else "",
                    "sized" if self.width else "",
                ],
            )
        )


def parse_column(word: str) -> Column:
    if word in ATTRIBUTES:
        return Column(word, "attribute", word)
    kind, dash, name = word.partition("-")
    if dash and name and kind in KINDS and len(name) <= 256:
        return Column(word, kind, name)
    allowed = ", ".join(ATTRIBUTES)
    raise Invalid(f"{word!r} is no column: write {allowed}, or {'-NAME, '.join(KINDS)}-NAME.", target="col")


def shown_columns(asked: dict, usual: list[str]) -> list[Column]:
    """Those of the address, else the usual; the name is always there, the pinned ones come first."""
    words = asked["col"] or usual
    if len(words) > MOST:
        raise Invalid(f"{len(words)} columns are asked for; {MOST} are allowed.", target="col")
    words = words if "name" in words else ["name", *words]
    widths, pinned = _parse_widths(asked["width"]), set(asked["pin"])
    if strange := pinned - set(words):
        raise Invalid(f"pin={sorted(strange)[0]!r}: only a column that is shown can be pinned.", target="pin")
    found = [dataclasses.replace(parse_column(word), width=widths.get(word, 0)) for word in words]
    return _place_pinned([one for one in found if one.id in pinned]) + [one for one in found if one.id not in pinned]


def _place_pinned(found: list[Column]) -> list[Column]:
    """Each has a width, so that it is known where the next one begins."""
    # The boxes that choose rows are before them.
    left, placed = 40, []
    for one in found:
        width = one.width or (PINNED_NAME_WIDTH if one.id == "name" else PINNED_WIDTH)
        placed.append(dataclasses.replace(one, left=left, width=width))
        left += width
    return placed


def _parse_widths(words: list[str]) -> dict[str, int]:
    """From `240:metric-loss`."""
    widths = {}
    for word in words:
        width, colon, name = word.partition(":")
        pixels = numbers.int_or_none(width)
        if not colon or pixels is None or not NARROWEST <= pixels <= WIDEST:
            raise Invalid(
                f"width={word!r}: write PIXELS:COLUMN with {NARROWEST} to {WIDEST} pixels, such as 240:name.",
                target="width",
            )
        widths[name] = pixels
    return widths


# ---- order


@dataclasses.dataclass(frozen=True)
class Sort:
    column: Column
    descending: bool


MOST_SORTS = 5


def parse_sorts(words: list[str]) -> list[Sort]:
    if len(words) > MOST_SORTS:
        raise Invalid(f"{len(words)} columns to sort by; {MOST_SORTS} are allowed.", target="sort")
    found = []
    for word in words:
        try:
            one = Sort(parse_column(word.removeprefix("-")), word.startswith("-"))
        except Invalid as error:
            raise Invalid(
                f"sort={word!r}: {error.message} A - before it sorts the other way round.", target="sort"
            ) from error
        if not one.column.is_sortable:
            raise Invalid("sort='tags': sort by one of the tags: tag-NAME.", target="sort")
        found.append(one)
    if len({one.column.id for one in found}) < len(found):
        raise Invalid("A column is there twice among those to sort by.", target="sort")
    return found


def order_runs(runs, wanted: list[Sort], *before):
    """By these, after what is given already; the newest first among equals."""
    keys = list(before)
    for place, sort in enumerate(wanted):
        runs, expressions = _sort_expressions(runs, sort.column, f"sort{place}")
        keys += [
            one.desc(nulls_last=True) if sort.descending else one.asc(nulls_last=True)
            for one in expressions
        ]  # fmt: skip
    last = [] if any(sort.column.id == "created" for sort in wanted) else ["-created_at"]
    return runs.order_by(*keys, *last, "-pk")


def _sort_expressions(runs, one: Column, alias: str):
    if one.kind == "attribute":
        if one.name == "duration":
            runs = runs.alias(taken=SecondsBetween(F("started_at"), Coalesce("ended_at", Now())))
        return runs, [F(ATTRIBUTES[one.name][1])]
    if one.kind == "property":
        value = Cast(KeyTextTransform(one.name, "properties"), TextField())
    else:
        runs, value = join_value(runs, one, alias)
        if one.is_metric:
            return runs, [value]
    # Numbers as numbers, then texts.
    return runs, [AsNumber(value), value]


def join_value(runs, one: Column, alias: str):
    """The runs joined with a metric, parameter or tag of theirs, and its value."""
    table = "metrics" if one.is_metric else TEXTS[one.kind]
    field = METRIC_COLUMNS[one.kind] if one.is_metric else "value"
    relation = FilteredRelation(table, condition=Q(**{f"{table}__name": one.name}))
    return runs.alias(**{alias: relation}), F(f"{alias}__{field}")
