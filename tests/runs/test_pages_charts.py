"""Figures are computed on plain data."""

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest

from runs.charts import artifact_charts, colours, figures, metric_cards


def test_what_is_no_number_is_a_gap():
    assert figures.finite_or_none(np.array([1.5, math.nan, math.inf, 1 / 3])) == [1.5, None, None, 1 / 3]


def test_a_time_that_was_logged_keeps_all_its_digits():
    moments = [1_790_000_000.123, 1_790_000_000.456]
    assert figures.finite_or_none(np.array(moments)) == moments


def test_figures_share_nothing_that_one_may_change():
    first = artifact_charts.draw_confusion_matrix({"class_labels": ["a"], "matrix": [[1]]})
    second = artifact_charts.draw_residuals({"bin_edges": [0, 1], "bin_counts": [2]})
    assert first["layout"]["xaxis"]["type"] == "category" and "type" not in second["layout"]["xaxis"]


def views(rows) -> dict:
    return {view["key"]: view["figure"] for view in figures.draw_table(rows)}


def test_a_table_draws_its_columns_of_numbers():
    rows = [{"epoch": 1, "name": "a", "ok": True}, {"epoch": 2, "name": "b", "ok": False}]
    assert [trace["name"] for trace in views(rows)["rows"]["data"]] == ["epoch"]
    assert views(rows[:1]) == {}


def test_two_columns_of_numbers_are_drawn_one_over_the_other():
    rows = [{"angle": 0, "sine": 0.0}, {"angle": 3, "sine": 0.1}, {"angle": 1, "sine": 0.8}]
    over = views(rows)
    assert list(over) == ["over angle", "rows"]
    [line] = over["over angle"]["data"]
    assert (line["x"], line["y"]) == ([0, 3, 1], [0.0, 0.1, 0.8])


def test_a_table_is_drawn_over_each_column_that_only_rises():
    rows = [{"epoch": n, "loss": 1 / (n + 1), "lr": 0.1, "seen": n * 100} for n in range(3)]
    assert list(views(rows)) == ["over epoch", "over seen", "rows"]
    assert [trace["name"] for trace in views(rows)["over epoch"]["data"]] == ["loss", "lr", "seen"]


def test_names_are_read_as_they_stand():
    rows = [{"<b>": n, "y": n} for n in range(2)]
    assert views(rows)["over <b>"]["layout"]["xaxis"]["title"]["text"] == "&lt;b&gt;"
    matrix = artifact_charts.draw_confusion_matrix({"class_labels": ["<=50K", ">50K"], "matrix": [[1, 2], [3, 4]]})
    assert matrix["data"][0]["x"] == ["&lt;=50K", "&gt;50K"]


def test_many_classes_get_more_space():
    def spacing(count: int) -> tuple:
        labels, matrix = list(range(count)), [[1] * count] * count
        drawn = artifact_charts.draw_confusion_matrix({"class_labels": labels, "matrix": matrix})
        return figures.is_crowded(drawn), figures.is_very_large(drawn), drawn["data"][0]["showscale"]

    assert [spacing(2), spacing(10), spacing(40)] == [
        (False, False, False),
        (True, False, False),
        (True, True, True),
    ]


def test_roc_goes_from_corner_to_corner():
    curve = artifact_charts.draw_roc(ACCURACY)["data"][0]
    assert (curve["x"][0], curve["y"][0], curve["x"][-1], curve["y"][-1]) == (0, 0, 1, 1)


ACCURACY = {
    "class_labels": ["yes"],
    "probability_thresholds": [0, 0.5, 1],
    "probability_tables": [[[4, 6, 0, 0], [3, 1, 5, 1], [0, 0, 6, 4]]],
}


def points(figure) -> list[tuple]:
    return list(zip(figure["data"][0]["x"], figure["data"][0]["y"], strict=True))


def test_precision_is_not_drawn_where_nothing_is_said_to_be_positive():
    assert points(artifact_charts.draw_precision_recall(ACCURACY)) == [(0.75, 0.75), (1, 0.4)]


def test_calibration_is_the_share_of_positives_between_thresholds():
    assert points(artifact_charts.draw_calibration(ACCURACY)) == [(0.25, 1 / 6), (0.75, 0.75)]


def test_gain_and_lift_are_of_the_most_probable_cases():
    assert points(artifact_charts.draw_gain(ACCURACY)) == [(0, 0), (0.4, 0.75), (1, 1)]
    assert points(artifact_charts.draw_lift(ACCURACY)) == [(0.4, 0.75 / 0.4), (1, 1)]


def test_averages_of_the_classes_count_cases_classes_or_positives_alike():
    rare = [[1, 9, 0, 0], [1, 4, 5, 0], [0, 0, 9, 1]]
    two = {**ACCURACY, "class_labels": ["no", "yes"], "probability_tables": [*ACCURACY["probability_tables"], rare]}
    curves = {trace["name"]: trace for trace in artifact_charts.draw_roc(two)["data"]}
    middle = {name: (curve["x"][1], curve["y"][1]) for name, curve in curves.items() if len(curve["x"]) == 3}
    assert middle["no"] == (1 / 6, 3 / 4) and middle["yes"] == (4 / 9, 1)
    assert middle["Micro average"] == (5 / 15, 4 / 5)
    assert middle["Macro average"] == pytest.approx(((1 / 6 + 4 / 9) / 2, 7 / 8))
    assert middle["Weighted average"] == pytest.approx(((4 / 6 + 4 / 9) / 5, (3 + 1) / 5))


def test_a_confusion_matrix_is_counts_or_shares_of_its_rows():
    data = {"class_labels": ["a", "b"], "matrix": [[3, 1], [0, 0]]}
    raw, normalised = artifact_charts.draw_artifact("confusion_matrix", {"data": data})
    assert raw["figure"]["data"][0]["z"] == [[3, 1], [0, 0]]
    assert normalised["figure"]["data"][0]["z"] == [[0.75, 0.25], [0, 0]]
    assert normalised["figure"]["data"][0]["text"][0] == ["75.0%", "25.0%"]


def test_predictions_stand_over_the_histogram_of_the_true_values():
    data = {"bin_edges": [0, 1, 2], "bin_averages": [0.4, 1.6], "bin_errors": [0.1, 0.2], "bin_counts": [5, 10]}
    [cases, mean, ideal] = artifact_charts.draw_predictions(data)["data"]
    assert (cases["y"], cases["yaxis"], mean["x"], ideal["y"]) == ([5, 10], "y2", [0.5, 1.5], [0, 2])


@pytest.mark.parametrize(
    ("content", "lacks"),
    [
        ([], "data"),
        ({"data": {}}, "class_labels"),
        ({"data": {"class_labels": 5, "matrix": []}}, "another shape"),
        ({"data": {"class_labels": ["a", "b"], "matrix": [[1, 2]]}}, "not 2 by 2"),
    ],
)
def test_a_wrong_artifact_says_what_it_lacks(content, lacks):
    with pytest.raises(ValueError, match=lacks):
        artifact_charts.draw_artifact("confusion_matrix", content)


@pytest.mark.parametrize(("palette", "card"), [(colours.LIGHT, "#ffffff"), (colours.DARK, "#22252a")])
def test_lines_can_be_seen_on_their_card(palette, card):
    assert [colour for colour in palette if contrast(colour, card) < 3] == []


# Machado, Oliveira and Fernandes (2009): what eyes see that lack one kind of cone, of linear light.
EYES = {
    "all cones": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "no green": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "no red": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
}
TO_XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]


def lab_of(colour: str, eye: str) -> np.ndarray:
    parts = np.array([int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    xyz = np.array(TO_XYZ) @ np.clip(np.array(EYES[eye]) @ linear, 0, 1) / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """CIEDE2000: 1 can just be seen between two areas; lines of 2 px take more than ten times that."""
    middle = np.mean([np.hypot(*one[1:]), np.hypot(*other[1:])])
    scale = np.array([1, 1.5 - 0.5 * np.sqrt(middle**7 / (middle**7 + 25.0**7)), 1])
    (light, *first), (other_light, *second) = one * scale, other * scale
    chroma, other_chroma = np.hypot(*first), np.hypot(*second)
    hue, turn = np.degrees(np.arctan2(*first[::-1])), np.degrees(np.arctan2(*second[::-1]) - np.arctan2(*first[::-1]))
    turn = (turn + 180) % 360 - 180
    mean_light, mean_chroma, mean_hue = (light + other_light) / 2, (chroma + other_chroma) / 2, hue + turn / 2
    waves = zip((-0.17, 0.24, 0.32, -0.20), (1, 2, 3, 4), (-30, 0, 6, -63), strict=True)
    wave = 1 + sum(part * np.cos(np.radians(times * mean_hue + more)) for part, times, more in waves)
    by_light = (other_light - light) / (1 + 0.015 * (mean_light - 50) ** 2 / np.sqrt(20 + (mean_light - 50) ** 2))
    by_chroma = (other_chroma - chroma) / (1 + 0.045 * mean_chroma)
    by_hue = 2 * np.sqrt(chroma * other_chroma) * np.sin(np.radians(turn / 2)) / (1 + 0.015 * mean_chroma * wave)
    blue = np.sin(np.radians(60 * np.exp(-((((mean_hue % 360) - 275) / 25) ** 2))))
    blue *= -2 * np.sqrt(mean_chroma**7 / (mean_chroma**7 + 25.0**7))
    return float(np.sqrt(by_light**2 + by_chroma**2 + by_hue**2 + blue * by_chroma * by_hue))


def test_the_difference_is_that_of_the_published_examples():
    examples = [((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425), ((50, 2.5, 0), (73, 25, -18), 27.1492)]
    for one, other, wanted in examples:
        assert difference(np.array(one), np.array(other)) == pytest.approx(wanted, abs=1e-3)


@pytest.mark.parametrize("palette", [colours.LIGHT, colours.DARK])
@pytest.mark.parametrize(("eye", "min_difference"), [("all cones", 19), ("no green", 13), ("no red", 13)])
def test_any_two_colours_differ_to_every_eye(palette, eye, min_difference):
    found = [lab_of(colour, eye) for colour in palette]
    assert min(difference(one, other) for one, other in itertools.combinations(found, 2)) > min_difference
    assert min(light for light, *_ in found) > 25, "a dark thin line looks black"


def test_a_run_has_one_colour_in_every_list():
    first, second = assign(range(100, 125)), assign(range(110, 160))
    assert {pk: second[pk] for pk in range(110, 125)} == {pk: first[pk] for pk in range(110, 125)}
    # A list in another order, and another page of it.
    assert assign(reversed(range(100, 125))) == first and assign([*range(90, 100), 124])[124] == first[124] == 4


def test_a_few_runs_differ_and_change_as_little_as_they_can():
    own = assign([3, 13, 23, 4, 40])
    assert own == {3: 3, 4: 4, 40: 0, 13: 5, 23: 6} and assign([40, 23, 4, 3, 13]) == own
    assert len(set(assign(range(0, 100, 10)).values())) == 10


def test_a_chosen_colour_is_kept_and_others_avoid_it():
    assert assign([3, 4, 5], {5: 3}) == {5: 3, 4: 4, 3: 5}
    assert assign(range(11), {5: 3})[5] == 3


def test_the_lines_that_stand_out_in_a_chart_have_colours_of_their_own():
    for charts in (
        [[100, 110, 120, 101, 111, 121, 102, 112]],
        [[*range(100, 108)], [100, 110, 120, 130, 140, 105, 106, 107], [*range(110, 118)], [*range(120, 128)]],
    ):
        own = assign(range(100, 150), charts=charts)
        for chart in charts:
            assert len({own[pk] for pk in chart}) == 8
        assert sum(own[pk] != pk % 10 for pk in own) <= 6, "as few as possible change"
    assert own == assign(reversed(range(100, 150)), charts=charts)
    assert assign(range(100, 125), {120: 3}, [[100, 110, 120, 103]])[120] == 3, "a chosen colour is kept"
    # Many charts may leave no solution: the first one counts.
    many = [[*range(100, 108)], *[[100, *range(start, start + 7)] for start in range(101, 143)]]
    assert len({assign(range(100, 150), charts=many)[pk] for pk in many[0]}) == 8


def test_fifty_lines_differ_by_colour_and_dashes_and_keep_them():
    best = [[147, 149]]
    own = assign(range(100, 150))
    dashes = colours.assign_dashes(own, best)
    assert len({(own[pk], dashes[pk]) for pk in own}) == 50
    assert dashes[147] == dashes[149] == "solid", "lines that stand out first"
    assert {colours.SYMBOLS[dash] for dash in dashes.values()} == set(colours.SYMBOLS.values())
    # Neither another order of the list nor a new run changes them.
    assert colours.assign_dashes(dict(reversed(own.items())), best) == dashes
    assert colours.assign_dashes(own | {150: 0}, best) == dashes | {150: "solid"}
    assert set(colours.assign_dashes(assign(range(10))).values()) == {"solid"}


def assign(keys, chosen=None, charts=()) -> dict[int, int]:
    runs = [SimpleNamespace(pk=pk, own_colour=(chosen or {}).get(pk)) for pk in keys]
    return colours.assign_colours(runs, charts)


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_an_address_of_an_artifact_becomes_its_path():
    assert metric_cards.path_of("aml://artifactId/ExperimentRun/dcid.run_1/plots/a.png") == "plots/a.png"
    assert metric_cards.path_of("plots/a.png") == "plots/a.png"


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0.123456789, 1.0, math.nan], [0.12346, 1.0, None]),
        ([1e-7 / 3, 1.0], [3.3333e-08, 1.0]),
        ([1_700_000_000.25, 1_700_000_001.75], [1_700_000_000.25, 1_700_000_001.75]),
        ([0.123456789, 0.123456789], [0.123456789, 0.123456789]),
        ([-1.7e308, 1.7e308], [-1.7e308, 1.7e308]),
        ([], []),
    ],
)
def test_small_charts_have_the_digits_that_tell_values_apart(values, shown):
    assert figures.shorten_values(np.array(values)) == shown
