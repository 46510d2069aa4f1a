"""The state of several runs as one text."""

import hashlib

from runs.models import Run


def state_token(runs: list[Run]) -> str:
    """A token that changes as soon as a run changes, is added or removed."""
    text = ".".join(f"{run.pk}-{run.revision}" for run in runs)
    return hashlib.sha256(text.encode()).hexdigest()[:20]
