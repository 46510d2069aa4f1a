"""Five jobs log while each process of the studio is killed in turn: no job ends, and no point is lost."""

import datetime as dt
import os
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest
from azureml.core import Workspace
from lazuli.agent import joining

from tests.compute.cluster_stack import Stack, until
from tests.up.running import Studio, command_of

pytestmark = [pytest.mark.faults, pytest.mark.timeout(280)]
JOBS = 5
# Logs numbers until a file says that it is enough; the metrics queue sends them in batches.
COUNTING = """
import os, pathlib, sys, time
from azureml.core import Run
run = Run.get_context()
run.log("pid", os.getpid())
number = 0
while not pathlib.Path(sys.argv[1]).exists():
    run.log("number", number)
    print("line", number, flush=True)
    number += 1
    time.sleep(0.05)
pathlib.Path("outputs/last.txt").write_text(str(number))
run.flush()
print("ended by itself after", number, flush=True)
"""
# Parts of their command lines: web, Redis, control worker, gateway, host agent, node workers.
KINDS = ["gunicorn", "unixsocket", "studio.control", "studio.gateway", "lazuli.agent.host", "lazuli.agent.node"]


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    studio = Studio(tmp_path_factory.mktemp("studio"))
    studio.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAZULI_URL", studio.url)
        patch.setenv("LAZULI_TOKEN", studio.manage("token", "faults"))
        workspace = Workspace.from_config(str(studio.data / "config.json"))
        yield Stack(studio, workspace, tmp_path_factory.mktemp("work"))
    studio.end()


def processes_of(studio, kind: str) -> list[psutil.Process]:
    return [process for process in studio.family() if kind in command_of(process)]


def kill_and_see_them_back(studio, kinds: list[str]) -> None:
    """All processes of these kinds at once. Those that ended with others of an earlier turn may still be starting."""
    assert until(lambda: all(processes_of(studio, kind) for kind in kinds), 40)
    before = {kind: processes_of(studio, kind) for kind in kinds}
    killed = [process for group in before.values() for process in group]
    for process in killed:
        process.kill()
    for kind, group in before.items():
        assert until(lambda: len(set(processes_of(studio, kind)) - set(killed)) >= len(group), 40)  # noqa: B023


def test_five_logging_jobs_survive_the_death_of_each_process(stack, tmp_path):
    (stack.folder / "counting.py").write_text(COUNTING)
    cluster, enough = stack.cluster("survivors", max_nodes=JOBS), tmp_path / "enough"
    runs = [stack.submit(cluster, str(enough), script="counting.py") for _ in range(JOBS)]
    scripts = [stack.script_process(run) for run in runs]
    acknowledged = [0] * JOBS
    for kinds in [*([kind] for kind in KINDS), KINDS]:
        kill_and_see_them_back(stack.studio, kinds)
        # Each job continues to log, to a web server that may have been the victim.
        before, acknowledged = acknowledged, [points_of(run) for run in runs]
        assert all(now >= then for then, now in zip(before, acknowledged, strict=True))
        assert until(lambda: all(points_of(run) > seen for run, seen in zip(runs, acknowledged, strict=True)), 30)  # noqa: B023
    # All was killed at once a moment ago; new work starts at once too.
    new = stack.submit(stack.cluster("afterwards"), 0.1)
    assert until(lambda: new.get_status() == "Completed", 30)
    assert all(script.is_running() for script in scripts)
    assert [run.get_status() for run in runs] == ["Running"] * JOBS
    enough.touch()
    assert until(lambda: all(run.get_status() == "Completed" for run in runs), 60), [run.get_details() for run in runs]
    for run in runs:
        check_whole(run, tmp_path / run.id)


def points_of(run) -> int:
    """How many numbers the server has; it may be unreachable for a moment."""
    found = run.get_metrics("number").get("number", [])
    # A single one comes without a list.
    return len(found) if isinstance(found, list) else 1


def check_whole(run, folder) -> None:
    """All that the script logged and printed is there, in order, and once."""
    run.download_file("outputs/last.txt", str(folder / "last.txt"))
    last = int((folder / "last.txt").read_text())
    assert run.get_metrics("number")["number"] == list(range(last))
    run.download_file("user_logs/std_log.txt", str(folder / "log.txt"))
    lines = (folder / "log.txt").read_text().splitlines()
    assert [line for line in lines if line.startswith("line ")] == [f"line {number}" for number in range(last)]


@pytest.fixture
def start_agent(stack, tmp_path):
    """Start an agent of a further host, as a service of its own does; it has no lifeline."""
    folder = tmp_path / "further"
    token = re.search(r"join\.\S+", stack.studio.manage("host", "further"))[0]
    joining.join_studio(stack.studio.url, token, "further", folder, print)
    variables = {"DATA_DIR": str(folder), "HOST_CORES": "64", "HOST_MEMORY_GB": "512", "NODE_CONTAINER_ENGINE": "none"}
    started = []

    def start():
        command = [sys.executable, "-m", "lazuli.agent.host"]
        started.append(subprocess.Popen(command, env=os.environ | variables))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_an_agent_that_is_a_service_of_its_own_keeps_its_jobs_through_a_restart(stack, start_agent, tmp_path):
    (stack.folder / "counting.py").write_text(COUNTING)
    cluster, enough = stack.cluster("serviced"), tmp_path / "enough"
    agent = start_agent()
    code = "from compute.models import Host; print(Host.objects.get(name='further').is_alive)"
    until(lambda: stack.studio.manage("shell", "-v", "0", "-c", code) == "True", 30)
    # It goes to the host with the most of its cores free, and of two to the first by name.
    run = stack.submit(cluster, str(enough), script="counting.py")
    script = stack.script_process(run)
    assert str(tmp_path / "further") in script.cwd()
    agent.terminate()
    assert agent.wait(15) == 0
    seen = points_of(run)
    assert until(lambda: points_of(run) > seen, 20)
    start_agent()
    enough.touch()
    assert until(lambda: run.get_status() == "Completed", 60)
    check_whole(run, tmp_path / run.id)
    # The work is done too: the node worker that the new agent has started has seen the end of its runner.
    assert until(lambda: [node["nodeState"] for node in cluster.list_nodes()] == ["idle"], 30)


# Ends without the end of Python, and so without sending what it has logged.
CUT_OFF = """
import os, pathlib, sys, time
from azureml.core import Run
run = Run.get_context()
run.log("pid", os.getpid())
run.flush()
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.05)
for number in range(700):
    run.log("number", number)
os._exit(0)
"""


def test_what_a_job_logs_while_the_web_server_stands_still_outlives_its_script(stack, tmp_path):
    (stack.folder / "cut_off.py").write_text(CUT_OFF)
    run = stack.submit(stack.cluster("cut-off"), str(tmp_path / "go"), script="cut_off.py")
    script = stack.script_process(run)
    web = processes_of(stack.studio, "gunicorn")
    for process in web:
        process.suspend()
    (tmp_path / "go").touch()
    psutil.wait_procs([script], timeout=20)
    is_ended = not script.is_running()
    # A request of the script may have come in already: its batch counts once.
    for process in web:
        process.resume()
    assert is_ended
    assert until(lambda: run.get_status() == "Completed", 60)
    assert run.get_metrics("number")["number"] == list(range(700))


def test_a_runner_that_is_killed_with_its_node_fails_its_run_with_the_nodes_name(stack):
    cluster = stack.cluster("whole-tree")
    run = stack.submit(cluster, 600)
    node, script = stack.node_process(cluster), stack.script_process(run)
    name = cluster.list_nodes()[0]["nodeId"]
    start = time.monotonic()
    for process in (node, script.parent()):
        process.send_signal(signal.SIGKILL)
    until(lambda: run.get_status() == "Failed", 60)
    assert time.monotonic() - start < 30
    assert f"The runner on node {name} was killed" in str(run.get_details()["error"])
    assert until(lambda: not script.is_running(), 15)
    again = stack.submit(cluster, 0.1)
    assert until(lambda: again.get_status() == "Completed", 60)


def test_runs_that_are_queued_when_redis_is_flushed_start_within_30_seconds(stack):
    cluster = stack.cluster("flushed")
    runs = [stack.submit(cluster, 1) for _ in range(2)]
    code = "import redis; from django.conf import settings; redis.Redis.from_url(settings.REDIS_URL).flushall()"
    stack.studio.manage("shell", "-v", "0", "-c", code)
    flushed = dt.datetime.now(dt.UTC)
    assert until(lambda: all(run.get_status() == "Completed" for run in runs), 90)
    first, second = sorted(dt.datetime.fromisoformat(run.get_details()["startTimeUtc"]) for run in runs)
    assert first - flushed < dt.timedelta(seconds=30)
    assert second - first < dt.timedelta(seconds=30)
