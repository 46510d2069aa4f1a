"""Tasks of the control worker for compute. All are safe to run twice."""

from celery import shared_task

from compute import autoscaler, liveness, lost_nodes


@shared_task(ignore_result=True)
def autoscale() -> None:
    autoscaler.autoscale()


@shared_task(ignore_result=True)
def reap() -> None:
    if liveness.is_silence_meaningful():
        lost_nodes.reap_lost()
