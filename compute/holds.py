"""What other apps hold back. They register functions in their apps.py; this app knows only that work must wait.

A hold is asked for at each claim and each turn of the autoscaler, so that what is allowed again starts at once.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.db.models import Q

if TYPE_CHECKING:
    from accounts.models import User
    from compute.models import ComputeTarget, Work

# () -> which queued work waits now; None for none.
HELD_WORK: list[Callable[[], Q | None]] = []
# (target) -> a function (work) -> why it is held, a sentence for each; the tightest first.
REASONS: list[Callable[["ComputeTarget"], Callable[["Work"], list[str]]]] = []
# (target, person): raises Conflict if no new work may be queued.
NEW_WORK: list[Callable[["ComputeTarget", "User"], None]] = []
# (target) -> how many more nodes it may start; None for as many as it needs.
MORE_NODES: list[Callable[["ComputeTarget"], int | None]] = []
# (target) -> whether its idle nodes leave at once, its minimum included.
NO_IDLE: list[Callable[["ComputeTarget"], bool]] = []


def find_held() -> list[Q]:
    return [found for find in HELD_WORK if (found := find()) is not None]


def prepare_reasons(target: "ComputeTarget") -> Callable[["Work"], list[str]]:
    """Reads once what holds the work of a queue."""
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
