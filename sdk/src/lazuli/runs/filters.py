"""Filters of a list of runs that the server does not apply."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Mapping, Optional, Union

Json = Dict[str, Any]


class RunFilter:
    """Matches runs by type, tags, properties and status; what is None matches every run.

    Tags and properties are a name, several names, or a dict of names and values.
    """

    def __init__(self, type: Optional[str], tags: Any, properties: Any, status: Optional[str]):
        self._equal = {"runType": type, "status": status}
        self._pairs = {"tags": tags, "properties": properties}

    def matches(self, dto: Json) -> bool:
        equal = all(value is None or dto.get(key) == value for key, value in self._equal.items())
        return equal and all(_has_pairs(dto.get(key) or {}, wanted) for key, wanted in self._pairs.items())


def _has_pairs(present: Mapping[str, str], wanted: Union[str, Mapping[str, Any], Iterable[str], None]) -> bool:
    if wanted is None:
        return True
    if isinstance(wanted, str):
        return wanted in present
    if isinstance(wanted, Mapping):
        return all(present.get(key) == (None if value is None else str(value)) for key, value in wanted.items())
    return all(key in present for key in wanted)
