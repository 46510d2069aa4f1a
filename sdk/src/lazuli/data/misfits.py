"""The values of a table that do not have the type of their column, and therefore become missing: how many, and the first of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List

from lazuli.data.compiler import ROW, name_of
from lazuli.data.profiles import count_misfits, format_value

if TYPE_CHECKING:
    from lazuli.data.engine import Reader

Json = Dict[str, Any]
# Examples of each column, and columns with examples.
MAX_EXAMPLES, MAX_COLUMNS = 3, 10


def report_misfits(reader: Reader, max_rows: int) -> Json:
    """`count`, and `examples` with file, line (None without lines), row, column and value; of the first `max_rows` of one file."""
    counts = zip(reader.query.casts, count_misfits(reader, list(reader.query.casts), max_rows))
    found = {name: count for name, count in counts if count}
    examples = [one for name in list(found)[:MAX_COLUMNS] for one in _find_examples(reader, name, max_rows)]
    return {"count": sum(found.values()), "examples": examples}


def _find_examples(reader: Reader, name: str, max_rows: int) -> List[Json]:
    cast, row = reader.query.casts[name], name_of(ROW)
    first = f"SELECT *, row_number() OVER () AS {row} FROM (SELECT * FROM ({cast.sql}) LIMIT {int(max_rows)})"
    sql = f"SELECT {row}, {name_of(cast.source)} FROM ({first}) WHERE {cast.is_misfit} ORDER BY {row}"
    examples = []
    for number, value in reader.execute(f"{sql} LIMIT {MAX_EXAMPLES}"):
        line = reader.find_line(reader.files[0], number)
        where = {"file": reader.files[0].path, "line": line, "row": number, "column": name}
        examples.append({**where, "value": format_value(value)})
    return examples
