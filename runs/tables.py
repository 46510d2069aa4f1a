"""A list of runs as its address asks for it: which rows, in which order, how many of each state, and what a poll answers."""

import functools

from django.core.paginator import Paginator
from django.db.models import Count, Exists, F, FilteredRelation, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce, Now

from runs import colours
from runs.forms import GROUPS, RunFilter
from runs.models import Experiment, MetricSeries, Run, RunTag
from studio.errors import Invalid

SORTS = {
    "name": "display_name",
    "experiment": "experiment__name",
    "status": "status",
    "created": "created_at",
    "duration": "taken",
    "by": "created_by__username",
    "target": "target_name",
    "type": "run_type",
}
METRIC = "metric-"
MOST_COLUMNS = 6
# Metrics of so many of the newest runs decide which columns a list shows.
NEWEST = 200
POLL_SECONDS = 2


class RunTable:
    """`scope` holds the runs that may be seen here; `query` is the address's, `user` whose runs are "mine"."""

    def __init__(self, scope, query, user, experiment: Experiment | None = None):
        self.asked = RunFilter.read(query)
        self.scope, self.user, self.experiment = scope, user, experiment

    @functools.cached_property
    def found(self):
        """All that match, of whatever state."""
        runs = self.scope
        if not self.asked["children"]:
            runs = runs.filter(parent=None)
        if self.asked["mine"]:
            runs = runs.filter(created_by=self.user)
        for word in self.asked["q"].split():
            runs = runs.filter(matches(word))
        return runs

    @functools.cached_property
    def counts(self) -> dict[str, int]:
        by_state = dict(self.found.order_by().values_list("status").annotate(number=Count("*")))
        return {group: sum(by_state.get(state, 0) for state in states) for group, states in GROUPS.items()}

    @property
    def count(self) -> int:
        wanted = self.asked["status"] or GROUPS
        return sum(self.counts[group] for group in wanted)

    @functools.cached_property
    def matching(self):
        runs = self.found
        if self.asked["status"]:
            runs = runs.filter(status__in=[state for group in self.asked["status"] for state in GROUPS[group]])
        return self._sorted(runs)

    @property
    def _sort(self) -> tuple[str, bool]:
        """The key, and whether the greatest comes first."""
        sort = self.asked["sort"] or "-created"
        return sort.removeprefix("-"), sort.startswith("-")

    def _places(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Key and revision of the runs from one place to another, in order, without reading what lies before."""
        name, down = self._sort
        if name.startswith(METRIC):
            return _by_metric(self.matching, name.removeprefix(METRIC), down, start, stop)
        return list(self.matching.values_list("pk", "revision")[start:stop])

    def _sorted(self, runs):
        name, down = self._sort
        if name == "created":
            # The order of the index.
            return runs.order_by("-created_at", "-pk") if down else runs.order_by("created_at", "pk")
        if name == "duration":
            runs = runs.annotate(taken=Coalesce("ended_at", Now()) - F("started_at"))
        elif name.startswith(METRIC):
            return runs.order_by("-pk")
        elif name not in SORTS:
            allowed = ", ".join(SORTS)
            raise Invalid(
                f"sort={self.asked['sort']!r}: write {allowed} or {METRIC}NAME, and a - before it for the other way round."
            )
        field = F(SORTS[name])
        return runs.order_by(field.desc(nulls_last=True) if down else field.asc(nulls_last=True), "-pk")

    @functools.cached_property
    def page(self):
        # The counters know how many there are: no second count. Which rows these are is asked for by `rows`.
        return Paginator(range(self.count), self.asked["size"]).get_page(self.asked["page"] or 1)

    @functools.cached_property
    def rows(self) -> list[Run]:
        places = self.page.object_list
        pks = [pk for pk, _ in self._places(places.start, places.stop)]
        runs = Run.objects.select_related("experiment", "created_by", "workspace").prefetch_related("tag_rows")
        found = runs.annotate(child_count=_child_count()).in_bulk(pks)
        # One that was freed in this moment is left out.
        rows = [found[pk] for pk in pks if pk in found]
        values = self._metric_values(rows) if self.metric_names else {}
        for run in rows:
            run.colour = colours.place(run.pk)
            run.cells = [values.get((run.pk, name)) for name in self.metric_names]
        return rows

    def _metric_values(self, rows) -> dict:
        series = MetricSeries.objects.filter(run__in=rows, name__in=self.metric_names).only(
            "run_id", "name", "kind", "last", "shown"
        )
        return {(one.run_id, one.name): one for one in series}

    @functools.cached_property
    def metric_names(self) -> list[str]:
        """The scalar metrics that most of the newest runs have; only an experiment's page has such columns."""
        if self.experiment is None:
            return []
        newest = list(self.scope.order_by("-created_at", "-pk").values_list("pk", flat=True)[:NEWEST])
        scalars = MetricSeries.objects.filter(run__in=newest, kind=MetricSeries.Kind.SCALAR)
        most = scalars.order_by().values("name").annotate(number=Count("pk")).order_by("-number", "name")
        return [row["name"] for row in most[:MOST_COLUMNS]]

    @property
    def is_live(self) -> bool:
        return any(run.is_active for run in self.rows)

    @property
    def token(self) -> str:
        """What the reader has now: the rows in their order, and the revision of each."""
        return _token((run.pk, run.revision) for run in self.rows)

    def is_news(self) -> bool:
        """Whether the rows differ from those that the reader has: one query, without counting or joining."""
        size = self.asked["size"]
        start = ((self.asked["page"] or 1) - 1) * size
        return _token(self._places(start, start + size)) != self.asked["seen"]

    @property
    def changed(self) -> list[Run] | None:
        """The rows to write anew, or None if not even the same runs are shown in the same order."""
        had = [pair.partition("-") for pair in self.asked["seen"].split(".")]
        if [pk for pk, _, _ in had] != [f"{run.pk:x}" for run in self.rows]:
            return None
        return [run for run, (_, _, revision) in zip(self.rows, had, strict=True) if f"{run.revision:x}" != revision]


def _by_metric(runs, name: str, down: bool, start: int, stop: int) -> list[tuple[int, int]]:
    """Those with a number there in the order of its index, then those without."""
    series = FilteredRelation("metrics", condition=Q(metrics__name=name))
    numbers = runs.annotate(series=series).filter(series__last__isnull=False)
    last = F("series__last")
    numbers = numbers.order_by(last.desc() if down else last.asc(), "-pk").values_list("pk", "revision")
    found = list(numbers[start:stop])
    if len(found) == stop - start:
        return found
    before = start + len(found) if found or not start else numbers.count()
    have = MetricSeries.objects.filter(name=name, last__isnull=False).values("run")
    rest = runs.exclude(pk__in=have).order_by("-pk").values_list("pk", "revision")
    skip = max(0, start - before)
    return found + list(rest[skip : skip + stop - start - len(found)])


def _token(pairs) -> str:
    return ".".join(f"{pk:x}-{revision:x}" for pk, revision in pairs)


def matches(word: str) -> Q:
    """Runs that have this word in anything a list shows of them."""
    tags = RunTag.objects.filter(Q(name__icontains=word) | Q(value__icontains=word), run=OuterRef("pk"))
    return (
        Q(display_name__icontains=word)
        | Q(run_id__icontains=word)
        | Q(experiment__name__icontains=word)
        | Q(created_by__username__icontains=word)
        | Q(description__icontains=word)
        | Q(target_name__icontains=word)
        | Q(status__iexact=word)
        | Exists(tags)
    )


def _child_count():
    children = Run.objects.filter(parent=OuterRef("pk"), deleted_at=None).order_by().values("parent")
    return Coalesce(Subquery(children.annotate(number=Count("pk")).values("number")), 0)


def experiments(scope, words: str, archived: bool):
    """Experiments of `scope` with their newest run."""
    found = scope.filter(archived_at__isnull=not archived)
    for word in words.split():
        found = found.filter(Q(name__icontains=word) | Q(description__icontains=word))
    newest = Run.objects.filter(experiment=OuterRef("pk"), parent=None, deleted_at=None).order_by("-created_at", "-pk")
    return found.select_related("created_by").annotate(
        latest_at=Subquery(newest.values("created_at")[:1]), latest_id=Subquery(newest.values("pk")[:1])
    )


def with_states(rows: list[Experiment]) -> list[Experiment]:
    """Each experiment's newest run, and its counts per group of states, in two queries for all."""
    newest = Run.objects.select_related("workspace").in_bulk([row.latest_id for row in rows if row.latest_id])
    counted = Run.objects.filter(experiment__in=rows, parent=None, deleted_at=None).order_by()
    by_state: dict[int, dict] = {}
    for experiment, status, number in counted.values_list("experiment", "status").annotate(number=Count("*")):
        by_state.setdefault(experiment, {})[status] = number
    for row in rows:
        states = by_state.get(row.pk, {})
        row.latest = newest.get(row.latest_id)
        row.total = sum(states.values())
        row.states = [
            (group, number)
            for group, of_group in GROUPS.items()
            if (number := sum(states.get(state, 0) for state in of_group))
        ]
    return rows
