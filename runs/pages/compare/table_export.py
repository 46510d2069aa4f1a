"""The table of a tab as text, to save or paste. A table is rows of texts and numbers, the first is the header."""

import csv
import io

from runs.pages.compare.selection import RunSelection
from studio.formats import MINUS, escape_formula, format_number

Table = list[list]


def list_column_names(selected: RunSelection) -> list[str]:
    """Names of the runs; of those that share one, with their ids."""
    names = [run.display_name for run in selected.runs]
    return [
        name if names.count(name) == 1 else f"{name} ({run.run_id})"
        for name, run in zip(names, selected.runs, strict=True)
    ]


def to_csv(table: Table) -> str:
    return "\ufeff" + _write_rows(table, ",")


def to_tsv(table: Table) -> str:
    """Tab-separated values, which spreadsheets paste from the clipboard."""
    return _write_rows(table, "\t")


def _write_rows(table: Table, mark: str) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=mark, lineterminator="\n" if mark == "\t" else "\r\n")
    writer.writerows([escape_formula(cell) for cell in row] for row in table)
    return buffer.getvalue()


def to_markdown(table: Table) -> str:
    """Numbers are formatted as on the page and right-aligned."""
    head, *rows = table
    marks = ["--:" if any(isinstance(row[index], int | float) for row in rows) else "---" for index in range(len(head))]
    return "".join(f"| {' | '.join(map(_markdown_cell, row))} |\n" for row in [head, marks, *rows])


def _markdown_cell(value) -> str:
    text = "" if value is None else format_number(value)
    text = text if isinstance(value, str) else text.replace(MINUS, "-")
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").split())


# The values of `?as=`: the writer and the content type.
FORMATS = {
    "csv": (to_csv, "text/csv; charset=utf-8"),
    "tsv": (to_tsv, "text/plain; charset=utf-8"),
    "markdown": (to_markdown, "text/plain; charset=utf-8"),
}
