"""Counts the usage of nodes from the times of nodes and assignments: one row for each node, unit of work and day.

Each turn continues where the last one ended, so that the sum of the rows is the total time of nodes. After a killed
turn, the next one counts its part.
"""

import dataclasses
import datetime as dt
import itertools
from collections import defaultdict
from collections.abc import Iterator

from django.db import transaction
from django.db.models import Max, Q

from compute import sizes
from compute.models import Assignment, Node, Work
from costs.models import Meter, Usage
from endpoints.work_kind import NAME

# Nodes in one transaction.
BATCH = 200
# If the studio was off for longer, idle nodes are not counted, because their state is unknown.
LONGEST_PAUSE = dt.timedelta(minutes=10)
# Tolerance for rows that are committed somewhat after their time.
OVERLAP = dt.timedelta(minutes=5)
# The scopes of services begin with it.
SERVICE = f"{NAME}:"


@dataclasses.dataclass(frozen=True)
class Segment:
    """A part of a node from start to end, within one day, with a unit of work or without one."""

    start: dt.datetime
    end: dt.datetime
    work: Work | None
    share: float = 1

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds() * self.share


def count_nodes(now: dt.datetime) -> int:
    """Count what nodes did until now; returns the number of nodes."""
    meter, _ = Meter.objects.get_or_create(pk=1)
    before = meter.counted_until
    nodes = Node.objects.order_by("pk")
    if before:
        nodes = nodes.filter(Q(ended_at=None) | Q(ended_at__gt=before - OVERLAP))
    keys = list(nodes.values_list("pk", flat=True))
    for start in range(0, len(keys), BATCH):
        with transaction.atomic():
            # Two turns at the same time would count twice: the second waits here, and then finds the first one's rows.
            Meter.objects.select_for_update().get(pk=1)
            _count_batch(keys[start : start + BATCH], before, now)
    Meter.objects.filter(Q(counted_until=None) | Q(counted_until__lt=now), pk=1).update(counted_until=now)
    return len(keys)


def _count_batch(keys: list[int], before: dt.datetime | None, now: dt.datetime) -> None:
    nodes = list(Node.objects.filter(pk__in=keys).select_related("target__workspace__resource_group__subscription"))
    rows = Usage.objects.filter(node__in=[node.name for node in nodes])
    counted = dict(rows.order_by().values_list("node").annotate(Max("ended_at")))
    starts = {node.pk: max(counted.get(node.name) or node.created_at, before or node.created_at) for node in nodes}
    assignments = _find_assignments(keys, min(starts.values(), default=now))
    open_rows = {(row.node, row.work): row for row in rows.filter(ended_at__in=counted.values())}
    batch, was_away = _Batch(open_rows), before is not None and now - before > LONGEST_PAUSE
    for node in nodes:
        for segment in cut_segments(node, starts[node.pk], _end_of(node, now), assignments[node.pk]):
            if segment.work or not was_away:
                batch.add(node, segment)
    batch.save()


def _find_assignments(keys: list[int], since: dt.datetime) -> dict[int, list[Assignment]]:
    found: dict[int, list[Assignment]] = defaultdict(list)
    rows = Assignment.objects.filter(Q(ended_at=None) | Q(ended_at__gt=since), node__in=keys)
    for assignment in rows.select_related("work__submitted_by"):
        found[assignment.node_id].append(assignment)
    return found


def _end_of(node: Node, now: dt.datetime) -> dt.datetime:
    """The end of a node for the bill: an unusable node costs nothing, although pages still show it."""
    gone = node.state_at if node.state in (Node.State.UNUSABLE, Node.State.PREEMPTED) else now
    return min(now, gone, node.ended_at or now)


def cut_segments(node: Node, start: dt.datetime, end: dt.datetime, assignments: list[Assignment]) -> Iterator[Segment]:
    """The time of a node, cut where its work begins and ends, and at midnight (UTC); the rest of the node is idle, or
    that of services, which reserve nothing, in equal parts."""
    if start >= end:
        return
    spans = [(max(one.claimed_at, start), min(one.ended_at or end, end), one) for one in assignments]
    spans = [(first, last, one) for first, last, one in spans if first < last]
    cuts = {start, end, *_midnights(start, end), *(moment for first, last, _ in spans for moment in (first, last))}
    for begin, finish in itertools.pairwise(sorted(cuts)):
        shares = [(one.work, share_of(one, node)) for first, last, one in spans if first <= begin and finish <= last]
        taken = sum(share for _, share in shares)
        rest = max(1 - taken, 0)
        services = [work for work, share in shares if not share and work.scope.startswith(SERVICE)]
        for work, share in shares:
            part = rest / len(services) if work in services else share / max(taken, 1)
            yield Segment(begin, finish, work, part)
        if rest and not services:
            yield Segment(begin, finish, None, rest)


def share_of(assignment: Assignment, node: Node) -> float:
    """The share of the node that work uses: the largest of cores, memory and GPUs."""
    parts = [(assignment.cores, node.cores), (assignment.memory_gb, node.memory_gb), (assignment.gpus, node.gpus)]
    return min(1, max(part / whole for part, whole in parts if whole))


def _midnights(start: dt.datetime, end: dt.datetime) -> Iterator[dt.datetime]:
    day = start.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0) + dt.timedelta(days=1)
    while day < end:
        yield day
        day += dt.timedelta(days=1)


class _Batch:
    """The rows of a transaction: a segment extends the row that it follows, if day and price are the same."""

    def __init__(self, open_rows: dict):
        self.open_rows = open_rows
        self.changed: dict[int, Usage] = {}
        self.new: list[Usage] = []
        self.prices = {size.name.lower(): size.price for size in sizes.all_sizes()}

    def add(self, node: Node, segment: Segment) -> None:
        key = (node.name, segment.work.pk if segment.work else None)
        day, price = segment.start.astimezone(dt.UTC).date(), self.prices.get(node.target.vm_size.lower())
        row = self.open_rows.get(key)
        if row is None or (row.ended_at, row.day, row.price) != (segment.start, day, price):
            row = self.open_rows[key] = _new_row(node, segment, day, price)
            self.new.append(row)
        elif row.pk:
            self.changed[row.pk] = row
        row.ended_at = segment.end
        row.seconds += segment.seconds
        row.cost = None if price is None else row.seconds / 3600 * price

    def save(self) -> None:
        Usage.objects.bulk_create(self.new)
        Usage.objects.bulk_update(self.changed.values(), ["ended_at", "seconds", "cost"])


def _new_row(node: Node, segment: Segment, day: dt.date, price: float | None) -> Usage:
    where = Usage.path_of(node.target.workspace)
    row = Usage(kind=Usage.Kind.IDLE, day=day, compute=node.target.name, vm_size=node.target.vm_size, **where)
    row.node, row.price, row.started_at = node.name, price, segment.start
    if work := segment.work:
        row.kind, row.work, row.work_scope = Usage.Kind.JOB, work.pk, work.scope
        row.experiment = str(work.spec.get("experiment") or "")[:255]
        row.person = work.submitted_by.username
    return row
