"""The Celery app of the control plane. Nodes and hosts have their own, without Django: sdk/src/lazuli/agent/broker.py."""

import os

from celery import Celery
from celery.signals import setup_logging, worker_ready
from lazuli.agent.broker import build_broker_settings

from studio.beat import Beat

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")

HOUSEKEEPING = "runs.tasks.housekeeping"

app = Celery("studio")
app.config_from_object(
    {
        **build_broker_settings(),
        "task_default_queue": "control",
        "beat_schedule": {
            "autoscale": {"task": "compute.tasks.autoscale", "schedule": 5.0, "options": {"expires": 10}},
            "attach-machines": {"task": "compute.tasks.attach_machines", "schedule": 10.0, "options": {"expires": 10}},
            "mark-lost-nodes": {"task": "compute.tasks.mark_lost_nodes", "schedule": 5.0, "options": {"expires": 10}},
            "sweep-runs": {"task": "runs.tasks.sweep", "schedule": 5.0, "options": {"expires": 10}},
            "bulk-acts": {"task": "runs.tasks.work_on_bulk_acts", "schedule": 10.0, "options": {"expires": 10}},
            "purge": {"task": "trash.tasks.purge", "schedule": 10.0, "options": {"expires": 10}},
            "apply-retention": {
                "task": "trash.tasks.apply_retention",
                "schedule": 3600.0,
                "options": {"expires": 3600},
            },
            "work-on-data": {"task": "assets.tasks.work_on_data", "schedule": 10.0, "options": {"expires": 10}},
            "delete-unused-rows": {
                "task": "assets.tasks.delete_unused_rows",
                "schedule": 3600.0,
                "options": {"expires": 3600},
            },
            "stream-activities": {
                "task": "accounts.tasks.stream_activities",
                "schedule": 5.0,
                "options": {"expires": 10},
            },
            "stop-idle": {"task": "compute.tasks.stop_idle", "schedule": 30.0, "options": {"expires": 30}},
            "run-schedules": {"task": "compute.tasks.run_schedules", "schedule": 15.0, "options": {"expires": 15}},
            "stop-idle-services": {"task": "endpoints.tasks.stop_idle", "schedule": 5.0, "options": {"expires": 10}},
            "forget-traffic": {"task": "endpoints.tasks.forget_traffic", "schedule": 60.0, "options": {"expires": 60}},
            "run-replays": {"task": "endpoints.tasks.run_replays", "schedule": 2.0, "options": {"expires": 5}},
            "store-collected-rows": {
                "task": "endpoints.tasks.store_collected_rows",
                "schedule": 30.0,
                "options": {"expires": 30},
            },
            "check-guards": {"task": "endpoints.tasks.check_guards", "schedule": 5.0, "options": {"expires": 10}},
            "check-alerts": {"task": "endpoints.tasks.check_alerts", "schedule": 30.0, "options": {"expires": 30}},
            "roll-up-samples": {
                "task": "compute.tasks.roll_up_samples",
                "schedule": 600.0,
                "options": {"expires": 600},
            },
            "purge-files": {"task": "notebooks.tasks.purge_trash", "schedule": 3600.0, "options": {"expires": 3600}},
            "notify-people": {"task": "notices.tasks.notify_people", "schedule": 2.0, "options": {"expires": 10}},
            "send-digests": {"task": "notices.tasks.send_digests", "schedule": 10.0, "options": {"expires": 10}},
            "forget-notifications": {
                "task": "notices.tasks.forget_old",
                "schedule": 24 * 3600.0,
                "options": {"expires": 3600},
            },
            "back-up": {"task": "backups.tasks.make_due_backups", "schedule": 60.0, "options": {"expires": 60}},
            "count-nodes": {"task": "costs.tasks.count_nodes", "schedule": 30.0, "options": {"expires": 30}},
            "count-storage": {"task": "costs.tasks.count_storage", "schedule": 3600.0, "options": {"expires": 3600}},
            "prepare-columns": {"task": "runs.tasks.prepare_columns", "schedule": 10.0, "options": {"expires": 10}},
            "housekeeping": {"task": HOUSEKEEPING, "schedule": 600.0, "options": {"expires": 600}},
            "sweep-storage": {
                "task": "trash.tasks.sweep_storage",
                "schedule": 24 * 3600.0,
                "options": {"expires": 3600},
            },
        },
    }
)
app.autodiscover_tasks()
app.steps["worker"].add(Beat)


if os.environ.get("LOG_FORMAT") == "json":
    # Keep settings.LOGGING, which Celery would otherwise replace.
    setup_logging.connect(lambda **_: None, weak=False)


@worker_ready.connect
def clean_up_at_start(**_) -> None:
    """Remove what a killed process has left unfinished."""
    app.send_task(HOUSEKEEPING, expires=600)
