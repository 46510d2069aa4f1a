"""A cache of expensive results over all runs of a list, valid until one of them changes."""

import hashlib
from collections.abc import Callable
from typing import Any

from django.core.cache import cache

SECONDS = 600


def compute_cached(parts: tuple, token: str, compute: Callable[[], Any], seconds: int = SECONDS) -> Any:
    """Return `compute()`, or its cached result for the same `parts` and token, unless it is None. `token` changes with the
    runs that it reads."""
    key = f"list-{hashlib.sha256(repr(parts).encode()).hexdigest()}"
    found = cache.get(key)
    if found and found[0] == token:
        return found[1]
    value = compute()
    if value is not None:
        cache.set(key, (token, value), seconds)
    return value
