"""Warnings about arguments of SDK v1 that have no effect here."""

from __future__ import annotations

import warnings
from typing import Any


def warn_of_unused(function: str, stacklevel: int = 3, **given: Any) -> None:
    """Warn the caller of the calling function about its arguments among these that are set, unless they are private."""
    names = [name for name, value in given.items() if value and not name.startswith("_")]
    if names:
        have = "has" if len(names) == 1 else "have"
        warnings.warn(f"{function}: {', '.join(names)} {have} no effect here.", stacklevel=stacklevel)


__all__ = ["warn_of_unused"]
