"""Two texts as the rows of a diff, side by side or unified, with syntax highlighting."""

import dataclasses
from html import escape

from django.utils.safestring import SafeString, mark_safe

from runs.files import highlighting
from runs.files.highlighting import MAX_LINE_LENGTH
from runs.pages.compare import word_diff
from runs.pages.compare.matching import StepBudget, find_opcodes

# Equal lines shown around a difference.
AROUND = 3
MAX_ROWS = 4000
# Further rows are left out when the HTML is longer than this.
MAX_HTML_LENGTH = 2_000_000
# Longer texts are not compared line by line.
MAX_LINES = 20_000
TOO_LARGE = f"These files are too large to compare line by line: {MAX_LINES:,} lines are allowed. Their sizes and checksums differ."
CUT = "These files are too large to compare completely: some equal lines are shown as different."
DIFFERENT = ("change", "insert", "delete")


@dataclasses.dataclass
class DiffCell:
    """`number` counts lines from 1; None if this side has no line."""

    number: int | None = None
    html: SafeString | str = ""


@dataclasses.dataclass
class DiffRow:
    """`kind` is equal, change, insert, delete or gap; a gap stands for `skipped` equal lines."""

    kind: str
    left: DiffCell = dataclasses.field(default_factory=DiffCell)
    right: DiffCell = dataclasses.field(default_factory=DiffCell)
    skipped: int = 0
    # The first row of a difference, which the step buttons go to.
    is_first: bool = False


def build_split(old: str, new: str, path: str, *, whole: bool = False) -> dict:
    """Rows with both sides, or a problem."""
    if _is_too_long(old) or _is_too_long(new):
        return {"problem": TOO_LARGE}
    rows, budget = [], StepBudget()
    for block, left, right in _iterate_blocks(old, new, path, whole, budget):
        if block == "gap":
            rows.append(DiffRow("gap", skipped=left))
            continue
        for index in range(max(len(left), len(right))):
            one = left[index] if index < len(left) else DiffCell()
            other = right[index] if index < len(right) else DiffCell()
            rows.append(DiffRow(_row_kind(block, one, other), one, other))
    return _build_result("split", rows, old, new, budget)


def build_unified(old: str, new: str, path: str, *, whole: bool = False) -> dict:
    """Rows with removed lines above added ones, or a problem."""
    if _is_too_long(old) or _is_too_long(new):
        return {"problem": TOO_LARGE}
    rows, budget = [], StepBudget()
    for block, left, right in _iterate_blocks(old, new, path, whole, budget):
        if block == "gap":
            rows.append(DiffRow("gap", skipped=left))
        elif block == "equal":
            rows += [DiffRow("equal", one, other) for one, other in zip(left, right, strict=True)]
        else:
            rows += [DiffRow("delete", one) for one in left] + [DiffRow("insert", right=one) for one in right]
    return _build_result("unified", rows, old, new, budget)


def _is_too_long(text: str) -> bool:
    return len(text.splitlines()) > MAX_LINES


def _row_kind(block: str, left: DiffCell, right: DiffCell) -> str:
    if block != "replace":
        return block
    return "change" if left.number and right.number else "delete" if left.number else "insert"


def _build_result(view: str, rows: list[DiffRow], old: str, new: str, budget: StepBudget) -> dict:
    kinds = [row.kind for row in rows]
    for row, before in zip(rows, ["equal", *kinds], strict=False):
        row.is_first = row.kind in DIFFERENT and before not in DIFFERENT
    shown = _limit_rows(rows)
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


def _limit_rows(rows: list[DiffRow]) -> list[DiffRow]:
    """Limit the rows to one page."""
    size = 0
    for index, row in enumerate(rows[:MAX_ROWS]):
        size += len(row.left.html) + len(row.right.html)
        if size > MAX_HTML_LENGTH:
            return rows[:index]
    return rows[:MAX_ROWS]


def _iterate_blocks(old: str, new: str, path: str, whole: bool, budget: StepBudget):
    """(kind, cells left, cells right), or ("gap", number of lines, None)."""
    before, after = old.splitlines(), new.splitlines()
    left, right = _highlight_lines(old, path, len(before)), _highlight_lines(new, path, len(after))
    codes = find_opcodes(before, after, budget, autojunk=len(before) > 2000)
    # Marks within lines have their own budget; lines beyond it are marked as a whole.
    marks = StepBudget()
    for index, (kind, start, end, other_start, other_end) in enumerate(codes):
        if kind == "equal" and not whole:
            yield from _fold_equal(
                left, right, (start, end, other_start), first=index == 0, last=index == len(codes) - 1
            )
            continue
        here, there = _build_cells(left, start, end), _build_cells(right, other_start, other_end)
        if kind == "replace":
            _mark_words(here, there, before[start:end], after[other_start:other_end], marks)
        yield kind, here, there


def _mark_words(
    left: list[DiffCell], right: list[DiffCell], before: list[str], after: list[str], budget: StepBudget
) -> None:
    for one, other, old, new in zip(left, right, before, after, strict=False):
        one.html, other.html = word_diff.mark_differences(old, new, one.html, other.html, budget)


def _fold_equal(left, right, where: tuple[int, int, int], *, first: bool, last: bool):
    """Only lines near a difference; a file without differences is shown whole."""
    start, end, other = where
    head = 0 if first else AROUND
    tail = 0 if last else AROUND
    skipped = end - start - head - tail
    if (first and last) or skipped <= 2:
        yield "equal", _build_cells(left, start, end), _build_cells(right, other, other + end - start)
        return
    if head:
        yield "equal", _build_cells(left, start, start + head), _build_cells(right, other, other + head)
    yield "gap", skipped, None
    if tail:
        length = end - start
        yield "equal", _build_cells(left, end - tail, end), _build_cells(right, other + length - tail, other + length)


def _build_cells(lines: list[str], start: int, end: int) -> list[DiffCell]:
    return [DiffCell(index + 1, mark_safe(lines[index])) for index in range(start, end)]


def _highlight_lines(text: str, path: str, count: int) -> list[str]:
    """The HTML of each line; plain if highlighting fails or takes long. Very long lines are cut."""
    lines = text.splitlines()
    plain = [escape(line) if len(line) <= MAX_LINE_LENGTH else _cut_line(line) for line in lines]
    options = {"stripnl": False, "ensurenl": False}
    coloured = highlighting.highlight_code(text, path.rsplit("/", 1)[-1], options, nowrap=True)
    if coloured is None:
        return plain
    found = coloured.split("\n")[:count]
    return found if len(found) == count else plain


def _cut_line(line: str) -> str:
    return f"{escape(line[:MAX_LINE_LENGTH])} … {len(line) - MAX_LINE_LENGTH:,} more characters"
