"""Two texts as the rows of a diff, side by side or one below the other, with the colours of their language."""

import dataclasses
from html import escape

from django.utils.safestring import SafeString, mark_safe

from runs.files import highlighting
from runs.files.highlighting import MOST_LINE
from runs.pages.compare import word_diff
from runs.pages.compare.matching import Budget, opcodes

# Equal lines that stay around what differs.
AROUND = 3
MOST_ROWS = 4000
# Rows that hold more HTML in all are left out.
MOST_HTML = 2_000_000
# More lines are not compared one by one.
MOST_LINES = 20_000
TOO_LARGE = f"These files are too large to compare line by line: {MOST_LINES:,} lines are allowed. Their sizes and checksums say that they differ."
CUT = "These files are too large to compare to the end: some lines that both have are shown as different."
DIFFERENT = ("change", "insert", "delete")


@dataclasses.dataclass
class Cell:
    """`number` counts lines from 1; None where this side has no line."""

    number: int | None = None
    html: SafeString | str = ""


@dataclasses.dataclass
class Row:
    """`kind` is equal, change, insert, delete or gap; a gap stands for `skipped` equal lines."""

    kind: str
    left: Cell = dataclasses.field(default_factory=Cell)
    right: Cell = dataclasses.field(default_factory=Cell)
    skipped: int = 0
    # The first row of a difference, which one can step to.
    is_first: bool = False


def split(old: str, new: str, path: str, *, whole: bool = False) -> dict:
    """Rows with both sides, or a problem."""
    if _is_too_long(old) or _is_too_long(new):
        return {"problem": TOO_LARGE}
    rows, budget = [], Budget()
    for block, left, right in _blocks(old, new, path, whole, budget):
        if block == "gap":
            rows.append(Row("gap", skipped=left))
            continue
        for place in range(max(len(left), len(right))):
            one = left[place] if place < len(left) else Cell()
            other = right[place] if place < len(right) else Cell()
            rows.append(Row(_kind(block, one, other), one, other))
    return _result("split", rows, old, new, budget)


def unified(old: str, new: str, path: str, *, whole: bool = False) -> dict:
    """What went above what came, or a problem."""
    if _is_too_long(old) or _is_too_long(new):
        return {"problem": TOO_LARGE}
    rows, budget = [], Budget()
    for block, left, right in _blocks(old, new, path, whole, budget):
        if block == "gap":
            rows.append(Row("gap", skipped=left))
        elif block == "equal":
            rows += [Row("equal", one, other) for one, other in zip(left, right, strict=True)]
        else:
            rows += [Row("delete", one) for one in left] + [Row("insert", right=one) for one in right]
    return _result("unified", rows, old, new, budget)


def _is_too_long(text: str) -> bool:
    return len(text.splitlines()) > MOST_LINES


def _kind(block: str, left: Cell, right: Cell) -> str:
    if block != "replace":
        return block
    return "change" if left.number and right.number else "delete" if left.number else "insert"


def _result(view: str, rows: list[Row], old: str, new: str, budget: Budget) -> dict:
    kinds = [row.kind for row in rows]
    for row, before in zip(rows, ["equal", *kinds], strict=False):
        row.is_first = row.kind in DIFFERENT and before not in DIFFERENT
    shown = _fitting(rows)
    return {
        "view": view,
        "rows": shown,
        "differences": sum(row.is_first for row in shown),
        "left_out": len(rows) - len(shown),
        "note": CUT if budget.is_spent else "",
        "added": kinds.count("insert") + kinds.count("change"),
        "removed": kinds.count("delete") + kinds.count("change"),
        "has_gaps": "gap" in kinds,
        "is_same": old == new,
    }


def _fitting(rows: list[Row]) -> list[Row]:
    """As many as one page holds."""
    size = 0
    for place, row in enumerate(rows[:MOST_ROWS]):
        size += len(row.left.html) + len(row.right.html)
        if size > MOST_HTML:
            return rows[:place]
    return rows[:MOST_ROWS]


def _blocks(old: str, new: str, path: str, whole: bool, budget: Budget):
    """(kind, cells left, cells right), or ("gap", number of lines, None)."""
    before, after = old.splitlines(), new.splitlines()
    left, right = _coloured(old, path, len(before)), _coloured(new, path, len(after))
    codes = opcodes(before, after, budget, autojunk=len(before) > 2000)
    # Marks within lines have their own; what they do not reach is marked as a whole.
    marks = Budget()
    for place, (kind, start, end, other_start, other_end) in enumerate(codes):
        if kind == "equal" and not whole:
            yield from _folded(left, right, (start, end, other_start), first=place == 0, last=place == len(codes) - 1)
            continue
        here, there = _cells(left, start, end), _cells(right, other_start, other_end)
        if kind == "replace":
            _mark_words(here, there, before[start:end], after[other_start:other_end], marks)
        yield kind, here, there


def _mark_words(left: list[Cell], right: list[Cell], before: list[str], after: list[str], budget: Budget) -> None:
    for one, other, old, new in zip(left, right, before, after, strict=False):
        one.html, other.html = word_diff.marked(old, new, one.html, other.html, budget)


def _folded(left, right, where: tuple[int, int, int], *, first: bool, last: bool):
    """Only what is near a difference; a file without one is shown whole."""
    start, end, other = where
    head = 0 if first else AROUND
    tail = 0 if last else AROUND
    skipped = end - start - head - tail
    if (first and last) or skipped <= 2:
        yield "equal", _cells(left, start, end), _cells(right, other, other + end - start)
        return
    if head:
        yield "equal", _cells(left, start, start + head), _cells(right, other, other + head)
    yield "gap", skipped, None
    if tail:
        length = end - start
        yield "equal", _cells(left, end - tail, end), _cells(right, other + length - tail, other + length)


def _cells(lines: list[str], start: int, end: int) -> list[Cell]:
    return [Cell(place + 1, mark_safe(lines[place])) for place in range(start, end)]


def _coloured(text: str, path: str, count: int) -> list[str]:
    """The HTML of each line; plain if the colours would not fit the lines, or would take long. Of a very long line the start."""
    lines = text.splitlines()
    plain = [escape(line) if len(line) <= MOST_LINE else _start_of(line) for line in lines]
    options = {"stripnl": False, "ensurenl": False}
    coloured = highlighting.coloured(text, path.rsplit("/", 1)[-1], options, nowrap=True)
    if coloured is None:
        return plain
    found = coloured.split("\n")[:count]
    return found if len(found) == count else plain


def _start_of(line: str) -> str:
    return f"{escape(line[:MOST_LINE])} … {len(line) - MOST_LINE:,} more characters"
