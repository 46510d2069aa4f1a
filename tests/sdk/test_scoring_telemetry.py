"""Records of requests: their output, sampled under load, and never waiting for their reader."""

from __future__ import annotations

import json
import os
import sys

import pytest
from lazuli.scoring import telemetry
from lazuli.scoring.messages import Headers, Request
from lazuli.scoring.telemetry import MAX_RECORD, RECORDS_PER_SECOND, Telemetry


@pytest.fixture
def pipe(monkeypatch):
    reading, writing = os.pipe()
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    yield reading, writing
    os.close(reading)
    os.close(writing)


REQUEST = Request("POST", "/score", Headers(), b"")


def test_a_record_has_what_was_printed_as_far_as_it_fits(pipe, capsys):
    records = Telemetry(pipe[1])
    records.begin()
    print("é" * 5000)
    records.record(REQUEST, "r1", 200, 1.23456)
    print("between requests")
    records.begin()
    records.record(REQUEST, "r2", 500, 1)
    lines = os.read(pipe[0], 65_536).splitlines()
    first, second = map(json.loads, lines)
    assert len(lines[0]) < MAX_RECORD and len(first["output"]) > 300 and set(first["output"]) == {"é"}
    assert (first["requestId"], first["status"], first["milliseconds"], first["itemCount"]) == ("r1", 200, 1.235, 1)
    assert (second["output"], second["status"]) == ("", 500)


def test_under_load_a_record_stands_for_those_that_were_left_out(pipe, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(telemetry.time, "monotonic", lambda: now[0])
    records = Telemetry(pipe[1])
    for number in range(RECORDS_PER_SECOND + 7):
        records.record(REQUEST, str(number), 200, 1)
    now[0] = 101.0
    records.record(REQUEST, "next", 200, 1)
    counts = [json.loads(line)["itemCount"] for line in os.read(pipe[0], 65_536).splitlines()]
    assert counts == [1] * RECORDS_PER_SECOND + [8]


def test_a_full_pipe_is_counted_and_not_waited_for(pipe, monkeypatch):
    records = Telemetry(pipe[1])
    monkeypatch.setattr(telemetry, "RECORDS_PER_SECOND", 10_000)
    for number in range(2000):
        records.record(REQUEST, str(number), 200, 1)
    received = os.read(pipe[0], 1_000_000).splitlines()
    records.record(REQUEST, "last", 200, 1)
    last = json.loads(os.read(pipe[0], 65_536))
    assert len(received) < 2000 and last["itemCount"] == 2000 - len(received) + 1


def test_without_a_pipe_nothing_is_recorded_and_output_is_as_it_was():
    before = sys.stdout
    records = Telemetry()
    records.begin()
    records.record(REQUEST, "r", 200, 1)
    assert sys.stdout is before


def test_bodies_and_answers_are_recorded_while_there_is_the_switch(pipe, tmp_path):
    switch = tmp_path / "collect-data"
    records = Telemetry(pipe[1], str(switch))
    sent = Request("POST", "/score", Headers(), b"[1]")
    records.record(sent, "off", 200, 1, b"[2]")
    switch.touch()
    for answer in (b"[2]", b"\xff", b"x" * 20_000):
        records.record(sent, "on", 200, 1, answer)
    found = [json.loads(line) for line in os.read(pipe[0], 1_000_000).splitlines()]
    assert [(one.get("body"), one.get("answer")) for one in found] == [
        (None, None),
        ("[1]", "[2]"),
        ("[1]", None),
        ("[1]", ""),
    ]


def test_a_long_record_is_whole_after_a_full_pipe(pipe, tmp_path):
    (tmp_path / "on").touch()
    records = Telemetry(pipe[1], str(tmp_path / "on"))
    for number in range(10):
        records.record(REQUEST, str(number), 200, 1, b"y" * 15_000)
    received = os.read(pipe[0], 1_000_000)
    records.record(REQUEST, "after", 200, 1)
    lines = [json.loads(line) for line in (received + os.read(pipe[0], 1_000_000)).splitlines()]
    assert [one["requestId"] for one in lines[:-1]] == [str(number) for number in range(len(lines) - 1)]
    assert lines[-1]["requestId"] == "after" and sum(one["itemCount"] for one in lines) == 11 and len(lines) > 3
