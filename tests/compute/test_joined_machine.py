"""A machine with an address of its own joins: a network namespace, which reaches the studio by its URL alone."""

import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest
from azureml.core import Environment
from azureml.core.model import InferenceConfig, Model
from azureml.core.webservice import AksWebservice
from azureml.exceptions import WebserviceException

from tests.compute.cluster_stack import open_stack, until
from tests.up.running import Studio

pytestmark = [pytest.mark.faults, pytest.mark.timeout(280)]
LAZULI = str(pathlib.Path(sys.executable).with_name("lazuli"))
# Says from which address it reaches the studio, and ends when a file appears.
SCRIPT = """
import os, pathlib, socket, sys, time
from urllib.parse import urlsplit
from azureml.core import Run
run = Run.get_context()
server = urlsplit(os.environ["AZUREML_SERVICE_ENDPOINT"])
with socket.create_connection((server.hostname, server.port)) as sock:
    run.log("address", int(sock.getsockname()[0].rpartition(".")[2]))
run.flush()
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.1)
"""


class Network:
    """The studio at .1, and a namespace at .2 that has no other way."""

    def __init__(self):
        number = os.getpid() % 250
        self.name, self.studio, self.machine = f"lz{number}", f"10.213.{number}.1", f"10.213.{number}.2"

    def make(self) -> None:
        near, far = f"{self.name}a", f"{self.name}b"
        for words in (
            f"netns add {self.name}",
            f"link add {near} type veth peer name {far}",
            f"link set {far} netns {self.name}",
            f"addr add {self.studio}/30 dev {near}",
            f"link set {near} up",
            f"-n {self.name} addr add {self.machine}/30 dev {far}",
            f"-n {self.name} link set {far} up",
            f"-n {self.name} link set lo up",
        ):
            done = subprocess.run(["ip", *words.split()], capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"network namespaces need root and a kernel that allows them: {done.stderr.strip()}")

    def remove(self) -> None:
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True)


@pytest.fixture
def network():
    made = Network()
    try:
        made.make()
        yield made
    except FileNotFoundError:
        pytest.skip("this machine has no `ip` (iproute2)")
    finally:
        made.remove()


@pytest.fixture
def stack(network, tmp_path):
    # One core is too few for a node, so that nodes start on the other machine.
    settings = {"HOST": network.studio, "HOST_CORES": "1"}
    studio = Studio(tmp_path, **settings).with_tables()
    studio.url = f"http://{network.studio}:{studio.port}"
    studio.env |= {"PUBLIC_URL": studio.url, "APPS_URL": f"http://*.localhost:{studio.port}"}
    with open_stack(studio, tmp_path) as stack:
        yield stack


SCORE = """
import json, socket
def init():
    pass
def run(raw_data):
    with socket.create_connection((HOST, PORT)) as sock:
        return {"sum": sum(json.loads(raw_data)["data"]), "address": sock.getsockname()[0]}
"""


class Machine:
    def __init__(self, network: Network, folder: pathlib.Path):
        self.network, self.folder, self.log = network, folder / "machine", folder / "machine.log"
        kept = ("PATH", "HOME", "LANG", "PYTHONPATH")
        self.env = {name: os.environ[name] for name in kept if name in os.environ} | {"HOST_CORES": "8"}

    def start(self, *words: str) -> subprocess.Popen:
        command = ["ip", "netns", "exec", self.network.name, LAZULI, "host", *words, "--folder", str(self.folder)]
        with self.log.open("ab") as log:
            return subprocess.Popen(command, env=self.env, stdout=log, stderr=log, start_new_session=True)

    def has_said(self, words: str) -> bool:
        return words in self.log.read_text()


def test_a_machine_of_its_own_address_joins_runs_a_job_and_leaves(stack, network, tmp_path):
    machine, done = Machine(network, tmp_path), tmp_path / "done"
    (stack.folder / "where.py").write_text(SCRIPT)
    join = re.search(r"lazuli host (join .+)", stack.studio.manage("host", "second"))[1]
    agents = [machine.start(*join.split())]
    try:
        until(lambda: machine.has_said("Joined as second: 8 cores"), 60)
        cluster = stack.cluster("far")
        # Nothing is to be installed: the machine reaches the studio alone, not the index to which the studio leads.
        environment = Environment("this-python")
        environment.python.user_managed_dependencies = True
        environment.python.interpreter_path = sys.executable
        run = stack.submit(cluster, str(done), script="where.py", environment=environment)
        until(lambda: run.get_metrics().get("address") or run.get_status() == "Failed", 90)
        assert run.get_metrics().get("address") == 2, run.get_details_with_logs()
        # Its agent and node worker die; the job continues, and the next agent has it.
        os.killpg(agents[0].pid, signal.SIGKILL)
        agents[0].wait(20)
        agents.append(machine.start("start"))
        done.touch()
        until(lambda: run.get_status() in ("Completed", "Failed"), 60)
        assert run.get_status() == "Completed", run.get_details()
        assert machine.start("leave").wait(60) == 0
        assert agents[1].wait(60) == 0
        assert machine.has_said("has detached this machine") and not (machine.folder / "host.json").exists()
    finally:
        print(machine.log.read_text())
        for agent in agents:
            agent.terminate()
            agent.wait(20)


def test_a_service_on_another_machine_answers_through_the_studio(stack, network, tmp_path):
    """The machine has no open port: its agent offers connections to the gateway."""
    machine = Machine(network, tmp_path)
    join = re.search(r"lazuli host (join .+)", stack.studio.manage("host", "second"))[1]
    agent = machine.start(*join.split())
    try:
        until(lambda: machine.has_said("Joined as second: 8 cores"), 60)
        environment = Environment("this-python")
        environment.python.user_managed_dependencies = True
        environment.python.interpreter_path = sys.executable
        host, port = network.studio, stack.studio.port
        (stack.folder / "score.py").write_text(SCORE.replace("HOST", repr(host)).replace("PORT", str(port)))
        config = InferenceConfig("score.py", source_directory=str(stack.folder), environment=environment)
        deployed = AksWebservice.deploy_configuration(autoscale_enabled=False, num_replicas=1)
        service = Model.deploy(stack.workspace, "far", [], config, deployed, stack.cluster("far"))
        service.wait_for_deployment()
        assert service.state == "Healthy", service.get_logs()
        for _ in range(20):
            assert service.run(b'{"data": [1, 2]}') == {"sum": 3, "address": network.machine}
        # A new agent offers connections again, and the service has run on.
        os.killpg(agent.pid, signal.SIGKILL)
        agent.wait(20)
        agent = machine.start("start")
        until(lambda: answers(service), 60)
    finally:
        print(machine.log.read_text())
        agent.terminate()
        agent.wait(20)


def answers(service) -> bool:
    try:
        return service.run(b'{"data": [1, 2]}')["sum"] == 3
    except WebserviceException:
        return False
