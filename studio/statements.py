"""Plain SQL to read and store rows by column values, for requests that scripts send thousands of times a minute.

Django takes two to five times as long to write a statement as SQLite takes to run it. Here it is written once for each
model; the model's fields convert values, as with `filter` or `bulk_create`.
"""

import dataclasses
import functools
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import CharField, Field, FloatField, ForeignKey, IntegerField, Model, TextField
from django.db.models.expressions import Col

from studio.database import prepared_cursor

M = TypeVar("M", bound=Model)

# SQLite accepts 32,766 values per statement.
MAX_VALUES = 30_000


def read_rows(model: type[M], *, related: Sequence[str] = (), ordered: bool = False, **wanted: Any) -> list[M]:
    """The rows whose fields have these values, or any of a list of values. Foreign keys are given as primary keys; those
    in `related` are read too, as by `select_related`, but each step of a path is named, the first one first. `ordered`
    is by the model's ordering."""
    # The connection itself, because `django.db.connection` looks it up for each attribute.
    connection = connections[DEFAULT_DB_ALIAS]
    start, parts = _reading(model, tuple(related), connection.vendor)
    conditions, values = [], []
    for name, value in wanted.items():
        field = _field(model, name)
        given = value if isinstance(value, list) else [value]
        if not given:
            return []
        conditions.append(f't."{field.column}" IN ({", ".join(["%s"] * len(given))})')
        values += [field.get_db_prep_value(one, connection) for one in given]
    with prepared_cursor() as cursor:
        cursor.execute(f"{start} WHERE {' AND '.join(conditions)}{_order(model) if ordered else ''}", values)
        rows = cursor.fetchall()
    if not related:
        return cast(list[M], [parts[0].build(row, connection) for row in rows])
    return cast(list[M], [_build_related(row, related, parts, connection) for row in rows])


def _build_related(row: tuple, related: Sequence[str], parts: list["_Part"], connection) -> Model | None:
    built = {"": parts[0].build(row, connection)}
    for path, part in zip(related, parts[1:], strict=True):
        owner, _, name = path.rpartition("__")
        built[path] = part.build(row, connection)
        if built[owner] is not None:
            setattr(built[owner], name, built[path])
    return built[""]


def read_row(model: type[M], *, related: Sequence[str] = (), **wanted: Any) -> M | None:
    """The only row whose fields have these values."""
    return next(iter(read_rows(model, related=related, **wanted)), None)


def prefetch_rows(row: Model, *names: str) -> None:
    """Read the rows that refer to this one by these names, like `prefetch_related_objects`."""
    cache = row.__dict__.setdefault("_prefetched_objects_cache", {})
    for name in names:
        field = row._meta.get_field(name).field  # type: ignore[union-attr]
        found = read_rows(field.model, ordered=True, **{field.name: row.pk})
        for one in found:
            field.set_cached_value(one, row)
        rows = getattr(row, name).get_queryset()
        rows._result_cache, rows._prefetch_done = found, True
        cache[name] = rows


def insert_rows(model: type[Model], names: Sequence[str], rows: Iterable[Sequence]) -> list[int]:
    """Store rows with these fields; others need a database default. Returns the primary keys in the same order."""
    return _insert(model, names, rows, " RETURNING id")


def add_rows(model: type[Model], names: Sequence[str], rows: Iterable[Sequence]) -> None:
    """Store rows of which nobody needs the keys: on PostgreSQL no answer is waited for until the transaction ends."""
    _insert(model, names, rows, "")


def insert_new_rows(model: type[Model], names: Sequence[str], rows: Iterable[Sequence], key: str) -> set:
    """Store those rows of which there is none yet; returns the values of `key` in them."""
    return set(_insert(model, names, rows, f' ON CONFLICT DO NOTHING RETURNING "{_field(model, key).column}"'))


def replace_rows(model: type[Model], names: Sequence[str], rows: Iterable[Sequence], *, unique: Sequence[str]) -> None:
    """Store rows, in place of those with the same values of the fields `unique`."""
    columns = {name: f'"{_field(model, name).column}"' for name in names}
    changes = ", ".join(f"{columns[name]} = EXCLUDED.{columns[name]}" for name in names if name not in unique)
    ending = f" ON CONFLICT ({', '.join(columns[name] for name in unique)}) DO UPDATE SET {changes}"
    _insert(model, names, rows, ending)


def _insert(model: type[Model], names: Sequence[str], rows: Iterable[Sequence], ending: str) -> list:
    """The values that the statement returns."""
    connection = connections[DEFAULT_DB_ALIAS]
    start, marks, prepare = _inserting(model, tuple(names))
    prepared = [
        [value if make is None else make(value, connection) for make, value in zip(prepare, row, strict=True)]
        for row in rows
    ]
    size, found = MAX_VALUES // len(prepare), []
    with prepared_cursor() as cursor:
        for begin in range(0, len(prepared), size):
            batch = prepared[begin : begin + size]
            cursor.execute(start + ", ".join([marks] * len(batch)) + ending, [v for row in batch for v in row])
            if "RETURNING" in ending:
                found += [value for (value,) in cursor.fetchall()]
    return found


def insert_row(row: Model) -> None:
    """Store a new row like `save`, for a model without files, inheritance and signals."""
    fields = [field for field in row._meta.concrete_fields if not field.primary_key]
    names, values = [field.name for field in fields], [getattr(row, field.attname) for field in fields]
    (row.pk,) = insert_rows(type(row), names, [values])
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


def _field(model: type[Model], name: str) -> Field:
    """A column of the model: no relation that other tables have with it."""
    return model._meta.pk if name == "pk" else cast(Field, model._meta.get_field(name))


@dataclasses.dataclass(frozen=True)
class _Part:
    """The columns of one model in a row of the result."""

    model: type[Model]
    columns: slice
    names: list[str]
    # The index of the primary key, and the converters by index.
    key: int
    converters: list[tuple]

    def build(self, row: tuple, connection) -> Model | None:
        """None if the foreign key is empty."""
        values = list(row[self.columns])
        for index, convert, expression in self.converters:
            values[index] = convert(values[index], expression, connection)
        return None if values[self.key] is None else self.model.from_db(connection.alias, self.names, values)


@functools.cache
def _reading(model: type[Model], related: tuple[str, ...], vendor: str) -> tuple[str, list[_Part]]:
    """The start of the statement, and its parts: the model's, then one of each related model."""
    parts, columns, joins, first = [], [], "", 0
    named: dict[str, tuple[type[Model], str]] = {"": (model, "t")}
    for number, path in enumerate(("", *related)):
        one, alias = named[""]
        if path:
            owner, _, name = path.rpartition("__")
            field = _field(named[owner][0], name)
            one, alias = named[path] = cast(type[Model], field.related_model), f"t{number}"
            target = f'"{alias}"."{one._meta.pk.column}"'
            joins += f' LEFT JOIN "{one._meta.db_table}" {alias} ON {named[owner][1]}."{field.column}" = {target}'
        fields = one._meta.concrete_fields
        columns += [f'{alias}."{field.column}"' for field in fields]
        names, span = [field.attname for field in fields], slice(first, first + len(fields))
        parts.append(_Part(one, span, names, fields.index(one._meta.pk), _list_converters(one, fields)))
        first += len(fields)
    return f'SELECT {", ".join(columns)} FROM "{model._meta.db_table}" t{joins}', parts


@functools.cache
def _order(model: type[Model]) -> str:
    """By columns of the model."""
    columns = []
    for name in cast(Sequence[str], model._meta.ordering):
        columns.append(f't."{_field(model, name.lstrip("-")).column}"{" DESC" if name.startswith("-") else ""}')
    return f" ORDER BY {', '.join(columns)}"


def _list_converters(model: type[Model], fields: Sequence[Field]) -> list[tuple]:
    connection = connections[DEFAULT_DB_ALIAS]
    converters = []
    for index, field in enumerate(fields):
        expression = Col(model._meta.db_table, field)
        makers = [*connection.ops.get_db_converters(expression), *field.get_db_converters(connection)]
        converters += [(index, convert, expression) for convert in makers]
    return converters


@functools.cache
def _inserting(model: type[Model], names: tuple[str, ...]) -> tuple[str, str, list]:
    fields = [_field(model, name) for name in names]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    marks = f"({', '.join(['%s'] * len(fields))})"
    prepare = [None if _is_plain(field) else field.get_db_prep_save for field in fields]
    return f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ', marks, prepare


def _is_plain(field: Field) -> bool:
    """Whether the database takes the value of a row as it is."""
    if isinstance(field, ForeignKey):
        field = field.target_field
    return type(field) in (CharField, TextField, FloatField) or isinstance(field, IntegerField)
