"""Columns of a great many rows as vectors. The database sends them as one text or file, because a tuple for each row
takes several times as long."""

import functools
import hashlib
import itertools
from typing import Any

import numpy as np
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import F

from studio.search.db_functions import INDEXED, ValueStart

I8, F8 = np.dtype("<i8"), np.dtype("<f8")
# As PostgreSQL sends them.
SENT, SENT_NUMBERS = np.dtype(">i8"), np.dtype([("key", ">i8"), ("value", ">f8")])
SENT_DIGESTS = np.dtype([("key", ">i8"), ("value", ">i8")])
# So many different texts are read as quickly run by run.
MANY_TEXTS = 2_000
# The digest of no text is 0.
HASH = "HASHTEXTEXTENDED(COALESCE(two, ''), 0) # HASHTEXTEXTENDED('', 0)"


def read_rows(queryset) -> list[tuple]:
    """The rows of a queryset as the database has them: files are not sent as text."""
    try:
        sql, params = queryset.query.sql_with_params()
    except EmptyResultSet:
        return []
    return _fetch_rows(sql, params)


def read_integers(queryset, name: str, is_majority: bool = False) -> Any:
    """A column of whole numbers. `is_majority`: they are of most rows of the table, which SQLite reads twice as fast as they
    come."""
    try:
        sql, params = queryset.values_list(name).query.sql_with_params()
    except EmptyResultSet:
        return np.empty(0, I8)
    if connection.vendor == "postgresql":
        return _read_sent(f"SELECT STRING_AGG(INT8SEND(one), '') FROM ({sql}) AS packed(one)", params, SENT).astype(I8)
    if is_majority:
        table = f'FROM "{queryset.model._meta.db_table}"'
        sql = sql.replace(table, f"{table} NOT INDEXED", 1)
    return _parse_text(_fetch_rows(f"SELECT GROUP_CONCAT({name}) FROM ({sql})", params)[0][0])


def read_numbers(queryset, key: str, value: str) -> tuple[Any, Any]:
    """Keys and floating point numbers."""
    sql, params = queryset.values_list(key, value).query.sql_with_params()
    if connection.vendor == "postgresql":
        return _read_pairs(sql, params, "FLOAT8SEND(two)", SENT_NUMBERS)
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        # SQLite's own cursor, because Django's takes longer for each row. Keys are exact as floating point numbers too.
        flat = np.fromiter(itertools.chain.from_iterable(cursor.cursor), F8)
    return flat[::2].astype(I8), flat[1::2]


def read_digests(queryset, key: str, value: str, by_index: bool) -> tuple[Any, Any]:
    """Keys, and a number for each text, the same for equal texts. `by_index`: an index has the starts of all texts."""
    sql, params = queryset.values_list(key, value).query.sql_with_params()
    if connection.vendor == "postgresql":
        return _read_pairs(sql, params, f"INT8SEND({HASH})", SENT_DIGESTS)
    if by_index and (found := _read_starts(queryset, key, value)):
        return found
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        pairs = ((key, digest_text(text)) for key, text in cursor)
        flat = np.fromiter(itertools.chain.from_iterable(pairs), I8)
    return flat[::2], flat[1::2]


@functools.lru_cache(maxsize=1_000)
def digest_text(text: str | None) -> int:
    if not text:
        return 0
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little", signed=True)


def _read_starts(queryset, key: str, value: str) -> tuple[Any, Any] | None:
    """The digests of texts that an index has whole; None if any is longer, or there are many."""
    pairs = queryset.annotate(start=ValueStart(value), owner=F(key)).values_list("start", "owner")
    sql, params = pairs.query.sql_with_params()
    rows = _fetch_rows(f"SELECT start, GROUP_CONCAT(owner) FROM ({sql}) GROUP BY start LIMIT {MANY_TEXTS}", params)
    if len(rows) == MANY_TEXTS or any(len(start) >= INDEXED for start, _ in rows):
        return None
    sizes = [keys.count(",") + 1 for _, keys in rows]
    digests = np.fromiter((digest_text(start) for start, _ in rows), I8, len(rows))
    return _parse_text(",".join(keys for _, keys in rows)), np.repeat(digests, sizes)


def _read_pairs(sql: str, params: tuple, second: str, sent: np.dtype) -> tuple[Any, Any]:
    statement = f"SELECT STRING_AGG(INT8SEND(one) || {second}, '') FROM ({sql}) AS packed(one, two)"
    rows = _read_sent(statement, params, sent)
    return tuple(rows[name].astype(rows[name].dtype.newbyteorder("<")) for name in ("key", "value"))


def _read_sent(sql: str, params: tuple, sent: np.dtype) -> Any:
    return np.frombuffer(_fetch_rows(sql, params)[0][0] or b"", sent)


def _parse_text(text: str | None) -> Any:
    return np.fromstring(text or "", I8, sep=",")


def _fetch_rows(sql: str, params: tuple) -> list[tuple]:
    with connection.packed_cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()
