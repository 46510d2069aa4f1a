"""The view of a run as HTML and as text, without a server."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest
from azureml.widgets import _page, run_details
from azureml.widgets._state import Child, Series, State, _error_text, _finite_numbers


def state(**changes):
    values = {
        "run_id": "iris_1",
        "display_name": "<b>sly</b>",
        "status": "Running",
        "portal_url": "http://studio/runs/1?a=1&b=2",
        "created": None,
        "started": "2026-01-02T03:04:05.678Z",
        "ended": None,
        "duration": 61.5,
        "target": "cpu-cluster",
        "error": "",
        "tags": {},
        "children": [],
        "more_children": False,
        "properties": {},
        "series": [
            Series("loss", [3.0, 2.0, 1.0]),
            Series("one", [0.5]),
            Series("flat", [1.0, 1.0]),
            Series("none", []),
        ],
        "log_name": "user_logs/std_log.txt",
        "log": "epoch 1 <ok>",
    }
    return State(**dict(values, **changes))


def test_page_is_whole_and_escaped():
    html = _page.render_html(state())
    tree = ElementTree.fromstring(html)
    text = " ".join(tree.itertext())
    assert "<b>sly</b>" in text and "epoch 1 <ok>" in text and "1 min 1 s" in text
    assert tree.find(".//a").attrib["href"] == "http://studio/runs/1?a=1&b=2"
    assert tree.find(".//a").text == "View run details"
    assert len(tree.findall(".//svg")) == 3
    assert "script" not in html


def test_a_view_that_was_live_says_of_when_it_is():
    assert "As of 20" in _page.render_html(state()) and "run the cell again" in _page.render_html(state())
    assert "As of" not in _page.render_html(state(status="Completed"))


def test_child_runs_are_listed_with_their_state():
    child = Child("c1", "<i>fold</i>", "Completed", "http://studio/runs/c1", None, None, None)
    plain = child._replace(display_name="other", status="Failed", portal_url=None)
    tree = ElementTree.fromstring(_page.render_html(state(children=[child, plain], more_children=True)))
    assert ["".join(item.itertext()) for item in tree.findall(".//li")] == ["<i>fold</i> Completed", "other Failed"]
    assert tree.find(".//li/a").attrib["href"] == "http://studio/runs/c1"
    assert "The 2 newest child runs" in "".join(tree.itertext())
    assert "Child run other: Failed" in _page.render_text(state(children=[plain]))


def test_nothing_to_show_is_no_error():
    empty = state(series=[], log="", log_name="", started=None, duration=None, target=None, portal_url=None)
    assert ElementTree.fromstring(_page.render_html(empty)).findall(".//svg") == []


def test_many_points_keep_their_peaks():
    values = [0.0] * 100_000
    values[77_777] = 9.0
    points = _page._downsample(values)
    assert len(points) <= _page.MAX_POINTS and max(y for _, y in points) == 9.0
    assert [x for x, _ in points] == sorted(x for x, _ in points)


def test_a_curve_stays_inside_its_frame():
    points = _page._scale_points(_page._downsample([float(x % 7) for x in range(1000)]))
    assert all(0 <= x <= _page.WIDTH and 0 <= y <= _page.HEIGHT for x, y in points)


def test_what_cannot_be_drawn_is_left_out():
    assert _finite_numbers([1, "NaN", float("nan"), float("inf"), None, 2.5, "text"]) == [1.0, 2.5]


def test_text_names_status_metrics_and_address():
    assert _page.render_text(state(error="It broke.")).splitlines() == [
        "RunId: iris_1",
        "Status: Running",
        "loss: 1",
        "one: 0.5",
        "flat: 1",
        "Error: It broke.",
        "Web View: http://studio/runs/1?a=1&b=2",
    ]


@pytest.mark.parametrize(
    ("error", "text"),
    [(None, ""), ("plain", "plain"), ({"message": "m"}, "m"), ({"error": {"message": "inner"}}, "inner"), ({}, "")],
)
def test_errors_in_any_shape(error, text):
    assert _error_text(error) == text


class FakeRun:
    id = "iris_1"


def follow(monkeypatch, *states):
    """What is drawn while the run goes through these states."""
    left, drawn = list(states), []

    def fetch(run):
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(run_details._state, "fetch_state", fetch)
    run_details._update_until_ended(FakeRun(), drawn.append, sleep=lambda seconds: None)
    return drawn


def test_following_ends_with_the_run_and_draws_only_changes(monkeypatch):
    drawn = follow(monkeypatch, state(), state(), state(log="more"), state(status="Completed"))
    assert len(drawn) == 3 and "Completed" in drawn[-1]


def test_a_lost_server_ends_the_view_with_a_message(monkeypatch):
    from lazuli.errors import Unreachable

    drawn = follow(monkeypatch, state(), Unreachable("http://studio does not answer"))
    assert "The view of run iris_1 was stopped: http://studio does not answer" in drawn[-1]


def test_outside_a_notebook_text_is_printed(monkeypatch, capsys):
    monkeypatch.setattr(run_details._state, "fetch_state", lambda run: state())
    run_details.RunDetails(FakeRun()).show()
    assert capsys.readouterr().out.startswith("RunId: iris_1\nStatus: Running\n")


def test_another_way_to_display_can_be_given(monkeypatch):
    monkeypatch.setattr(run_details._state, "fetch_state", lambda run: state())
    shown = []
    run_details.RunDetails(FakeRun()).show(render_lib=shown.append)
    assert "View run details" in shown[0]


def test_widget_data(monkeypatch):
    monkeypatch.setattr(run_details._state, "fetch_state", lambda run: state())
    data = run_details.RunDetails(FakeRun()).get_widget_data({"debug": True})
    assert data["status"] == "Running" and data["widget_settings"] == {"debug": True}
    assert data["run_metrics"][0] == {"name": "loss", "data": [3.0, 2.0, 1.0]}
