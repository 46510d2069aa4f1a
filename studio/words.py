"""The words of a search box. Each becomes a condition of the query, so their number is limited."""

from studio.errors import Invalid

MAX_LENGTH = 200
MAX_WORDS = 10


def split_words(text: str, name: str = "q") -> list[str]:
    """The words; Invalid names the limit that is exceeded."""
    text = text.strip()
    if len(text) > MAX_LENGTH:
        raise Invalid(f"{name}: {len(text)} characters; {MAX_LENGTH} are allowed.", target=name)
    words = text.split()
    if len(words) > MAX_WORDS:
        raise Invalid(f"{name}: {len(words)} words; {MAX_WORDS} are allowed.", target=name)
    return words
