"""Request and response classes of the schedules of compute instances, with Azure's names."""

import datetime as dt
from typing import Annotated, Any, Literal

import pydantic

from compute import models
from compute.instances.schedule_times import build_expression, check_expression, check_zone
from compute.instances.schedules import NewSchedule
from studio.errors import Invalid
from studio.request_body import LooseBody, Whole

Hour = Annotated[Whole, pydantic.Field(ge=0, le=23)]
Minute = Annotated[Whole, pydantic.Field(ge=0, le=59)]
AnyCase = pydantic.BeforeValidator(lambda value: value.capitalize() if isinstance(value, str) else value)
MonthDay = Annotated[Whole, pydantic.Field(ge=1, le=31)]


class Cron(LooseBody):
    expression: str
    timeZone: str = "UTC"
    startTime: str | None = None


class RecurrenceSchedule(LooseBody):
    hours: list[Hour] = pydantic.Field(default=[], max_length=24)
    minutes: list[Minute] = pydantic.Field(default=[], max_length=60)
    weekDays: list[Annotated[str, AnyCase]] | None = pydantic.Field(default=None, max_length=7)
    monthDays: list[MonthDay] | None = pydantic.Field(default=None, max_length=31)


class Recurrence(LooseBody):
    frequency: str
    interval: Whole = 1
    timeZone: str = "UTC"
    startTime: str | None = None
    schedule: RecurrenceSchedule = RecurrenceSchedule()


class ComputeStartStopSchedule(LooseBody):
    # Azure's clients send what people write, such as `start`.
    action: Annotated[Literal["Start", "Stop"], AnyCase]
    status: Annotated[Literal["Enabled", "Disabled"], AnyCase] = "Enabled"
    triggerType: Annotated[Literal["Cron", "Recurrence"] | None, AnyCase] = None
    cron: Cron | None = None
    recurrence: Recurrence | None = None

    def make_schedule(self) -> NewSchedule:
        timing = self.recurrence if self.triggerType == "Recurrence" or self.cron is None else self.cron
        if timing is None:
            raise Invalid("A schedule needs either cron or recurrence, not both.", target="computeStartStop")
        if isinstance(timing, Cron):
            expression, recurrence = check_expression(timing.expression), None
        else:
            pattern = {"weekDays": [], "monthDays": []} | timing.schedule.model_dump(exclude_none=True)
            expression = build_expression(timing.frequency.capitalize(), timing.interval, pattern)
            recurrence = {
                "frequency": timing.frequency.capitalize(),
                "interval": 1,
                "schedule": {name: pattern[name] for name in RecurrenceSchedule.model_fields},
            }
        return NewSchedule(
            action=self.action,
            expression=expression,
            zone=check_zone(timing.timeZone),
            recurrence=recurrence,
            start_time=_check_start_time(timing.startTime or ""),
            is_enabled=self.status == "Enabled",
        )


def _check_start_time(text: str) -> str:
    try:
        return dt.datetime.fromisoformat(text).isoformat() if text else ""
    except ValueError as error:
        raise Invalid(f"{text[:40]!r} is not a time such as 2026-01-31T18:00:00.", target="startTime") from error


class ComputeSchedules(LooseBody):
    computeStartStop: list[ComputeStartStopSchedule] = pydantic.Field(
        default=[], max_length=models.ComputeSchedule.MAX_OF_INSTANCE
    )

    def make_schedules(self) -> list[NewSchedule]:
        return [schedule.make_schedule() for schedule in self.computeStartStop]


def describe_schedules(instance: models.ComputeInstance) -> dict[str, Any]:
    return {"computeStartStop": [_describe(row) for row in instance.schedules.all()]}


def _describe(row: models.ComputeSchedule) -> dict[str, Any]:
    timing = {"timeZone": row.zone, "startTime": row.start_time or None}
    return {
        "id": str(row.pk),
        "provisioningStatus": "Completed",
        "status": "Enabled" if row.is_enabled else "Disabled",
        "action": row.action,
        "triggerType": "Recurrence" if row.recurrence else "Cron",
        "cron": None if row.recurrence else timing | {"expression": row.expression},
        "recurrence": timing | row.recurrence if row.recurrence else None,
    }
