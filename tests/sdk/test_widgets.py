"""The view of a real run."""

from __future__ import annotations

import pytest
from azureml.core import Experiment
from azureml.widgets import RunDetails, _state


# The metrics are sent by a thread of their own, which has to see what this one has stored.
@pytest.mark.django_db(transaction=True)
def test_a_real_run_is_shown(ws, tmp_path, capsys):
    run = Experiment(ws, "shown").start_logging(snapshot_directory=None)
    for loss in (3, 2, 1):
        run.log("loss", loss)
    run.log_list("sizes", [1, 2])
    run.log_row("table", label="x")
    run.flush()
    (tmp_path / "log.txt").write_text("".join(f"line {number}\n" for number in range(5000)))
    run.upload_file("user_logs/std_log.txt", str(tmp_path / "log.txt"))
    child = run.child_run("fold")
    child.complete()
    run.complete()

    state = _state.fetch_state(run)
    assert state.status == "Completed" and state.portal_url
    assert {series.name: series.values for series in state.series} == {"loss": [3, 2, 1], "sizes": [1, 2]}
    assert state.log_name == "user_logs/std_log.txt"
    assert state.log.splitlines()[-1] == "line 4999" and state.log.startswith("line ")
    assert _state.BLOCK_BYTES <= len(state.log) <= 2 * _state.BLOCK_BYTES

    capsys.readouterr()
    RunDetails(run).show()
    said = capsys.readouterr().out
    assert f"RunId: {run.id}" in said and "Status: Completed" in said and "loss: 1" in said
    data = RunDetails(run).get_widget_data()
    assert [(item["run_id"], item["status"]) for item in data["child_runs"]] == [(child.id, "Completed")]
    assert data["run_properties"]["status"] == "Completed" and data["run_logs"] == state.log


def test_a_run_that_has_nothing_is_shown(ws):
    run = Experiment(ws, "empty").start_logging(snapshot_directory=None)
    state = _state.fetch_state(run)
    assert (state.series, state.log_name, state.log, state.error) == ([], "", "", "")
    assert state.status == "Running"
