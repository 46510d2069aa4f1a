"""Names can be seen as they are: one rule for every name that a person, an SDK or MLflow's client gives to something.

A name of blanks alone, or one with a character that has no glyph or turns the text around, would pass for another name.
"""

import functools
import unicodedata

# Control, format (zero-width, direction), half of a character, separators of lines and paragraphs.
UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Letters and marks by their category, and yet without a glyph.
FILLERS = set("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


@functools.lru_cache(maxsize=10_000)
def problem_with(name: str) -> str:
    """What is wrong with a name, to be read after it; empty if it can be seen. An empty one is not judged."""
    if name.isascii() and name.isprintable() and name.strip():
        return ""
    for character in name:
        if character in FILLERS or unicodedata.category(character) in UNSEEN:
            return f"holds {describe_character(character)}, which is invisible in a name. Remove it."
    return "is blank. Write at least one character that can be seen." if name and not name.strip() else ""


def describe_character(character: str) -> str:
    """As Unicode names it: U+202E (RIGHT-TO-LEFT OVERRIDE)."""
    known = unicodedata.name(character, "")
    if not known:
        known = "half of a character" if unicodedata.category(character) == "Cs" else "a control character"
    return f"U+{ord(character):04X} ({known})"
