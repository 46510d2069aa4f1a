"""Infer the type of a column of text from its first rows: bool, long, float, datetime or string."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from typing import Any, Dict, Iterator, List, Optional, Sequence

from lazuli.data.definitions import ENCODINGS, NO_HEADER
from lazuli.data.errors import DatasetExecutionError

ROWS = 200
# The part of a file that is read for its header and these rows.
HEAD_BYTES = 1024 * 1024
MAX_FIELD = 16 * 1024 * 1024
LONG = re.compile(r"[+-]?\d{1,18}", re.ASCII)
FLOAT = re.compile(
    r"[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|[nN][aA][nN]|[iI]nf(?:inity)?)", re.ASCII
)
# The first format that all values have is used.
DATE_FORMATS = [
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT%H:%M:%S.%fZ",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M:%S",
    "%m/%d/%Y",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M:%S %p",
    "%d/%m/%Y",
    "%d/%m/%Y %H:%M:%S",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M:%S",
]
_MAY_BE_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ].*)?", re.ASCII)


def infer_type(values: Sequence[Optional[str]]) -> Dict[str, Any]:
    found = [value.strip() for value in values if value is not None and value.strip()]
    if not found:
        return {"type": "string"}
    if all(value.lower() in ("true", "false") for value in found):
        return {"type": "bool"}
    if all(map(LONG.fullmatch, found)):
        return {"type": "long"}
    if all(map(FLOAT.fullmatch, found)):
        return {"type": "float"}
    if all(map(_MAY_BE_DATE.fullmatch, found)):
        formats = [one for one in DATE_FORMATS if all(_fits(value, one) for value in found)]
        if formats:
            return {"type": "datetime", "formats": formats[:1]}
    return {"type": "string"}


def _fits(value: str, format: str) -> bool:
    try:
        dt.datetime.strptime(value, format)
    except ValueError:
        return False
    return True


def decode_head(data: bytes, encoding: str, name: str, is_whole: bool) -> str:
    """The text of a file's first bytes. Raises DatasetExecutionError for what is not text of this encoding."""
    if data[:4] == b"PK\x03\x04":
        raise DatasetExecutionError(f"{name} is a zip archive. Unpack it, and upload the files in it.")
    if data[:2] == b"\x1f\x8b":
        raise DatasetExecutionError(f"{name} is compressed with gzip. Unpack it first.")
    if data[:4] == b"PAR1":
        raise DatasetExecutionError(f"{name} is a parquet file, not text. Read it as parquet.")
    codec = ENCODINGS[encoding]
    if not is_whole:
        if b"\n" not in data and b"\r" not in data:
            raise DatasetExecutionError(f"{name}, line 1: the line is longer than {len(data) >> 20} MB.")
        # Not in the middle of a character.
        end = data.rfind(b"\n") + 1
        data = data[: end + (-end % 4 if "32" in codec else -end % 2 if "16" in codec else 0)] if end else data
    try:
        text = data.decode("utf-8-sig" if codec == "utf-8" else codec)
    except UnicodeDecodeError as error:
        if not is_whole and error.start >= len(data) - 4:
            return data[: error.start].decode("utf-8-sig" if codec == "utf-8" else codec)
        line = data.count(b"\n", 0, error.start) + 1
        raise DatasetExecutionError(
            f"{name}, line {line}: byte {data[error.start]:#04x} is not {encoding}. Name the encoding of the file: "
            f"{', '.join(ENCODINGS)}."
        ) from error
    if (end := text.find("\0")) >= 0:
        raise DatasetExecutionError(f"{name}, line {text.count(chr(10), 0, end) + 1}: a zero byte; this is not text.")
    return text


def read_rows(text: str, separator: str, name: str) -> Iterator[List[str]]:
    """The rows of a delimited text. With several characters as a separator, quotes have no meaning."""
    if len(separator) > 1:
        yield from (line.split(separator) for line in text.splitlines() if line)
        return
    csv.field_size_limit(MAX_FIELD)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        yield from (row for row in reader if row)
    except csv.Error as error:
        raise DatasetExecutionError(f"{name}, line {reader.line_num}: {error}.") from error


def name_columns(row: Sequence[str], header: int) -> List[str]:
    """Column1, … without a header or a name; a name that comes twice gets a number."""
    if header == NO_HEADER:
        return [f"Column{number}" for number in range(1, len(row) + 1)]
    names: List[str] = []
    # The engine does not tell capital letters from small ones.
    taken = set()
    for number, name in enumerate(row, 1):
        wanted = name.strip() or f"Column{number}"
        unique, count = wanted, 0
        while unique.casefold() in taken:
            count += 1
            unique = f"{wanted}_{count}"
        taken.add(unique.casefold())
        names.append(unique)
    return names


def infer_types(text: str, reader: Dict[str, Any], name: str) -> Dict[str, Dict[str, Any]]:
    """The types of all columns of a delimited text, by its first rows; a last row that is cut does not count."""
    header = reader.get("header", 3)
    rows = read_rows(text, reader.get("separator", ","), name)
    first = next(rows, None)
    if first is None:
        raise DatasetExecutionError(f"{name} is empty.")
    names = name_columns(first, header)
    sample = [row for row, _ in zip(rows, range(ROWS))]
    if header == NO_HEADER:
        sample = [first, *sample]
    elif len(first) > 1 and first in sample:
        # Counted without empty lines and line breaks inside quotes.
        raise DatasetExecutionError(f"{name}, line {sample.index(first) + 2}: the header comes a second time.")
    return {
        column: infer_type([row[number] if number < len(row) else None for row in sample])
        for number, column in enumerate(names)
    }
