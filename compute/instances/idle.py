"""Idle shutdown: stops instances without activity (`jupyter.read_activity`), with a notice ten minutes before."""

import datetime as dt
import logging

from django.utils import timezone

from compute.instances import jupyter, power
from compute.models import ComputeInstance
from compute.models.instances import IDLE_SHUTDOWN
from studio.errors import Conflict

logger = logging.getLogger(__name__)


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
    assert instance.idle_minutes is not None, "the query leaves the others out"
    seen = now if found.is_busy else min(now, max(filter(None, [instance.active_at, found.last]), default=now))
    stops_at = seen + dt.timedelta(minutes=instance.idle_minutes)
    if seen != instance.active_at:
        instance.record_activity(seen)
    if stops_at <= now:
        try:
            power.stop_instance(instance, IDLE_SHUTDOWN)
        except Conflict as error:
            logger.info("%s", error.message)
    elif stops_at - now <= ComputeInstance.NOTICE:
        instance.announce_stop(stops_at)
