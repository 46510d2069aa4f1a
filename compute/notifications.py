"""Celery messages that say no more than "look". Every receiver also looks by itself, so a lost one costs seconds.

Sent when the transaction commits, since before that there is nothing to see.
"""

import functools
import logging

from celery import Celery
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError
from lazuli.agent.broker import HOST_TASK, NODE_TASK, build_broker_settings, get_cluster_queue, get_host_queue

logger = logging.getLogger(__name__)
# A message that nobody took in this time has been overtaken by the receiver's own look.
EXPIRES_SECONDS = 30
_is_unreachable = False


def notify_cluster(target_id: int) -> None:
    """There may be work for the nodes of this cluster."""
    _send_on_commit(NODE_TASK, get_cluster_queue(target_id))


def notify_host(host_name: str) -> None:
    """What this host shall run may have changed."""
    _send_on_commit(HOST_TASK, get_host_queue(host_name))


def notify_autoscaler() -> None:
    notify_control("compute.tasks.autoscale")


def notify_control(task: str) -> None:
    """The control worker may have something to do by this task."""
    _send_on_commit(task, "control")


def _send_on_commit(task: str, queue: str) -> None:
    transaction.on_commit(functools.partial(_send, task, queue))


def _send(task: str, queue: str) -> None:
    global _is_unreachable
    try:
        _sender().send_task(task, queue=queue, expires=EXPIRES_SECONDS, retry=False, ignore_result=True)
    except (OperationalError, OSError) as error:
        # Said once, not at every ring: the row is the truth, the work is found within seconds anyway.
        if not _is_unreachable:
            logger.warning("Redis does not answer (%s); work starts some seconds later until it does.", error)
        _is_unreachable = True
    else:
        _is_unreachable = False


@functools.cache
def _sender() -> Celery:
    """An app for sending alone: it gives up at once, where a worker's would wait for Redis to come back."""
    app = Celery("notifications", set_as_current=False)
    app.config_from_object(build_broker_settings(settings.REDIS_URL))
    app.conf.broker_transport_options |= {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}
    return app
