"""A list of runs for a query string: rows, order, counts by state, and changes for polls."""

import dataclasses
import difflib
import functools
import hashlib
import zlib
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from accounts.models import User
from runs import metric_order, objectives, search
from runs.charts import colours, run_charts
from runs.metric_order import Objective
from runs.models import Experiment, MetricSeries, Run, RunParameter, RunTag, Star
from runs.pages.lists import columns, deep_pages, facets, group_polls, groups, list_query, remembered
from runs.pages.lists.columns import Column, Sort
from runs.pages.lists.groups import RunGroup
from runs.pages.lists.list_query import STATUS_GROUPS, RunFilter
from runs.pages.lists.run_values import SHORT_REVISION, RunKeys
from studio.errors import Invalid
from studio.search.db_functions import AnyContains, IsAmong
from studio.search.grammar import BadFilter

MAX_METRIC_COLUMNS, MAX_PARAMETER_COLUMNS = 6, 4
USUAL_CHARTS = 4
# How many of the newest runs determine the default metric columns.
NEWEST = 200
# Maximum number of children on a page.
MAX_CHILDREN = 500
MAX_TOKEN_LENGTH = 3000
# Large texts that are read only for their own column.
LEFT_OUT = ["job", "warnings"]
NAMED_KINDS = {"metric": "metric", "min": "metric", "max": "metric", "param": "parameter", "tag": "tag"}
FACETS = {"metric": "metrics", "parameter": "params", "tag": "tags"}
# Each name that is looked for is a query.
MAX_LOOKED_FOR = 5
MAX_LISTED = 100


@dataclasses.dataclass(frozen=True)
class ColumnHeader:
    """`number` is the rank among several sort columns; 0 if there is only one or it is not sorted by."""

    column: Column
    order: str
    number: int
    url: str


class RunTable:
    """`scope` are the visible runs, `query` is the query string; the runs of `user` are "mine"."""

    def __init__(self, scope, query, user, experiment: Experiment | None = None, seen: str = "", workspace=None):
        # `seen` is the token of a poll.
        self.workspace = workspace
        self.query, self.seen = query, seen
        self.options = RunFilter.read(query)
        self.user, self.experiment = user, experiment
        self.scope = scope.filter(parent__run_id=self.options["parent"]) if self.options["parent"] else scope
        self.sorts = columns.parse_sorts(self.options["sort"])
        self.group_by = groups.parse_group_column(self.options["group"]) if self.options["group"] else None
        self._error: BadFilter | None = None
        self.too_many_groups = False
        # What was wrong with parameters that the list ignores.
        self.refused: list[str] = []
        # Whether a page may come without its groups, if these take long.
        self.may_come_later = False
        # Whether a poll of a long list had to add up all runs; whether only charts are asked for.
        self.has_added_up = self.for_charts = False
        # The parameters of which the rows have only numbers, known once there are rows.
        self.number_columns: set[str] = set()

    def check_layout(self) -> None:
        """Raise Invalid for a wrong parent, column or primary metric, of which all but the first are read later."""
        parent = self.options["parent"]
        if parent and not Run.objects.filter(workspace=self.workspace, run_id=parent, deleted_at=None).exists():
            raise Invalid(f"parent={parent!r}: this workspace has no job with this id.", target="parent")
        objectives.parse_objective(self.options["primary"])
        if any(self.options[word] for word in ("col", "pin", "width")):
            assert self.columns

    # ---- which runs

    @functools.cached_property
    def runs_in_any_state(self):
        """All matching runs in any state; a query with an error, which is shown above them, selects none out."""
        runs = self.scope
        if not self.options["children"] and not self.options["parent"]:
            runs = runs.filter(parent=None)
        if self.options["mine"]:
            runs = runs.filter(created_by=self.user)
        if self.options["starred"]:
            runs = runs.filter(pk__in=Star.objects.filter(user=self.user).values("run"))
        for word in self.options["q"].split():
            runs = runs.filter(match_word(word))
        try:
            return search.filter_runs(runs, self.options["filter"])
        except BadFilter as error:
            # The page points at the position in a monospaced text.
            error.space, error.position = " " * error.column, error.column + 1
            self._error = error
            return runs

    @property
    def error(self) -> BadFilter | None:
        """The error of the query, once it has been parsed."""
        return self._error if self.runs_in_any_state is not None else None

    @functools.cached_property
    def counts(self) -> dict[str, int]:
        if (self.group_by or (self.sorts and deep_pages.is_deep(self))) and not self.options["status"]:
            by_state: dict = self.keys.counts
        elif self._searched is None:
            by_state = dict(self.runs_in_any_state.order_by().values_list("status").annotate(number=Count("*")))
        else:
            by_state = self._searched.counts
        return {group: sum(by_state.get(state, 0) for state in states) for group, states in STATUS_GROUPS.items()}

    @functools.cached_property
    def _searched(self) -> RunKeys | None:
        """For a word search all matching runs, newest first, because each statement would read all tags again."""
        if not self.options["q"] or self.sorts or self.group_by:
            return None
        return RunKeys.read_in_order(columns.order_runs(self.runs_in_any_state, []))

    def _slice_top(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Key and revision of the runs of a page, without children of open ones."""
        if self._searched is None:
            found = deep_pages.slice_runs(self, start, stop) if self.sorts and deep_pages.is_deep(self) else None
            return columns.slice_runs(self.matching, self.sorts, start, stop) if found is None else found
        wanted = {str(state) for group in self.options["status"] or STATUS_GROUPS for state in STATUS_GROUPS[group]}
        return self._searched.slice_of_states(wanted, start, stop)

    @property
    def count(self) -> int:
        wanted = self.options["status"] or STATUS_GROUPS
        return sum(self.counts[group] for group in wanted)

    @functools.cached_property
    def matching(self):
        runs = self.runs_in_any_state
        if self.options["status"]:
            runs = runs.filter(status__in=[state for group in self.options["status"] for state in STATUS_GROUPS[group]])
        return runs

    @property
    def is_narrowed(self) -> bool:
        return any(self.options[word] for word in ("q", "filter", "status", "mine", "starred"))

    # ---- what is shown

    @functools.cached_property
    def columns(self) -> list[Column]:
        queried = [f"metric-{name}" for name in list_query.queried_metrics(self.options["filter"])]
        return columns.shown_columns(self.options, self.default_columns, queried, self.objective)

    @functools.cached_property
    def objective(self) -> Objective:
        """The metric by which the runs are judged: the chosen one, else that of the newest sweep."""
        chosen = objectives.parse_objective(self.options["primary"])
        if chosen.name or self.experiment is None:
            return chosen
        return objectives.objective_among(self._newest)

    @property
    def default_columns(self) -> list[str]:
        if self.experiment is None:
            return columns.DEFAULT_COLUMNS
        metrics = self.common_metrics[:MAX_METRIC_COLUMNS]
        judging = [name for name in metrics if name == self.objective.name or metric_order.is_objective(name)]
        others = [f"metric-{name}" for name in metrics if name not in judging]
        parameters = [f"param-{name}" for name in self.varying_parameters[:MAX_PARAMETER_COLUMNS]]
        first = [*[f"metric-{name}" for name in judging], *parameters, *others]
        return ["name", "status", *first, "created", "duration", "by", "target", "type", "tags"]

    @functools.cached_property
    def common_metrics(self) -> list[str]:
        """The scalar metrics of the newest runs, the most important first."""
        scalars = MetricSeries.objects.filter(IsAmong("run", self.newest_keys), kind=MetricSeries.Kind.SCALAR)
        counts = dict(scalars.order_by().values_list("name").annotate(number=Count("pk")))
        return metric_order.sort_metrics(counts, self.objective.name)

    @functools.cached_property
    def varying_parameters(self) -> list[str]:
        """Parameters that differ among the newest runs, the most common first."""
        written = RunParameter.objects.filter(IsAmong("run", self.newest_keys)).order_by().values("name")
        # As metric_order.is_varying, by the database.
        counted = written.annotate(number=Count("pk"), found=Count("value", distinct=True)).filter(found__gt=1)
        return list(counted.order_by("-number", "name").values_list("name", flat=True))

    @property
    def newest_keys(self) -> list[int]:
        return [row[0] for row in self._newest]

    @functools.cached_property
    def _newest(self) -> list[tuple]:
        return list(self.scope.order_by("-created_at", "-pk").values_list(*objectives.FIELDS)[:NEWEST])

    @functools.cached_property
    def page(self):
        # The counters give the number, so no second count is needed; `rows` reads the rows.
        lines = self.groups if self.group_by else range(self.count)
        return Paginator(lines, self.options["size"]).get_page(self.options["page"] or 1)

    @property
    def is_adding_up(self) -> bool:
        """Whether the groups come by a later request of the page."""
        return self._found_groups is None

    @functools.cached_property
    def groups(self) -> list[RunGroup]:
        found = self._found_groups or []
        self.too_many_groups = len(found) > groups.MAX_GROUPS
        return found[: groups.MAX_GROUPS]

    @functools.cached_property
    def _found_groups(self) -> list[RunGroup] | None:
        # Read first, so that the next poll includes later changes.
        sums, _ = self._sums, self.keys
        return self.remember(f"groups {self.for_charts}", self._load_groups) if sums[0][0] else []

    def _load_groups(self) -> list[RunGroup] | None:
        assert self.group_by is not None
        wanted = self.chart_columns if self.for_charts else [*self.columns, *self.chart_columns]
        patient = not self.may_come_later
        return groups.load_groups(self.keys, self.group_by, wanted, self.sorts, self.workspace, patient)

    def remember(self, what: str, compute) -> Any:
        """`compute()` of a grouped list, computed again only once its runs, its address or its columns change."""
        sql = self.matching.order_by().values("pk").query.sql_with_params()
        parts = (what, sql, self.query.urlencode(), self.columns, self.charts)
        return remembered.compute_cached(parts, self._token(self._sums), compute)

    @functools.cached_property
    def coloured_groups(self) -> list[RunGroup]:
        """The groups of the page, in the colours of their lines."""
        shown = list(self.page.object_list)
        groups.assign_colours(shown, self.chart_columns)
        return shown

    @functools.cached_property
    def shown_groups(self) -> list[RunGroup]:
        shown = self.coloured_groups
        groups.fill_groups(shown, self.columns)
        for group in shown:
            word = group.value or NO_VALUE
            group.is_open = word in self.options["unfold"]
            group.url = list_query.toggle_value(self.query, "unfold", word)
            if group.clause:
                narrowed = list_query.add_clause(self.options["filter"], group.clause)
                group.all_url = list_query.change_query(self.query, group=None, unfold=None, page=None, filter=narrowed)
        return shown

    @functools.cached_property
    def rows(self) -> list[Run]:
        """All shown rows in order, including children of open runs and of expanded groups."""
        tops = self._group_runs() if self.group_by else [(None, self._page_runs())]
        below = self._children
        flat = [
            (pk, depth, group)
            for group, positions in tops
            for pk, depth in _flatten_tree([pk for pk, _ in positions], below)
        ]
        rows = self._load_rows(flat)
        for group, _ in tops:
            if group:
                group.rows = [run for run in rows if run.group is group]
        return rows

    @property
    def groups_with_rows(self) -> list[RunGroup]:
        """The groups of the page; expanded ones have their rows."""
        return self.shown_groups if self.rows is not None else []

    def _page_runs(self) -> list[tuple[int, int]]:
        """The runs of the page; without the counters, which read all runs, if the page exists."""
        size = self.options["size"]
        start = ((self.options["page"] or 1) - 1) * size
        found = self._slice_top(start, start + size)
        if found or not start:
            return found
        positions = self.page.object_list
        return self._slice_top(positions.start, positions.stop)

    @functools.cached_property
    def drawn_runs(self) -> list[Run]:
        """The rows for the charts, with only the necessary data."""
        flat = _flatten_tree([pk for pk, _ in self._page_runs()], self._children)
        found = (
            Run.objects.annotate(own_colour=colours.chosen_colour(self.user))
            .only("display_name")
            .in_bulk([pk for pk, _ in flat])
        )
        shown: list[Any] = [found[pk] for pk, _ in flat if pk in found]
        self._assign_colours(shown)
        return [run for run in shown if run.pk not in self.options["hide"]]

    def _group_runs(self) -> list[tuple]:
        assert self.group_by is not None
        found = []
        for group in self.shown_groups:
            if group.is_open:
                runs = groups.group_members(self.matching, self.group_by, group.value)
                found.append((group, columns.slice_runs(runs, self.sorts, 0, groups.ROWS)))
        return found

    @functools.cached_property
    def _children(self) -> dict[int, list[tuple[int, int]]]:
        """Primary key and revision of the children of all open runs, by one query."""
        if not self.options["open"] or self.options["children"]:
            return {}
        workspace = self.scope.values("workspace")[:1]
        children = Run.objects.filter(parent__in=self.options["open"], workspace=workspace, deleted_at=None)
        below: dict[int, list[tuple[int, int]]] = {}
        rows: Any = children.order_by("-created_at", "-pk").values_list("parent", "pk", "revision")
        for parent, pk, revision in rows[:MAX_CHILDREN]:
            below.setdefault(parent, []).append((pk, revision))
        return below

    def _load_rows(self, flat: list[tuple]) -> list[Run]:
        if not flat:
            return []
        left_out = LEFT_OUT if any(one.id == "description" for one in self.columns) else [*LEFT_OUT, "description"]
        runs = Run.objects.select_related("experiment", "created_by", "workspace").prefetch_related("tag_rows")
        marks = {"child_count": _count_children(), "own_colour": colours.chosen_colour(self.user)}
        found = runs.defer(*left_out).annotate(**marks).in_bulk([pk for pk, _, _ in flat])
        # Runs that were just purged are left out.
        rows: list[Any] = []
        self._assign_colours([found[pk] for pk, _, _ in flat if pk in found])
        for pk, depth, group in flat:
            if pk in found:
                run = found[pk]
                run.depth, run.group = depth, group
                run.is_open, run.is_hidden = pk in self.options["open"], pk in self.options["hide"]
                run.has_tree = bool(run.child_count) and not self.options["children"]
                run.tree_url = list_query.toggle_value(self.query, "open", pk) if run.has_tree else ""
                run.eye_url = list_query.toggle_value(self.query, "hide", pk) if self.has_charts else ""
                rows.append(run)
        self.number_columns = columns.fill_cells(rows, self.columns)
        starred = set(Star.objects.filter(user=self.user, run__in=found).values_list("run", flat=True))
        for run in rows:
            run.is_starred = run.pk in starred
        return rows

    def _assign_colours(self, shown: list[Any]) -> None:
        drawn = [run for run in shown if run.pk not in self.options["hide"]]
        # A grouped list has lines of groups, not of runs.
        is_spread = not self.group_by and colours.are_shared(shown)
        bright = run_charts.find_bright(drawn, self.charts, self.objective) if is_spread else []
        own = colours.assign_colours(shown, bright)
        dashes = colours.assign_dashes(own, bright)
        for run in shown:
            run.colour, run.dash = own[run.pk], dashes[run.pk]

    @functools.cached_property
    def headers(self) -> list[ColumnHeader]:
        sorts = self.sorts or [Sort(columns.parse_column("created"), True)]
        positions = {sort.column.id: position for position, sort in enumerate(sorts)}
        numeric = self.number_columns if self.rows else set()
        shown = [dataclasses.replace(one, has_numbers=one.id in numeric) for one in self.columns]
        return [self._header(one, sorts, positions.get(one.id)) for one in shown]

    def _header(self, one: Column, sorts: list[Sort], position: int | None) -> ColumnHeader:
        order = "" if position is None else "descending" if sorts[position].descending else "ascending"
        falls = order == "ascending" if order else one.falls_first
        to = f"-{one.id}" if falls else one.id
        url = list_query.change_query(self.query, sort=to, page=None) if one.is_sortable else ""
        return ColumnHeader(one, order, position + 1 if len(sorts) > 1 and position is not None else 0, url)

    @property
    def has_trees(self) -> bool:
        return any(run.has_tree for run in self.rows)

    # ---- charts

    @property
    def has_charts(self) -> bool:
        return bool(self.charted)

    @property
    def may_chart(self) -> bool:
        """Whether there are charts, or can be once a job logs a metric."""
        return self.has_charts or bool(self.experiment and not self.options["charts"])

    @functools.cached_property
    def charts(self) -> list[list[str]]:
        """The metrics of each chart: the chosen ones, else the first metric columns. Those of `merge` share the chart before."""
        if self.options["charts"]:
            return []
        usual = [one.name for one in self.columns if one.kind == "metric"] if self.experiment else []
        names = self.options["chart"] or list(dict.fromkeys(usual))[:USUAL_CHARTS]
        found: list[list[str]] = []
        for name in dict.fromkeys(names):
            if found and name in self.options["merge"]:
                found[-1].append(name)
            else:
                found.append([name])
        return found

    @property
    def chart_columns(self) -> list[Column]:
        """The columns of the charted metrics, each once."""
        return [columns.parse_column(f"metric-{name}", self.objective) for name in self.charted]

    @property
    def charted(self) -> list[str]:
        return [name for names in self.charts for name in names]

    # ---- polls

    @property
    def is_live(self) -> bool:
        return any(run.is_active for run in self.rows)

    @property
    def token(self) -> str:
        """The state of the page: the columns, the rows in order, and their revisions."""
        pairs = self._sums if self.group_by else [(run.pk, run.revision) for run in self.rows]
        return f"{self._shape}~{self._token(pairs)}"

    @functools.cached_property
    def _sums(self) -> list[tuple[int, int]]:
        """For a grouped list: sums that change with any of its runs, known without grouping."""
        if self.seen:
            # A poll needs no keys, which take a third longer.
            sums = self.matching.order_by().aggregate(number=Count("*"), keys=Sum("pk"), revisions=Sum(SHORT_REVISION))
            number, keys, revisions = sums["number"], int(sums["keys"] or 0), int(sums["revisions"] or 0)
        else:
            number, keys, revisions = self.keys.sums
        below = [pair for pairs in self._children.values() for pair in pairs]
        return [(number, 0), (keys, revisions), *below]

    @functools.cached_property
    def keys(self) -> RunKeys:
        return RunKeys.read(self.matching, bool(self.experiment and self.experiment.has_majority()))

    @property
    def _shape(self) -> str:
        """A digest of the columns, which the first metric of an experiment changes, and of the best values and colours of the
        rows, which depend on other rows."""
        looks = [(run.pk, run.best_columns, run.colour, run.dash) for run in self.rows]
        return f"{zlib.crc32(repr((self.columns, sorted(self.number_columns), looks)).encode()):x}"

    def _token(self, pairs: list[tuple[int, int]]) -> str:
        text = ".".join(f"{pk:x}-{revision:x}" for pk, revision in pairs)
        if self.group_by or len(text) > MAX_TOKEN_LENGTH:
            return hashlib.sha256(text.encode()).hexdigest()[:32]
        return text

    def has_changes(self) -> bool:
        """Whether the rows differ from the reader's, by one query without counts or joins."""
        _, _, had = self.seen.partition("~")
        if self.group_by:
            is_long = group_polls.is_long(self)
            return group_polls.has_changes(self, lambda: self._has_sums(had)) if is_long else not self._has_sums(had)
        top, below = self._page_runs(), self._children
        revisions = dict([*top, *(pair for pairs in below.values() for pair in pairs)])
        shown = [(pk, revisions[pk]) for pk, _ in _flatten_tree([pk for pk, _ in top], below)]
        return self._token(shown) != had

    def _has_sums(self, had: str) -> bool:
        return self._token(self._sums) == had

    @property
    def changed(self) -> list[Run] | None:
        """The changed rows, or None if other runs, another order or other columns are shown."""
        shape, _, pairs = self.seen.partition("~")
        had = [pair.partition("-") for pair in pairs.split(".")]
        if shape != self._shape or [pk for pk, _, _ in had] != [f"{run.pk:x}" for run in self.rows]:
            return None
        return [run for run, (_, _, revision) in zip(self.rows, had, strict=True) if f"{run.revision:x}" != revision]


# The group of runs without a value, in the query string.
NO_VALUE = "--"


def _flatten_tree(pks: list[int], below: dict[int, list[tuple[int, int]]], depth: int = 0) -> list[tuple[int, int]]:
    """Runs with their depth, children below their parents."""
    found = []
    for pk in pks:
        found.append((pk, depth))
        found += _flatten_tree([child for child, _ in below.get(pk, [])], below, depth + 1)
    return found


def match_word(word: str) -> Q:
    """Runs with this word in a name, tag, experiment or person."""
    # Other tables are read once, not for each run.
    tags = RunTag.objects.filter(AnyContains(word, "name", "value"))
    return (
        Q(AnyContains(word, "display_name", "run_id", "description", "target_name"))
        | Q(status__in=[state for state in Run.Status.values if state.lower() == word.lower()])
        | Q(experiment__in=_list_few(Experiment.objects.filter(name__icontains=word)))
        | Q(created_by__in=_list_few(User.objects.filter(username__icontains=word)))
        | Q(pk__in=tags.values("run"))
    )


def _list_few(found):
    """The keys, if they are few: most words match nobody, and each run has one condition less."""
    keys = list(found.order_by().values_list("pk", flat=True)[: MAX_LISTED + 1])
    return keys if len(keys) <= MAX_LISTED else found


def _count_children():
    children = Run.objects.filter(parent=OuterRef("pk"), deleted_at=None).order_by().values("parent")
    return Coalesce(Subquery(children.annotate(number=Count("pk")).values("number")), 0)


# ---- notes on the address: wrong values of its parameters, and names that no run has


def list_notes(table) -> list[str]:
    """Sentences for the bar above the table."""
    notes = list_query.describe_refused(table.refused)
    if table.error:
        return [*notes, "The query has an error, so all jobs are shown."]
    wanted, is_whole = table.options["page"] or 1, not (table.group_by and table.is_adding_up)
    if wanted > 1 and is_whole and wanted > (last := table.page.paginator.num_pages):
        notes.append(f"There is no page {wanted:,}: this is the last one, page {last:,}.")
    missing = _find_missing(table)
    names = facets.names_of(facets.read_facets(table)) if missing else {}
    return notes + [_describe_missing(kind, name, names[FACETS[kind]]) for kind, name in missing]


def _describe_missing(kind: str, name: str, present: list[str]) -> str:
    near = difflib.get_close_matches(name[:60], present, 1)
    return f"No job of this list has the {kind} {name[:60]}.{f' Did you mean {near[0]}?' if near else ''}"


def _find_missing(table) -> list[tuple[str, str]]:
    """Kind and name of what the address names and no run of the list has."""
    named = dict.fromkeys(
        [(NAMED_KINDS[one.kind], one.name) for one in _named_columns(table.options) if one.kind in NAMED_KINDS]
    )
    if not named or not table.newest_keys:
        return []
    newest = {pair for kind in {kind for kind, _ in named} for pair in _names_of_newest(table, kind, named)}
    missing = [pair for pair in named if pair not in newest][:MAX_LOOKED_FOR]
    return [pair for pair in missing if not _value_rows(*pair).filter(run__in=table.scope.order_by()).exists()]


def _value_rows(kind: str, name: str):
    return columns.value_rows(columns.parse_column(f"{'param' if kind == 'parameter' else kind}-{name}"))


def _names_of_newest(table, kind: str, named) -> list[tuple[str, str]]:
    names = [name for its, name in named if its == kind]
    of_newest = IsAmong("run", table.newest_keys)
    rows = _value_rows(kind, names[0]).model.objects.filter(of_newest, name__in=names).order_by()
    return [(kind, name) for name in rows.values_list("name", flat=True).distinct()]


def _named_columns(options: dict) -> list[Column]:
    words = [*options["col"], *[word.removeprefix("-") for word in options["sort"]], options["group"]]
    words += [f"metric-{name}" for word in ("chart", "merge", "log") for name in options[word]]
    for clause in list_query.list_clauses(options["filter"]):
        kind = search.ENTITIES.get(clause.entity)
        is_column = kind == search.TAG and clause.key in search.TAG_COLUMNS
        if kind in (search.METRIC, search.PARAM, search.TAG) and clause.operator != "is null" and not is_column:
            words.append(f"{kind}-{clause.key}")
    return [column for word in words if word and (column := columns.find_column(word))]
