"""The nodes of a job meet, try each other, and start their processes with the variables that libraries read."""

import json
import socket
import subprocess
import sys
import threading

import httpx
import pytest
from lazuli.runner import gang, process_launcher
from lazuli.runner.gang import Gang, NotTogether, Peer
from lazuli.runner.spec import Spec


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
            one.meet()
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
