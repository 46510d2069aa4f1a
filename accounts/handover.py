"""Objects of a leaving person that somebody else takes over. Apps register their kinds in AppConfig.ready."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.db.models import QuerySet

if TYPE_CHECKING:
    from accounts.models import User


@dataclasses.dataclass(frozen=True)
class Holding:
    """`rows` returns the objects of a person, `give` hands them over: (rows, from, to)."""

    label: str
    rows: Callable[["User"], QuerySet]
    give: Callable[[QuerySet, "User", "User"], None]


HOLDINGS: list[Holding] = []


def count_held(person: "User") -> dict[str, int]:
    """The number of objects of each kind, without zeros."""
    counts = {holding.label: holding.rows(person).count() for holding in HOLDINGS}
    return {label: number for label, number in counts.items() if number}


def hand_over(person: "User", heir: "User") -> None:
    """Hand over all objects; call it in the transaction in which the person leaves."""
    for holding in HOLDINGS:
        holding.give(holding.rows(person), person, heir)
