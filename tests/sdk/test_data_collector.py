"""`ModelDataCollector` in an entry script, as the process that watches it reads it."""

import json
import os
import sys

import pandas
import pytest
from azureml.ai.monitoring import Collector
from azureml.ai.monitoring.context import BasicCorrelationContext
from azureml.monitoring import ModelDataCollector
from lazuli.scoring import telemetry


@pytest.fixture
def read(monkeypatch, tmp_path):
    """The records that were written since the last call."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    monkeypatch.setattr(telemetry, "RUNNING", [])
    switch = tmp_path / "collect-data"
    switch.touch()
    telemetry.Telemetry(writing, str(switch)).begin("r1")
    try:
        yield lambda: [json.loads(line)["collected"] for line in os.read(reading, 1_000_000).splitlines()]
    finally:
        os.close(reading)
        os.close(writing)


def test_rows_of_every_kind_are_collected(read):
    frame = pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    for data, names, columns, rows in [
        ([[1, 2.5], [3, None]], ["a", "b"], ["a", "b"], [[1, 2.5], [3, None]]),
        (frame, None, ["a", "b"], [[1, "x"], [2, "y"]]),
        (frame["a"].to_numpy(), None, ["0", "1"], [[1, 2]]),
        ({"a": 1, "b": 2}, None, ["a", "b"], [[1, 2]]),
        (7, ["a"], ["a"], [[7]]),
        ([b"z"], ["a"], ["a"], [["b'z'"]]),
    ]:
        ModelDataCollector("mod", "inputs", names).collect(data)
        [found] = read()
        assert (found["columns"], found["rows"]) == (columns, rows)
    assert (found["model"], found["version"], found["designation"], found["requestId"]) == (
        "mod",
        "default",
        "inputs",
        "r1",
    )
    with pytest.raises(ValueError, match="2 values, but there are 1 feature_names"):
        ModelDataCollector("mod", feature_names=["a"]).collect([1, 2])
    assert ModelDataCollector("mod", identifier="RawInput").designation == "RawInput"


def test_too_many_or_too_large_rows_are_left_out_with_a_message(read, capsys, monkeypatch):
    monkeypatch.setattr(telemetry.time, "monotonic", lambda: 100.0)
    monkeypatch.setattr(telemetry, "COLLECTED_PER_SECOND", 3)
    collector = ModelDataCollector("mod")
    collector.collect(["x" * 70_000])
    for _ in range(9):
        collector.collect([1])
    assert len(read()) == 2


def test_nothing_is_written_without_a_service_or_while_it_does_not_collect(read, monkeypatch, tmp_path):
    collector = ModelDataCollector("mod", feature_names=["a"])
    (tmp_path / "collect-data").unlink()
    collector.collect([1])
    (tmp_path / "collect-data").touch()
    with monkeypatch.context() as changed:
        changed.setattr(telemetry, "RUNNING", [])
        # Rows that would be refused are not even read.
        collector.collect([1, 2, 3])
        Collector(name="model_inputs").collect(pandas.DataFrame({"a": [1]}))
    with pytest.raises(BlockingIOError):
        read()
    collector.collect([1])
    assert len(read()) == 1


def test_the_collector_of_v2_joins_inputs_and_outputs(read, monkeypatch):
    monkeypatch.setenv("AZUREML_MODEL_DIR", "/w/azureml-models/iris/3")
    frame, errors = pandas.DataFrame({"a": [1]}), []
    context = Collector(name="model_inputs").collect(frame)
    Collector(name="model_outputs", on_error=errors.append).collect(frame, context)
    Collector(name="model_outputs", on_error=errors.append).collect([1], BasicCorrelationContext("x"))
    first, second = read()
    assert (first["model"], first["version"], first["designation"], first["rows"]) == (
        "iris",
        "3",
        "model_inputs",
        [[1]],
    )
    assert first["correlationId"] == second["correlationId"] == "r1" and "takes a data frame" in str(errors[0])
    with pytest.raises(TypeError, match="not list"):
        Collector(name="model_inputs").collect([1])
