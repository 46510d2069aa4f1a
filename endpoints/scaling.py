"""The number of replicas of a revision: by the requests in progress, between its minimum and its maximum."""

import datetime as dt
import math

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max, Q
from django.utils import timezone

from accounts import activity
from compute import monitoring, queue
from compute.models import Assignment, Host, Resources, Work
from endpoints import rules, work_kind
from endpoints.models import Endpoint, Replica, Revision
from studio.errors import Invalid

# The share of used turns above which a replica is added.
UTILIZATION = 0.7
# Replicas are reduced only if fewer were enough for this long.
PATIENCE = dt.timedelta(seconds=60)
START_SECONDS = 900
# No more are added while those that were added last start, for at most this long.
ADDED_SECONDS = dt.timedelta(seconds=60)
# Nor if a larger share of the processors of their machines is in use: they would take it from one another.
BUSY_SHARE = 0.9
# How old a measurement of a machine may be, and how long to wait for one.
MEASURED_SECONDS = dt.timedelta(seconds=60)
# A replica that is stopped may finish its requests within this time.
GRACE_SECONDS = 75
# How often the time of the last request is written.
NOTE_SECONDS = dt.timedelta(seconds=5)


def scale_revision(revision: Revision, wanted: int) -> None:
    """Start or stop replicas to reach this number."""
    with transaction.atomic():
        Endpoint.objects.select_for_update().get(pk=revision.endpoint_id)
        Revision.objects.filter(pk=revision.pk).update(wanted=wanted, less_since=None)
        revision.wanted, revision.less_since = wanted, None
        rows = list(revision.replicas.select_related("work"))
        Replica.objects.filter(pk__in=[row.pk for row in rows if row.work.ended_at]).delete()
        present = [row for row in rows if row.is_wanted]
        # Replicas that are not ready are stopped first, then the newest ones.
        present.sort(key=lambda row: (not row.is_ready, row.number))
        for row in present[wanted:]:
            row.stop()
        first = 1 + max((row.number for row in rows), default=0)
        for number in range(first, first + wanted - len(present)):
            _start_replica(revision, number)


def _start_replica(revision: Revision, number: int) -> None:
    assert revision.target is not None and revision.created_by is not None
    work = queue.enqueue(
        revision.target,
        work_kind.scope_of(revision),
        _make_spec(revision, number),
        revision.created_by,
        resources=Resources(revision.settings.get("cores", 0), revision.settings.get("memoryGB", 0.0)),
    )
    Replica.objects.create(revision=revision, number=number, work=work)


def _make_spec(revision: Revision, number: int) -> dict:
    return {
        "name": f"{revision.endpoint.name} (revision {revision.number}, replica {number})",
        "server_url": settings.PUBLIC_URL,
        "index_url": f"{settings.PUBLIC_URL}/pypi/simple/",
        "argv": ["python", "-m", "lazuli.scoring.replica", "{socket}"],
        "environment": revision.environment,
        "listen": "unix",
        "health_path": "/",
        "start_seconds": START_SECONDS,
        "grace_seconds": GRACE_SECONDS,
        "is_replica": True,
    }


def change_bounds(endpoint: Endpoint, minimum: int, maximum: int) -> None:
    """Set the bounds of the current revision, and of the one that will replace it."""
    check_bounds(minimum, maximum)
    with transaction.atomic():
        for revision in {revision for revision in (endpoint.current, endpoint.newest) if revision is not None}:
            if Revision.State(revision.stage) not in (Revision.State.TRANSITIONING, Revision.State.HEALTHY):
                continue
            changes = {"replicas": [f"{revision.min_replicas} to {revision.max_replicas}", f"{minimum} to {maximum}"]}
            Revision.objects.filter(pk=revision.pk).update(min_replicas=minimum, max_replicas=maximum)
            activity.record("endpoint.edit", endpoint, scope=endpoint.workspace, changes=changes)
            scale_revision(revision, min(max(revision.wanted, minimum), maximum))


def check_bounds(minimum: int, maximum: int) -> None:
    rules.MIN_REPLICAS.check(minimum)
    rules.MAX_REPLICAS.check(maximum)
    if minimum > maximum:
        raise Invalid(f"minReplicas={minimum} is more than maxReplicas={maximum}.", target="minReplicas")


def count_wanted(revision: Revision, busy: float) -> int:
    """The number of replicas for this many requests in progress, including waiting ones."""
    needed = math.ceil(busy / (revision.settings["concurrency"] * UTILIZATION))
    return min(max(needed, revision.min_replicas, 1), revision.max_replicas)


def follow_load(endpoint: Endpoint, busy: float) -> None:
    """Add replicas at once, at most as many as there are, and remove them after a while. `stop_idle` stops the last one
    after a long time without requests."""
    now, revision = timezone.now(), endpoint.current
    if busy:
        recent = Q(last_request_at__gt=now - NOTE_SECONDS)
        Endpoint.objects.filter(pk=endpoint.pk).exclude(recent).update(last_request_at=now)
    if revision is None or not revision.wanted:
        return
    wanted = count_wanted(revision, busy)
    if wanted > revision.wanted:
        if _has_space(revision, now):
            scale_revision(revision, min(wanted, 2 * revision.wanted))
    elif wanted == revision.wanted:
        Revision.objects.filter(pk=revision.pk).exclude(less_since=None).update(less_since=None)
    elif revision.less_since is None:
        Revision.objects.filter(pk=revision.pk).update(less_since=now)
    elif now - revision.less_since >= PATIENCE:
        scale_revision(revision, wanted)


def _has_space(revision: Revision, now: dt.datetime) -> bool:
    """Whether further replicas can make its answers quicker."""
    replicas = [replica for replica in revision.replicas.select_related("work") if replica.is_wanted]
    added_at = max((replica.work.queued_at for replica in replicas), default=now)
    if now - added_at < ADDED_SECONDS and not all(replica.is_ready for replica in replicas):
        return False
    held = Assignment.objects.current().filter(work__in=[replica.work_id for replica in replicas])
    hosts = list(Host.objects.filter(pk__in=held.values("node__host")))
    monitoring.note_watched(hosts)
    shares = monitoring.read_busy_shares(hosts, max(added_at, now - MEASURED_SECONDS))
    if not shares:
        return not hosts or now - added_at > MEASURED_SECONDS
    return min(shares) < BUSY_SHARE


def wake_endpoint(endpoint: Endpoint) -> None:
    """Note the request, and start a replica if the current revision has none."""
    with transaction.atomic():
        Endpoint.objects.select_for_update().get(pk=endpoint.pk)
        Endpoint.objects.filter(pk=endpoint.pk).update(last_request_at=timezone.now())
        revision = Revision.objects.filter(pk=F("endpoint__current"), endpoint=endpoint, wanted=0).first()
        if revision is not None:
            scale_revision(revision, 1)


def stop_idle() -> None:
    """Reduce to the minimum after the revision's idle time without requests."""
    running = Revision.objects.filter(pk=F("endpoint__current"), wanted__gt=F("min_replicas"))
    # A start may take longer than the idle time, and a request may be waiting for it.
    since = timezone.now() - dt.timedelta(seconds=START_SECONDS)
    starting = Replica.objects.filter(ready_attempt=0, work__ended_at=None, work__queued_at__gt=since)
    for revision in running.exclude(replicas__in=starting).select_related("endpoint"):
        used_at = max(filter(None, [revision.endpoint.last_request_at, revision.ready_at, _latest_start(revision)]))
        if timezone.now() - used_at >= dt.timedelta(seconds=revision.settings["idleSeconds"]):
            scale_revision(revision, revision.min_replicas)


def _latest_start(revision: Revision) -> dt.datetime | None:
    return Work.objects.filter(pk__in=revision.replicas.values("work")).aggregate(latest=Max("queued_at"))["latest"]
