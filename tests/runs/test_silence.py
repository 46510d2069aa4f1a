"""A local run does not count as lost while heartbeats could not arrive."""

import datetime as dt

from django.utils import timezone

from compute import liveness
from runs.models import Run
from runs.submission import LOCAL, SCRIPT_RUN
from runs.tasks import sweep
from tests import factories


def test_a_run_is_lost_only_once_its_silence_counts(workspace, monkeypatch):
    long_ago = timezone.now() - dt.timedelta(minutes=5)
    fields = {"run_type": SCRIPT_RUN, "target_name": LOCAL, "heartbeat_at": long_ago}
    run = factories.make_run(workspace, status=Run.Status.RUNNING, **fields)
    monkeypatch.setattr(liveness, "is_silence_meaningful", lambda: False)
    sweep()
    run.refresh_from_db()
    assert run.status == Run.Status.RUNNING
    monkeypatch.setattr(liveness, "is_silence_meaningful", lambda: True)
    sweep()
    run.refresh_from_db()
    assert run.status == Run.Status.FAILED
