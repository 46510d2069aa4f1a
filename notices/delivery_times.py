"""When a notification may be sent: times of the day in a person's time zone, computed without the database."""

import datetime as dt
import zoneinfo

from studio.time_zones import UTC

DAY = dt.timedelta(days=1)


def find_zone(name: str) -> dt.tzinfo:
    return dt.UTC if name == UTC else zoneinfo.ZoneInfo(name)


def find_next(now: dt.datetime, at: dt.time, zone: dt.tzinfo) -> dt.datetime:
    """The next moment after `now` at this time of the day."""
    today = now.astimezone(zone).date()
    # Compared in UTC: in a zone, an hour of the autumn comes twice.
    moments = (dt.datetime.combine(today + days * DAY, at, zone).astimezone(dt.UTC) for days in range(3))
    return next(moment for moment in moments if moment > now)


def skip_quiet_hours(moment: dt.datetime, start: dt.time, end: dt.time, zone: dt.tzinfo) -> dt.datetime:
    """The moment, or the end of the quiet hours in which it is; they may include midnight."""
    time = moment.astimezone(zone).time()
    is_quiet = start <= time < end if start < end else time >= start or time < end
    return find_next(moment, end, zone) if is_quiet else moment
