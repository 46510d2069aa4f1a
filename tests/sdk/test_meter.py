"""What an agent measures: the machine, and the processes of each job."""

import subprocess
import sys
import time

import pytest
from lazuli import processes
from lazuli.agent import gpu_meter
from lazuli.agent.meter import MAX_WAITING, Meter, is_due

# Works in a process of its own, which ends, and holds 50 MB until it may end.
SCRIPT = """
import subprocess, sys
subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"])
held = bytearray(50_000_000)
print("ready", flush=True)
input()
"""
linux = pytest.mark.skipif(not processes.IS_LINUX, reason="trees are read from /proc")


@pytest.fixture
def job():
    with subprocess.Popen([sys.executable, "-c", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert started.stdout.readline() == b"ready\n"
        yield started
        started.communicate(b"\n")


@linux
def test_the_tree_of_a_process_counts_what_has_ended(job):
    tree = processes.read_trees([job.pid, 2**22 + 1])[job.pid]
    assert tree.seconds > 0.02 and 50_000_000 < tree.memory < 500_000_000 and tree.pids == [job.pid]


@linux
def test_a_meter_measures_the_machine_and_its_jobs(job, tmp_path):
    meter = Meter(tmp_path)
    meter.measure({"work-1": [job.pid], "gone": [2**22 + 1]})
    (sample,) = meter.waiting
    assert list(sample["work"]) == ["work-1"] and 0.04 < sample["work"]["work-1"]["memory"] < 0.5
    assert sample["memory"] > 0 and sample["disk"] > 0 and abs(sample["at"] - time.time()) < 5
    assert {"cpu", "read", "written", "received", "sent"} <= sample.keys()


def test_samples_wait_for_half_a_minute_or_for_somebody_who_looks(tmp_path):
    meter = Meter(tmp_path)
    assert not is_due(meter.waiting, True)
    for _ in range(5):
        meter.measure({})
    assert not is_due(meter.waiting, False) and is_due(meter.waiting, True)
    meter.measure({})
    assert is_due(meter.waiting, False)
    meter.waiting = [{}] * MAX_WAITING
    meter.measure({})
    assert len(meter.waiting) == MAX_WAITING


class FakeNvml:
    """Two cards; a process of a job uses the second."""

    class NVMLError(Exception):
        pass

    NVML_TEMPERATURE_GPU = 0

    def __getattr__(self, name):
        return {
            "nvmlDeviceGetComputeRunningProcesses": lambda card: [FakeProcess()] if card else [],
            "nvmlDeviceGetUtilizationRates": lambda card: FakeUse(90 if card else 10),
            "nvmlDeviceGetMemoryInfo": lambda card: FakeMemory(8 * 1024**3 if card else 0),
            "nvmlDeviceGetPowerUsage": lambda card: 100_000,
            "nvmlDeviceGetTemperature": lambda card, sensor: 40 + card,
        }[name]


class FakeProcess:
    pid, usedGpuMemory = 42, 6 * 1024**3


class FakeUse:
    def __init__(self, gpu):
        self.gpu = gpu


class FakeMemory:
    def __init__(self, used):
        self.used = used


def test_a_job_has_the_cards_that_its_processes_use(monkeypatch):
    cards = gpu_meter.Cards()
    monkeypatch.setattr(cards, "_nvml", FakeNvml())
    monkeypatch.setattr(cards, "_handles", [0, 1])
    sample = {"work": {"job": {}, "other": {}}}
    cards.add_to(sample, {"job": [41, 42], "other": [7]})
    assert (sample["gpu"], sample["gpuMemory"], sample["gpuPower"], sample["gpuTemperature"]) == (50.0, 8.0, 200.0, 41)
    assert sample["work"] == {"job": {"gpu": 90.0, "gpuMemory": 6.0}, "other": {}}


def test_without_a_driver_there_are_no_cards():
    sample = {"work": {}}
    cards = gpu_meter.Cards()
    if not cards._handles:
        cards.add_to(sample, {})
        assert sample == {"work": {}}
