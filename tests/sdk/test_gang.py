"""The nodes of a job meet, try each other, and start their processes with the variables that libraries read."""

import json
import os
import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest
from lazuli.runner import gang, log_stream, mpi_launcher, process_launcher, stop_monitor, supervisor
from lazuli.runner.gang import Gang, NotTogether, Peer
from lazuli.runner.spec import Spec

from tests.sdk.test_runner import WORKSPACE_PATH, Records


class Studio:
    """Knows of each node how far it is."""

    def __init__(self, size):
        self.stages, self.addresses, self.lock = [""] * size, [""] * size, threading.Lock()

    def answer(self, request):
        body = json.loads(request.content)
        with self.lock:
            self.stages[body["rank"]] = body["stage"]
            self.addresses[body["rank"]] = body["address"] or self.addresses[body["rank"]]
            peers = [{"node": f"node-{n}", "address": address} for n, address in enumerate(self.addresses)]
            probed = self.stages.count("probed")
            content = {"peers": peers, "ready": probed + self.stages.count("ready"), "probed": probed, "ended": 0}
        return httpx.Response(200, json=content)


@pytest.fixture
def make_gang(monkeypatch):
    def make(studio, rank, size, **distribution):
        monkeypatch.setenv("LAZULI_WORK_KEY", "key")
        monkeypatch.setenv("LAZULI_WORK_ID", "work-1")
        spec = Spec("run", "exp", {}, "http://127.0.0.1:9", "t", rank=rank, node_count=size, distribution=distribution)
        return Gang(spec, threading.Event(), httpx.MockTransport(studio.answer))

    return make


def meet_all(gangs) -> list[str]:
    """What each says that cannot go on."""
    problems = []

    def meet(one):
        try:
            one.wait_for_nodes()
        except NotTogether as error:
            problems.append(str(error))
            for other in gangs:
                other._stopped.set()

    threads = [threading.Thread(target=meet, args=(one,)) for one in gangs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return problems


def test_nodes_that_reach_each_other_get_their_variables(make_gang, monkeypatch):
    monkeypatch.setattr(gang, "POLL_SECONDS", 0.02)
    studio = Studio(2)
    gangs = [make_gang(studio, rank, 2, kind="pytorch", processes_per_node=2) for rank in range(2)]
    assert meet_all(gangs) == []
    first, second = (one.build_variables() for one in gangs)
    lead = gangs[0].peers[0]
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(lead.port), "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2"}
    for number, variables in enumerate(first + second):
        own = {"RANK": str(number), "LOCAL_RANK": str(number % 2), "NODE_RANK": str(number // 2)}
        assert {**shared, **own}.items() <= variables.items()
        assert variables["GLOO_SOCKET_IFNAME"] == "lo" and "OMPI_COMM_WORLD_RANK" not in variables
    # The port is free for the script.
    socket.create_server(("127.0.0.1", lead.port)).close()


def test_a_node_that_another_cannot_reach_is_named(make_gang, monkeypatch):
    monkeypatch.setattr(gang, "POLL_SECONDS", 0.02)
    reaches = gang._reaches
    monkeypatch.setattr(gang, "_reaches", lambda peer: peer.node != "node-0" and reaches(peer))
    studio = Studio(2)
    problems = meet_all([make_gang(studio, rank, 2) for rank in range(2)])
    port = studio.addresses[0].rpartition(":")[2]
    assert f"node-1 (127.0.0.1) cannot reach node-0 (127.0.0.1) on port {port}." in problems


def test_mpi_and_tensorflow_have_variables_of_their_own(make_gang):
    one = make_gang(Studio(3), 2, 3, kind="mpi", processes_per_node=2)
    one.peers = [Peer(f"node-{n}", "127.0.0.1", 4000 + n) for n in range(3)]
    last = one.build_variables()[1]
    assert (last["OMPI_COMM_WORLD_RANK"], last["OMPI_COMM_WORLD_SIZE"], last["OMPI_COMM_WORLD_NODE_RANK"]) == (
        "5",
        "6",
        "1",
    )
    assert last["AZ_BATCH_MASTER_NODE"] == "127.0.0.1:4000"
    server = make_gang(Studio(3), 2, 3, kind="tensorflow", worker_count=2)
    server.peers = one.peers
    config = json.loads(server.build_variables()[0]["TF_CONFIG"])
    assert config["cluster"] == {"worker": ["127.0.0.1:4000", "127.0.0.1:4001"], "ps": ["127.0.0.1:4002"]}
    assert config["task"] == {"type": "ps", "index": 0}


def launch(tmp_path, script, *arguments, number=2):
    processes = [{"RANK": str(rank), "WORLD_SIZE": str(number)} for rank in range(number)]
    command = [sys.executable, "-c", script, *arguments]
    content = tmp_path / "processes.json"
    content.write_text(json.dumps({"command": command, "processes": processes}))
    return subprocess.run(
        [sys.executable, process_launcher.__file__, str(content)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_each_process_gets_its_rank_in_variables_and_arguments(tmp_path):
    script = "import os, sys; print(os.environ['RANK'], sys.argv[1:], flush=True)"
    ended = launch(tmp_path, script, "--rank=$RANK", "${WORLD_SIZE}", "$HOME")
    assert ended.returncode == 0
    assert sorted(ended.stdout.splitlines()) == [
        "0 ['--rank=0', '2', '$HOME']",
        "[rank 1] 1 ['--rank=1', '2', '$HOME']",
    ]


def test_a_process_that_fails_ends_the_others_and_its_words_come_last(tmp_path):
    script = "import os, time\nif os.environ['RANK'] == '1': raise SystemExit('it broke')\ntime.sleep(60)"
    ended = launch(tmp_path, script)
    assert ended.returncode == 1
    assert ended.stdout.splitlines()[-1] == "it broke"


def test_a_node_starts_what_the_first_node_asks_for_by_the_secret_of_the_job_alone(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    content = {"rank": 1, "names": ["a", "b"], "addresses": [["127.0.0.1", 1], ["127.0.0.1", port]], "prefix": "/there"}

    def write(name: str, **more) -> dict[str, str]:
        (tmp_path / name).write_text(json.dumps(content | more))
        return {**os.environ, mpi_launcher.CONTENT: str(tmp_path / name)}

    def launch_mpi(mode: str, *words: str, env) -> subprocess.Popen:
        command = [sys.executable, mpi_launcher.__file__, mode, *words]
        return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)

    with launch_mpi("node", env=write("node", secret="ours", prefix="/here")) as node:
        assert until_it_listens(port)
        for secret, status in (("another", 1), ("ours", 3)):
            with launch_mpi(
                "connect", "b", "echo", "/there/prted;", "exit", "3", env=write(secret, secret=secret)
            ) as caller:
                assert caller.wait(20) == status, secret
        assert node.stdout.read() == "/here/prted\n" and node.wait(20) == 0


def until_it_listens(port: int) -> bool:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.05)
    return False


def test_a_failing_script_of_mpi4py_ends_the_others_and_other_commands_stay(monkeypatch):
    monkeypatch.setattr(mpi_launcher.importlib.util, "find_spec", lambda name: name)
    python = sys.executable
    assert mpi_launcher.end_by_abort([python, "a.py", "x"]) == [python, "-m", "mpi4py", "a.py", "x"]
    for command in ("python a.py", [python, "-m", "a"], ["bash", "a.py"]):
        assert mpi_launcher.end_by_abort(command) == command


TOGETHER = """
import os, socket, time
rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
address = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
os.makedirs("outputs", exist_ok=True)
open(f"outputs/of-{rank}.txt", "w").close()
if rank == 0:
    with socket.create_server(address) as server:
        others = [server.accept()[0] for _ in range(size - 1)]
        print("together:", sorted(int(other.makefile().readline()) for other in others), flush=True)
        [other.close() for other in others]
else:
    for _ in range(100):
        try:
            lead = socket.create_connection(address)
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    lead.sendall(f"{rank}\\n".encode())
    lead.recv(1)
    print("rank", rank, "of", size, "on node", os.environ["NODE_RANK"], flush=True)
"""


class WholeStudio(Records):
    """The studio of a job on two nodes."""

    def __init__(self, script):
        super().__init__({"train.py": script})
        self.meeting, self.ended = Studio(2), []

    def answer(self, word, method, body, query):
        if word == "peers":
            content = json.loads(self.meeting.answer(httpx.Request("POST", "http://x", content=body)).content)
            return httpx.Response(200, json=content | {"ended": len([rank for rank in self.ended if rank])})
        if word == "heartbeat" and "Failed" in self.states:
            return httpx.Response(200, json={"status": "Failed", "cancelRequested": False})
        if word == "events" and "Failed" in self.states:
            refusal = {"code": "Conflict", "message": "The run is Failed; it cannot become Running."}
            return httpx.Response(409, json={"error": refusal})
        return super().answer(word, method, body, query)


def run_on_two_nodes(tmp_path, monkeypatch, script) -> WholeStudio:
    for module, name, seconds in (
        (stop_monitor, "HEARTBEAT_SECONDS", 0.2),
        (log_stream, "PAUSE_SECONDS", 0.1),
        (gang, "POLL_SECONDS", 0.05),
    ):
        monkeypatch.setattr(module, name, seconds)
    monkeypatch.setenv("LAZULI_WORK_DIR", str(tmp_path))
    monkeypatch.delenv("LAZULI_LIFELINE_FD", raising=False)
    studio = WholeStudio(script)

    def run_node(rank):
        content = {
            "run_id": "run_1",
            "experiment": "exp",
            "experiment_id": "e-id",
            "workspace": WORKSPACE_PATH,
            "server_url": "http://127.0.0.1:9",
            "snapshot_id": "s1",
            "argv": [sys.executable, "train.py"],
            "environment": {"python": {"userManagedDependencies": True, "interpreterPath": sys.executable}},
            "node": f"node-{rank}",
            "rank": rank,
            "node_count": 2,
            "distribution": {"kind": "pytorch", "processes_per_node": 2},
        }
        supervisor.supervise_run(Spec.from_dict(content, "token"), httpx.MockTransport(studio))
        studio.ended.append(rank)

    threads = [threading.Thread(target=run_node, args=(rank,)) for rank in (1, 0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40)
    assert sorted(studio.ended) == [0, 1]
    return studio


def test_the_processes_of_two_nodes_connect_and_the_first_reports_the_run(tmp_path, monkeypatch):
    studio = run_on_two_nodes(tmp_path, monkeypatch, TOGETHER)
    assert studio.states == ["Preparing", "Running", "Finalizing", "Completed"]
    logs = {name: text.decode() for name, text in studio.artifacts.items() if name.startswith("user_logs/")}
    assert "together: [1, 2, 3]" in logs["user_logs/std_log.txt"]
    assert "rank 2 of 4 on node 1" in logs["user_logs/std_log_process_1.txt"]
    # Each process has a log of its own too, by its number among those of all nodes.
    assert logs["user_logs/std_log_process_00.txt"] == "together: [1, 2, 3]\n"
    for rank in (1, 2, 3):
        assert logs[f"user_logs/std_log_process_{rank:02}.txt"] == f"rank {rank} of 4 on node {rank // 2}\n"
    assert {f"outputs/of-{rank}.txt" for rank in range(4)} <= studio.artifacts.keys()
    # The first waits for the other.
    assert studio.ended == [1, 0]


def test_a_process_that_fails_on_another_node_ends_the_run_with_its_name(tmp_path, monkeypatch):
    script = "import os, time\nif os.environ['RANK'] == '3': raise ValueError('no gradient')\ntime.sleep(60)"
    studio = run_on_two_nodes(tmp_path, monkeypatch, script)
    assert studio.states[-1] == "Failed" and "Completed" not in studio.states
    assert studio.error["message"].startswith("On node-1, node 1 of the job: ")
    assert "no gradient" in studio.error["message"]
