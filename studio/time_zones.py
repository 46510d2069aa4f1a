"""The names of time zones."""

import functools
import zoneinfo

UTC = "UTC"


@functools.cache
def list_zones() -> list[str]:
    """The names of the time zones that this system knows; UTC first, for people who have not chosen one."""
    return [UTC, *sorted(zoneinfo.available_timezones() - {UTC})]
