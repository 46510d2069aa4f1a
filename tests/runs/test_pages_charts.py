"""Figures are computed on plain data."""

import math

import numpy as np
import pytest

from runs import charts, metric_cards


def test_what_is_no_number_is_a_gap():
    assert charts.numbers(np.array([1.5, math.nan, math.inf, 1 / 3])) == [1.5, None, None, 0.3333333]


def test_a_line_keeps_steps_and_times():
    figure = charts.line("loss", np.array([1, 2]), np.array([1000, 2000]), np.array([0.5, 0.25]))
    assert (
        figure["data"][0]["x"] == [1, 2] and figure["data"][0]["y"] == [0.5, 0.25] and figure["times"] == [1000, 2000]
    )


def test_figures_share_nothing_that_one_may_change():
    first = charts.confusion_matrix({"class_labels": ["a"], "matrix": [[1]]})
    second = charts.residuals({"bin_edges": [0, 1], "bin_counts": [2]})
    assert first["layout"]["xaxis"]["type"] == "category" and "type" not in second["layout"]["xaxis"]


def test_a_table_draws_its_columns_of_numbers():
    rows = [{"epoch": 1, "name": "a", "ok": True}, {"epoch": 2, "name": "b", "ok": False}]
    assert [trace["name"] for trace in charts.table(rows)["data"]] == ["epoch"]
    assert charts.table(rows[:1]) is None


def test_roc_goes_from_corner_to_corner():
    tables = [[[4, 6, 0, 0], [3, 1, 5, 1], [0, 0, 6, 4]]]
    curve = charts.roc({"class_labels": ["yes"], "probability_tables": tables})["data"][0]
    assert (curve["x"][0], curve["y"][0], curve["x"][-1], curve["y"][-1]) == (0, 0, 1, 1)


@pytest.mark.parametrize(
    ("content", "lacks"),
    [([], "data"), ({"data": {}}, "class_labels"), ({"data": {"class_labels": 5, "matrix": []}}, "another shape")],
)
def test_a_wrong_artifact_says_what_it_lacks(content, lacks):
    with pytest.raises(ValueError, match=lacks):
        charts.of_artifact("confusion_matrix", content)


@pytest.mark.parametrize("colours", [charts.LIGHT, charts.DARK])
def test_lines_can_be_seen_on_their_card(colours):
    card = "#ffffff" if colours is charts.LIGHT else "#22252a"
    assert [colour for colour in colours if contrast(colour, card) < 3] == []


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_an_address_of_an_artifact_becomes_its_path():
    assert metric_cards.path_of("aml://artifactId/ExperimentRun/dcid.run_1/plots/a.png") == "plots/a.png"
    assert metric_cards.path_of("plots/a.png") == "plots/a.png"
