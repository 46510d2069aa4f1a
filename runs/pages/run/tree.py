"""The state of several runs as one text."""

import hashlib


def state_token(runs: list[tuple[int, int]]) -> str:
    """A token of keys and revisions, which changes as soon as a run changes, is added or removed."""
    text = ".".join(f"{pk}-{revision}" for pk, revision in runs)
    return hashlib.sha256(text.encode()).hexdigest()[:20]
