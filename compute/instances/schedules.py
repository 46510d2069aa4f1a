"""Schedules of compute instances: add, enable, disable and delete them, and start and stop instances when they are due."""

import dataclasses
import datetime as dt
import itertools
import logging
import zoneinfo
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from accounts import activity
from accounts.models import User
from compute.instances import power
from compute.instances.schedule_times import find_next
from compute.models import ComputeInstance, ComputeSchedule
from compute.models.instances import SCHEDULE
from studio.errors import Conflict, Invalid, StudioError

logger = logging.getLogger(__name__)
Action = ComputeSchedule.Action
# A start that is later than this is left out: the studio was off. A stop is done late.
MISSED_AFTER = dt.timedelta(minutes=5)


@dataclasses.dataclass(frozen=True)
class NewSchedule:
    """A checked schedule that is not stored yet."""

    action: str
    expression: str
    zone: str
    recurrence: dict | None = None
    start_time: str = ""
    is_enabled: bool = True

    def find_next(self, now: dt.datetime) -> dt.datetime | None:
        return (
            find_next(self.expression, self.zone, _begin(self.start_time, self.zone, now)) if self.is_enabled else None
        )


def _begin(start_time: str, zone: str, now: dt.datetime) -> dt.datetime:
    """The later of now and the start time, which is in the zone of the schedule unless it names another one."""
    if not start_time:
        return now
    start = dt.datetime.fromisoformat(start_time)
    start = start if start.tzinfo else start.replace(tzinfo=zoneinfo.ZoneInfo(zone))
    return max(now, start - dt.timedelta(seconds=1))


def add_schedules(instance: ComputeInstance, new: Iterable[NewSchedule]) -> None:
    """Store new schedules; Invalid if the instance would have too many."""
    with transaction.atomic():
        ComputeInstance.objects.select_for_update().get(pk=instance.pk)
        before, now = _list_schedules(instance), timezone.now()
        for each in new:
            fields = dataclasses.asdict(each) | {"next_at": each.find_next(now)}
            del fields["is_enabled"]
            ComputeSchedule.objects.create(instance=instance, **fields)
        if instance.schedules.count() > ComputeSchedule.MAX_OF_INSTANCE:
            raise Invalid(
                f"A compute instance has at most {ComputeSchedule.MAX_OF_INSTANCE} schedules; delete one first.",
                target="schedules",
            )
        _record_change(instance, before)


def replace_schedules(instance: ComputeInstance, new: Iterable[NewSchedule]) -> None:
    with transaction.atomic():
        instance.schedules.all().delete()
        add_schedules(instance, new)


def change_schedule(schedule: ComputeSchedule, act: str) -> None:
    """`enable`, `disable` or `delete` it."""
    instance = schedule.instance
    with transaction.atomic():
        before = _list_schedules(instance)
        if act == "delete":
            schedule.delete()
        else:
            begin = _begin(schedule.start_time, schedule.zone, timezone.now())
            schedule.next_at = find_next(schedule.expression, schedule.zone, begin) if act == "enable" else None
            schedule.save(update_fields=["next_at"])
        _record_change(instance, before)


def skip_stop(instance: ComputeInstance, user: User) -> None:
    """Leave out the stop of which the pages give notice; its schedules go on with their next time."""
    until = timezone.now() + ComputeInstance.NOTICE
    with transaction.atomic():
        rows = [row for row in instance.schedules.all() if row.stops_before(until)]
        for row in [row for row in rows if row.advance(find_next(row.expression, row.zone, until))]:
            row.note_result(f"Skipped by {user.label}.")
            message = f"Skipped once: {row}"
            activity.record("compute.edit", instance.target, scope=instance.target.workspace, message=message)
    if not rows:
        raise Conflict(f"No schedule stops {instance} within the next ten minutes.")


def _list_schedules(instance: ComputeInstance) -> list[str]:
    return [f"{row}{'' if row.is_enabled else ', disabled'}" for row in instance.schedules.all()]


def _record_change(instance: ComputeInstance, before: list[str]) -> None:
    changes = {"schedules": [before, _list_schedules(instance)]}
    activity.record("compute.edit", instance.target, scope=instance.target.workspace, changes=changes)


def run_due_schedules(now: dt.datetime | None = None) -> None:
    """Start and stop instances whose time has come. Of several times of one instance, the latest counts."""
    now = now or timezone.now()
    rows = ComputeSchedule.objects.due(now).select_related("instance__target__workspace")
    for _, due in itertools.groupby(rows, lambda row: row.instance_id):
        _run_latest(list(due), now)


def _run_latest(due: list[ComputeSchedule], now: dt.datetime) -> None:
    with transaction.atomic():
        taken = [row for row in due if row.advance(find_next(row.expression, row.zone, now))]
        for row in taken:
            row.note_result(_act(row, now) if row is taken[-1] else "Skipped: a later schedule was due too.")


def _act(schedule: ComputeSchedule, now: dt.datetime) -> str:
    """Do what it says; return the result in words."""
    instance = schedule.instance
    assert schedule.next_at is not None, "the query leaves the others out"
    if schedule.action == Action.START and now - schedule.next_at > MISSED_AFTER:
        return "Not started: the studio did not run at this time."
    act = power.start_instance if schedule.action == Action.START else power.stop_instance
    try:
        act(instance, SCHEDULE, f"Schedule: {schedule}")
    except (StudioError, OSError) as error:
        logger.info("%s of %s: %s", schedule, instance, error)
        return str(getattr(error, "message", error))
    return "Started." if schedule.action == Action.START else "Stopped."
