"""A revision as a node has it: its work is claimed, and its process is started by the test."""

import io
import os
import signal
import subprocess
import sys
import time
import uuid
import zipfile
from typing import Any

import pytest

from accounts.actors import Actor
from compute import queue
from compute.models import ComputeTarget
from endpoints import deployment
from endpoints.models import Endpoint, Replica
from runs.files import snapshots
from tests import factories

SCORE = """
import json
def init():
    print("starting")
def run(raw_data):
    return [VERSION * number for number in json.loads(raw_data)["data"]]
"""


@pytest.fixture(autouse=True)
def quiet(monkeypatch, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    monkeypatch.setattr("compute.notifications._send", lambda task, queue: None)


@pytest.fixture
def size(workspace):
    """The table of sizes has one."""
    factories.make_target(workspace, "cpu-cluster")


@pytest.fixture
def deploy(workspace, alice, size):
    def deploy(code=SCORE, version=1, name="svc", **fields):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as files:
            files.writestr("score.py", f"VERSION = {version}\n{code}")
        snapshot = snapshots.store_snapshot(workspace, alice, str(uuid.uuid4()), "", [archive.getvalue()])
        endpoint = Endpoint.objects.filter(name=name).first()
        endpoint = endpoint or Endpoint.create(workspace, alice, name, auth_enabled=True)
        models = fields.pop("models", [])
        wanted = deployment.Deployment(models=models, entry_script="score.py", snapshot=snapshot, **fields)
        return deployment.deploy_revision(Actor(alice), endpoint, wanted)

    return deploy


@pytest.fixture
def run_replica():
    """Takes the next replica of the queue as a node does, without a process: it answers at an address at once."""
    held: list[Any] = []

    def run() -> Replica:
        target = ComputeTarget.objects.get(kind=ComputeTarget.Kind.CONTAINER)
        node = target.nodes.first() or factories.make_node(target, cores=1, memory_gb=1)
        work = queue.claim_work(node, held)
        held.append(work.pk)
        queue.renew_lease(work.pk, work.attempt, address=f"unix:/tmp/{work.pk}", health="healthy")
        replica = Replica.objects.select_related("work", "revision").get(work=work)
        replica.become_ready()
        return replica

    return run


@pytest.fixture
def start(tmp_path, live_server):
    """Does what a node and its runner do for the next revision in the queue."""
    processes, held = [], []

    def start(revision, wait_for="Healthy"):
        target = ComputeTarget.objects.get(kind=ComputeTarget.Kind.CONTAINER)
        node = target.nodes.first() or factories.make_node(target, cores=1, memory_gb=1)
        # What a node holds is not given to it again.
        work = queue.claim_work(node, held)
        held.append(work.pk)
        socket = f"/tmp/lazuli-{uuid.uuid4().hex[:8]}"
        queue.renew_lease(work.pk, work.attempt, address=f"unix:{socket}", health="starting")
        folder = tmp_path / f"node-{len(processes)}"
        folder.mkdir()
        variables = {**os.environ, "LAZULI_URL": live_server.url, "LAZULI_TOKEN": work.make_token()}
        command = [sys.executable, "-m", "lazuli.scoring.replica", socket]
        processes.append((subprocess.Popen(command, cwd=folder, env=variables, start_new_session=True), socket))
        end = time.monotonic() + 60
        while revision.stage != wait_for and time.monotonic() < end:
            time.sleep(0.05)
            revision.refresh_from_db()
        assert revision.stage == wait_for, (revision.stage, revision.reason, revision.log)
        return revision

    yield start
    for process, socket in processes:
        # With the scoring server that it has started.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if os.path.exists(socket):
            os.remove(socket)
