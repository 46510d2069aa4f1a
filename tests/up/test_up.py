"""The whole studio comes up with one command, looks after its processes, and leaves nothing behind."""

import json
import pathlib
import re
import signal
import subprocess
import sys
import time

import httpx
import psutil
import pytest
from lazuli import private_folder

from tests.up.running import ROOT, command_of, living

pytestmark = pytest.mark.stack


def test_ready_line_names_an_address_that_answers(studio):
    assert f"Lazuli Studio is ready: {studio.url}" in studio.text()
    assert httpx.get(studio.url, follow_redirects=True).status_code == 200


def test_the_link_of_the_first_start_signs_in_once(studio):
    link = re.search(r"Sign in as olga, once: (\S+)", studio.text())[1]
    with httpx.Client(follow_redirects=True) as browser:
        browser.get(link)
        assert "/signin/" not in str(browser.get(studio.url).url)
    with httpx.Client(follow_redirects=True) as browser:
        browser.get(link)
        assert "/signin/" in str(browser.get(studio.url).url)


def test_the_first_start_makes_a_workspace_and_a_cluster(studio):
    config = json.loads((studio.data / "config.json").read_text())
    assert (config["resource_group"], config["workspace_name"]) == ("aml-resources", "aml-workspace")
    assert config["url"] == studio.url
    token = studio.manage("token", "test").split()[-1]
    address = (
        f"{studio.url}/subscriptions/{config['subscription_id']}/resourceGroups/aml-resources/providers/"
        "Microsoft.MachineLearningServices/workspaces/aml-workspace"
    )
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}) as api:
        computes = api.get(f"{address}/computes?api-version=2024-10-01").json()["value"]
        jobs = api.get(f"{address}/jobs?api-version=2024-10-01").json()["value"]
    assert [compute["name"] for compute in computes] == ["cpu-cluster"]
    scale = computes[0]["properties"]["properties"]["scaleSettings"]
    assert (scale["minNodeCount"], scale["maxNodeCount"]) == (0, 2)
    assert jobs == []


def test_no_other_account_reads_the_data_folder(studio):
    assert private_folder.problem_with(studio.data) == ""
    # Each process of ours makes files for its own account alone, and so do the scripts that it starts.
    running = [process for process in studio.family() if process.status() != psutil.STATUS_ZOMBIE]
    masks = {command_of(process): umask_of(process) for process in running}
    assert masks and set(masks.values()) == {"0077"}, masks


def test_the_doctor_finds_a_running_studio_well(studio):
    lines = studio.manage("doctor").splitlines()
    assert {line.split()[0] for line in lines} <= {"ok", "warn"}, lines


def umask_of(process) -> str:
    found = re.search(r"^Umask:\s*(\d+)", pathlib.Path(f"/proc/{process.pid}/status").read_text(), re.M)
    return found[1]


@pytest.mark.extended
def test_signin_prints_a_new_link(studio):
    first, second = studio.manage("signin"), studio.manage("signin", "olga")
    assert first != second and first.startswith(f"{studio.url}/signin/")
    # The address is that of the studio that runs on this folder, without a word about its port.
    known = {name: value for name, value in studio.env.items() if name != "PORT"}
    command = [sys.executable, "manage.py", "signin"]
    ended = subprocess.run(command, cwd=ROOT, env=known, capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout.startswith(f"{studio.url}/signin/")


def test_a_second_up_on_the_same_folder_is_refused(studio):
    message = studio.refused(PORT="1")
    assert studio.url in message and f"process {studio.process.pid}" in message and "DATA_DIR=" in message


def test_the_processes_share_the_memory_of_the_code(studio):
    sizes = [(command_of(process), process.memory_full_info()) for process in studio.family()]
    shared = [size for command, size in sizes if "gunicorn: " in command or "studio.control" in command]
    assert len(shared) == 4 and all(size.uss < size.rss / 2 for size in shared), sizes
    # What forked them has ended, and each has its own name.
    assert not any("studio.up.loader" in command for command, _ in sizes)
    assert studio.pids_of("lazuli.agent.host")


def test_a_dead_child_is_started_again(studio):
    web = psutil.Process(studio.pids_of("gunicorn")[0])
    web.kill()
    studio.wait_for("web was ended by SIGKILL; starting it again in 0.3 s")
    deadline = time.monotonic() + 20
    while web.pid in studio.pids_of("gunicorn") or not studio.pids_of("gunicorn"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    # The supervisor holds the socket, so a page asked for meanwhile is only late.
    assert httpx.get(f"{studio.url}/signin/", timeout=20).status_code == 200


def test_it_is_quiet_while_all_is_well(studio):
    names = [line.split("│")[0].strip() for line in studio.text().splitlines()]
    assert set(names) <= {"up", "set-up"}, studio.text()


def test_sigterm_ends_all_within_ten_seconds(own_studio):
    own_studio.start()
    family = own_studio.family()
    assert len(family) >= 6
    begun = time.monotonic()
    own_studio.process.send_signal(signal.SIGTERM)
    assert own_studio.process.wait(15) == 0
    assert time.monotonic() - begun <= 10
    assert living(family) == []


def test_kill_9_of_the_supervisor_leaves_no_orphan(own_studio):
    own_studio.start()
    family = own_studio.family()
    own_studio.process.kill()
    psutil.wait_procs(family, timeout=10)
    assert living(family) == []


@pytest.mark.extended
def test_a_second_ctrl_c_kills_what_hangs(own_studio):
    own_studio.start()
    family = own_studio.family()
    for pid in own_studio.pids_of("control"):
        psutil.Process(pid).suspend()
    own_studio.process.send_signal(signal.SIGINT)
    own_studio.wait_for("Stopping")
    time.sleep(1)
    begun = time.monotonic()
    own_studio.process.send_signal(signal.SIGINT)
    assert own_studio.process.wait(5) == 0
    assert time.monotonic() - begun < 3
    assert living(family) == []


@pytest.mark.extended
@pytest.mark.parametrize(
    "setting, words",
    [
        ({"STORAGE_URL": "ftp://x"}, "Wrong setting: STORAGE_URL='ftp://x': write an address that begins with file:"),
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}, "The database does not answer"),
        ({"REDIS_URL": "redis://127.0.0.1:1/0"}, "Redis at redis://127.0.0.1:1/0 does not answer"),
    ],
)
def test_a_setting_that_cannot_work_stops_the_start_in_a_line(own_studio, setting, words):
    said = own_studio.refused(**setting)
    assert words in said and "Traceback" not in said
