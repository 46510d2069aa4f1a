"""When a schedule is due: cron expressions and recurrences in a time zone."""

import datetime as dt
import zoneinfo
from typing import Any

from celery.schedules import crontab

from studio.errors import Invalid
from studio.names import check_text
from studio.time_zones import list_zones

# The names that Windows and Azure's pages use, for the zones that people choose most.
WINDOWS_ZONES = {
    "AUS Eastern Standard Time": "Australia/Sydney",
    "Arabian Standard Time": "Asia/Dubai",
    "Central Europe Standard Time": "Europe/Budapest",
    "Central European Standard Time": "Europe/Warsaw",
    "Central Standard Time": "America/Chicago",
    "China Standard Time": "Asia/Shanghai",
    "E. South America Standard Time": "America/Sao_Paulo",
    "Eastern Standard Time": "America/New_York",
    "FLE Standard Time": "Europe/Kyiv",
    "GMT Standard Time": "Europe/London",
    "GTB Standard Time": "Europe/Bucharest",
    "India Standard Time": "Asia/Kolkata",
    "Israel Standard Time": "Asia/Jerusalem",
    "Korea Standard Time": "Asia/Seoul",
    "Mountain Standard Time": "America/Denver",
    "New Zealand Standard Time": "Pacific/Auckland",
    "Pacific Standard Time": "America/Los_Angeles",
    "Romance Standard Time": "Europe/Paris",
    "Russian Standard Time": "Europe/Moscow",
    "Singapore Standard Time": "Asia/Singapore",
    "South Africa Standard Time": "Africa/Johannesburg",
    "Tokyo Standard Time": "Asia/Tokyo",
    "Turkey Standard Time": "Europe/Istanbul",
    "W. Europe Standard Time": "Europe/Berlin",
}
WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
# The 29th of February may be eight years away.
MAX_DAYS = 8 * 366 + 1


def check_zone(name: str) -> str:
    """The IANA name of a time zone."""
    zone = WINDOWS_ZONES.get(name, name)
    if zone not in list_zones():
        raise Invalid(
            f"There is no time zone {name[:60]!r}; write a name such as Europe/Berlin, UTC or Pacific Standard Time.",
            target="timeZone",
        )
    return zone


def check_expression(text: str) -> str:
    """A cron expression: minute, hour, day of month, month, day of week."""
    text = " ".join(check_text(text, "expression", max_length=300).split())
    try:
        crontab.from_string(text)
    except ValueError as error:
        raise Invalid(
            f"The cron expression {text!r} is not valid ({error}). Write minute, hour, day of month, month and day of "
            "week (0 is Sunday), such as 30 18 * * 1-5.",
            target="expression",
        ) from error
    return text


def build_expression(frequency: str, interval: int, pattern: dict[str, Any]) -> str:
    """The cron expression of a recurrence: `hours`, `minutes`, and `weekDays` or `monthDays` of each week or month."""
    if interval != 1:
        raise Invalid(f"The interval is {interval}; only 1 is supported. Use a cron expression.", target="interval")
    hours, minutes = pattern["hours"], pattern["minutes"] or [0]
    if not hours:
        raise Invalid("Name at least one of the hours, such as 18.", target="hours")
    days, weekdays = "*", "*"
    if frequency == "Week":
        weekdays = _join(WEEKDAYS.index(day) for day in _check_weekdays(pattern["weekDays"]))
    elif frequency == "Month":
        if not pattern["monthDays"]:
            raise Invalid("Name at least one of the monthDays, such as 1.", target="monthDays")
        days = _join(pattern["monthDays"])
    elif frequency != "Day":
        raise Invalid(
            f"The frequency is {frequency[:20]!r}; use Day, Week or Month, or a cron expression.", target="frequency"
        )
    return check_expression(f"{_join(minutes)} {_join(hours)} {days} * {weekdays}")


def _join(numbers) -> str:
    return ",".join(str(number) for number in sorted(set(numbers)))


def _check_weekdays(names: list[str]) -> list[str]:
    found = [name.capitalize() for name in names]
    if not found or not set(found) <= set(WEEKDAYS):
        raise Invalid(f"The weekDays are {names!r}; name at least one of {', '.join(WEEKDAYS)}.", target="weekDays")
    return found


def find_next(expression: str, zone: str, after: dt.datetime) -> dt.datetime:
    """The first time after the given one. A time that the clocks leave out comes an hour later, one that they repeat once."""
    cron, local = crontab.from_string(expression), zoneinfo.ZoneInfo(zone)
    first = after.astimezone(local).date()
    for number in range(MAX_DAYS):
        day = first + dt.timedelta(number)
        if not _is_day(cron, day):
            continue
        for hour in sorted(cron.hour):
            for minute in sorted(cron.minute):
                at = dt.datetime.combine(day, dt.time(hour, minute), local).astimezone(dt.UTC)
                if at > after:
                    return at
    raise Invalid(f"The cron expression {expression!r} has no time in the next eight years.", target="expression")


def _is_day(cron: crontab, day: dt.date) -> bool:
    """As in cron: if both are limited, either the day of the month or the day of the week is enough."""
    if day.month not in cron.month_of_year:
        return False
    in_month, in_week = day.day in cron.day_of_month, day.isoweekday() % 7 in cron.day_of_week
    if len(cron.day_of_month) < 31 and len(cron.day_of_week) < 7:
        return in_month or in_week
    return in_month and in_week
