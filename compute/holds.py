"""Reasons of other apps to hold work back, such as quotas. They register functions in their apps.py.

Each claim and each turn of the autoscaler calls them, so that work starts as soon as it is allowed again.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.db.models import Q

if TYPE_CHECKING:
    from accounts.models import User
    from compute.models import ComputeTarget, Work

# () -> a condition for the queued work that must wait; None for none.
HELD_WORK: list[Callable[[], Q | None]] = []
# (target) -> a function (work) -> the reasons why it is held, as sentences, the tightest first.
REASONS: list[Callable[["ComputeTarget"], Callable[["Work"], list[str]]]] = []
# (target, person): raises Conflict if no new work may be queued.
NEW_WORK: list[Callable[["ComputeTarget", "User"], None]] = []
# (target) -> the number of nodes that it may still start; None for no limit.
MORE_NODES: list[Callable[["ComputeTarget"], int | None]] = []
# (target) -> whether its idle nodes stop at once, including its minimum.
NO_IDLE: list[Callable[["ComputeTarget"], bool]] = []


def find_held() -> list[Q]:
    return [found for find in HELD_WORK if (found := find()) is not None]


def prepare_reasons(target: "ComputeTarget") -> Callable[["Work"], list[str]]:
    """Read the holds of a queue once."""
    prepared = [prepare(target) for prepare in REASONS]
    return lambda work: [reason for explain in prepared for reason in explain(work)]


def check_new_work(target: "ComputeTarget", user: "User") -> None:
    for check in NEW_WORK:
        check(target, user)


def limit_new_nodes(target: "ComputeTarget", number: int) -> int:
    limits = [limit for find in MORE_NODES if (limit := find(target)) is not None]
    return max(0, min([number, *limits]))


def stops_idle(target: "ComputeTarget") -> bool:
    return any(stops(target) for stops in NO_IDLE)
