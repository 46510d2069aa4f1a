"""Tasks of the control worker for accounts. All are safe to run twice and concurrently."""

from celery import shared_task

from accounts import activity_sending, activity_stream


@shared_task(ignore_result=True)
def stream_activities() -> None:
    for receiver in activity_stream.list_receivers():
        activity_sending.send_pending(receiver)
