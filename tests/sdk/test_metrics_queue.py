import os
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from azureml.exceptions import ServiceException
from lazuli import errors
from lazuli.runs import metrics_queue, metrics_spool
from lazuli.runs.metrics_queue import MetricsQueue, batch_length


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


def test_metrics_are_sent_although_no_notice_can_be_printed(monkeypatch):
    class FullDisk:
        def write(self, text):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(metrics_queue, "_printed_at", -1000.0)
    monkeypatch.setattr("sys.stderr", FullDisk())
    server = Server([ServiceException("full", status_code=507)])
    queue = MetricsQueue(server.send, "run")
    queue.put(metric(1))
    assert queue.flush(10)
    assert server.values == [1]


def test_a_script_waits_for_space_and_loses_nothing(monkeypatch, capsys):
    monkeypatch.setattr(metrics_queue, "_printed_at", -1000.0)
    monkeypatch.setattr(metrics_queue, "MAX_WAITING_VALUES", 10)
    server = Server([errors.Unreachable("no answer")])
    queue = MetricsQueue(server.send, "run")
    highest = 0
    for number in range(60):
        queue.put(metric(number))
        highest = max(highest, queue.pending)
    assert highest <= 11
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


@pytest.fixture
def spooled(tmp_path, monkeypatch):
    """Queues with a file each, and what the files hold."""
    monkeypatch.setenv(metrics_spool.VARIABLE, str(tmp_path))

    def make(server):
        return MetricsQueue(server.send, "run-1", lambda: metrics_spool.open_spool("/runs/run-1"))

    make.unsent = lambda: [metrics_spool.read_spool(path) for path in metrics_spool.list_spools(str(tmp_path))]
    return make


def test_a_file_holds_what_the_server_does_not_have(spooled, monkeypatch, capsys):
    monkeypatch.setattr(metrics_queue, "SPOOLED_PATIENCE", 0.1)
    server = Server()
    queue = spooled(server)
    queue.put(metric(0))
    assert queue.flush(10)
    assert spooled.unsent() == [None]
    server.failures = [errors.Unreachable("no answer")] * 1000
    for number in range(1, 4):
        queue.put(metric(number))
    queue.close(3600)
    assert "3 metric(s) are still waiting for the server; the runner sends them." in capsys.readouterr().err
    (unsent,) = spooled.unsent()
    assert (unsent.address, [row["value"] for row in unsent.metrics]) == ("/runs/run-1", [1, 2, 3])
    server.failures.clear()
    assert queue.flush(20)
    assert server.values == [0, 1, 2, 3] and spooled.unsent() == [None]


def test_a_batch_whose_answer_was_lost_is_sent_again_under_its_id(spooled):
    """The next sender uses the same id."""
    server, arrived = Server(), threading.Event()

    def send(batch_id, metrics):
        server.send(batch_id, metrics)
        arrived.set()
        raise errors.Unreachable("The answer was lost.")

    server_without_answers = Server()
    server_without_answers.send = send
    queue = spooled(server_without_answers)
    queue.put(metric(1))
    assert arrived.wait(10)
    queue.put(metric(2))
    (unsent,) = spooled.unsent()
    for batch_id, batch in unsent.batches(batch_length):
        server.send(batch_id, batch)
    assert server.values == [1, 2]


def test_the_file_stays_small_however_much_goes_through_it(spooled, monkeypatch, tmp_path):
    monkeypatch.setattr(metrics_spool, "MAX_OUTDATED_BYTES", 1000)
    spool = metrics_spool.open_spool("/runs/run-1")
    waiting = []
    for number in range(200):
        waiting.append(metric(number))
        spool.add(waiting[-1])
        if len(waiting) > 3:
            spool.mark_sending("2b1c7a52-4e52-4cb8-9a39-0f4f6b1ad2a4", 1)
            spool.mark_sent(1, waiting[1:])
            del waiting[0]
    assert os.path.getsize(spool.path) < 1500
    assert [row["value"] for row in spooled.unsent()[0].metrics] == [197, 198, 199]


def test_a_line_that_was_cut_off_is_left_out(spooled):
    spool = metrics_spool.open_spool("/runs/run-1")
    spool.add(metric(1))
    with open(spool.path, "ab") as file:
        file.write(b'{"name": "lo')
    assert [row["value"] for row in spooled.unsent()[0].metrics] == [1]


@pytest.mark.parametrize(
    "content", [b"[]\n", b"{\n", b'{"address": 1}\n{"sending": "x", "count": 1}\n', b"\xff\n", b"1\n2\n"]
)
def test_a_file_of_something_else_is_named(spooled, tmp_path, content):
    (tmp_path / "own.jsonl").write_bytes(content)
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(metrics_spool.BadSpool, match=r"own\.jsonl cannot be read"):
        spooled.unsent()


def test_a_file_that_cannot_be_written_is_given_up_and_memory_is_used(monkeypatch, capsys):
    def fail():
        raise OSError(28, "No space left on device")

    server = Server()
    queue = MetricsQueue(server.send, "run-1", fail)
    for number in range(3):
        queue.put(metric(number))
    assert queue.flush(10)
    assert server.values == [0, 1, 2]
    assert capsys.readouterr().err.count("metrics wait in memory only") == 1
