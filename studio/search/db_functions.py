"""SQL functions with the same result on SQLite and PostgreSQL, such as the lookup `name__like="run%"` without
escapes."""

from collections.abc import Iterable

from django.core.exceptions import EmptyResultSet
from django.db.models import BooleanField, CharField, FloatField, Func, Lookup, TextField

# How many characters of a value are indexed; PostgreSQL refuses long ones.
INDEXED = 200


class ValueStart(Func):
    """The start of a long text, for an index and its queries: SQLite needs the literal number in both."""

    template = f"SUBSTR(%(expressions)s, 1, {INDEXED})"
    output_field = TextField()


class IsAmong(Func):
    """Whether a key is one of many. Django's `in` takes longer to write the statement than the databases to answer it."""

    output_field = BooleanField()

    def __init__(self, name: str, keys: Iterable[int]):
        self.listed = ", ".join(str(int(key)) for key in keys)
        super().__init__(name)

    def as_sql(self, compiler, connection, **context):
        if not self.listed:
            raise EmptyResultSet
        sql, params = compiler.compile(self.source_expressions[0])
        return f"{sql} IN ({self.listed})", params


class Like(Lookup):
    lookup_name = "like"
    prepare_rhs = False

    def as_sqlite(self, compiler, connection):
        # SQLite's LIKE ignores case; GLOB does not, but has other wildcards.
        return self._sql(compiler, connection, "GLOB", _as_glob(self.rhs))

    def as_sql(self, compiler, connection):
        return self._sql(compiler, connection, "LIKE", self.rhs, " ESCAPE ''")

    def _sql(self, compiler, connection, operator: str, pattern: str, end: str = ""):
        sql, params = self.process_lhs(compiler, connection)
        return f"{sql} {operator} %s{end}", [*params, pattern]


class ILike(Like):
    lookup_name = "ilike"

    def as_sqlite(self, compiler, connection):
        return self._sql(compiler, connection, "LIKE", self.rhs)

    def as_sql(self, compiler, connection):
        return self._sql(compiler, connection, "ILIKE", self.rhs, " ESCAPE ''")


def _as_glob(pattern: str) -> str:
    marks = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
    return "".join(marks.get(character, character) for character in pattern)


for field in (CharField, TextField):
    field.register_lookup(Like)
    field.register_lookup(ILike)


class AsNumber(Func):
    """A text as a JSON number; NULL if it is not one, or has more than 100 characters.

    It is indexed, so no text may become a number that PostgreSQL cannot hold.
    """

    output_field = FloatField()
    arity = 1
    NUMBER = r"^\s*-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?\s*$"

    def as_sqlite(self, compiler, connection, **context):
        sql, params = compiler.compile(self.source_expressions[0])
        number = f"CASE WHEN json_type({sql}) IN ('integer', 'real') THEN CAST({sql} AS REAL) END"
        return f"CASE WHEN length({sql}) <= 100 AND json_valid({sql}) THEN {number} END", params * 4

    def as_sql(self, compiler, connection, **context):
        sql, params = compiler.compile(self.source_expressions[0])
        number = f"CASE WHEN length({sql}) <= 100 AND {sql} ~ %s THEN CAST({sql} AS double precision) END"
        return number, [*params, *params, self.NUMBER, *params]


class SecondsBetween(Func):
    """The seconds from one time to another."""

    output_field = FloatField()
    arity = 2

    def as_sqlite(self, compiler, connection, **context):
        # Django's own subtraction is a Python function, ten times slower.
        return self.as_sql(compiler, connection, template="(julianday(%(second)s) - julianday(%(first)s)) * 86400")

    def as_sql(self, compiler, connection, template="EXTRACT(EPOCH FROM %(second)s - %(first)s)", **context):
        (first, one), (second, two) = (compiler.compile(part) for part in self.source_expressions)
        return template % {"first": first, "second": second}, [*two, *one]


class AnyContains(Func):
    """Whether one of several texts contains a word, ignoring case. The texts are not NULL, the word has no line break."""

    output_field = BooleanField()

    def __init__(self, word: str, *texts: str):
        self.word = word
        super().__init__(*texts)

    def as_sqlite(self, compiler, connection, **context):
        compiled = [compiler.compile(part) for part in self.source_expressions]
        likes = " OR ".join(f"{sql} LIKE %s ESCAPE '\\'" for sql, _ in compiled)
        pattern = f"%{connection.ops.prep_for_like_query(self.word)}%"
        return f"({likes})", [value for _, params in compiled for value in (*params, pattern)]

    def as_sql(self, compiler, connection, **context):
        # One comparison of all texts takes PostgreSQL half as long as one for each, and ASCII alone half as long again.
        compiled = [compiler.compile(part) for part in self.source_expressions]
        text = " || CHR(10) || ".join(sql for sql, _ in compiled)
        collation = ' COLLATE "C"' if self.word.isascii() else ""
        pattern = f"%{connection.ops.prep_for_like_query(self.word)}%"
        values = [value for _, params in compiled for value in params]
        return f"UPPER(({text}){collation}) LIKE UPPER(%s)", [*values, pattern]
