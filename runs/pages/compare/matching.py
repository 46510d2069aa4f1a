"""Compares sequences within a budget: difflib alone takes minutes for long texts with many similarities."""

import difflib

# Comparisons of a line or word with another; this many take some tenths of a second.
MAX_STEPS = 1_000_000


class StepBudget:
    def __init__(self, steps: int = MAX_STEPS):
        self.left = steps
        # Whether the budget was too small for something.
        self.is_spent = False

    def take(self, steps: int) -> bool:
        if steps > self.left:
            self.is_spent = True
            return False
        self.left -= steps
        return True


class Matcher(difflib.SequenceMatcher):
    """A sequence matcher; everything beyond its budget counts as different."""

    def __init__(self, old: list[str], new: list[str], budget: StepBudget, *, autojunk: bool = False):
        super().__init__(None, old, new, autojunk)
        self.budget = budget
        # Prefix sums of the matches of `old` in `new`: the cost of searching a range is a difference of two.
        self.sums = [0]
        for item in old:
            self.sums.append(self.sums[-1] + 1 + len(self.b2j.get(item, ())))

    def find_longest_match(self, alo=0, ahi=None, blo=0, bhi=None):
        ahi = len(self.a) if ahi is None else ahi
        if not self.budget.take(self.sums[ahi] - self.sums[alo]):
            return difflib.Match(alo, blo, 0)
        return super().find_longest_match(alo, ahi, blo, bhi)


def find_opcodes(old: list[str], new: list[str], budget: StepBudget, *, autojunk: bool = False) -> list[tuple]:
    """Like difflib's; common prefixes and suffixes cost nothing."""
    start = _common_prefix(old, new)
    tail = _common_prefix(old[start:][::-1], new[start:][::-1])
    middle = Matcher(old[start : len(old) - tail], new[start : len(new) - tail], budget, autojunk=autojunk)
    codes = [(kind, *(index + start for index in indexes)) for kind, *indexes in middle.get_opcodes()]
    head = [("equal", 0, start, 0, start)] if start else []
    end = [("equal", len(old) - tail, len(old), len(new) - tail, len(new))] if tail else []
    return [*head, *codes, *end]


def _common_prefix(old: list[str], new: list[str]) -> int:
    """The length of the common prefix."""
    pairs = zip(old, new, strict=False)
    return next((index for index, (one, other) in enumerate(pairs) if one != other), min(len(old), len(new)))
