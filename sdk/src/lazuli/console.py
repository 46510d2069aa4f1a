"""Print to consoles that cannot show every character, without failing."""

from __future__ import annotations

import sys


def print_text(text: str = "", end: str = "\n") -> None:
    """Print to standard output; what its encoding does not have is replaced."""
    try:
        print(text, end=end, flush=True)
    except UnicodeEncodeError:
        encoding = sys.stdout.encoding or "ascii"
        print(text.encode(encoding, "replace").decode(encoding), end=end, flush=True)
