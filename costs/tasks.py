"""Tasks of the control worker that count. Both are safe to run twice."""

from celery import shared_task
from django.utils import timezone

from costs import budgets, node_meter, storage_meter


@shared_task(ignore_result=True)
def count_nodes() -> None:
    now = timezone.now()
    node_meter.count_nodes(now)
    budgets.check_budgets(now)


@shared_task(ignore_result=True)
def count_storage() -> None:
    storage_meter.count_storage(timezone.now())
