"""Settings of Celery with Redis, shared by the server, hosts and nodes. Needs no Django.

With Celery 5.7 on Redis these settings prefetch nothing, redeliver nothing, and never kill work when a connection is
lost (measured). Messages only notify, so results are not stored.
"""

from __future__ import annotations

import os
from typing import Any

# The tasks that wake a host agent and a node worker; they have no arguments.
HOST_TASK = "lazuli.agent.host.notify"
NODE_TASK = "lazuli.agent.node.notify"


def build_celery_url(url: str) -> str:
    """A Redis address as Celery writes it: unix sockets are `redis+socket:///path?virtual_host=0`."""
    if url.startswith("unix://"):
        path, _, query = url.removeprefix("unix://").partition("?")
        number = dict(pair.split("=", 1) for pair in query.split("&") if "=" in pair).get("db", "0")
        return f"redis+socket://{path}?virtual_host={number}"
    return url


def build_broker_settings(url: str = "") -> dict[str, Any]:
    return {
        "broker_url": build_celery_url(url or os.environ.get("REDIS_URL", "")) or None,
        "task_ignore_result": True,
        "worker_prefetch_multiplier": 1,
        "worker_disable_prefetch": True,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "broker_connection_retry_on_startup": True,
        # No limit: without Redis everything still works, only later.
        "broker_connection_max_retries": None,
        "broker_transport_options": {
            "visibility_timeout": 7 * 24 * 3600,
            "socket_keepalive": True,
            "socket_connect_timeout": 3,
            # For a Redis that takes connections and does not answer. A worker waits for messages a second at a time,
            # so none that waits is cut off; one whose connection is dead connects again within half a minute.
            "socket_timeout": 10,
            "health_check_interval": 10,
        },
    }


def get_cluster_queue(target_id: int) -> str:
    return f"cluster.{target_id}"


def get_host_queue(host_name: str) -> str:
    return f"host.{host_name}"
