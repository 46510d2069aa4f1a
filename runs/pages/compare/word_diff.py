"""Marks the words that differ in the HTML of two versions of a line."""

import re
from html import unescape

from django.utils.safestring import SafeString, mark_safe

from runs.pages.compare.matching import Matcher, StepBudget

WORD = re.compile(r"\w+|\s+|.")
# A tag, an entity or a character of HTML.
PIECE = re.compile(r"<[^>]*>|&[^;]*;|.", re.S)
TAG = re.compile(r"<[^>]*>")
# Longer lines, and lines with less in common, are only marked as a whole.
MAX_LINE_LENGTH = 1000
# The cost of two lines without a common word.
MIN_STEPS = 200
ALIKE = 0.4


def mark_differences(
    old: str, new: str, old_html: str, new_html: str, budget: StepBudget
) -> tuple[SafeString, SafeString]:
    """The HTML of both lines; unchanged if marks would not help."""
    found = find_differences(old, new, budget)
    if not found or _strip_tags(old_html) != old or _strip_tags(new_html) != new:
        return mark_safe(old_html), mark_safe(new_html)
    return _insert_marks(old_html, found[0]), _insert_marks(new_html, found[1])


def find_differences(old: str, new: str, budget: StepBudget) -> tuple[set[int], set[int]] | None:
    """Positions of the characters that are not in the other line."""
    if max(len(old), len(new)) > MAX_LINE_LENGTH or not budget.take(MIN_STEPS):
        return None
    left, right = WORD.findall(old), WORD.findall(new)
    matcher = Matcher(left, right, budget)
    common = sum(len("".join(left[block.a : block.a + block.size])) for block in matcher.get_matching_blocks())
    if 2 * common < ALIKE * (len(old) + len(new)):
        return None
    gone, come = set(), set()
    for kind, start, end, other, other_end in matcher.get_opcodes():
        if kind != "equal":
            gone |= _character_positions(left, start, end)
            come |= _character_positions(right, other, other_end)
    return gone, come


def _character_positions(words: list[str], start: int, end: int) -> set[int]:
    first = sum(map(len, words[:start]))
    return set(range(first, first + sum(map(len, words[start:end]))))


def _strip_tags(html: str) -> str:
    return unescape(TAG.sub("", html))


def _insert_marks(html: str, indexes: set[int]) -> SafeString:
    """A mark ends before each tag, so that none lies across the colours of the language."""
    pieces, index, is_open = [], 0, False
    for piece in PIECE.findall(html):
        is_tag = piece[0] == "<"
        wanted = not is_tag and index in indexes
        if wanted != is_open:
            pieces.append("<mark>" if wanted else "</mark>")
        is_open = wanted
        pieces.append(piece)
        index += not is_tag
    return mark_safe("".join(pieces) + ("</mark>" if is_open else ""))
