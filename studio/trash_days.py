"""How long objects stay in the trash before they are deleted permanently."""

import datetime as dt

from django.conf import settings
from django.utils import timezone


def purge_time(deleted_at: dt.datetime) -> dt.datetime:
    return deleted_at + dt.timedelta(days=settings.TRASH_DAYS)


def expired_before() -> dt.datetime:
    """Objects that were deleted before this time are purged."""
    return timezone.now() - dt.timedelta(days=settings.TRASH_DAYS)


def days_left(deleted_at: dt.datetime) -> int:
    """A day that has begun counts."""
    return max(0, settings.TRASH_DAYS - (timezone.now() - deleted_at).days)
