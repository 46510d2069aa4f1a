"""The HTML of an answer, however its template breaks lines."""

import re


def html_of(answer) -> str:
    """Line breaks and indentation count as nothing beside the edge of a tag, and as one space elsewhere."""
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    without = re.sub(r"(?<=>)\s*\n\s*|\s*\n\s*(?=[<>])", "", content.decode())
    return re.sub(r"\s*\n\s*", " ", without)
