"""What the control worker does for compute. Thin, and safe to run twice."""

import time

from celery import shared_task
from django.conf import settings

from compute import autoscaler, queue

# When this process last reaped, by the wall clock; 0 before its first time.
_last_reap = 0.0
_grace_until = 0.0


@shared_task(ignore_result=True)
def autoscale() -> None:
    autoscaler.autoscale()


@shared_task(ignore_result=True)
def reap() -> None:
    """After a pause of our own (a start, a machine that slept) everyone first gets the time to show a sign of life."""
    global _last_reap, _grace_until
    now = time.time()
    if now - _last_reap > settings.NODE_LEASE_SECONDS:
        _grace_until = now + settings.NODE_LEASE_SECONDS / 2
    _last_reap = now
    if now >= _grace_until:
        queue.reap()
