"""The words of a search box: each is one more condition of the query, so that their number is bounded."""

from studio.errors import Invalid

MAX_LENGTH = 200
MAX_WORDS = 10


def split_words(text: str, name: str = "q") -> list[str]:
    """The words; Invalid says the limit that they go beyond."""
    text = text.strip()
    if len(text) > MAX_LENGTH:
        raise Invalid(f"{name}: {len(text)} characters; {MAX_LENGTH} are allowed.", target=name)
    words = text.split()
    if len(words) > MAX_WORDS:
        raise Invalid(f"{name}: {len(words)} words; {MAX_WORDS} are allowed.", target=name)
    return words
