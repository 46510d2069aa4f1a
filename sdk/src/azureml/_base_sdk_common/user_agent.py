"""Other libraries add their names to the requests' user agent."""

from __future__ import annotations

from typing import List, Optional

_names: List[str] = []


def append(key: str, value: Optional[str] = None) -> None:
    """Add the name of a library to the user agent; the studio does not record it."""
    _names.append(f"{key}/{value}" if value else key)


def get_user_agent(user_agent: Optional[str] = None) -> str:
    return " ".join([*([user_agent] if user_agent else []), *_names])
