"""What callers notice while a service under load is updated, loses a process, and sleeps: on a real studio."""

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
from azureml.exceptions import WebserviceException

from tests.up.running import Studio

pytestmark = [pytest.mark.faults, pytest.mark.timeout(280)]
RATE, SENDERS = 200, 8
BROKEN = "def init(): raise ValueError('no weights')\ndef run(data): return VERSION\n"
SCORE = "def init(): pass\ndef run(data): return VERSION\n"
# Processes by a word of their command: for how many seconds after a kill requests may fail on connections that were
# open, and on new ones.
KILLED = {
    "lazuli-warm": (0, 0),
    "lazuli.agent.node": (0, 0),
    "lazuli.agent.host": (0, 0),
    "gunicorn": (1, 8),
    "studio.gateway": (8, 8),
}


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

    def config(version, code=SCORE):
        (tmp_path / "score.py").write_text(f"VERSION = {version}\n{code}")
        return InferenceConfig("score.py", source_directory=str(tmp_path), environment=environment)

    def deploy(code=SCORE, **scale):
        settings = AksWebservice.deploy_configuration(**scale)
        service = Model.deploy(ws, "svc", [], config(1, code), settings, overwrite=True)
        service.wait_for_deployment()
        return service

    deploy.config = config
    return deploy


class Load:
    """So many requests a second, on kept connections or each on its own; what came of each, by the second at the start."""

    def __init__(self, service, rate=RATE, keeps=True):
        self.keeps = keeps
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
                if not self.keeps:
                    connection.close()
                    connection = None
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


def stop_replicas(studio):
    """As after a long time without requests."""
    scale = "from endpoints import models, scaling; scaling.scale_revision(models.Endpoint.objects.get().current, 0)"
    studio.manage("shell", "-c", scale)
    assert not psutil.wait_procs(find_scorers(studio), timeout=30)[1]


def find_scorers(studio) -> list[psutil.Process]:
    present = psutil.Process(studio.process.pid).children(recursive=True)
    return [each for each in present if "lazuli-scoring" in words(each) or {"lazuli.scoring", "--unix"} <= words(each)]


def words(process: psutil.Process) -> set[str]:
    """Its name and the words of its command; none if it has ended."""
    try:
        return {process.name(), *process.cmdline()}
    except psutil.Error:
        return set()


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


def test_what_fails_after_the_kill_of_each_process(deploy, studio, capsys):
    service = deploy(num_replicas=2)
    rows, late = [], []
    for word, allowed in KILLED.items():
        with Load(service, 100) as kept, Load(service, 20, keeps=False) as fresh:
            time.sleep(2)
            killed_at = time.monotonic()
            found = [process for process in studio.family() if any(word in each for each in words(process))]
            for process in found:
                process.kill()
            time.sleep(10)
        rows.append([word, len(found), *(describe_failures(load, killed_at) for load in (kept, fresh))])
        with capsys.disabled():
            print(f"\n{rows[-1]}")
        for load, seconds in zip((kept, fresh), allowed, strict=True):
            late += [(word, after) for after in find_failures(load, killed_at) if not seconds or after > seconds]
    assert not late and all(count for _, count, *_ in rows), (late, rows)


def find_failures(load, killed_at) -> list[float]:
    """The seconds between the kill and the start of each request that failed; less than 0 for those in progress."""
    return [sent - killed_at for sent, what in load.answers if what != (200, b"1")]


def describe_failures(load, killed_at):
    failed = find_failures(load, killed_at)
    return f"{len(failed)} of {len(load.answers)} failed" + (f" until {max(failed):.2f} s" if failed else "")


def test_an_init_that_fails_says_so_and_a_new_key_counts_within_five_seconds(deploy, capsys):
    service = deploy(num_replicas=1)
    with Load(service, 50) as load:
        began = time.monotonic()
        service.update(models=[], inference_config=deploy.config(2, BROKEN))
        with pytest.raises(WebserviceException, match="no weights"):
            service.wait_for_deployment()
        failed = time.monotonic() - began
    assert set(load.count()) == {(200, b"1")}
    with Load(service, 50) as load:
        time.sleep(1)
        service.regen_key("Primary")
        changed_at = time.monotonic()
        time.sleep(6)
    late = [sent - changed_at for sent, what in load.answers if what == (200, b"1")]
    with capsys.disabled():
        print(f"\nfailed init {failed:.2f} s; the old key counted for {max(late):.2f} s")
    assert failed < 5 and max(late) < 5


def test_with_a_warm_environment_deployments_and_the_first_request_are_quick(deploy, studio, capsys):
    began = time.monotonic()
    service = deploy(code=f"import pandas\n{SCORE}", autoscale_min_replicas=0, autoscale_max_replicas=2)
    times = {"the first deployment": [time.monotonic() - began], "a warm deployment": [], "a warm wake": []}
    until = time.monotonic() + 30
    while not any("lazuli-warm" in words(process) for process in studio.family()):
        assert time.monotonic() < until
        time.sleep(0.2)
    for version in (2, 3, 4):
        time.sleep(3)
        began = time.monotonic()
        service.update(models=[], inference_config=deploy.config(version, f"import pandas\n{SCORE}"))
        service.wait_for_deployment()
        times["a warm deployment"].append(time.monotonic() - began)
    assert "forked from the warm parent" in service.get_logs()
    for _ in range(3):
        stop_replicas(studio)
        time.sleep(3)
        began = time.monotonic()
        assert service.run("1") == 4
        times["a warm wake"].append(time.monotonic() - began)
    (server,) = find_scorers(studio)
    with capsys.disabled():
        print("".join(f"\n{what}: {', '.join(f'{each:.2f}' for each in found)} s" for what, found in times.items()))
        print(f"the scoring server: {server.memory_full_info().pss / 1e6:.0f} MB (PSS)")
    # On an idle machine half a second; others may use this one.
    assert min(times["a warm deployment"]) < 5 and min(times["a warm wake"]) < 5
    assert server.memory_full_info().pss < 35e6
