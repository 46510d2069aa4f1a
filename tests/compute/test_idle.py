"""Idle shutdown: what counts as activity, and when an instance is stopped."""

import datetime as dt
import os
import pty
import random
import subprocess
import time

import pytest
from django.utils import timezone
from lazuli import processes

from compute import monitoring, notifications, queue
from compute.instances import idle, jupyter, power
from compute.instances.idle import judge
from compute.instances.jupyter import KernelActivity
from compute.models import Assignment, ComputeInstance
from tests import factories

MINUTE, QUIET = dt.timedelta(minutes=1), KernelActivity(None, is_busy=False)


@pytest.fixture
def instance(workspace, alice, settings, tmp_path, monkeypatch) -> ComputeInstance:
    """One that runs, whose server reports no activity."""
    settings.SHARES_DIR = tmp_path
    monkeypatch.setattr(notifications, "_send", lambda task, queue: None)
    monkeypatch.setattr(jupyter, "read_activity", lambda address, token: QUIET)
    made = power.create_instance(workspace, alice, "lab-one", "Standard_DS1_v2", idle_minutes=30)
    work = queue.claim_work(factories.make_node(made.target))
    queue.renew_lease(work.pk, work.attempt, address="unix:/run/s", health=Assignment.Health.HEALTHY)
    return again(made)


def again(instance) -> ComputeInstance:
    return ComputeInstance.objects.with_state().get(pk=instance.pk)


def check_later(instance, minutes: int) -> str:
    """Its state after a check at this time."""
    idle.stop_idle_instances(instance.active_at + minutes * MINUTE)
    return again(instance).state


def test_a_job_on_it_is_activity(instance, api, alice, w):
    body = {"jobType": "Command", "experimentName": "exp", "command": "sleep 1", "computeId": "lab-one"}
    assert api(alice).put(f"{w}/jobs/long", {"properties": body}).status_code in (200, 201)
    assert check_later(instance, 60) == "Running" and again(instance).active_at == instance.active_at + 60 * MINUTE


@pytest.mark.parametrize(
    ("sample", "state"),
    [
        ({"cpu": 0.9, "memory": 1}, "Running"),
        ({"cpu": 0.01, "memory": 1, "terminals": 1}, "Running"),
        ({"cpu": 0.04, "memory": 1}, "Stopping"),
    ],
)
def test_a_program_of_a_terminal_and_the_processor_are_activity(instance, sample, state):
    later = instance.active_at + 60 * MINUTE
    measured = [
        {"at": later.timestamp() - age, "cpu": 1, "memory": 1, "disk": 1, "work": {instance.work_id: sample}}
        for age in (35, 30, 25, 20, 15, 10)
    ]
    monitoring.store_samples(instance.work.node.host, measured, later)
    assert check_later(instance, 60) == state


def test_samples_of_an_hour_ago_are_no_activity(instance):
    sample = {"at": instance.active_at.timestamp(), "cpu": 1, "memory": 1, "disk": 1}
    sample["work"] = {instance.work_id: {"cpu": 2.0, "memory": 1, "terminals": 3}}
    monitoring.store_samples(instance.work.node.host, [sample], timezone.now())
    assert check_later(instance, 31) == "Stopping"


@pytest.mark.skipif(not processes.IS_LINUX, reason="trees are read from /proc")
def test_a_program_of_a_terminal_is_seen_and_a_waiting_shell_is_none():
    master, slave = pty.openpty()
    options = {"stdin": slave, "stdout": slave, "stderr": slave, "start_new_session": True}
    # A terminal is that of the session that opens it first.
    shell = subprocess.Popen(["sh", "-c", f"exec sh <{os.ttyname(slave)}"], **options)

    def count(wanted: int) -> bool:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if processes.read_trees([shell.pid])[shell.pid].in_terminals == wanted:
                return True
            time.sleep(0.02)
        return False

    try:
        assert count(0)
        os.write(master, b"sleep 0.7\n")
        assert count(1)
        assert count(0)
    finally:
        shell.kill()
        shell.wait()
        os.close(master)
        os.close(slave)


@pytest.mark.extended
def test_in_a_thousand_days_no_busy_one_is_stopped_and_each_idle_one_within_a_minute():
    seed = int(os.environ.get("FAULT_SEED") or random.randrange(2**32))
    print(f"FAULT_SEED={seed}")
    dice, now, limit, step = random.Random(seed), timezone.now(), 60 * MINUTE, dt.timedelta(seconds=30)
    end, stops = now + dt.timedelta(days=1000), 0
    while now < end:
        # A cell runs for seconds to days, then the person thinks, goes on or leaves.
        busy_until, active_at, announced_at = now + dt.timedelta(seconds=dice.expovariate(1 / 7200)), now, None
        while now < busy_until:
            verdict = judge(KernelActivity(active_at, is_busy=True), active_at, limit, now)
            assert not verdict.stops_now and not verdict.is_announced
            active_at, now = verdict.active_at, now + min(step * dice.randrange(1, 40), busy_until - now)
        last, comes_back = now, now + dt.timedelta(seconds=dice.expovariate(1 / 5400))
        active_at = last
        while now < comes_back:
            verdict = judge(KernelActivity(last, is_busy=False), active_at, limit, now)
            if verdict.is_announced:
                announced_at = announced_at or now
            if verdict.stops_now:
                assert limit <= now - last <= limit + MINUTE
                assert announced_at and limit - 10 * MINUTE <= announced_at - last <= limit - 9 * MINUTE
                stops += 1
                # Somebody starts it again, some time later.
                now += dt.timedelta(hours=dice.random() * 14)
                break
            active_at, now = verdict.active_at, now + step
    assert stops > 1000
