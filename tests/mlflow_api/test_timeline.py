"""The stages of a run that MLflow's client made, in an order that can be, whatever its clock says."""

import time

import pytest

from runs.models import Run
from runs.pages.run.overview import build_timeline

HOUR = 3_600_000


@pytest.mark.parametrize("skew", [-365 * 24 * HOUR, -HOUR, -2_000, -1, 0, 1, 5_000, HOUR])
@pytest.mark.parametrize("end_skew", [None, -2 * HOUR, 0, HOUR])
def test_stages_are_in_order_and_none_is_there_twice(tracking, skew, end_skew):
    now = int(time.time() * 1000)
    run_id = tracking.new_run(start_time=now + skew)
    end = {} if end_skew is None else {"end_time": now + skew + end_skew}
    assert tracking.post("runs/update", run_id=run_id, status="FINISHED", **end)["run_info"]["status"] == "FINISHED"
    stages = build_timeline(Run.objects.get(run_id=run_id))
    assert [stage.status for stage in stages] == ["NotStarted", "Running", "Completed"]
    times = [stage.at for stage in stages]
    assert times == sorted(times)
    assert times[-1].timestamp() <= time.time()


def test_an_imported_run_lasts_as_long_as_it_did(tracking):
    run_id = tracking.new_run(start_time=1_600_000_000_000)
    tracking.post("runs/update", run_id=run_id, status="FAILED", end_time=1_600_000_060_000)
    _, running, failed = build_timeline(Run.objects.get(run_id=run_id))
    assert (running.until - running.at).total_seconds() == 60
    assert failed.status == "Failed"


def test_a_run_that_goes_on_after_its_end_runs_twice(tracking):
    run_id = tracking.new_run()
    for status in ("FINISHED", "RUNNING", "FAILED"):
        tracking.post("runs/update", run_id=run_id, status=status)
    stages = [stage.status for stage in build_timeline(Run.objects.get(run_id=run_id))]
    assert stages == ["NotStarted", "Running", "Completed", "Running", "Failed"]


def test_an_ended_run_takes_what_a_client_adds_to_it_as_with_mlflows_own_server(tracking):
    run_id = tracking.new_run()
    ended = tracking.post("runs/update", run_id=run_id, status="FINISHED", end_time=2000)["run_info"]
    point = {"key": "late", "value": 1.0, "timestamp": 3000, "step": 0}
    for route, body in (
        ("log-metric", point),
        ("log-parameter", {"key": "p", "value": "v"}),
        ("log-batch", {"metrics": [point | {"step": 1}], "params": [{"key": "q", "value": "w"}]}),
        ("set-tag", {"key": "t", "value": "u"}),
    ):
        assert tracking.post(f"runs/{route}", run_id=run_id, **body) == {}
    found = tracking.run(run_id)
    assert len(tracking.get("metrics/get-history", run_id=run_id, metric_key="late")["metrics"]) == 2
    assert {item["key"] for item in found["data"]["params"]} == {"p", "q"}
    assert (found["info"]["status"], found["info"]["end_time"]) == ("FINISHED", ended["end_time"])


def test_a_run_of_which_the_client_knows_no_user_says_so(tracking):
    for given, answered in (({}, "unknown"), ({"user_id": "unknown"}, "unknown"), ({"user_id": "alice"}, "alice")):
        run_id = tracking.new_run(**given)
        assert tracking.run(run_id)["info"]["user_id"] == answered
        assert tracking.post("runs/update", run_id=run_id, status="FINISHED")["run_info"]["user_id"] == answered
        assert ("mlflow.user" in {tag["key"] for tag in tracking.run(run_id)["data"]["tags"]}) is (
            "alice" in given.values()
        )
