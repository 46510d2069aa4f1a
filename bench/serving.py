"""`make bench-serving`: one model behind the studio, MLflow, BentoML, Flask and uvicorn, measured in one sitting; writes
docs/serving_speed.md.

--quick takes short measurements and one round; --only names measurements, which are printed and not written.
"""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

import psutil
import serving_page
import serving_peers
from azureml.core import Environment, Model, Workspace
from azureml.core.model import InferenceConfig
from azureml.core.webservice import AksWebservice, Webservice
from azureml.exceptions import WebserviceException
from servers import MB, ROOT, Ours, Server
from serving_peers import ROWS, Peer

FULL = {"rounds": 5, "seconds": 5, "update": 10_000}
QUICK = {"rounds": 1, "seconds": 2, "update": 1000}
BODY = json.dumps({"inputs": ROWS})
# Requests a second for latencies and while a service is updated, and the connections of the others.
RATE, UPDATE_RATE, CONNECTIONS = 200, 300, 8
SLEEP_SECONDS, WARM_SECONDS = 5, 10
SCRIPT, NO_CODE = "the studio, entry script", "the studio, MLflow model"
BROKEN = "def init():\n    raise ValueError('no weights')\ndef run(data):\n    return 1\n"


class Service:
    """A service of the studio, measured like a peer: the whole studio's processor time, the memory of its replicas."""

    def __init__(self, name: str, studio: Ours, service: Webservice):
        self.name, self.studio, self.address, self.key = name, studio, service.scoring_uri, service.get_keys()[0]

    def cpu(self) -> float:
        """Seconds of processor time of all processes of the studio."""
        spent = 0.0
        for process in self.studio.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                spent += sum(process.cpu_times()[:2])
        return spent

    def scorers(self) -> list[psutil.Process]:
        """The scoring servers, without what starts them: started plainly, or forked from a warm parent."""
        found = [(process, read_words(process)) for process in self.studio.processes()]
        return [one for one, words in found if "lazuli-scoring" in words or {"lazuli.scoring", "--unix"} <= words]

    def memory(self, *others: str) -> float:
        names = {"lazuli.scoring", "lazuli.scoring.replica", "lazuli-scoring", "lazuli-replica", *others}
        found = [process for process in self.studio.processes() if names & read_words(process)]
        return sum(process.memory_full_info().pss for process in found) / MB


class Sitting:
    connections, paced = CONNECTIONS, RATE

    def __init__(self, sizes: dict, folder: pathlib.Path):
        self.sizes, self.folder = sizes, folder
        # {server: {figure: [values]}}
        self.found: dict[str, dict[str, list[float]]] = {}
        self.studio = Ours("the studio", folder / "studio")
        self.peers = serving_peers.make_peers(folder)
        python = Environment("bench")
        python.python.user_managed_dependencies = True
        python.python.interpreter_path = str(serving_peers.PYTHON)
        self.environment = python

    def note(self, name: str, **figures: float) -> None:
        for key, value in figures.items():
            self.found.setdefault(name, {}).setdefault(key, []).append(value)
            print(f"{name:>34}  {key:8} {value:,.4g}", flush=True)

    def open_workspace(self) -> None:
        self.studio.start()
        manage = [sys.executable, "manage.py", "token", "bench"]
        token = subprocess.run(manage, cwd=ROOT, env=self.studio.env, stdout=subprocess.PIPE, text=True, check=True)
        os.environ.update(LAZULI_URL=self.studio.url, LAZULI_TOKEN=token.stdout.strip())
        self.ws = Workspace.from_config(str(self.folder / "studio" / "data" / "config.json"))
        self.model = Model.register(self.ws, str(self.folder / "model.pkl"), "pickled")
        self.saved = Model.register(self.ws, str(self.folder / "mlflow-model"), "saved")

    def configure(self, code: str = serving_peers.SCORE) -> InferenceConfig:
        code_folder = self.folder / "code"
        code_folder.mkdir(exist_ok=True)
        (code_folder / "score.py").write_text(code)
        return InferenceConfig("score.py", source_directory=str(code_folder), environment=self.environment)

    def deploy(self, name: str, config: InferenceConfig | None, model: Model, **settings) -> tuple[Webservice, float]:
        """The service, and the seconds until it was healthy."""
        begun = time.monotonic()
        deployed = AksWebservice.deploy_configuration(**settings)
        service = Model.deploy(self.ws, name, [model], config, deployed, overwrite=True)
        service.wait_for_deployment()
        return service, time.monotonic() - begun

    def measure_side_by_side(self) -> None:
        script, _ = self.deploy("script", self.configure(), self.model)
        no_code, _ = self.deploy("no-code", None, self.saved)
        for peer in self.peers:
            self.note(peer.name, start=peer.start())
        services = [Service(SCRIPT, self.studio, script), Service(NO_CODE, self.studio, no_code)]
        servers = [services[0], *self.peers, services[1]]
        for server in servers:
            self.call(server, seconds=1)
        for _ in range(self.sizes["rounds"]):
            for server in servers:
                self.measure(server)
        both = services[0].memory()
        no_code.delete()
        self.wait_for_scorers(services[0], 1)
        time.sleep(2)
        alone = services[0].memory()
        self.note(SCRIPT, memory=alone)
        self.note(NO_CODE, memory=both - alone)
        for peer in self.peers:
            self.note(peer.name, memory=peer.memory())
            peer.end()
        script.delete()

    def measure(self, server: Service | Peer) -> None:
        before = server.cpu()
        found = self.call(server)
        spent = (server.cpu() - before) / found["answers"]
        self.note(server.name, rate=found["answers"] / found["seconds"], cpu=spent * 1e6)
        paced = self.call(server, rate=RATE)
        self.note(server.name, p50=paced["p50"], p99=paced["p99"])

    def call(self, server: Service | Peer, **changes) -> dict:
        task = {"url": server.address, "key": server.key, "body": BODY, "connections": CONNECTIONS}
        task = {**task, "seconds": self.sizes["seconds"], **changes}
        found = finish_load(start_load(task))
        if found["failed"]:
            sys.exit(f"{server.name}: {found['failed']} of {found['answers'] + found['failed']} failed: {found['why']}")
        return found

    def measure_deployments(self) -> None:
        for key in ("cold", "warm"):
            service, seconds = self.deploy(f"deployed-{key}", self.configure(), self.model)
            self.note(SCRIPT, **{key: seconds})
            service.delete()
            # Until the warm parent of the environment has imported its packages.
            time.sleep(WARM_SECONDS)
        begun = time.monotonic()
        try:
            self.deploy("broken", self.configure(BROKEN), self.model)
        except WebserviceException as error:
            assert "no weights" in str(error), error
            self.note(SCRIPT, broken=time.monotonic() - begun)
        Webservice(self.ws, "broken").delete()

    def measure_update(self) -> None:
        service, _ = self.deploy("updated", self.configure(), self.model)
        task = {"url": service.scoring_uri, "key": service.get_keys()[0], "body": BODY, "connections": CONNECTIONS}
        load = start_load({**task, "rate": UPDATE_RATE, "seconds": self.sizes["update"] / UPDATE_RATE})
        while load.poll() is None:
            service.update(models=[self.model], inference_config=self.configure())
            service.wait_for_deployment()
            self.note(SCRIPT, updates=1)
            time.sleep(8)
        found = finish_load(load)
        self.note(SCRIPT, failed=found["failed"], called=found["answers"] + found["failed"])
        service.delete()

    def measure_replicas(self) -> None:
        """The memory that a further replica adds, and the first request after the last one has stopped."""
        service, _ = self.deploy("replicas", self.configure(), self.model, num_replicas=1)
        time.sleep(WARM_SECONDS)
        measured = Service(SCRIPT, self.studio, service)
        held = []
        for count in (2, 3):
            service.update(num_replicas=count)
            self.wait_for_scorers(measured, count)
            self.call(measured, seconds=2)
            held.append(measured.memory("lazuli-warm"))
        self.note(SCRIPT, replica=held[1] - held[0])
        service.delete()
        self.wait_for_scorers(measured, 0)
        scale = {"autoscale_enabled": True, "autoscale_min_replicas": 0, "autoscale_max_replicas": 1}
        service, _ = self.deploy("asleep", self.configure(), self.model, **scale)
        with sqlite3.connect(self.studio.database, timeout=20) as database:
            database.execute(
                f"UPDATE endpoints_revision SET settings = json_set(settings, '$.idleSeconds', {SLEEP_SECONDS})"
            )
        self.wait_for_scorers(measured, 0)
        begun = time.monotonic()
        service.run(BODY)
        self.note(SCRIPT, wake=time.monotonic() - begun)
        service.delete()

    def wait_for_scorers(self, service: Service, count: int) -> None:
        until = time.monotonic() + 120
        while len(service.scorers()) != count:
            if time.monotonic() > until:
                sys.exit(f"There are {len(service.scorers())} scoring servers instead of {count}.")
            time.sleep(0.2)

    def value(self, name: str, key: str) -> float | None:
        values = self.found.get(name, {}).get(key)
        return statistics.median(values) if values else None


def read_words(process: psutil.Process) -> set[str]:
    """Its name and the words of its command; none if it has ended meanwhile. One that was forked from a warm parent has
    that one's command, and a name of its own."""
    try:
        name = process.name()
        return {name, *(process.cmdline() if not name.startswith("lazuli-") else [])}
    except psutil.NoSuchProcess:
        return set()


def start_load(task: dict) -> subprocess.Popen:
    command = [sys.executable, str(ROOT / "bench" / "serving_load.py"), json.dumps(task)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finish_load(load: subprocess.Popen) -> dict:
    text, _ = load.communicate()
    return json.loads(text)


MEASUREMENTS = {
    "deployments": Sitting.measure_deployments,
    "side-by-side": Sitting.measure_side_by_side,
    "update": Sitting.measure_update,
    "replicas": Sitting.measure_replicas,
}


def sit(args: argparse.Namespace, folder: pathlib.Path) -> Sitting:
    serving_peers.prepare(folder)
    sitting = Sitting(QUICK if args.quick else FULL, folder)
    try:
        sitting.open_workspace()
        for name in args.only or MEASUREMENTS:
            MEASUREMENTS[name](sitting)
    finally:
        servers: list[Server] = [*sitting.peers, sitting.studio]
        for server in servers:
            server.end()
    return sitting


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="short measurements, one round")
    parser.add_argument("--only", nargs="*", choices=list(MEASUREMENTS), help="these alone, without writing the page")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Arithmetic of one thread in every server, and no warnings about what a deployment ignores.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    warnings.simplefilter("ignore")
    load, versions = os.getloadavg()[0], serving_peers.install()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lazuli-bench-"))
    try:
        sitting = sit(args, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    machine = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    loads = f"load {load:.0f} before the start and {os.getloadavg()[0]:.0f} at the end"
    size = "; short measurements (`--quick`), one round" if args.quick else ""
    text = serving_page.write(sitting, f"{machine}, {loads}{size}", versions)
    print(text)
    if not args.only:
        (ROOT / "docs" / "serving_speed.md").write_text(text)


if __name__ == "__main__":
    main()
