"""Which runs of a list are asked for."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Mapping, Optional, Union

Json = Dict[str, Any]


class Wanted:
    """Which runs of a list are asked for."""

    def __init__(self, type: Optional[str], tags: Any, properties: Any, status: Optional[str]):
        self._equal = {"runType": type, "status": status}
        self._pairs = {"tags": tags, "properties": properties}

    def fits(self, dto: Json) -> bool:
        equal = all(value is None or dto.get(key) == value for key, value in self._equal.items())
        return equal and all(_has(dto.get(key) or {}, wanted) for key, wanted in self._pairs.items())


def _has(present: Mapping[str, str], wanted: Union[str, Mapping[str, Any], Iterable[str], None]) -> bool:
    if wanted is None:
        return True
    if isinstance(wanted, str):
        return wanted in present
    if isinstance(wanted, Mapping):
        return all(present.get(key) == (None if value is None else str(value)) for key, value in wanted.items())
    return all(key in present for key in wanted)
