"""Many short jobs while processes are killed at random: each job ends, with a reason if it failed, and none runs twice.

The seed of the kills is printed; FAULT_SEED=… repeats them.
"""

import concurrent.futures
import json
import os
import random
import threading
import time

import httpx
import psutil
import pytest

from tests.compute.cluster_stack import Stack, open_stack, until
from tests.up.running import Studio, command_of

pytestmark = [pytest.mark.faults, pytest.mark.timeout(280)]
JOBS, NODES, SUBMITTERS, KILLS = 150, 6, 3, 20
# Parts of their command lines: web, Redis, control worker, gateway, host agent, node workers, runners.
KINDS = [
    "gunicorn", "unixsocket", "studio.control", "studio.gateway", "lazuli.agent.host", "lazuli.agent.node",
    "-m lazuli.runner ",
]  # fmt: skip
# Some jobs fail by themselves.
COMMAND = 'echo started >> "{folder}/$AZUREML_RUN_ID"; exit {code}'


class Nemesis:
    """Kills one process of a random kind again and again, and notes which."""

    def __init__(self, studio: Studio, dice: random.Random):
        self.studio, self.dice, self.killed = studio, dice, []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._kill_again_and_again, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *problem):
        self._is_over.set()
        self._thread.join()

    def _kill_again_and_again(self) -> None:
        while len(self.killed) < KILLS and not self._is_over.wait(self.dice.uniform(0.5, 2.0)):
            kind, choice = self.dice.choice(KINDS), self.dice.random()
            found = sorted((one for one in self.studio.family() if kind in command_of(one)), key=lambda one: one.pid)
            if found:
                victim = found[int(choice * len(found))]
                self.killed.append(kind)
                try:
                    victim.kill()
                except psutil.NoSuchProcess:
                    continue


@pytest.fixture
def stack(tmp_path):
    with open_stack(Studio(tmp_path).with_tables(), tmp_path) as stack:
        yield stack


def test_many_jobs_end_whatever_is_killed(stack, tmp_path):
    seed = int(os.environ.get("FAULT_SEED") or random.randrange(2**32))
    print(f"FAULT_SEED={seed}")
    marks, dice = tmp_path / "marks", random.Random(seed)
    marks.mkdir()
    stack.cluster("short", max_nodes=NODES)
    codes = [int(dice.random() < 0.1) for _ in range(JOBS)]
    begun = time.monotonic()
    with Nemesis(stack.studio, dice) as nemesis, concurrent.futures.ThreadPoolExecutor(SUBMITTERS) as pool:
        names = [f"short-{number}" for number in range(JOBS)]
        list(pool.map(lambda name, code: submit(stack, name, COMMAND.format(folder=marks, code=code)), names, codes))
        submitted = time.monotonic() - begun
        until(lambda: len(nemesis.killed) == KILLS, 60)
    print(f"submitted in {submitted:.0f} s, {KILLS} kills in {time.monotonic() - begun:.0f} s: {nemesis.killed}")
    # Quiet again: each ends, those of a lost node with its lease.
    ended = until(lambda: len(found := read_ends(stack)) == JOBS and found, 180)
    for name, code in zip(names, codes, strict=True):
        (state, reason), mark = ended[name], marks / name
        started = mark.read_text().count("started") if mark.exists() else 0
        assert started <= 1, f"{name} ran {started} times (FAULT_SEED={seed})"
        right = started == 1 and code == 0 if state == "Completed" else state == "Failed" and reason
        assert right, f"{name}, with exit code {code}, ran {started} times and is {state}: {reason} (FAULT_SEED={seed})"
    # Most were not touched by a kill, and the studio still runs jobs.
    assert sum(state == "Completed" for state, _ in ended.values()) > JOBS / 2
    submit(stack, "afterwards", "true")
    assert until(lambda: read_ends(stack).get("afterwards", [""])[0] == "Completed", 60)


def submit(stack: Stack, name: str, command: str) -> None:
    """As a client that repeats its request until it has an answer."""
    ws, environment = stack.workspace, {"name": "plain", "python": {"userManagedDependencies": True}}
    path = f"/subscriptions/{ws.subscription_id}/resourceGroups/{ws.resource_group}/providers/Microsoft.MachineLearningServices"
    job = {"jobType": "Command", "experimentName": "short", "command": command, "computeId": "short"}
    body, headers = (
        {"properties": {**job, "environmentDefinition": environment}},
        {"Authorization": f"Bearer {os.environ['LAZULI_TOKEN']}"},
    )

    def put():
        try:
            answer = httpx.put(
                f"{stack.studio.url}{path}/workspaces/{ws.name}/jobs/{name}", json=body, headers=headers, timeout=20
            )
        except httpx.TransportError:
            return False
        assert answer.status_code < 300 or answer.status_code == 503, answer.text
        return answer.status_code < 300

    until(put, 60)


def read_ends(stack: Stack) -> dict[str, list[str]]:
    """State and error of each ended job."""
    code = (
        "import json; from runs.models import Run; print(json.dumps({r.run_id: [r.status, str(r.error or '')] for r in "
    )
    code += "Run.objects.filter(status__in=['Completed', 'Failed', 'Canceled'])}))"
    return json.loads(stack.studio.manage("shell", "-v", "0", "-c", code))
