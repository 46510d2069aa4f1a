"""Print results as a table, as JSON or as tab-separated values."""

from __future__ import annotations

import json
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, TextIO, Union

from lazuli.cli.parser import UsageError

Json = Dict[str, Any]


class Answer(NamedTuple):
    """The result of a command. `columns` are the keys that a table shows; JSON shows all of them."""

    data: Union[Json, List[Json]]
    columns: Sequence[str]


def write_metadata(path: Optional[str], data: Json) -> None:
    """Write what a later command reads by `-f`; nothing without a path. Raises UsageError."""
    if not path:
        return
    try:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=2)
    except OSError as error:
        raise UsageError(f"-t {path}: {error.strerror}") from error


def print_answer(answer: Answer, output_format: str, out: TextIO) -> None:
    if output_format == "json":
        out.write(json.dumps(answer.data, indent=2, ensure_ascii=False, default=str) + "\n")
        return
    rows = answer.data if isinstance(answer.data, list) else [answer.data]
    cells = [[_to_text(row.get(column)) for column in answer.columns] for row in rows]
    if output_format == "tsv":
        out.writelines("\t".join(_to_one_line(cell) for cell in line) + "\n" for line in cells)
    else:
        _print_table(answer.columns, cells, out)


def _print_table(columns: Sequence[str], cells: List[List[str]], out: TextIO) -> None:
    titles = [column[:1].upper() + column[1:] for column in columns]
    lines = [[_to_one_line(cell) for cell in line] for line in cells]
    widths = [max([len(title), *(len(line[i]) for line in lines)]) for i, title in enumerate(titles)]
    for line in [titles, ["-" * width for width in widths], *lines]:
        out.write("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() + "\n")


def _to_text(value: Optional[Any]) -> str:
    if value is None:
        return ""
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _to_one_line(text: str) -> str:
    return text.replace("\t", " ").replace("\r", " ").replace("\n", " ")
