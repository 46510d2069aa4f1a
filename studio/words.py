"""The words of a search box: each is one more condition of the query, so that their number is bounded."""

from studio.errors import Invalid

MOST_LENGTH = 200
MOST_WORDS = 10


def searched(text: str, name: str = "q") -> list[str]:
    """The words; Invalid says the limit that they go beyond."""
    text = text.strip()
    if len(text) > MOST_LENGTH:
        raise Invalid(f"{name}: {len(text)} characters; {MOST_LENGTH} are allowed.", target=name)
    words = text.split()
    if len(words) > MOST_WORDS:
        raise Invalid(f"{name}: {len(words)} words; {MOST_WORDS} are allowed.", target=name)
    return words
