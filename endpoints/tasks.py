"""Tasks of the control worker for endpoints. Safe to run twice."""

from celery import shared_task

from endpoints import alerts, collected_rows, replays, request_log, scaling, traffic, traffic_guards


@shared_task(ignore_result=True)
def stop_idle() -> None:
    scaling.stop_idle()


@shared_task(ignore_result=True)
def forget_traffic() -> None:
    traffic.forget_old()
    request_log.forget_old()
    request_log.delete_surplus()


@shared_task(ignore_result=True)
def check_alerts() -> None:
    alerts.check_alerts()


@shared_task(ignore_result=True)
def check_guards() -> None:
    traffic_guards.check_guards()


@shared_task(ignore_result=True)
def run_replays() -> None:
    replays.run_replays()


@shared_task(ignore_result=True)
def store_collected_rows() -> None:
    collected_rows.store_rows()
