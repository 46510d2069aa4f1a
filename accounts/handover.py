"""Objects of a leaving person that somebody else takes over. Apps register their kinds in AppConfig.ready."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.db.models import QuerySet

from studio.errors import Conflict
from studio.formats import digest_json, format_names

if TYPE_CHECKING:
    from accounts.models import User


@dataclasses.dataclass(frozen=True)
class Holding:
    """`rows` returns the objects of a person, `give` hands them over: (rows, from, to)."""

    label: str
    rows: Callable[["User"], QuerySet]
    give: Callable[[QuerySet, "User", "User"], None]


HOLDINGS: list[Holding] = []
# Names of each kind in a preview.
NAMED = 3


def count_held(person: "User") -> dict[str, int]:
    """The number of objects of each kind, without zeros."""
    counts = {holding.label: holding.rows(person).count() for holding in HOLDINGS}
    return {label: number for label, number in counts.items() if number}


@dataclasses.dataclass(frozen=True)
class HandoverPreview:
    """The objects that a handover moves: a line with count and first names for each kind, and a token of exactly these rows."""

    lines: list[str]
    token: str


def preview_handover(person: "User") -> HandoverPreview:
    lines, keys = [], []
    for holding in HOLDINGS:
        found = list(holding.rows(person).order_by("pk"))
        keys.append([row.pk for row in found])
        if found:
            names = [str(row).removeprefix(f"{person}: ") for row in found[:NAMED]]
            lines.append(f"{len(found)} {holding.label} ({format_names(names, len(found))})")
    return HandoverPreview(lines, digest_json(keys))


def check_unchanged(person: "User", token: str) -> None:
    """Raise Conflict unless the handover is exactly what a preview has shown."""
    if preview_handover(person).token != token:
        raise Conflict(
            f"What {person} owns has changed since the page was opened, so nothing was done. Open the page "
            "again, and check it.",
            code="selection_changed",
        )


def hand_over(person: "User", heir: "User") -> None:
    """Hand over all objects; call it in the transaction in which the person leaves."""
    for holding in HOLDINGS:
        holding.give(holding.rows(person), person, heir)
