"""Tasks of the control worker for notifications. Both are safe to run twice and concurrently."""

import datetime as dt

from celery import shared_task
from django.utils import timezone

from notices import find_events, outgoing
from notices.models import Delivery, Notification

# Deliveries of one turn; each may take TIMEOUT_SECONDS.
AT_ONCE = 3
KEPT = dt.timedelta(days=90)


@shared_task(ignore_result=True)
def notify_people() -> None:
    find_events.find_events()
    due = Delivery.objects.filter(state=Delivery.State.WAITING, due_at__lte=timezone.now())
    for delivery in due.select_related("notification__person").order_by("due_at")[:AT_ONCE]:
        outgoing.deliver(delivery)


@shared_task(ignore_result=True)
def forget_old() -> None:
    Notification.objects.forget_before(timezone.now() - KEPT)
