import os
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from azureml.exceptions import ServiceException
from lazuli import errors
from lazuli.runs import metrics_queue
from lazuli.runs.metrics_queue import MetricsQueue


class Server:
    """Keeps batches by their id, as the real one does, and fails as often as told."""

    def __init__(self, failures=()):
        self.failures = list(failures)
        self.batches = {}
        self.lock = threading.Lock()

    def send(self, batch_id, metrics):
        with self.lock:
            if self.failures:
                raise self.failures.pop(0)
            if any(metric["name"] == "bad" for metric in metrics):
                raise errors.Refused("No such kind.", status_code=400)
            self.batches.setdefault(batch_id, list(metrics))

    @property
    def values(self):
        return [metric["value"] for batch in self.batches.values() for metric in batch]


def metric(value, name="loss"):
    return {"name": name, "kind": "scalar", "value": value}


def test_order_is_kept_in_few_batches():
    server = Server()
    queue = MetricsQueue(server.send, "run")
    started = time.monotonic()
    for number in range(3000):
        queue.put(metric(number))
    assert queue.flush(20)
    assert server.values == list(range(3000))
    assert len(server.batches) < 40
    assert time.monotonic() - started < 5


def test_a_server_that_comes_back_gets_everything(monkeypatch, capsys):
    monkeypatch.setattr(metrics_queue, "_printed_at", -1000.0)
    down = [errors.Unreachable("no answer"), ServiceException("busy", status_code=503)]
    server = Server(down)
    queue = MetricsQueue(server.send, "run")
    for number in range(5):
        queue.put(metric(number))
    assert queue.flush(10)
    assert server.values == [0, 1, 2, 3, 4]
    assert "does not answer" in capsys.readouterr().err


def test_a_script_waits_for_space_and_loses_nothing(monkeypatch, capsys):
    monkeypatch.setattr(metrics_queue, "_printed_at", -1000.0)
    monkeypatch.setattr(metrics_queue, "MAX_WAITING_VALUES", 10)
    server = Server([errors.Unreachable("no answer")])
    queue = MetricsQueue(server.send, "run")
    most = 0
    for number in range(60):
        queue.put(metric(number))
        most = max(most, queue.pending)
    assert most <= 11
    assert queue.flush(10)
    assert server.values == list(range(60))


def test_only_the_refused_metric_is_lost_and_it_is_reported(capsys):
    server = Server()
    queue = MetricsQueue(server.send, "run-1")
    queue.put(metric(1))
    queue.put(metric(2, "bad"))
    queue.put(metric(3))
    assert queue.flush(10)
    assert server.values == [1, 3]
    assert "refused 1 metric(s) (bad): No such kind." in capsys.readouterr().err


def test_what_could_not_be_sent_is_counted_at_the_end(monkeypatch, capsys):
    server = Server([errors.Unreachable("no answer")] * 1000)
    queue = MetricsQueue(server.send, "run-1")
    queue.put(metric(1))
    queue.put(metric(2))
    queue.close(0.3)
    assert "2 metric(s) were NOT saved" in capsys.readouterr().err
    server.failures.clear()
    assert queue.flush(20)
    assert server.values == [1, 2]


SCRIPT = """
import multiprocessing, os, sys
from lazuli.runs.metrics_queue import MetricsQueue

def send(batch_id, metrics):
    with open(sys.argv[1], "a") as file:
        file.write("".join("%s %s\\n" % (os.getpid() == parent, m["value"]) for m in metrics))

parent = os.getpid()
queue = MetricsQueue(send, "run")

def child():
    queue.put({"name": "a", "value": "child"})

if __name__ == "__main__":
    queue.put({"name": "a", "value": "first"})
    process = multiprocessing.get_context("fork").Process(target=child)
    process.start(); process.join()
    queue.put({"name": "a", "value": "last"})
"""


def test_a_forked_child_sends_its_own_and_nothing_twice(tmp_path):
    script, seen = tmp_path / "script.py", tmp_path / "seen.txt"
    script.write_text(textwrap.dedent(SCRIPT))
    subprocess.run([sys.executable, str(script), str(seen)], check=True, timeout=30, env=dict(os.environ))
    assert sorted(seen.read_text().splitlines()) == ["False child", "True first", "True last"]


@pytest.mark.parametrize("value", ["ten", ""])
def test_a_wrong_patience_is_named(monkeypatch, value):
    monkeypatch.setenv(metrics_queue.EXIT_PATIENCE, value)
    with pytest.raises(Exception, match=metrics_queue.EXIT_PATIENCE):
        metrics_queue.exit_patience()
