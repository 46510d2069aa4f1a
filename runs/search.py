"""Searching runs by filter and order, using indexes: the grammar of studio/search/grammar.py for runs."""

import dataclasses
import fnmatch
import math
import typing

from django.db.models import F, FilteredRelation, Func, Q, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Concat
from django.db.models.lookups import Exact, GreaterThanOrEqual

from runs.models import MetricSeries, Run, RunParameter, RunTag
from runs.models.job_types import types_with_label
from runs.models.lineage import RunDataset
from studio.errors import Invalid
from studio.search import concatenated, conditions
from studio.search.compiled import CompiledKeys
from studio.search.db_functions import INDEXED, AsNumber, ValueStart
from studio.search.grammar import All, Any, Clause, Not, Order, parse_filter, parse_orders

METRIC, PARAM, TAG, ATTRIBUTE, DATASET = "metric", "param", "tag", "attribute", "dataset"
# A parameter compared as a number; no query can write the space.
NUMBER = "param number"
ENTITIES = {
    **dict.fromkeys(["metric", "metrics"], METRIC),
    **dict.fromkeys(["param", "params", "parameter", "parameters"], PARAM),
    **dict.fromkeys(["tag", "tags"], TAG),
    **dict.fromkeys(["", "attribute", "attributes", "attr", "run"], ATTRIBUTE),
    **dict.fromkeys(["dataset", "datasets"], DATASET),
}


class Dashed(Func):
    """A UUID as text with dashes; SQLite stores it without."""

    output_field = TextField()
    template = "CAST(%(expressions)s AS text)"

    def as_sqlite(self, compiler, connection, **context):
        sql, params = compiler.compile(self.source_expressions[0])
        parts = [f"substr({sql}, {start}, {length})" for start, length in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))]
        return " || '-' || ".join(parts), params * len(parts)


START = Coalesce("started_at", "created_at")
ARTIFACTS = Concat(
    Value("mlflow-artifacts:/"), Dashed("experiment__experiment_id"), Value("/"), F("run_id"), Value("/artifacts"),
    output_field=TextField(),
)  # fmt: skip
TEXTS = {
    "run_id": "run_id",
    **dict.fromkeys(["run_name", "run name", "name", "display_name"], "display_name"),
    "description": "description",
    "experiment": "experiment__name",
    **dict.fromkeys(["compute", "target"], "target_name"),
    **dict.fromkeys(["type", "run_type"], "run_type"),
    "created_by": "created_by__username",
    "parent": "parent__run_id",
}
TIMES = {**dict.fromkeys(["start_time", "created", "created_at"], "start"), "end_time": "ended_at"}
NUMBERS = {"number": "number"}
# Tags that are columns: see mlflow_api/messages.py.
TAG_COLUMNS = {
    "mlflow.runName": "display_name",
    "mlflow.note.content": "description",
    "mlflow.parentRunId": "parent__run_id",
}
ATTRIBUTES = sorted({*TEXTS, *TIMES, *NUMBERS, "artifact_uri", "status", "user_id"})
ORDERS: dict[str, Combinable] = {
    word: F(column) for word, column in {**TEXTS, **TIMES, **NUMBERS, "status": "status"}.items()
}
ORDERS["artifact_uri"] = ARTIFACTS
USER_TAG = "mlflow.user"
# A series whose last value is NaN has no number there.
NAN = Q(last=None, shown="NaN")
# The names of a run's states: MLflow's and our own.
STATES = {
    "SCHEDULED": [Run.Status.NOT_STARTED, Run.Status.PREPARING, Run.Status.PROVISIONING, Run.Status.STARTING, Run.Status.QUEUED],
    "RUNNING": [Run.Status.RUNNING, Run.Status.FINALIZING, Run.Status.CANCEL_REQUESTED],
    "FINISHED": [Run.Status.COMPLETED],
    "FAILED": [Run.Status.FAILED],
    "KILLED": [Run.Status.CANCELED],
}  # fmt: skip


def filter_runs(runs, text: str):
    """The runs that match a filter of the studio, which unlike one of MLflow can compare parameters as numbers."""
    tree = parse_filter(text)
    found = runs.alias(start=START)
    return found if tree is None else found.filter(_make_condition(_read_numbers(tree)))


def _read_numbers(tree):
    """The tree, in which a parameter that is compared with a number is one."""
    if isinstance(tree, All | Any):
        return dataclasses.replace(tree, parts=tuple(map(_read_numbers, tree.parts)))
    if isinstance(tree, Not):
        return Not(_read_numbers(tree.part))
    if ENTITIES.get(tree.entity) != PARAM:
        return tree
    if isinstance(tree.value, str) and tree.operator in (">", ">=", "<", "<="):
        raise tree.make_operator_error(
            f"a text is compared by =, !=, LIKE, ILIKE, ~ or IN, not {tree.operator}; write a number without quotes"
        )
    if isinstance(tree.value, tuple):
        is_number = all(isinstance(value, int | float) and math.isfinite(value) for value in tree.value)
    else:
        is_number = isinstance(tree.value, int | float) and tree.operator in (*conditions.NUMERIC, "!=")
    return dataclasses.replace(tree, entity=NUMBER) if is_number else tree


class Search:
    """One search: `page` returns keys. The constructor checks filter and order."""

    def __init__(self, runs, text: str, order_by: list[str]):
        self.base = runs.alias(start=START)
        self.tree = parse_filter(text, may_end_with_and=True)
        self.orders = [_check_order(order) for order in parse_orders(order_by)]
        if len({(order.entity, order.key) for order in self.orders}) < len(self.orders):
            raise Invalid("The order_by has a key twice.", target="order_by")
        if self.tree is not None:
            _make_condition(self.tree)

    def runs(self):
        return self.base if self.tree is None else self.base.filter(_make_condition(self.tree))

    def page(self, start: int, size: int) -> tuple[list[int], bool]:
        """The keys of the runs from `start`, and whether there are more; keys alone, so that no whole row is sorted."""
        return take_page([runs.values_list("pk", flat=True) for runs in self._list_parts()], start, size)

    def compiled(self) -> list[CompiledKeys]:
        """The data for `take_page`, cached for repeated searches."""
        return [CompiledKeys(runs) for runs in self._list_parts()]

    def _list_parts(self) -> list:
        """All in order. If it starts with a metric, parameter or tag, first the runs that have it, in the order of its index."""
        first = self.orders[0] if self.orders else None
        if first is None or not _is_of_rows(first):
            return [_sort_runs(self.runs(), self.orders)]
        rows, value, order = SORTED[first.entity]
        mine, easy, others = _split_conditions(self.tree, first)
        runs = self.base.filter(_make_condition(All(others)))
        joined = runs.annotate(sorted=FilteredRelation(rows, condition=Q(**{f"{rows}__name": first.key})))
        # A comparison with the first column of the index makes SQLite use it.
        near = [] if first.entity == METRIC else [GreaterThanOrEqual(order[0], "")]
        having = joined.filter(
            Q(**{f"sorted__{value}__isnull": False}),
            *near,
            *[conditions.compare_value("sorted__last", clause) for clause in mine],
            *[_make_condition(clause, "sorted__run") for clause in easy],
        )
        order = [key.desc() if first.descending else key.asc() for key in order]
        found = [_sort_runs(having, self.orders[1:], *order)]
        # A comparison with the metric is true only for numbers.
        return found if mine else [*found, self._runs_without(joined.filter(_make_condition(All(easy))), first)]

    def _runs_without(self, joined, first: Order):
        """NaN comes before runs without the metric."""
        rows, value, _ = SORTED[first.entity]
        model: typing.Any = Run._meta.get_field(rows).related_model
        have = model.objects.filter(name=first.key, **{f"{value}__isnull": False}).values("run")
        missing = [F("sorted__shown").desc(nulls_last=True)] if first.entity == METRIC else []
        return _sort_runs(joined.exclude(pk__in=have), self.orders[1:], *missing)


def take_page(lists: list, start: int, size: int) -> tuple[list[int], bool]:
    keys = concatenated.take_rows(lists, start, size + 1)
    return keys[:size], len(keys) > size


# For metrics, parameters and tags: the table, its value, and the order of the index of values.
SORTED: dict[str, tuple[str, str, list]] = {
    METRIC: ("metrics", "last", [F("sorted__last")]),
    PARAM: ("parameter_rows", "value", [ValueStart("sorted__value"), F("sorted__value")]),
    TAG: ("tag_rows", "value", [ValueStart("sorted__value"), F("sorted__value")]),
}


def _split_conditions(tree, first: Order) -> tuple[tuple, tuple, tuple]:
    """Splits the conditions: comparisons with the metric of the sort; those that its rows can answer without the runs;
    the rest."""
    parts = tree.parts if isinstance(tree, All) else () if tree is None else (tree,)
    mine = tuple(part for part in parts if isinstance(part, Clause) and _is_comparison(part, first))
    rest = [part for part in parts if part not in mine]
    easy = tuple(part for part in rest if isinstance(part, Clause) and part.operator != "is null" and _is_of_rows(part))
    return mine, easy, tuple(part for part in rest if part not in easy)


def _is_of_rows(named: Clause | Order) -> bool:
    entity = ENTITIES.get(named.entity)
    return entity in (METRIC, PARAM) or (entity == TAG and named.key not in TAG_COLUMNS)


def _is_comparison(clause: Clause, with_: Order) -> bool:
    """Whether only numbers meet the condition; NaN, which is not in the index, is unequal to every number."""
    mine = with_.entity == METRIC and _is_of_metric(clause) and clause.key == with_.key
    return mine and clause.operator != "!=" and not _is_nan(clause.value)


def _is_of_metric(clause: Clause) -> bool:
    return ENTITIES.get(clause.entity) == METRIC and (clause.operator in conditions.NUMERIC or clause.operator == "!=")


# ---- order


def _check_order(order: Order) -> Order:
    entity = ENTITIES.get(order.entity)
    if entity in (METRIC, PARAM, TAG) or (entity == ATTRIBUTE and order.key.lower() in ATTRIBUTES):
        key = order.key.lower() if entity == ATTRIBUTE else order.key
        return dataclasses.replace(order, entity=entity, key=key)
    raise Invalid(
        f"Invalid order_by key '{order.key}': write metrics.x, params.x, tags.x or one of {', '.join(ATTRIBUTES)}.",
        target="order_by",
    )


def _sort_runs(runs, orders: list[Order], *before):
    keys = list(before)
    for index, order in enumerate(orders):
        runs, expression = _sort_key(runs, order, f"sort{index}")
        keys.append(expression.desc(nulls_last=True) if order.descending else expression.asc(nulls_last=True))
    named = [order for order in orders if order.key in TIMES and TIMES[order.key] == "start"]
    last = [] if named else [F("start").desc()]
    return runs.order_by(*keys, *last, "run_id")


def _sort_key(runs, order: Order, name: str):
    if order.entity == ATTRIBUTE and order.key != "user_id":
        return runs, ORDERS[order.key]
    if order.entity == TAG and order.key in TAG_COLUMNS:
        return runs, F(TAG_COLUMNS[order.key])
    key = USER_TAG if order.key == "user_id" and order.entity == ATTRIBUTE else order.key
    table, column, _ = SORTED.get(order.entity, SORTED[TAG])
    relation = FilteredRelation(table, condition=Q(**{f"{table}__name": key}))
    return runs.annotate(**{name: relation}), F(f"{name}__{column}")


# ---- conditions


def _make_condition(tree, run: str = "pk") -> Q:
    """`run` is the column of the run, which differs if an index of another table is read."""
    if isinstance(tree, All):
        return Q(*[_make_condition(part, run) for part in tree.parts])
    if isinstance(tree, Any):
        return Q(*[_make_condition(part, run) for part in tree.parts], _connector=Q.OR)
    if isinstance(tree, Not):
        return ~_make_condition(tree.part, run)
    entity = ENTITIES.get(tree.entity, tree.entity)
    if entity not in CONDITIONS:
        raise tree.make_error(f"there is no '{tree.entity}': write metrics, params, tags, attributes or datasets")
    return CONDITIONS[entity](tree, run)


def _metric_condition(clause: Clause, run: str) -> Q:
    rows = MetricSeries.objects.filter(name=clause.key)
    if clause.operator in ("is null", "is not null"):
        return _has_rows(run, rows, clause.operator == "is not null")
    if clause.operator in ("=", "!=") and _is_nan(clause.value):
        return _has_rows(run, rows.filter(NAN if clause.operator == "=" else Q(last__isnull=False)))
    if _is_of_metric(clause) and _is_nan(clause.value):
        raise clause.make_operator_error(f"NaN is compared by = or !=, not {clause.operator}")
    if not _is_of_metric(clause):
        raise clause.make_operator_error(
            f"a metric is compared by {', '.join(conditions.NUMERIC)} or !=, not {clause.operator.upper()}"
        )
    compared = conditions.compare_value("last", clause)
    # NaN does not equal any number.
    return _has_rows(run, rows.filter(compared | NAN if clause.operator == "!=" else compared))


def _is_nan(value) -> bool:
    """Written as a word, or in quotes."""
    return str(value).lower() == "nan"


def _has_rows(run: str, rows, there: bool = True) -> Q:
    found = Q(**{f"{run}__in": rows.values("run")})
    return found if there else ~found


def _named_condition(model):
    def condition(clause: Clause, run: str) -> Q:
        column = TAG_COLUMNS.get(clause.key) if model is RunTag else None
        if column:
            there = ~Q(**{f"{column}__isnull": True}) & ~Q(**{column: ""})
            return conditions.text_condition(column, clause) & (Q() if clause.operator == "is null" else there)
        rows = model.objects.filter(name=clause.key)
        if clause.operator in ("is null", "is not null"):
            return _has_rows(run, rows, clause.operator == "is not null")
        # A run without the key matches no comparison, not even !=.
        # SQLite does not use the index if the value itself is compared too.
        indexed = clause.operator == "=" and isinstance(clause.value, str)
        return _has_rows(
            run, rows.filter(_indexed_condition(clause) if indexed else conditions.text_condition("value", clause))
        )

    return condition


def _number_condition(clause: Clause, run: str) -> Q:
    """A value that is not a number meets no comparison."""
    rows = RunParameter.objects.alias(as_number=AsNumber("value")).filter(name=clause.key)
    if isinstance(clause.value, tuple):
        among = Q(as_number__in=[float(value) for value in clause.value])
        return _has_rows(run, rows.filter(among if clause.operator == "in" else Q(as_number__isnull=False) & ~among))
    return _has_rows(run, rows.filter(conditions.compare_value("as_number", clause)))


def _indexed_condition(clause: Clause) -> Q:
    """The part of an equality that the index on the start of a value can answer: all of it, unless the value is long."""
    start = Q(Exact(ValueStart("value"), clause.value[:INDEXED]))
    return start if len(clause.value) < INDEXED else start & Q(value=clause.value)


def _attribute_condition(clause: Clause, run: str) -> Q:
    key = clause.key.lower()
    if TEXTS.get(key) == "run_type":
        return conditions.text_condition("run_type", _with_all_types(clause))
    if key in TEXTS:
        return conditions.text_condition(TEXTS[key], clause)
    if key in TIMES:
        return conditions.time_condition(TIMES[key], clause)
    if key in NUMBERS:
        return conditions.number_condition(NUMBERS[key], clause)
    if key == "artifact_uri":
        return _artifact_uri(clause)
    if key == "status":
        return _status_condition(clause, run)
    if key == "user_id":
        return _named_condition(RunTag)(dataclasses.replace(clause, key=USER_TAG), run)
    raise clause.make_error(
        f"there is no attribute '{clause.key}', only {', '.join(ATTRIBUTES)}; for others write metrics.{clause.key}, params.{clause.key} or tags.{clause.key}"
    )


def _with_all_types(clause: Clause) -> Clause:
    """A type is written as a list shows it, or as it is stored."""
    if clause.operator not in ("=", "!=", "in", "not in"):
        return clause
    values = clause.value if isinstance(clause.value, tuple) else (clause.value,)
    if not all(isinstance(value, str) for value in values):
        return clause
    types = tuple(one for value in values for one in types_with_label(value))
    return dataclasses.replace(clause, operator="in" if clause.operator in ("=", "in") else "not in", value=types)


def _artifact_uri(clause: Clause) -> Q:
    """It is built from the experiment's row, which other searches need not join, and is never null."""
    if clause.operator in ("is null", "is not null"):
        return Q(pk__isnull=clause.operator == "is null")
    return conditions.expression_condition(ARTIFACTS, clause)


def _status_condition(clause: Clause, run: str) -> Q:
    if clause.operator in ("is null", "is not null"):
        return Q(status="") if clause.operator == "is null" else ~Q(status="")
    operator = conditions.OPPOSITE.get(clause.operator, clause.operator)
    values = clause.value if operator == "in" else (clause.value,)
    if operator not in conditions.TEXTUAL:
        raise clause.make_operator_error("the status is compared by =, !=, LIKE, ILIKE, ~ or IN")
    conditions.check_texts(clause, values)
    states = [
        s for word, mine in STATES.items() for s in mine if any(_matches_any(operator, v, word, s) for v in values)
    ]
    found = Q(status__in=states)
    return ~found if clause.operator in conditions.OPPOSITE else found


def _matches_any(operator: str, value: str, *words: str) -> bool:
    if operator in ("=", "in"):
        return value.lower() in [word.lower() for word in words]
    if operator == "~":
        return any(value.lower() in word.lower() for word in words)
    glob = value.replace("[", "[[]").replace("*", "[*]").replace("?", "[?]").replace("%", "*").replace("_", "?")
    if operator == "like":
        return any(fnmatch.fnmatchcase(word, glob) for word in words)
    return any(fnmatch.fnmatchcase(word.lower(), glob.lower()) for word in words)


def _dataset_condition(clause: Clause, run: str) -> Q:
    if clause.key not in ("name", "digest", "context"):
        raise clause.make_error(f"a dataset has name, digest and context, not '{clause.key}'")
    return _has_rows(run, RunDataset.objects.filter(conditions.text_condition(clause.key, clause)))


CONDITIONS = {
    METRIC: _metric_condition,
    PARAM: _named_condition(RunParameter),
    NUMBER: _number_condition,
    TAG: _named_condition(RunTag),
    ATTRIBUTE: _attribute_condition,
    DATASET: _dataset_condition,
}
