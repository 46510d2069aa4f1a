"""Tasks of the control worker for notifications. All are safe to run twice and concurrently."""

import datetime as dt
import itertools

from celery import shared_task
from django.db.models import Min
from django.utils import timezone

from notices import find_events, outgoing
from notices.models import Delivery, Notification
from notices.rules import Channel

# Deliveries of one turn; each may take TIMEOUT_SECONDS.
AT_ONCE = 3
# Notifications of one daily mail; the others follow in the next turn.
MAX_IN_DIGEST = 200
KEPT = dt.timedelta(days=90)


@shared_task(ignore_result=True)
def notify_people() -> None:
    find_events.find_events()
    for delivery in Delivery.objects.due().exclude(channel=Channel.DIGEST).order_by("due_at")[:AT_ONCE]:
        outgoing.deliver(delivery)


@shared_task(ignore_result=True)
def send_digests() -> None:
    """Send each person the daily mail that is due; `AT_ONCE` people in a turn, those who have waited longest first."""
    due = Delivery.objects.due().filter(channel=Channel.DIGEST)
    waiting = due.order_by().values("notification__person").annotate(since=Min("due_at")).order_by("since")
    people = [row["notification__person"] for row in waiting[:AT_ONCE]]
    rows = due.filter(notification__person__in=people).order_by("notification__person", "pk")
    for _, deliveries in itertools.groupby(rows, key=lambda row: row.notification.person_id):
        outgoing.deliver_digest(list(deliveries)[:MAX_IN_DIGEST])


@shared_task(ignore_result=True)
def forget_old() -> None:
    Notification.objects.forget_before(timezone.now() - KEPT)
