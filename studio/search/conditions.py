"""Conditions on a column for the operators of the filter grammar, and a search for simple tables."""

import datetime as dt
import math
import re
import uuid
from collections.abc import Sequence

from django.db.models import F, Q, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce

import studio.search.db_functions  # noqa: F401  (registers LIKE and ILIKE)
from studio.errors import Invalid
from studio.formats import from_millis, parse_time
from studio.search.grammar import All, Any, Clause, Not, Order, parse_filter, parse_orders

NUMERIC = {"=": "exact", ">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
TEXTUAL = {"=": "exact", "like": "like", "ilike": "ilike", "~": "icontains", "in": "in"}
OPPOSITE = {"!=": "=", "!~": "~", "not in": "in", "not like": "like", "not ilike": "ilike"}


def compare_value(column: str, clause: Clause) -> Q:
    """With a finite number. A column that is empty meets no comparison."""
    value = clause.value
    if isinstance(value, str):
        raise clause.make_value_error(f"write the number without quotes: {clause.key} {clause.operator} {value}")
    if not math.isfinite(value):
        raise clause.make_value_error(f"'{clause.key}' can only be compared with a finite number")
    value = float(value)
    if clause.operator == "!=":
        return Q(**{f"{column}__lt": value}) | Q(**{f"{column}__gt": value})
    return Q(**{f"{column}__{NUMERIC[clause.operator]}": value})


def text_condition(column: str, clause: Clause) -> Q:
    if clause.operator in ("is null", "is not null"):
        empty = Q(**{f"{column}__isnull": True}) | Q(**{column: ""})
        return empty if clause.operator == "is null" else ~empty
    operator = OPPOSITE.get(clause.operator, clause.operator)
    if operator not in TEXTUAL:
        raise clause.make_operator_error(
            f"a text is compared by =, !=, LIKE, ILIKE, ~ or IN, not {clause.operator.upper()}"
        )
    values = clause.value if operator == "in" else (clause.value,)
    check_texts(clause, values)
    found = Q(**{f"{column}__{TEXTUAL[operator]}": list(values) if operator == "in" else clause.value})
    return ~found if clause.operator in OPPOSITE else found


def check_texts(clause: Clause, values: Sequence) -> None:
    """Raise at the first value that is not a text in quotes."""
    for index, value in enumerate(values):
        if not isinstance(value, str):
            quoted = f"{clause.key} {clause.operator.upper()} {_quote(clause.value)}"
            raise clause.make_value_error(f"put text in quotes: {quoted}", index)


def _quote(value) -> str:
    return f"({', '.join(map(_quote, value))})" if isinstance(value, tuple) else f"'{value}'"


def number_condition(column: str, clause: Clause) -> Q:
    if clause.operator not in NUMERIC and clause.operator != "!=":
        raise clause.make_operator_error(f"'{clause.key}' is a number; compare it by =, !=, >, >=, < or <=")
    return compare_value(column, clause)


def time_condition(column: str, clause: Clause) -> Q:
    """Milliseconds since 1970, as in MLflow, or a date in quotes."""
    if clause.operator in ("is null", "is not null"):
        return Q(**{f"{column}__isnull": clause.operator == "is null"})
    if clause.operator not in NUMERIC and clause.operator != "!=":
        raise clause.make_operator_error(f"'{clause.key}' is a time; compare it by =, !=, >, >=, < or <=")
    first, after = _time_range(clause)
    if clause.operator == "!=":
        return Q(**{f"{column}__lt": first}) | Q(**{f"{column}__gte": after})
    sides = {"=": (first, after), ">=": (first, None), ">": (after, None), "<=": (None, after), "<": (None, first)}
    bounds = zip((f"{column}__gte", f"{column}__lt"), sides[clause.operator], strict=True)
    return Q(**{bound: moment for bound, moment in bounds if moment})


def _time_range(clause: Clause) -> tuple[dt.datetime, dt.datetime]:
    """Start and end of what equals this time: rows have microseconds, MLflow rounds to milliseconds."""
    value = clause.value
    try:
        if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d", value):
            found = parse_time(value)
            return found, found + dt.datetime.resolution
        if not isinstance(value, str):
            found, half = from_millis(value), dt.timedelta(microseconds=500)
            return found - half, found + half
    except (OverflowError, OSError) as error:
        raise clause.make_value_error(f"{value!r} is not a time: it is outside the years 1 to 9999") from error
    except ValueError as error:
        raise clause.make_value_error(f"{value!r} is not a time: {error}") from error
    raise clause.make_value_error(
        f"{value!r} is not a time: write ms since 1970 without quotes, or '2026-01-31' or '2026-01-31T12:00'"
    )


def uuid_condition(column: str, clause: Clause) -> Q:
    """A UUID can only be compared for equality."""
    operator = OPPOSITE.get(clause.operator, clause.operator)
    values = clause.value if operator == "in" else (clause.value,)
    if operator not in ("=", "in"):
        raise clause.make_operator_error(f"'{clause.key}' is compared by =, != or IN")
    check_texts(clause, values)
    found = Q(**{f"{column}__in": [key for key in map(_parse_uuid, values) if key]})
    return ~found if clause.operator in OPPOSITE else found


def _parse_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


class Rows:
    """The searchable columns of a table: `columns` maps a word to (kind, column), `orders` to a column; tags are in JSON."""

    def __init__(self, columns: dict, orders: dict, *, json: dict | None = None, absent: dict | None = None):
        self.columns, self.orders = columns, orders
        # Values that absent tags count as; other absent tags match no comparison.
        self.absent = absent or {}
        # Entities whose keys are in a JSON column.
        self.json = {"tag": "tags", "tags": "tags", **(json or {})}

    def find(self, rows, text: str, order_by: list[str], default: list):
        tree = parse_filter(text, may_end_with_and=True)
        if tree is not None:
            rows = rows.filter(self._make_condition(tree))
        return rows.order_by(*[self._make_order(order) for order in parse_orders(order_by)], *default)

    def _make_order(self, order: Order):
        column = self.orders.get(order.key.lower()) if order.entity in ("", "attribute", "attributes") else None
        if column is None:
            raise Invalid(
                f"Invalid order_by key '{order.key}': write one of {', '.join(self.orders)}.", target="order_by"
            )
        return F(column).desc() if order.descending else F(column).asc()

    def _make_condition(self, tree) -> Q:
        if isinstance(tree, All):
            return Q(*[self._make_condition(part) for part in tree.parts])
        if isinstance(tree, Any):
            return Q(*[self._make_condition(part) for part in tree.parts], _connector=Q.OR)
        if isinstance(tree, Not):
            return ~self._make_condition(tree.part)
        if tree.entity in self.json:
            return _in_json(self.json[tree.entity], tree, self.absent.get(tree.key))
        kind, column = self.columns.get(tree.key.lower(), ("", ""))
        if tree.entity not in ("", "attribute", "attributes") or not kind:
            raise tree.make_error(f"there is no '{tree.key}': write {', '.join(self.columns)} or tags.x")
        return KINDS[kind](column, tree)


def _in_json(column: str, clause: Clause, absent: str | None) -> Q:
    there = Q(**{f"{column}__has_key": clause.key})
    if clause.operator in ("is null", "is not null"):
        return ~there if clause.operator == "is null" else there
    value = Cast(KeyTextTransform(clause.key, column), TextField())
    if absent is not None:
        return expression_condition(Coalesce(value, Value(absent), output_field=TextField()), clause)
    return there & expression_condition(value, clause)


def expression_condition(expression, clause: Clause) -> Q:
    """The same as `text_condition`, for an expression."""
    operator = OPPOSITE.get(clause.operator, clause.operator)
    lookup = TextField().get_lookup(TEXTUAL.get(operator, ""))
    values = clause.value if operator == "in" else (clause.value,)
    if lookup is None:
        raise clause.make_operator_error(f"'{clause.key}' is compared by =, !=, LIKE, ILIKE, ~ or IN")
    check_texts(clause, values)
    found = Q(lookup(expression, list(values) if operator == "in" else clause.value))
    return ~found if clause.operator in OPPOSITE else found


def status_condition(column: str, clause: Clause) -> Q:
    """A value of an enumeration, with or without the prefix that all its values share."""
    value = clause.value
    if isinstance(value, str) and clause.operator in ("=", "!="):
        found = Q(**{f"{column}__iendswith": value})
        return found if clause.operator == "=" else ~found
    return text_condition(column, clause)


KINDS = {
    "text": text_condition,
    "number": number_condition,
    "time": time_condition,
    "id": uuid_condition,
    "status": status_condition,
}
