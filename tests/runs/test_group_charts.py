"""Charts of a grouped list: the mean of all runs of each group with its band, whatever page they would be on."""

import re

import pytest
from django.urls import reverse

from runs import metrics
from runs.charts import group_charts
from runs.seeding.contents import make_scalars
from tests import factories

# Two groups; of the second, the runs differ.
CURVES = {"svm": [[1.0, 2.0], [1.0, 2.0]], "forest": [[3.0, 5.0], [5.0, 7.0], [7.0, 9.0]]}


@pytest.fixture
def experiment(workspace):
    return factories.make_experiment(workspace, "grouped")


def add_runs(experiment, curves: dict[str, list[list[float]]]) -> None:
    for model, of_model in curves.items():
        for values in of_model:
            run = factories.make_run(experiment.workspace, experiment=experiment)
            metrics.store_batch(run, "", make_scalars("gain", values))
            run.add_parameters({"model": model})


def draw(client, experiment, **query) -> dict:
    """The figure of the metric `gain`, by label the traces that have one."""
    address = reverse("runs:experiment_charts", args=[experiment.workspace.slug, experiment.experiment_id])
    [chart] = client.get(address, {"group": "param-model", "chart": "gain", **query}).json()["charts"]
    return chart["figure"]


def named(figure) -> dict:
    return {trace["name"]: trace for trace in figure["data"] if "name" in trace}


def test_a_group_is_drawn_as_the_mean_of_all_its_runs(as_user, alice, experiment):
    add_runs(experiment, CURVES)
    figure = draw(as_user(alice), experiment, band="std", size=10)
    forest = named(figure)["forest"]
    assert (forest["x"], forest["y"], forest["customdata"]) == ([0, 1], [5, 7], [2, 2])
    low, high = [trace for trace in figure["data"] if trace.get("band") and trace["meta"] == forest["meta"]]
    assert (low["y"], high["y"], high["fill"]) == ([3, 5], [7, 9], "tonexty")
    assert "mean of %{text}" in forest["hovertemplate"] and forest["text"] == ["3 of 3 jobs"] * 2
    colours = {trace["meta"]: trace["colour"] for trace in figure["data"]}
    assert len(set(colours.values())) == len(colours) == 2


def test_the_usual_band_is_where_the_mean_is_with_95_percent_confidence(as_user, alice, experiment):
    add_runs(experiment, CURVES)
    assert named(draw(as_user(alice), experiment))["forest"]["customdata"] == pytest.approx([4.3 * 2 / 3**0.5] * 2)
    assert not any(trace.get("band") for trace in draw(as_user(alice), experiment, band="none")["data"])


def test_groups_that_are_not_on_the_page_are_not_drawn(as_user, alice, experiment):
    add_runs(experiment, {f"model {number:02}": [[number, number + 1.0]] for number in range(12)})
    first, second = (named(draw(as_user(alice), experiment, size=10, page=page)) for page in (1, 2))
    assert (len(first), len(second)) == (10, 2) and not first.keys() & second.keys()


def test_the_groups_that_stand_out_differ_by_colour_and_dashes(as_user, alice, experiment):
    add_runs(experiment, {f"model {number:02}": [[number * 7 % 20, number * 7 % 20 + 1.0]] for number in range(20)})
    lines = draw(as_user(alice), experiment, size=25)["data"]
    bright = [trace for trace in lines if trace["opacity"] == 1]
    assert len({trace["colour"] for trace in bright}) == len(bright) == 8
    assert bright[-1]["y"] == [19, 20]
    # The mark in its row has the colour and the dashes of its line.
    page = as_user(alice).get(experiment.get_absolute_url(), {"group": "param-model", "chart": "gain", "size": 25})
    marks = re.findall(r'id="(group-row-\d+)".*?line-mark line-(\w+) dot-(\d)', page.content.decode(), re.DOTALL)
    looks = {(trace["meta"], trace["line"]["dash"], str(trace["colour"])) for trace in lines if trace["line"]["width"]}
    assert looks == set(marks) and len({look[1:] for look in looks}) == 20


def test_single_values_are_points_with_their_band(as_user, alice, experiment):
    add_runs(experiment, {"svm": [[1.0], [3.0]], "forest": [[4.0]]})
    traces = named(draw(as_user(alice), experiment, band="std"))
    assert traces["svm"]["x"] == [2] and traces["svm"]["error_x"]["array"] == pytest.approx([2**0.5])
    assert traces["forest"]["error_x"]["array"] == [0]


def test_too_many_points_for_curves_still_show_the_means_of_all(as_user, alice, experiment, monkeypatch):
    monkeypatch.setattr(group_charts, "MAX_CURVES", 4)
    add_runs(experiment, CURVES)
    figure = draw(as_user(alice), experiment)
    assert "Last values" in figure["note"] and named(figure)["forest"]["x"] == [7]


def test_a_chart_of_groups_costs_the_same_number_of_statements_for_any_number_of_runs(
    as_user, alice, experiment, django_assert_max_num_queries
):
    add_runs(experiment, CURVES)
    client = as_user(alice)
    draw(client, experiment)
    with django_assert_max_num_queries(16):
        draw(client, experiment)
    add_runs(experiment, CURVES)
    with django_assert_max_num_queries(16):
        draw(client, experiment)


def test_a_chip_says_what_is_grouped_and_takes_it_away(as_user, alice, experiment):
    add_runs(experiment, CURVES)
    page = as_user(alice).get(experiment.get_absolute_url(), {"group": "param-model"}).content.decode()
    assert "Grouped by model" in page
    assert 'aria-label="Remove Grouped by model"' in page


def test_a_change_of_any_run_is_drawn(as_user, alice, experiment):
    add_runs(experiment, CURVES)
    client = as_user(alice)
    before = named(draw(client, experiment))["svm"]["y"]
    metrics.store_batch(experiment.runs.order_by("pk").first(), "more", make_scalars("gain", [7.0]))
    after = named(draw(client, experiment))["svm"]["y"]
    assert (before, len(after)) == ([1, 2], 2) and after[0] != before[0]
