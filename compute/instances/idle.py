"""Idle shutdown: stops instances without activity, with a notice ten minutes before.

Activity is what Jupyter reports (`jupyter.read_activity`), a job on the instance, a program in a terminal, and work of the
processor. Open pages are none.
"""

import dataclasses
import datetime as dt
import logging

from django.utils import timezone

from compute import monitoring
from compute.instances import jupyter, power
from compute.models import ComputeInstance, Work
from compute.models.instances import IDLE_SHUTDOWN
from studio.errors import Conflict

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class IdleVerdict:
    # The last known activity, and when the instance is to be stopped if there is no other.
    active_at: dt.datetime
    stops_at: dt.datetime
    stops_now: bool
    is_announced: bool


def judge(
    found: jupyter.KernelActivity, known: dt.datetime | None, idle: dt.timedelta, now: dt.datetime
) -> IdleVerdict:
    """The verdict on an instance. `known` is its last known activity."""
    active_at = now if found.is_busy else min(now, max(filter(None, [known, found.last]), default=now))
    stops_at = active_at + idle
    return IdleVerdict(active_at, stops_at, stops_at <= now, now < stops_at <= now + ComputeInstance.NOTICE)


def stop_idle_instances(now: dt.datetime | None = None) -> None:
    """Check all running instances. Without a report of the server, they count as active, so that nothing is lost."""
    now = now or timezone.now()
    for instance in ComputeInstance.objects.running().filter(idle_minutes__isnull=False).with_state():
        if instance.is_reachable:
            _look_at(instance, now)


def _look_at(instance: ComputeInstance, now: dt.datetime) -> None:
    try:
        found = jupyter.read_activity(instance.address, instance.server_token)
    except jupyter.ServerAway as error:
        logger.info("%s does not report its activity: %s", instance, error)
        return
    if not found.is_busy and _works_outside_kernels(instance, now):
        found = dataclasses.replace(found, is_busy=True)
    assert instance.idle_minutes is not None, "the query leaves the others out"
    verdict = judge(found, instance.active_at, dt.timedelta(minutes=instance.idle_minutes), now)
    if verdict.active_at != instance.active_at:
        instance.record_activity(verdict.active_at)
    if verdict.stops_now:
        try:
            power.stop_instance(instance, IDLE_SHUTDOWN)
        except Conflict as error:
            logger.info("%s", error.message)
    elif verdict.is_announced:
        instance.announce_stop(verdict.stops_at)


def _works_outside_kernels(instance: ComputeInstance, now: dt.datetime) -> bool:
    """Whether a job waits or runs on it, or its processes compute: a program of a terminal may print nothing for hours."""
    jobs = instance.target.work.filter(life=Work.Life.ENDS, state__in=[Work.State.QUEUED, Work.State.CLAIMED])
    if jobs.exists():
        return True
    return instance.work is not None and monitoring.is_working(instance.work, now)
