"""Tasks of the control worker for compute. All are safe to run twice."""

from celery import shared_task
from django.utils import timezone

from compute import attaching, autoscaler, liveness, lost_nodes, monitoring
from compute.instances.idle import stop_idle_instances
from compute.instances.schedules import run_due_schedules
from compute.models import ApplicationSession, Host


@shared_task(ignore_result=True)
def autoscale() -> None:
    Host.objects.reopen_due()
    autoscaler.autoscale()


@shared_task(ignore_result=True)
def mark_lost_nodes() -> None:
    if liveness.is_silence_meaningful():
        lost_nodes.reap_lost()


@shared_task(ignore_result=True)
def roll_up_samples() -> None:
    monitoring.roll_up(timezone.now())


@shared_task(ignore_result=True)
def stop_idle() -> None:
    stop_idle_instances()
    ApplicationSession.forget_old()


@shared_task(ignore_result=True)
def run_schedules() -> None:
    run_due_schedules()


@shared_task(ignore_result=True)
def attach_machines() -> None:
    attaching.attach_waiting()
