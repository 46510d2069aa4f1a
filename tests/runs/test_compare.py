"""The pages that compare runs, through the front door."""

import csv
import io
import json
import math
import re
import zipfile

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from runs import metrics
from runs.files import artifacts, snapshots
from runs.models import Experiment, Run
from runs.pages.compare import metrics_tab
from runs.seeding.contents import SCRIPT, make_scalars
from runs.seeding.full_run import make_full_run
from tests import factories
from tests.html import html_of
from tests.runs.conftest import kept_runs
from workspaces.models import Workspace

pytestmark = pytest.mark.django_db
TABS = ["details", "metrics", "charts", "scatter", "parallel", "images", "logs", "code"]


@pytest.fixture
def workspace(db, kept_experiment):
    return Workspace.objects.get(pk=kept_experiment.workspace_id)


@pytest.fixture
def alice(db, kept_experiment):
    return User.objects.get(username="alice")


@pytest.fixture
def experiment(db, kept_experiment):
    return Experiment.objects.get(pk=kept_experiment.pk)


@pytest.fixture(scope="module")
def three_runs(kept_experiment):
    experiment, alice = kept_experiment, User.objects.get(username="alice")
    made = [make_full_run(experiment, alice, display_name=f"full {number}") for number in range(2)]
    made.append(factories.make_run(experiment.workspace, experiment=experiment, created_by=alice, display_name="bare"))
    for number, run in enumerate(made):
        metrics.store_batch(run, "", make_scalars("score", [0.5 + number / 10]))
        run.edit(tags={"seed": str(number)})
    return made


@pytest.fixture
def runs(db, three_runs):
    """Two full runs and a bare one."""
    return kept_runs(*three_runs)


def url(runs, **query) -> str:
    ids = ",".join(run if isinstance(run, str) else run.run_id for run in runs)
    more = "".join(f"&{name}={value}" for name, value in query.items())
    return f"{reverse('runs:compare', args=['aml-workspace'])}?runs={ids}{more}"


def page_of(client, runs, **query) -> str:
    answer = client.get(url(runs, **query))
    assert answer.status_code == 200, answer.content[:500]
    return html_of(answer)


@pytest.fixture
def bob_client(as_user, bob):
    """Bob only reads, which is all that comparing takes."""
    return as_user(bob)


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_shows_the_runs(bob_client, runs, tab):
    text = page_of(bob_client, runs, tab=tab) if tab != "details" else page_of(bob_client, runs)
    assert 'aria-current="page">' in text
    assert "full 0" in text and "full 1" in text


@pytest.mark.parametrize("tab", TABS)
def test_bare_runs_have_every_tab_too(bob_client, experiment, tab):
    bare = [factories.make_run(experiment.workspace, experiment=experiment) for _ in range(2)]
    page_of(bob_client, bare, tab=tab) if tab != "details" else page_of(bob_client, bare)


def test_strangers_and_other_workspaces_get_nothing(as_user, bob, mallory, runs):
    stranger = as_user(mallory)
    assert stranger.get(url(runs)).status_code == 404
    elsewhere = factories.make_run(factories.make_workspace())
    text = page_of(as_user(bob), [runs[0], elsewhere, "nothing"])
    assert "2 jobs of this link are not shown" in text and "Choose one more job" in text
    assert elsewhere.display_name not in text


@pytest.mark.parametrize("name", ["compare_curve", "compare_find", "compare_table"])
def test_strangers_get_no_pieces_either(as_user, mallory, runs, name):
    ids = ",".join(run.run_id for run in runs)
    address = reverse(f"runs:{name}", args=["aml-workspace"])
    assert as_user(mallory).get(f"{address}?runs={ids}&name=loss").status_code == 404


def test_a_run_in_the_trash_is_gone(bob_client, runs):
    runs[2].move("Canceled")
    runs[2].delete()
    text = page_of(bob_client, runs, base=runs[2].run_id, hide=runs[2].run_id)
    assert "One job of this link is not shown: it was deleted" in text
    assert f'href="{url(runs[:2]).partition("/compare/")[2]}"' in text and "bare" not in text


def test_a_poll_with_nothing_new_is_cheap(bob_client, runs, django_assert_max_num_queries):
    seen = re.search('data-seen="(.*?)"', page_of(bob_client, runs, tab="metrics"))[1]
    with django_assert_max_num_queries(5):
        assert bob_client.get(url(runs, tab="metrics", seen=seen)).status_code == 204


def test_only_changes_are_sent_to_a_page_that_watches(bob_client, runs):
    def seen():
        return re.search('data-seen="(.*?)"', page_of(bob_client, runs, tab="metrics"))[1]

    assert bob_client.get(url(runs, tab="metrics", seen=seen())).status_code == 204
    before = seen()
    metrics.store_batch(runs[0], "", make_scalars("score", [0.9], start=5))
    answer = bob_client.get(url(runs, tab="metrics", seen=before))
    assert answer.status_code == 200 and "0.9" in answer.content.decode()
    Run.objects.update(status="Completed")
    assert "data-seen" not in page_of(bob_client, runs, tab="metrics")


def test_a_chart_is_sent_again_only_after_a_change(bob_client, runs):
    before = curve(bob_client, runs, "loss").json()["seen"]
    assert curve(bob_client, runs, "loss", seen=before).status_code == 204
    metrics.store_batch(runs[0], "", make_scalars("loss", [0.1], start=900))
    assert curve(bob_client, runs, "loss", seen=before).status_code == 200


def test_one_run_asks_for_another(bob_client, runs):
    text = page_of(bob_client, runs[:1])
    assert "Choose one more job" in text and "Add full 1" in text and "Add full 0" not in text


def test_none_asks_for_some(bob_client, runs):
    assert "Choose jobs to compare" in bob_client.get(reverse("runs:compare", args=["aml-workspace"])).content.decode()


def test_more_than_fifty_is_an_error_that_says_so(bob_client, runs):
    answer = bob_client.get(url([f"r{number}" for number in range(51)]))
    assert answer.status_code == 400 and "51 jobs are selected; 2 to 50 can be compared" in answer.content.decode()


def test_fifty_are_shown(bob_client, experiment):
    many = [factories.make_run(experiment.workspace, experiment=experiment) for _ in range(50)]
    assert page_of(bob_client, many).count('class="compare-run') == 50


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("tab=x", "write one of details, metrics"),
        ("tab=metrics&value=mean", "write one of last, min, max"),
        ("page=x", "write a whole number"),
        ("page=9", "the last page is 1"),
        ("base=x", "not part of the comparison"),
        ("tab=charts&group=x", "write params.NAME"),
        ("tab=images&step=x", "write a whole number"),
        ("tab=logs&side=x", "not part of the comparison"),
        ("tab=code&with=x", "not part of the comparison"),
        ("set=fly:x", "no such change"),
        ("set=direction:left:x", "direction:up:NAME"),
        (f"q={'x' * 1001}", "1001 characters; 1000 are allowed"),
        ("x=nonsense", "write one of step, relative, time"),
        ("tab=charts&smooth=2", "write a number from 0 to 0.99"),
        ("smooth=x&x=y", "smooth=&#x27;x&#x27;: write a number. It is ignored."),
    ],
)
def test_a_wrong_word_says_what_is_allowed_and_is_ignored(bob_client, runs, word, says):
    text = page_of(bob_client, runs, **dict(pair.split("=") for pair in word.split("&")))
    assert says in text and "It is ignored." in text and 'class="tabs"' in text
    name, _, value = word.rpartition("&")[2].partition("=")
    assert f"{name}={value}" not in re.search('data-clean-query="(.*?)"', text)[1]


def test_unknown_parameters_are_named(bob_client, runs):
    found = re.search("Ignored, because.*?</p>", page_of(bob_client, runs, smoth=1))
    assert found and re.findall("<code>(.+?)</code>", found[0]) == ["smoth", "smooth"]
    assert "Ignored, because" not in page_of(bob_client, runs, tab="charts", smooth=0.5)


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("tab=metrics&sort=x", "has a metric of this name"),
        ("tab=charts&show=x", "has a metric of this name"),
        ("tab=scatter&sx=params.x", "none of the runs has this"),
        ("tab=parallel&axis=x", "none of the runs has this"),
        ("tab=images&image=x", "images of this name"),
        ("tab=logs&path=x", "has a log of this name"),
        ("tab=code&path=x", "neither code has this file"),
        ("tab=charts&group=params.x", "none of the runs has this"),
    ],
)
def test_what_no_run_has_any_more_is_reported_and_left_out(bob_client, runs, word, says):
    answer = bob_client.get(f"{url(runs)}&{word}")
    text = answer.content.decode()
    assert answer.status_code == 200 and says in text and "It is not shown." in text
    name, _, value = word.rpartition("&")[2].partition("=")
    address = re.search('data-clean-query="(.*?)"', text)[1]
    assert f'form="compare-form" name="{name}" value="{value}"' not in text and f"{name}={value}" not in address


def test_many_such_words_are_an_error(bob_client, runs):
    axes = "".join(f"&axis=x{number}" for number in range(30))
    assert bob_client.get(f"{url(runs)}&tab=parallel{axes}").status_code == 400


def test_the_ticked_rows_of_a_list_become_an_address(bob_client, runs):
    address = reverse("runs:compare_selected", args=["aml-workspace"])
    answer = bob_client.post(address, {"run": [run.run_id for run in runs], "next": "/x"})
    assert answer.status_code == 302 and answer.url == url(runs)
    assert bob_client.post(address, {"run": runs[0].run_id}).status_code == 400
    assert bob_client.get(address).status_code == 405


def test_a_button_leads_to_the_address_without_it(bob_client, runs):
    answer = bob_client.get(f"{url(runs)}&q=&value=last&set=base:{runs[1].run_id}")
    assert answer.status_code == 302 and answer.url == f"{url(runs)}&base={runs[1].run_id}"


def test_removing_a_run_forgets_all_that_names_it(bob_client, runs):
    one, two, _ = (run.run_id for run in runs)
    answer = bob_client.get(f"{url(runs)}&base={two}&hide={one},{two}&set=remove:{two}")
    assert answer.url == f"{url([runs[0], runs[2]])}&hide={one}"


def test_search_finds_runs_to_add(bob_client, runs):
    address = reverse("runs:compare_find", args=["aml-workspace"])
    text = bob_client.get(f"{address}?runs={runs[0].run_id}&find=bare").content.decode()
    assert "Add bare" in text and "Add full" not in text
    assert "No other jobs match" in bob_client.get(f"{address}?find=nowhere").content.decode()
    piece = bob_client.get(address, headers={"HX-Request": "true", "HX-Target": "compare-found"}).content.decode()
    assert piece.lstrip().startswith("<div id=") and "<html" not in piece


# ---- details


def rows_of(text: str) -> list[str]:
    """The names of the rows of the table, with what the row is marked as."""
    return re.findall(r'<tr( class="differs"[^>]*)?><th scope="row"[^>]*>.*?title="([^"]*)"', text, re.S)


def test_parameters_and_tags_that_differ_are_marked(bob_client, runs):
    marks = {name: bool(mark) for mark, name in rows_of(page_of(bob_client, runs[:2]))}
    assert marks["seed"] and not marks["learning_rate"] and not marks["Created on"]


def test_what_varies_comes_first_and_properties_last(bob_client, runs):
    runs[0].add_parameters({"alpha": "1"})
    runs[1].add_parameters({"alpha": "1", "zeta": "5"})
    names = [name for _, name in rows_of(page_of(bob_client, runs[:2]))]
    assert names.index("zeta") < names.index("alpha") < names.index("seed") < names.index("Run ID")


def test_the_metrics_that_matter_come_before_the_parameters_with_the_best_marked(bob_client, runs):
    page = page_of(bob_client, runs[:2])
    names = [name for _, name in rows_of(page)]
    assert names.index("score") < names.index("learning_rate") and "score" in names[: metrics_tab.FIRST_ROWS]
    [row] = re.findall(r'data-differs="score">(.*?)</tr>', page, re.DOTALL)
    cells = re.findall(r"<td[^>]*>.*?</td>", row, re.DOTALL)
    assert ["is-best" in cell for cell in cells] == [False, True] and "(best)" in cells[1]


def test_values_without_a_position_are_shown_beside_the_plot(bob_client, runs):
    for run, value in zip(runs, (float("inf"), 2.0, float("nan")), strict=True):
        metrics.store_batch(run, "odd", make_scalars("odd", [value]))
    page = page_of(bob_client, runs, tab="scatter", sx="metrics.odd", sy="metrics.score")
    values = page[page.index("<h2>Values</h2>") :]
    assert re.findall(r'title="(∞|NaN)">\1<', values) == ["∞", "NaN"] and "2 jobs without one of these" in page
    # A percentage of a baseline near zero would be endless.
    for run, value in zip(runs[:2], (1e-9, 6e23), strict=True):
        metrics.store_batch(run, "far", make_scalars("far", [value]))
    [row] = re.findall(r'data-differs="far">(.*?)</tr>', page_of(bob_client, runs[:2], tab="metrics"), re.DOTALL)
    assert "+6e+23<" in row and "%" not in row


def test_only_differences(bob_client, runs):
    names = [name for _, name in rows_of(page_of(bob_client, runs[:2], only="1"))]
    assert "seed" in names and "learning_rate" not in names and "model" not in names


def test_search_narrows_rows_by_name_and_value(bob_client, runs):
    assert [name for _, name in rows_of(page_of(bob_client, runs, q="0.01"))] == ["learning_rate"]
    assert "Nothing to show" in page_of(bob_client, runs, q="nowhere")


def test_values_are_escaped(bob_client, runs):
    runs[0].add_parameters({"<b>": "<script>alert(1)</script>" * 9})
    text = page_of(bob_client, runs)
    assert "<script>alert" not in text and "<b>&quot;" not in text and "&lt;script&gt;" in text


def test_long_tables_have_pages(bob_client, runs):
    runs[0].add_parameters({f"p{number:03}": "x" for number in range(150)})
    first, second = page_of(bob_client, runs), page_of(bob_client, runs, page=2)
    assert "Rows 1 to 100 of" in first and "p149" not in first and "p149" in second


# ---- metrics


def cells_of(text: str, name: str) -> list[str]:
    row = re.search(
        rf'<th scope="row"[^>]*><span class="metric-head"><span class="cut" title="{name}".*?</tr>', text, re.S
    )
    return [re.sub(r"<[^>]+>", " ", cell).split() for cell in re.findall(r"<td.*?</td>", row[0])]


def test_best_and_deltas(bob_client, runs):
    cells = cells_of(page_of(bob_client, runs, tab="metrics"), "score")
    assert cells == [["0.5000"], ["0.6000", "+0.1000", "(+20.0%)"], ["0.7000", "(best)", "+0.2000", "(+40.0%)"]]


def test_the_differences_of_a_row_share_their_decimals():
    deltas = metrics_tab._render_deltas([2.0, 1.98, -10.0, math.inf, 2.0], 0, "lower")
    assert [re.sub(r"<[^>]+>", "", delta) for delta in deltas] == ["", "−0.020 (−1.0%)", "−12.00 (−600.0%)", "", "±0"]
    deltas = metrics_tab._render_deltas([2.0, 1.98, 1.5], 0, "lower")
    assert [re.sub(r"<[^>]+>", "", delta) for delta in deltas] == ["", "−0.0200 (−1.0%)", "−0.5000 (−25.0%)"]


def test_another_baseline(bob_client, runs):
    cells = cells_of(page_of(bob_client, runs, tab="metrics", base=runs[2].run_id), "score")
    assert cells[2] == ["0.7000", "(best)"] and cells[0] == ["0.5000", "−0.2000", "(−28.6%)"]


def test_the_other_way_may_be_better(bob_client, runs):
    text = page_of(bob_client, runs, tab="metrics", down="score")
    assert cells_of(text, "score")[0] == ["0.5000", "(best)"]
    assert '<small class="worse">+0.1' in text


def test_each_row_may_show_another_value(bob_client, runs):
    for number, run in enumerate(runs[:2]):
        metrics.store_batch(run, "", make_scalars("wave", [1 + number, 5, 3]))
    both = runs[:2]
    shown = {
        query: [
            cell[0] for cell in cells_of(page_of(bob_client, both, tab="metrics", **dict([query.split("=")])), "wave")
        ]
        for query in ("last=wave", "min=wave", "max=wave")
    }
    assert shown == {"last=wave": ["3", "3"], "min=wave": ["1", "2"], "max=wave": ["5", "5"]}
    assert cells_of(page_of(bob_client, both, tab="metrics", value="min", max="wave"), "wave")[0] == ["5"]


def test_columns_are_sorted_by_a_row(bob_client, runs):
    def order(sort):
        return re.findall(
            r'class="compare-run.*?title="([^ ]+ ?\d?) ', page_of(bob_client, runs, tab="metrics", sort=sort), re.S
        )

    assert order("-score") == ["bare", "full 1", "full 0"]
    # One without a value is last, whichever way.
    assert order("accuracy")[2] == order("-accuracy")[2] == "bare"


# ---- tables as text


def table_of(client, runs, **query):
    return client.get(url(runs, **query).replace("/compare/?", "/compare/table/?"))


def test_a_table_is_saved_whole(bob_client, runs):
    runs[0].add_parameters({f"p{number:03}": "=x" for number in range(150)})
    answer = table_of(bob_client, runs[:2])
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert answer.headers["Content-Disposition"] == 'attachment; filename="compare-details.csv"'
    assert rows[0] == ["Group", "Name", "full 0", "full 1"] and ["Tags", "seed", "0", "1"] in rows
    assert ["Parameters", "p149", "'=x", ""] in rows


def test_a_table_is_written_for_a_note(bob_client, runs):
    runs[1].edit(display_name="a|b")
    text = table_of(bob_client, runs, tab="metrics", q="score", min="score", **{"as": "markdown"}).content.decode()
    assert (
        text
        == "| Metric | full 0 | a\\|b | bare |\n| --- | --: | --: | --: |\n| score (min) | 0.5000 | 0.6000 | 0.7000 |\n"
    )


def test_tables_of_drawings_have_a_row_for_each_run(bob_client, runs):
    query = {"sx": "tags.seed", "sy": "metrics.score", "as": "tsv"}
    assert table_of(bob_client, runs, tab="scatter", **query).content.decode().splitlines()[1] == "full 0\t0.0\t0.5"
    text = table_of(bob_client, runs, tab="parallel", axis="experiment&axis=params.hidden").content.decode()
    assert "bare,digits,\r\n" in text


@pytest.mark.parametrize(("word", "says"), [("as=pdf", "csv, tsv, markdown"), ("tab=logs", "has no table")])
def test_what_has_no_table_says_so(bob_client, runs, word, says):
    name, value = word.split("=")
    answer = table_of(bob_client, runs, **{name: value})
    assert answer.status_code == 400 and says in answer.content.decode()


def test_hovering_shows_all_digits_and_the_step(bob_client, runs):
    metrics.store_batch(runs[0], "", make_scalars("score", [0.123456789012], start=7))
    assert 'title="0.123456789012 at step 7"' in page_of(bob_client, runs, tab="metrics")


# ---- charts


def curve(client, runs, name: str, **query):
    address = url(runs, name=name, **query).replace("/compare/?", "/compare/curve/?")
    return client.get(address)


def test_a_chart_has_a_line_for_each_run_that_has_the_metric(bob_client, runs):
    figure = curve(bob_client, runs, "loss").json()["figure"]
    assert sorted((line["name"], line["meta"], len(line["x"])) for line in figure["data"]) == [
        ("full 0", runs[0].run_id, 300),
        ("full 1", runs[1].run_id, 300),
    ]
    assert figure["data"][0]["colour"] != figure["data"][1]["colour"]


def test_axes(bob_client, runs):
    by_time = curve(bob_client, runs, "loss", x="time").json()["figure"]
    since = curve(bob_client, runs, "loss", x="relative").json()["figure"]
    assert by_time["layout"]["xaxis"]["type"] == "date" and by_time["data"][0]["x"][0] > 10**12
    assert since["data"][0]["x"][:2] == [0, 1]


def test_single_values_are_points(bob_client, runs):
    [drawn] = curve(bob_client, runs, "score").json()["figure"]["data"]
    assert drawn["type"] == "scatter" and drawn["mode"] == "markers", "no blocks of colour"
    assert drawn["y"] == [0.5, 0.6, 0.7] and drawn["ids"] == [run.run_id for run in runs]


def test_the_legend_of_charts_has_the_best_first(bob_client, runs):
    for number, run in enumerate(runs):
        metrics.store_batch(run, "", make_scalars("val_error", [[0.2, 0.1, 0.3][number]]))
    for query, order in [({"show": "val_error"}, [1, 0, 2]), ({"show": "score"}, [2, 1, 0])]:
        text = page_of(bob_client, runs, tab="charts", **query)
        assert re.findall('data-line="([^"]*)"', text) == [runs[index].run_id for index in order], query


def test_groups_have_a_mean_and_a_band(bob_client, runs):
    figure = curve(bob_client, runs, "loss", group="params.hidden").json()["figure"]
    low, high, mean = figure["data"]
    assert mean["name"] == "64 (2 jobs)" and low["band"] and high["fill"] == "tonexty"
    assert low["y"][5] < mean["y"][5] < high["y"][5]


def test_groups_write_parameters_as_the_tables_do(bob_client, runs):
    for run, rate in zip(runs, ["0.30000000000000004", "0.30000000000000004", "0.05"], strict=True):
        run.add_parameters({"rate": rate})
    text = page_of(bob_client, runs, tab="charts", group="params.rate")
    assert 'data-line="0.30000000000000004"' in text and 'class="cut">0.3</span>' in text
    figure = curve(bob_client, runs, "loss", group="params.rate").json()["figure"]
    assert figure["data"][2]["name"] == "0.3 (2 jobs)" and figure["data"][2]["meta"] == "0.30000000000000004"


def test_runs_are_grouped_by_experiment_too(bob_client, runs):
    elsewhere = make_full_run(factories.make_experiment(runs[0].workspace, "other"), runs[0].created_by)
    figure = curve(bob_client, [*runs, elsewhere], "loss", group="experiment").json()["figure"]
    assert [line["name"] for line in figure["data"] if not line.get("band")] == ["digits (2 jobs)", "other (1 job)"]


def test_hidden_groups_are_in_the_address(bob_client, runs):
    text = page_of(bob_client, runs, tab="charts", group="tags.seed", off="1")
    assert re.findall('data-line="([^"]*)" aria-pressed="([^"]*)"', text) == [
        ("0", "true"),
        ("1", "false"),
        ("2", "true"),
    ]


def test_a_range_of_a_chart_has_only_its_points(bob_client, runs):
    part = curve(bob_client, runs, "loss", **{"from": "100", "to": "110.5"}).json()["figure"]["data"][0]["x"]
    assert part == list(range(99, 112))
    for wrong in ({"from": "1"}, {"from": "x", "to": "2"}, {"from": "5", "to": "1"}, {"from": "1", "to": "inf"}):
        answer = curve(bob_client, runs, "loss", **wrong)
        assert answer.status_code == 400 and "write two numbers" in answer.content.decode()


def test_single_values_of_groups_are_points_with_errors(bob_client, runs):
    [points] = curve(bob_client, runs, "score", group="params.hidden").json()["figure"]["data"]
    assert points["text"] == ["64 (2 jobs)", "none (1 job)"] and points["y"] == pytest.approx([0.55, 0.7])
    assert points["error_y"]["array"][0] == pytest.approx(12.71 * 0.05) and points["error_y"]["array"][1] == 0


def test_a_chart_of_no_metric_is_an_error(bob_client, runs):
    assert curve(bob_client, runs, "nothing").status_code == 400


def test_a_chart_stays_small(bob_client, experiment):
    many = [factories.make_run(experiment.workspace, experiment=experiment) for _ in range(20)]
    for run in many:
        values = [step % 97 + run.pk % 13 for step in range(3000)]
        metrics.store_batch(run, "", make_scalars("big", values))
    lines = curve(bob_client, many, "big").json()["figure"]["data"]
    assert sum(len(line["x"]) for line in lines) <= 12_000
    # The best are on top, and no two of them look alike.
    assert [line["y"][-1] for line in lines] == sorted(line["y"][-1] for line in lines)
    assert [line.get("opacity", 1) for line in lines] == [0.3] * 12 + [1] * 8
    assert len({line["colour"] for line in lines[-8:]}) == 8


# ---- plots, images, logs, code


def test_the_legend_of_a_scatter_plot_needs_no_scrollbar(bob_client, experiment):
    many = [factories.make_run(experiment.workspace, experiment=experiment) for _ in range(32)]
    for count, height, named in ((25, 565, 25), (3, 460, 3), (32, 660, 30)):
        page = page_of(bob_client, many[:count], tab="scatter")
        figure = json.loads(re.search(r"data-scatter.*?<script[^>]*>(.*?)</script>", page, re.S)[1])
        assert figure["layout"]["height"] == height and f"min-height:{height}px" in page
        assert sum(trace.get("showlegend", True) for trace in figure["data"]) == named


def test_scatter_takes_its_axes_from_the_address(bob_client, runs):
    text = page_of(bob_client, runs, tab="scatter", sx="params.hidden", sy="metrics.score", sc="tags.seed")
    assert '"x": [64.0, 64.0, null]' in text and '"y": [0.5, 0.6, 0.7]' in text and '"colorscale": "Viridis"' in text
    assert "1 job without one of these values" in text and ">0.5000</span>" in text, "as in the list"


def test_plots_begin_with_a_parameter_that_varies(bob_client, runs):
    for number, run in enumerate(runs):
        # One that some lack and that is the same for the others does not vary.
        run.add_parameters({"zeta": str(number / 3), **({"constant": "1"} if number else {})})
    text = page_of(bob_client, runs, tab="scatter")
    assert '<option value="params.zeta" selected>' in text
    drawn = re.search(r'id="parallel-data"[^>]*>(.*?)</script>', page_of(bob_client, runs, tab="parallel"))[1]
    words = [axis["word"] for axis in json.loads(drawn)["axes"]]
    assert words[0] == "params.zeta" and "params.constant" not in words, words
    table = page_of(bob_client, runs)
    assert table.index('title="zeta"') < table.index('title="constant"') < table.index("Properties")
    cells = re.findall(r"<td.*?</td>", re.search(r'title="zeta".*?</tr>', table, re.S)[0])
    assert cells[1] == '<td class="number is-other"><span title="0.3333333333333333">0.3333</span></td>'
    copied = bob_client.get(url(runs, **{"as": "csv"}).replace("/compare/?", "/compare/table/?")).content.decode()
    assert "Parameters,zeta,0.0,0.3333333333333333,0.6666666666666666" in copied


@pytest.mark.parametrize("tab", ["scatter", "parallel", "charts"])
def test_what_is_infinite_is_no_number_of_json(bob_client, runs, tab):
    for run, value in zip(runs, [float("inf"), 0.5, float("nan")], strict=True):
        metrics.store_batch(run, "", make_scalars("edge", [value]))
    text = page_of(bob_client, runs, tab=tab, sx="metrics.edge", axis="metrics.edge&axis=metrics.score", show="edge")
    for _, data in re.findall(r'<script( id="[^"]*")? type="application/json">(.*?)</script>', text):
        json.loads(data, parse_constant=pytest.fail)
    for more in ({}, {"group": "params.hidden"}):
        json.loads(curve(bob_client, runs, "edge", **more).content, parse_constant=pytest.fail)


def test_values_over_many_sizes_are_on_a_logarithmic_axis(bob_client, runs):
    for run, rate, part in zip(runs, ["0.0001", "0.001", "0.1"], ["0.001", "0.5", "0.9"], strict=True):
        run.add_parameters({"rate": rate, "part": part})
    text = page_of(bob_client, runs, tab="parallel", axis="params.rate&axis=params.part", sc="params.rate")
    data = json.loads(re.search(r'id="parallel-data"[^>]*>(.*?)</script>', text)[1])
    assert [axis["log"] for axis in data["axes"]] == [True, False] and data["colour"]["word"] == "params.rate"
    assert '"type": "log"' in page_of(bob_client, runs, tab="scatter", sx="params.rate")


def test_parallel_coordinates_have_texts_and_numbers(bob_client, runs):
    text = page_of(bob_client, runs, tab="parallel", axis="tags.model&axis=metrics.score&axis=created")
    data = json.loads(re.search(r'id="parallel-data"[^>]*>(.*?)</script>', text)[1])
    assert [axis["numeric"] for axis in data["axes"]] == [False, True, True]
    assert data["axes"][2]["values"][0] == pytest.approx(runs[0].created_at.timestamp(), abs=1)
    assert data["axes"][0]["values"] == ["mlp", "mlp", None]


def test_images_show_the_newest_up_to_the_step(bob_client, runs):
    metrics.store_batch(runs[2], "", [{"name": "digits", "kind": "image", "value": "plots/late.png", "step": 9}])
    early, late = page_of(bob_client, runs, tab="images", step=2), page_of(bob_client, runs, tab="images")
    assert early.count('digits_2.png" target') == 2 and 'late.png" target' not in early
    assert late.count('digits_3.png" target') == 2 and 'late.png" target' in late


def test_logs_mark_what_the_baseline_lacks(bob_client, runs):
    for number, run in enumerate(runs[:2]):
        text = f"2026-11-24 12:00:0{number} start\nsame\n" + "more <b>\n" * number
        artifacts.store_artifact(run, "logs/own.log", iter([text.encode()]))
    text = page_of(bob_client, runs, tab="logs", path="logs/own.log")
    assert re.findall("<ins.*?>(.*?)</ins>", text) == ["more &lt;b&gt;"]
    assert "This job does not have this file" in text and "1 difference<" in text


def test_logs_read_as_a_terminal_shows_them(bob_client, runs):
    artifacts.store_artifact(runs[0], "logs/own.log", iter([b"\x1b[31mred\x1b[0m\r\n 1%\r50%\r100%\n"]))
    text = page_of(bob_client, runs, tab="logs", path="logs/own.log")
    assert "<span>red</span>" in text and "<span>100%</span>" in text


def test_code_shows_what_differs(bob_client, runs, alice):
    Run.objects.filter(pk=runs[1].pk).update(snapshot=other_snapshot(runs[1], alice))
    text = page_of(bob_client, runs[:2], tab="code")
    assert "1 changed, 1 added, 1 removed, 1 the same" in text
    assert 'class="diff-change"' in text and "equal lines" not in text
    assert 'class="diff-insert"' in page_of(bob_client, runs[:2], tab="code", view="unified", path="new.py")


def other_snapshot(run, user):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("train.py", SCRIPT.replace("100", "200"))
        archive.writestr("data/readme.md", "# Data\n")
        archive.writestr("new.py", "print('<new>')\n")
    return snapshots.store_snapshot(
        run.workspace, user, "9c1b6f0a-3d1f-4f56-9d0c-0f2f6a0f7a10", "", iter([file.getvalue()])
    )


def test_the_same_code_is_called_so(bob_client, runs):
    assert "Both jobs ran the same code: 3 files" in page_of(bob_client, runs[:2], tab="code")


def test_code_without_a_snapshot_says_so(bob_client, runs):
    assert "No code to compare" in page_of(bob_client, [runs[0], runs[2]], tab="code")


def test_more_runs_cost_no_more_queries(bob_client, experiment, alice):
    many = [make_full_run(experiment, alice) for _ in range(6)]

    def ask(runs, tab):
        return (
            curve(bob_client, runs, "loss")
            if tab == "curve"
            else bob_client.get(url(runs, tab=tab).replace("&tab=details", ""))
        )

    for tab in [*TABS, "curve"]:
        ask(many[:3], tab)
        with CaptureQueriesContext(connection) as few:
            assert ask(many[:3], tab).status_code == 200
        with CaptureQueriesContext(connection) as more:
            ask(many, tab)
        assert len(more) <= len(few) <= 14, tab
