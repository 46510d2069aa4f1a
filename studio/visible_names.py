"""The rule for all names from people, the SDK and MLflow's clients: every character is visible.

A blank name, or one with a character that is invisible or changes the text direction, could pass for another name.
"""

import functools
import re
import unicodedata

# Control, format (zero-width, direction), surrogates, line and paragraph separators.
UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Letters and marks by category, but invisible.
FILLERS = set("\u034f\u115f\u1160\u17b4\u17b5\u2065\u2800\u3164\uffa0\U0001d159")
# Variation selectors, except those that make a sign an emoji or choose the form of an ideograph; code points that are never shown.
SELECTORS = re.compile(
    "(?<![\u2000-\u3299\U0001f000-\U0001faff])[\ufe0e\ufe0f](?!\u20e3)|[\ufe00-\ufe0d\ufff0-\ufff8\U000e0000-\U000e00ff]"
    "|(?<![\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])[\U000e0100-\U000e01ef]|[\U000e01f0-\U000e0fff]"
)


@functools.lru_cache(maxsize=10_000)
def problem_with(name: str) -> str:
    """Find a problem of a name, as the rest of a sentence; empty if it is visible. An empty name is not checked."""
    if name.isascii() and name.isprintable() and name.strip():
        return ""
    for character in name:
        if character in FILLERS or unicodedata.category(character) in UNSEEN:
            return f"holds {describe_character(character)}, which is invisible in a name. Remove it."
    if found := SELECTORS.search(name):
        return f"holds {describe_character(found[0])}, which is invisible in a name. Remove it."
    return "is blank. Write at least one character that can be seen." if name and not name.strip() else ""


def describe_character(character: str) -> str:
    """The name in Unicode: U+202E (RIGHT-TO-LEFT OVERRIDE)."""
    known = unicodedata.name(character, "")
    if not known:
        known = "half of a character" if unicodedata.category(character) == "Cs" else "a control character"
    return f"U+{ord(character):04X} ({known})"
