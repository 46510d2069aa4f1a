"""What callers notice while a service under load is updated, loses a replica, and sleeps: on a real studio."""

import collections
import http.client
import itertools
import os
import signal
import sys
import threading
import time
from urllib.parse import urlsplit

import psutil
import pytest
from azureml.core import Environment, Model, Workspace
from azureml.core.model import InferenceConfig
from azureml.core.webservice import AksWebservice

from tests.up.running import Studio

pytestmark = [pytest.mark.faults, pytest.mark.timeout(280)]
RATE, SENDERS = 200, 8
SCORE = "def init(): pass\ndef run(data): return VERSION\n"


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    studio = Studio(tmp_path_factory.mktemp("studio")).with_tables()
    studio.start()
    yield studio
    studio.end()


@pytest.fixture(scope="module")
def ws(studio):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAZULI_URL", studio.url)
        patch.setenv("LAZULI_TOKEN", studio.manage("token", "stack"))
        yield Workspace.from_config(str(studio.data / "config.json"))


@pytest.fixture
def deploy(ws, tmp_path):
    environment = Environment("present-python")
    environment.python.user_managed_dependencies = True
    environment.python.interpreter_path = sys.executable

    def config(version):
        (tmp_path / "score.py").write_text(f"VERSION = {version}\n{SCORE}")
        return InferenceConfig("score.py", source_directory=str(tmp_path), environment=environment)

    def deploy(**scale):
        settings = AksWebservice.deploy_configuration(**scale)
        service = Model.deploy(ws, "svc", [], config(1), settings, overwrite=True)
        service.wait_for_deployment()
        return service

    deploy.config = config
    return deploy


class Load:
    """So many requests a second on kept connections; what came of each, by the second at the start."""

    def __init__(self, service, rate=RATE):
        self.uri, self.key, self.pause = urlsplit(service.scoring_uri), service.get_keys()[0], SENDERS / rate
        self.answers: list[tuple[float, object]] = []
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self.send, daemon=True) for _ in range(SENDERS)]

    def send(self):
        connection, began = None, time.monotonic()
        for number in itertools.count(1):
            sent = time.monotonic()
            try:
                connection = connection or http.client.HTTPConnection(self.uri.hostname, self.uri.port, timeout=70)
                connection.request("POST", self.uri.path, b"1", {"Authorization": f"Bearer {self.key}"})
                answer = connection.getresponse()
                self.answers.append((sent, (answer.status, answer.read())))
            except (OSError, http.client.HTTPException) as error:
                self.answers.append((sent, type(error).__name__))
                connection = None
            if self.ended.wait(max(0.0, began + number * self.pause - time.monotonic())):
                return

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exception):
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def count(self) -> collections.Counter:
        return collections.Counter(what for _, what in self.answers)


def find_scorers(studio) -> list[psutil.Process]:
    present = psutil.Process(studio.process.pid).children(recursive=True)
    return [process for process in present if {"lazuli.scoring", "--unix"} <= set(process.cmdline())]


def test_an_update_under_load_fails_no_request(deploy, capsys):
    service = deploy(num_replicas=2)
    with Load(service) as load:
        time.sleep(2)
        for version in (2, 3):
            service.update(models=[], inference_config=deploy.config(version))
            service.wait_for_deployment()
            time.sleep(8)
    counted = load.count()
    with capsys.disabled():
        print(f"\n{len(load.answers)} requests during two updates: {dict(counted)}")
    assert set(counted) == {(200, b"1"), (200, b"2"), (200, b"3")}


def test_of_two_replicas_one_may_be_killed_and_only_what_it_worked_on_fails(deploy, studio, capsys):
    service = deploy(num_replicas=2)
    with Load(service) as load:
        time.sleep(2)
        killed_at = time.monotonic()
        os.kill(find_scorers(studio)[0].pid, signal.SIGKILL)
        time.sleep(8)
    failed = [sent - killed_at for sent, what in load.answers if what != (200, b"1")]
    with capsys.disabled():
        print(f"\n{dict(load.count())}; what failed was sent so many seconds after: {failed}")
    # A turn each, and what was on its way to it.
    assert len(failed) <= 2
    service.update_deployment_state()
    assert service.state == "Healthy"


def test_without_a_replica_the_first_request_waits_for_one(deploy, studio, capsys):
    service = deploy(autoscale_min_replicas=0, autoscale_max_replicas=1)
    os.kill(find_scorers(studio)[0].pid, signal.SIGKILL)
    began = time.monotonic()
    assert service.run("1") == 1
    with capsys.disabled():
        print(f"\nthe only replica killed: the next request waited {time.monotonic() - began:.2f} s")
