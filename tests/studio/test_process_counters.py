"""What processes count is added up over all of them, and nothing is lost when one ends."""

import json
import os
import subprocess
import sys

import pytest
from django.test import Client

from operations import metrics
from studio import process_counters


@pytest.fixture
def folder(settings, tmp_path, monkeypatch):
    """Counters without those of other tests."""
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(process_counters, "_slow", {})
    monkeypatch.setattr(process_counters, "_counts", process_counters.make_counts())
    monkeypatch.setattr(process_counters, "_times", process_counters.make_times())
    return tmp_path / "counters"


def test_counts_of_a_process_that_ended_stay(folder):
    process_counters.count("points", number=3)
    process_counters.observe("seconds", 0.2, "/a")
    process_counters.note_statement("SELECT 1", 0.7)
    process_counters.note_statement("SELECT 2", 0.1)
    process_counters.store()
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    other = {"counts": [["points", [], 4]], "times": [["seconds", ["/a"], [0, 1] + [0] * 8 + [0.002]]], "slow": {}}
    (folder / f"{ended.stdout.strip()}-5.json").write_text(json.dumps(other))
    for _ in range(2):
        counts, times, slow = process_counters.read_all()
        assert counts["points"][()] == 7 and sum(times["seconds"]["/a",][:-1]) == 2
        assert slow.keys() == {"SELECT 1"} and slow["SELECT 1"][:2] == [1, 0.7]
    assert sorted(path.name.partition("-")[0] for path in folder.glob("*.json")) == [str(os.getpid()), "ended.json"]


def test_there_are_at_most_so_many_series(folder, monkeypatch):
    monkeypatch.setattr(process_counters, "MAX_SERIES", 2)
    for name in "abcd":
        process_counters.count("requests", name, "200")
    process_counters.store()
    assert set(process_counters.read_all()[0]["requests"]) == {("a", "200"), ("b", "200"), ("others", "others")}


def test_requests_and_queries_are_in_the_metrics_and_a_full_disk_does_not_matter(folder, db, monkeypatch):
    monkeypatch.setattr(process_counters, "PAUSE_SECONDS", 0)
    assert Client().get("/signin/").status_code == 200
    lines = "".join(metrics.write_metrics())
    assert 'lazuli_http_requests_total{route="/signin/",method="GET",code="200"} 1.0' in lines
    assert 'lazuli_http_request_duration_seconds_count{route="/signin/"} 1.0' in lines
    assert 'lazuli_http_request_duration_seconds_bucket{route="/signin/",le="+Inf"} 1.0' in lines
    assert "# TYPE lazuli_db_query_duration_seconds histogram" in lines
    assert "lazuli_run_start_delay_seconds_count 0.0" in lines

    def fail():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(process_counters, "store", fail)
    assert Client().get("/signin/").status_code == 200
