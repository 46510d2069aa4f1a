"""The metrics tab: its sections, their cards, and the content of a card.

The card of a metric follows from its row alone, so that the page of a run with hundreds of metrics is built without
reading points. Lines are loaded when their card is visible (runs/charts/metric_lines.py), and so is other content
beyond the first few cards.
"""

import dataclasses
import json

from runs import metrics
from runs.charts import artifact_charts, figures, metric_lines
from runs.files import artifacts
from runs.models import Artifact, MetricSeries, Run
from studio.formats import from_millis
from studio.names import natural_key

# Further cards are left out, and the page says so.
MAX_CARDS = 1000
# How many cards are filled at once although their content has to be read.
AT_ONCE = 10
MAX_ROWS = 50
# How many rows of a long table are drawn.
DRAWN_ROWS = 2000
MAX_JSON_BYTES = 2 * 1024 * 1024
SYSTEM = "system"
GROUPS = {
    "prefix": "grouped by prefix",
    "chart": "grouped by prefix, in one chart",
    "name": "grouped by name, in one chart",
    "none": "not grouped",
}
# A chart with more lines is split.
MAX_LINES = 20


@dataclasses.dataclass
class MetricCard:
    """`look` selects the part of the template: chart, number, later, texts, table, figure, image or problem.

    A chart can have the lines of several series; every other card has one.
    """

    members: list[MetricSeries]
    title: str
    look: str
    views: list[dict] = dataclasses.field(default_factory=list)
    columns: list[str] = dataclasses.field(default_factory=list)
    rows: list[list] = dataclasses.field(default_factory=list)
    first_row: int = 0
    value: object = ""
    problem: str = ""
    is_hidden: bool = False

    @property
    def series(self) -> MetricSeries:
        return self.members[0]

    @property
    def keys(self) -> str:
        return ",".join(str(one.pk) for one in self.members)

    @property
    def names(self) -> str:
        return "\n".join(one.name for one in self.members)

    @property
    def is_wide(self) -> bool:
        return (self.look == "table" and len(self.columns) > 4) or self.is_very_large

    @property
    def is_tall(self) -> bool:
        return any(figures.is_crowded(view["figure"]) for view in self.views)

    @property
    def is_very_large(self) -> bool:
        return any(figures.is_very_large(view["figure"]) for view in self.views)

    @property
    def pages(self) -> dict | None:
        """The position of the shown rows among all, and the first rows of the previous and next page."""
        if self.series.count <= MAX_ROWS or not self.rows:
            return None
        end = self.first_row + len(self.rows)
        back = max(0, self.first_row - MAX_ROWS) if self.first_row else None
        return {"first": self.first_row + 1, "end": end, "back": back, "on": end if end < self.series.count else None}


@dataclasses.dataclass
class CardSection:
    name: str
    title: str
    cards: list[MetricCard]
    is_open: bool = True


def make_sections(run: Run, shown: list[MetricSeries], group: str = "prefix", positions=None) -> list[CardSection]:
    """Lines come before single values and tables; system metrics come last, collapsed. Cards that a person has moved
    are at their `positions`, by title."""
    by_name: dict[str, list[MetricSeries]] = {}
    for series in sort_series(shown, group):
        by_name.setdefault(_section_of(series.name, group), []).append(series)
    found = [
        CardSection(name, _title(name), _placed(_cards(members, group), positions or {}), name != SYSTEM)
        for name, members in by_name.items()
    ]
    later = [card for section in found for card in section.cards if card.look == "later"]
    for card in later[:AT_ONCE]:
        vars(card).update(vars(fill_card(run, card.series)))
    return found


def sort_series(series: list[MetricSeries], group: str) -> list[MetricSeries]:
    """The order of their cards; in a section, of equal ones, that of `series`."""

    def weigh(one: MetricSeries) -> tuple:
        section = _section_of(one.name, group)
        return section == SYSTEM, natural_key(section), not metric_lines.is_charted(one), not _is_single(one)

    return sorted(series, key=weigh)


def _placed(cards: list[MetricCard], positions: dict[str, int]) -> list[MetricCard]:
    """Puts moved cards at their positions; the others keep their order."""
    placed = [card for card in cards if card.title not in positions]
    moved = [card for card in cards if card.title in positions]
    for card in sorted(moved, key=lambda card: positions[card.title]):
        placed.insert(positions[card.title], card)
    return placed


def _section_of(name: str, group: str) -> str:
    prefix = name.rpartition("/")[0]
    if prefix == SYSTEM or prefix.startswith(f"{SYSTEM}/"):
        return SYSTEM
    return prefix if group == "prefix" else ""


def _title(section: str) -> str:
    if section == SYSTEM:
        return "System metrics"
    return section or "Metrics"


def _cards(found: list[MetricSeries], group: str) -> list[MetricCard]:
    """A card for each metric; if grouped, train/loss and val/loss share the card loss, or all of train/ share one."""
    titled: dict[str, list[MetricSeries]] = {}
    for series in found:
        prefix, _, name = series.name.rpartition("/")
        shared = {"name": name, "chart": prefix}.get(group) if metric_lines.is_charted(series) else None
        titled.setdefault(shared or f"\0{series.name}", []).append(series)
    cards = []
    for title, members in titled.items():
        members.sort(key=lambda one: natural_key(one.name))
        for start in range(0, len(members), MAX_LINES):
            more = f" ({start // MAX_LINES + 1})" if start else ""
            cards.append(_placeholder(members[start : start + MAX_LINES], title.removeprefix("\0") + more))
    return cards


def _placeholder(members: list[MetricSeries], title: str) -> MetricCard:
    """A card with what is known without reading points."""
    [first, *others] = members
    if others or metric_lines.is_charted(first):
        return MetricCard(members, title if others else first.name, "chart")
    if _is_single(first):
        return MetricCard(members, first.name, "number", value=first.last if first.last is not None else first.shown)
    return MetricCard(members, first.name, "later")


def _is_single(series: MetricSeries) -> bool:
    return series.kind in metric_lines.CHARTED and series.count == 1 and len(series.shown) < 300


def fill_card(run: Run, series: MetricSeries, start: int = 0) -> MetricCard:
    """The card with its content; rows are shown from `start`."""
    card = _placeholder([series], series.name)
    if card.look != "later":
        return card
    if series.kind == MetricSeries.Kind.TABLE:
        return _table(series, start)
    if series.kind == MetricSeries.Kind.IMAGE:
        last = metrics.read_window(series, series.count - 1, 1)[2][0]
        return MetricCard([series], series.name, "image", value=path_of(last))
    if series.kind in metric_lines.CHARTED:
        rows = [[value] for value in metrics.encode_non_finite(list(metrics.read_window(series, start, MAX_ROWS)[2]))]
        return MetricCard([series], series.name, "texts", rows=rows, first_row=start)
    return _of_file(run, series)


def _table(series: MetricSeries, start: int) -> MetricCard:
    drawn = metrics.read_window(series, 0, DRAWN_ROWS)[2]
    rows = drawn[start : start + MAX_ROWS] if start + MAX_ROWS <= len(drawn) else None
    rows = rows or metrics.read_window(series, start, MAX_ROWS)[2]
    columns = list(dict.fromkeys(column for row in [*drawn, *rows] for column in row))
    cells = [[row.get(column) for column in columns] for row in rows]
    return MetricCard([series], series.name, "table", figures.draw_table(drawn), columns, cells, start)


def make_values_card(series: MetricSeries, start: int) -> MetricCard:
    """The points of a chart as a table: step, time, value."""
    steps, times, found = (list(column) for column in metrics.read_window(series, start, MAX_ROWS))
    moments = [from_millis(time) for time in times]
    rows = [[int(step), at, _plain(value)] for step, at, value in zip(steps, moments, found, strict=True)]
    return MetricCard([series], series.name, "values", columns=["Step", "Time", "Value"], rows=rows, first_row=start)


def _of_file(run: Run, series: MetricSeries) -> MetricCard:
    """A confusion matrix and similar metrics are in a file; only the first of a name counts, as in Azure."""
    path = path_of(metrics.read_window(series, 0, 1)[2][0])
    file = Artifact.objects.filter(run=run, path=path).first()
    if file is None or file.size > MAX_JSON_BYTES:
        missing = "its file is not there" if file is None else f"its file is larger than {MAX_JSON_BYTES // 2**20} MiB"
        return MetricCard([series], series.name, "problem", value=path, problem=missing)
    try:
        # For an empty bin a script may write NaN, which is not JSON.
        content = json.loads(artifacts.read_bytes(file), parse_constant=lambda _: None)
        return MetricCard(
            [series], series.name, "figure", artifact_charts.draw_artifact(series.kind, content), value=path
        )
    except (ValueError, RecursionError) as error:
        return MetricCard([series], series.name, "problem", value=path, problem=f"its JSON cannot be drawn: {error}")


def path_of(value) -> str:
    """The path in `aml://artifactId/ExperimentRun/dcid.<run>/<path>`, or the bare path itself."""
    text = str(value)
    return text.partition("/dcid.")[2].partition("/")[2] if text.startswith("aml://") else text


def _plain(value):
    """A numpy number as a Python number."""
    return value.item() if hasattr(value, "item") else value
