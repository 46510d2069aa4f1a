"""The table of runs: columns, query, groups, trees, stars, views, export."""

import csv
import html
import io
import math
import re

import pytest

from runs import metrics
from runs.charts import run_charts
from runs.models import SavedView, Star
from runs.pages import home_cards
from runs.pages.lists import list_query
from runs.seeding.contents import make_curve, make_scalars
from tests import factories
from tests.runs.table_page import cells_of, headers_of, names_in_order, text_of, url

# ---- columns


def test_columns_show_any_value_of_a_run(as_user, alice, experiment, sweep):
    sweep[0].add_properties({"origin": "lab"})
    columns = [
        "name",
        "metric-loss",
        "min-loss",
        "max-loss",
        "param-model",
        "tag-team",
        "property-origin",
        "number",
        "id",
    ]
    page = text_of(as_user(alice).get(url(experiment), {"col": columns}))
    assert headers_of(page) == columns
    assert cells_of(page, sweep[0]) == ["0.5000", "0.1000", "9", "svm", "blue", "lab", "1", sweep[0].run_id]


def test_pinned_columns_come_first_with_their_offset(as_user, alice, experiment, sweep):
    query = {"col": ["name", "status", "created"], "pin": ["created", "name"], "width": ["240:created"]}
    page = text_of(as_user(alice).get(url(experiment), query))
    assert headers_of(page) == ["name", "created", "status"]
    assert "left:40px;width:300px" in page and "left:340px;width:240px" in page


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"col": "colour"}, "is not a column"),
        ({"col": [f"tag-{n}" for n in range(61)]}, "60 are allowed"),
        ({"width": "9:name"}, "60 to 900 pixels"),
        ({"pin": "node"}, "only a column that is shown"),
        ({"sort": "tags"}, "tag-NAME"),
        ({"sort": ["name", "-name"]}, "only once"),
        ({"group": "metric-loss"}, "param-NAME"),
        ({"group": "nope"}, "param-NAME"),
        ({"open": "x"}, "is not a number"),
    ],
)
def test_a_wrong_layout_is_named(as_user, alice, experiment, sweep, query, says):
    page = text_of(as_user(alice).get(url(experiment), query))
    assert "It is ignored." in page and says in page and len(names_in_order(page)) == 4, "the list with its default"
    csv = as_user(alice).get(url(experiment, "jobs_csv"), {**query, "experiment": experiment.experiment_id})
    assert csv.status_code == 400 and says in text_of(csv)


def test_names_that_no_job_has_are_named(as_user, alice, experiment, sweep):
    cases = [
        ({"sort": "metric-los"}, "has the metric los. Did you mean loss?"),
        ({"col": ["name", "param-nope"]}, "has the parameter nope."),
        ({"chart": "nope"}, "has the metric nope."),
        ({"filter": "metrics.los < 0.1"}, "has the metric los. Did you mean loss?"),
        ({"chart": "loss", "merge": "nope"}, "has the metric nope."),
        ({"log": "nope"}, "has the metric nope."),
        ({"parent": "nope"}, "this workspace has no job with this id. It is ignored."),
        ({"page": "9999"}, "There is no page 9,999: this is the last one, page 1."),
    ]
    for query, says in cases:
        assert says in text_of(as_user(alice).get(url(experiment), query)), query
    fine = {"sort": "-metric-loss", "col": ["name", "param-model"], "filter": "metrics.los is null"}
    assert "No job of this list has" not in text_of(as_user(alice).get(url(experiment), fine))


def test_what_matters_first_is_shown_first(as_user, alice, experiment, sweep):
    for number, run in enumerate(sweep):
        metrics.store_batch(run, "", [*make_scalars("epoch", [3]), *make_scalars("a_count", [7])])
        metrics.store_batch(run, "", make_scalars("val_accuracy", [number / 10]))
    page = text_of(as_user(alice).get(url(experiment)))
    first = ["metric-val_accuracy", "metric-loss", "param-lr", "param-model", "metric-a_count", "metric-epoch"]
    assert headers_of(page)[:8] == ["name", "status", *first]
    drawn = as_user(alice).get(url(experiment, "experiment_charts", experiment.experiment_id)).json()["charts"]
    assert [chart["name"] for chart in drawn] == ["val_accuracy", "loss", "a_count", "epoch"]


def test_a_metric_sorts_by_its_best_first_and_the_best_is_marked(as_user, alice, experiment, sweep):
    for number, run in enumerate(sweep):
        metrics.store_batch(run, "", [*make_scalars("auc", [number]), *make_scalars("wave", [number])])
    page = text_of(as_user(alice).get(url(experiment)))
    assert re.findall(r'href="\?sort=(-?metric-\w+)"', page) == ["-metric-auc", "metric-loss", "-metric-wave"]
    best = [(run.display_name, text) for run in sweep for text in cells_of(page, run) if "(best)" in text]
    assert best == [("job 3", "3 (best)"), ("job 3", "0.2000 (best)")], "nothing says which way a wave is better"


def test_another_best_brings_the_whole_table(as_user, alice, experiment, sweep):
    client = as_user(alice)
    poll = re.search(r'id="run-poll" hx-get="([^"]+)"', text_of(client.get(url(experiment))))[1].replace("&amp;", "&")
    metrics.store_batch(sweep[0], "", make_scalars("loss", [0.01], start=9))
    answer = client.get(poll, headers={"HX-Request": "true", "HX-Target": "run-poll"})
    assert answer.headers["HX-Retarget"] == "#run-table", "the mark of the one that was the best is taken away"


def test_numbers_are_short_aligned_and_exact_on_hover(as_user, alice, experiment):
    for number, value in enumerate([0.123456789, 12.5, 1234.5678, math.inf, 1e-9]):
        run = factories.make_run(experiment.workspace, experiment=experiment, display_name=f"job {number}")
        metrics.store_batch(run, "", make_scalars("wave", [value]))
    page = text_of(as_user(alice).get(url(experiment), {"col": ["name", "metric-wave"]}))
    cells = re.findall(r'<td class="number"([^>]*)>(?:<span[^>]*>)?([^<]*)', page)
    assert cells == [
        ("", "1e−09"),
        ("", "∞"),
        (' style="--pad:4" title="1234.5678"', "1,235"),
        (' style="--pad:2" title="12.5"', "12.50"),
        (' title="0.123456789"', "0.1235"),
    ]


def test_parameters_follow_the_rule_of_numbers(as_user, alice, experiment, sweep):
    for run, rate in zip(sweep, ["0.083333333333333", "0.5", "1e-05", "30"], strict=True):
        run.add_parameters({"rate": rate})
    client, query = as_user(alice), {"col": ["name", "param-rate", "param-lr"], "sort": "created"}
    page = text_of(client.get(url(experiment), query))
    cells = [re.search(rf'<tr id="run-{run.pk}".*?</tr>', page, re.DOTALL)[0] for run in sweep]
    assert [re.findall(r'<td class="(?:number)?"[^>]*>.*?</td>', cell)[0] for cell in cells] == [
        '<td class="number"><span class="cut" title="0.083333333333333">0.08333</span></td>',
        '<td class="number" style="--pad:4"><span class="cut" title="0.5">0.5</span></td>',
        '<td class="number"><span class="cut" title="1e-05">1e−05</span></td>',
        '<td class="number" style="--pad:5"><span class="cut" title="30">30</span></td>',
    ]
    # The other parameter has a text, so both its header and its cells are those of texts.
    assert [cells_of(page, run)[1] for run in sweep] == ["0.9", "0.001", "10", "auto"]
    assert re.findall(r'<th scope="col" class="(\w*)"[^>]*data-column="param-(\w+)"', page) == [
        ("number", "rate"),
        ("", "lr"),
    ]
    assert "0.083333333333333," in text_of(
        client.get(url(experiment, "jobs_csv"), {**query, "experiment": experiment.experiment_id})
    )


def test_groups_and_filters_write_parameters_as_the_cells_do(as_user, alice, experiment, sweep):
    for run, rate in zip(sweep, ["0.30000000000000004", "0.30000000000000004", "0.05", "0.1"], strict=True):
        run.add_parameters({"rate": rate})
    client, exact = as_user(alice), "params.rate = &#x27;0.30000000000000004&#x27;"
    assert '<span class="cut" title="0.30000000000000004">0.3</span>' in text_of(
        client.get(url(experiment), {"group": "param-rate"})
    )
    panel = text_of(client.get(url(experiment, "list_panel", "filters"), {"experiment": experiment.experiment_id}))
    assert re.search(rf'title="{exact}"><span class="cut">0.3</span>', panel)
    for condition, shown in [
        ("params.rate = '0.30000000000000004'", "params.rate = &#x27;0.3&#x27;"),
        ("metrics.loss < 0.30000000000000004", "metrics.loss &lt; 0.3"),
        (
            "(tags.v = '1.10' or params.rate in ('0.10', 'x'))",
            "(tags.v = &#x27;1.10&#x27; or params.rate in (&#x27;0.1&#x27;, &#x27;x&#x27;))",
        ),
    ]:
        page = text_of(client.get(url(experiment), {"filter": condition}))
        assert f'title="{html.escape(condition)}">{shown}</span>' in page, condition


def test_several_columns_sort(as_user, alice, experiment, sweep):
    page = text_of(
        as_user(alice).get(
            url(experiment), {"sort": ["param-model", "-metric-loss"], "col": ["name", "param-model", "metric-loss"]}
        )
    )
    assert names_in_order(page) == ["job 2", "job 3", "job 0", "job 1"]
    assert "<sup>1</sup>" in page and "<sup>2</sup>" in page


def test_an_infinite_value_is_never_the_best(as_user, alice, experiment, sweep):
    for run, value in ((sweep[3], -math.inf), (sweep[0], math.inf)):
        run.metrics.filter(name="loss").update(last=value)
    for sort, names in {
        ("metric-loss",): ["job 2", "job 1", "job 3", "job 0"],
        ("-metric-loss",): ["job 1", "job 2", "job 3", "job 0"],
        ("param-model", "metric-loss"): ["job 2", "job 3", "job 1", "job 0"],
        ("param-model", "-metric-loss"): ["job 2", "job 3", "job 1", "job 0"],
    }.items():
        page = text_of(as_user(alice).get(url(experiment), {"sort": sort, "size": 25}))
        assert names_in_order(page) == names, sort
        assert "0.3000" in re.search(r'class="number best".*?</td>', page, re.DOTALL)[0]
    [best] = home_cards.find_best(experiment.workspace)
    assert best.run == sweep[2]
    values = [(run.pk, run.metrics.get(name="loss").last) for run in sweep]
    assert run_charts.rank_by_value(values, "lower")[-1] == sweep[2].pk
    grouped = text_of(as_user(alice).get(url(experiment), {"group": "param-lr", "sort": "metric-loss"}))
    assert (
        re.findall(r'id="group-row-.*?group-toggle[^>]*>.*?(0\.9|0\.001|1e-3|10|auto)\b', grouped, re.DOTALL)[0] == "10"
    )


def test_parameters_sort_as_numbers_where_they_are_some(as_user, alice, experiment, sweep):
    page = text_of(as_user(alice).get(url(experiment), {"sort": "param-lr"}))
    assert names_in_order(page) == ["job 1", "job 0", "job 2", "job 3"]


@pytest.mark.parametrize("sort", ["min-loss", "-max-loss", "tag-team", "property-x", "node", "started", "ended", "id"])
def test_every_kind_of_column_sorts(as_user, alice, experiment, sweep, sort):
    assert len(names_in_order(text_of(as_user(alice).get(url(experiment), {"sort": sort})))) == 4


def test_the_layout_is_kept_for_the_person_alone(as_user, alice, bob, experiment, sweep):
    posted = {
        "experiment": experiment.experiment_id,
        "col": ["name", "param-lr"],
        "pin": "name",
        "width-param-lr": "120",
    }
    answer = as_user(alice).post(url(experiment, "layout_save"), {**posted, "query": "status=Completed"})
    assert answer.url == f"{url(experiment)}?status=Completed&col=name&col=param-lr&pin=name&width=120%3Aparam-lr"
    again = as_user(alice).get(url(experiment), {"q": "job"}, follow=True)
    assert headers_of(text_of(again)) == ["name", "param-lr"] and "q=job" in again.redirect_chain[0][0]
    assert len(headers_of(text_of(as_user(bob).get(url(experiment))))) > 2
    answer = as_user(alice).post(
        url(experiment, "layout_reset"), {"experiment": experiment.experiment_id, "query": "col=name&q=job"}
    )
    assert answer.url == f"{url(experiment)}?q=job"
    assert as_user(alice).get(url(experiment)).status_code == 200


def test_a_column_is_added_by_its_name(as_user, alice, experiment, sweep):
    posted = {"experiment": experiment.experiment_id, "col": ["name"], "kind": "max", "name": "rare"}
    assert "col=name&col=max-rare" in as_user(alice).post(url(experiment, "layout_save"), posted).url


def test_a_column_moves_without_scripts(as_user, alice, experiment, sweep):
    posted = {"experiment": experiment.experiment_id, "col": ["name", "status", "created"], "move": "1:name"}
    answer = as_user(alice).post(url(experiment, "layout_save"), posted)
    assert "col=status&col=name&col=created" in answer.url and "panel/columns" in answer.url
    assert as_user(alice).get(answer.url).status_code == 200 and not SavedView.objects.exists()
    assert as_user(alice).post(url(experiment, "layout_save"), {**posted, "move": "up"}).status_code == 400


@pytest.mark.parametrize("what", ["columns", "filters", "sort", "charts", "group", "views"])
def test_panels_are_pages_too(as_user, alice, bob, mallory, experiment, sweep, what):
    address = url(experiment, "list_panel", what)
    query = {"experiment": experiment.experiment_id}
    assert as_user(mallory).get(address, query).status_code == 404
    assert "<html" in text_of(as_user(bob).get(address, query))
    piece = as_user(alice).get(address, query, headers={"HX-Request": "true", "HX-Target": "list-panel-body"})
    assert text_of(piece).strip().startswith('<div id="list-panel-body"')
    assert as_user(alice).get(url(experiment, "list_panel", "colours")).status_code == 400
    assert as_user(alice).get(address, {"experiment": "x"}).status_code == 400


# ---- which runs


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("metrics.loss < 0.35", ["job 3", "job 2"]),
        ("params.lr in (0.9, 1e1, 7)", ["job 2", "job 0"]),
        ("params.model = 'svm' and not tags.team ~ 'blu'", ["job 1"]),
        ("metrics.loss > 0.45 or (params.model in ('forest') and params.lr is not null)", ["job 3", "job 2", "job 0"]),
        ("params.nothing is null and status = 'Completed'", ["job 3", "job 2", "job 1", "job 0"]),
    ],
)
def test_a_query_finds(as_user, alice, experiment, sweep, query, found):
    assert names_in_order(text_of(as_user(alice).get(url(experiment), {"filter": query}))) == found


def test_an_error_points_at_its_position(as_user, alice, experiment, sweep):
    answer = as_user(alice).get(url(experiment), {"filter": "metrics.loss < 0.5 annd x = 1"})
    page = text_of(answer)
    assert answer.status_code == 400 and "(column 20)" in page
    assert "annd x = 1\n" + " " * 19 + "<b>^</b>" in answer.content.decode()
    assert names_in_order(page) == ["job 3", "job 2", "job 1", "job 0"], "the table stays"
    assert 'name="all"' not in page and "so all jobs are shown" in page, "all that match is unknown"
    for query, column, says in (
        ("params.model > 'a'", 14, "A text is compared by"),
        ("metrics.loss like 'a'", 14, "A metric is compared by"),
        ("number ~ 'a'", 8, "'number' is a number"),
        ("metrics.loss < NaN", 14, "NaN is compared by = or !=, not <"),
        ("metrics.loss < '0.5'", 16, "Write the number without quotes: loss < 0.5"),
        ("tags.team in ('red', 2)", 22, "Put text in quotes: team IN ('red', '2')"),
        ("params.model = 'svm' and", 25, "not the end of the query"),
    ):
        found = html.unescape(text_of(as_user(alice).get(url(experiment), {"filter": query})))
        assert f"(column {column})" in found and says in found, query
    piece = as_user(alice).get(
        url(experiment), {"filter": "x ="}, headers={"HX-Request": "true", "HX-Target": "run-table"}
    )
    assert piece.status_code == 200 and 'data-at="3"' in text_of(piece) and "<table" not in text_of(piece)
    assert (piece.headers["HX-Retarget"], piece.headers["HX-Push-Url"]) == ("#query-error", "false"), "the table stays"


def test_what_a_query_asks_about_is_a_column(as_user, alice, experiment, sweep):
    for run in sweep:
        metrics.store_batch(run, "", [*make_scalars("a wave", [0.5]), *make_scalars("b", [0.5])])
    query = "not (metrics.`a wave` > 1 or params.lr = '7') and metric.b < 1 and metrics.loss < 9"
    page = text_of(as_user(alice).get(url(experiment), {"filter": query, "col": ["name", "metric-loss"]}))
    assert headers_of(page) == ["name", "metric-a wave", "metric-b", "metric-loss"]


def test_names_complete_a_query(as_user, alice, mallory, experiment, sweep):
    address = url(experiment, "jobs_names")
    words = as_user(alice).get(address, {"experiment": experiment.experiment_id}).json()
    assert words["metrics"] == ["loss"] and words["params"] == ["lr", "model"] and words["tags"] == ["team"]
    assert "created_by" in words["attributes"] and words["values"]["created_by"] == ["alice"]
    assert words["values"]["params.model"] == ["forest", "svm"] and words["values"]["tags.team"] == ["red", "blue"]
    assert as_user(mallory).get(address).status_code == 404
    factories.make_run(experiment.workspace)
    assert as_user(alice).get(address).json()["metrics"] == ["loss"]


def test_unknown_parameters_are_named(as_user, alice, experiment, sweep):
    for query, named in [
        ({"$filter": "x", "sorted": "1"}, ["$filter", "filter", "sorted", "sort"]),
        ({"q": "job"}, []),
    ]:
        page = text_of(as_user(alice).get(url(experiment), query))
        bar = re.search(r"Ignored, because.*?</p>", page, re.DOTALL)
        assert re.findall(r"<code>(.+?)</code>", bar[0] if bar else "") == named
        assert len(names_in_order(page)) == 4


def test_a_description_is_rendered_and_a_long_one_folded(as_user, alice, experiment, sweep):
    for written, found in [
        ("A **short** <b>one</b>", '<div class="about prose"><p>A <strong>short</strong> &lt;b&gt;one&lt;/b&gt;</p>'),
        ("# Digits\n\n- **one**", '<span class="cut">Digits one</span></summary>'),
    ]:
        experiment.edit(description=written)
        assert found in text_of(as_user(alice).get(url(experiment)))


def test_names_of_an_empty_list(as_user, alice, experiment):
    assert as_user(alice).get(url(experiment, "jobs_names")).json()["metrics"] == []


def test_a_filter_is_added_to_the_query_and_taken_away(as_user, alice, experiment, sweep):
    query = {"experiment": experiment.experiment_id, "filter": "metrics.loss < 1 or metrics.x > 2"}
    page = text_of(as_user(alice).get(url(experiment, "list_panel", "filters"), query))
    assert "filter=%28metrics.loss+%3C+1+or+metrics.x+%3E+2%29+and+tags.team+%3D+%27blue%27" in page
    query["filter"] = "metrics.loss < 1 and tags.team = 'blue'"
    page = text_of(as_user(alice).get(url(experiment, "list_panel", "filters"), query))
    assert re.search(r'filter=metrics.loss\+%3C\+1" aria-current="true"', page)


def test_stars_are_a_persons_own(as_user, alice, bob, experiment, sweep):
    posted = {"run": sweep[1].run_id, "next": f"{url(experiment)}?q=job"}
    answer = as_user(bob).post(url(experiment, "run_star"), posted)
    assert answer.url == f"{url(experiment)}?q=job"
    assert names_in_order(text_of(as_user(bob).get(url(experiment), {"starred": "1"}))) == ["job 1"]
    assert names_in_order(text_of(as_user(alice).get(url(experiment), {"starred": "1"}))) == []
    piece = as_user(bob).post(url(experiment, "run_star"), posted, headers={"HX-Request": "true"})
    assert 'aria-pressed="false"' in text_of(piece) and not Star.objects.exists()


# ---- groups and trees


def test_groups_fold_with_mean_and_spread(as_user, alice, experiment, sweep):
    query = {"group": "param-model", "col": ["name", "metric-loss"]}
    page = text_of(as_user(alice).get(url(experiment), query))
    assert names_in_order(page) == [] and page.count('class="group-row"') == 2
    assert "0.450 ± 0.071" in page and "0.250 ± 0.071" in page
    page = text_of(as_user(alice).get(url(experiment), {**query, "unfold": "svm"}))
    assert names_in_order(page) == ["job 1", "job 0"] and 'aria-expanded="true"' in page


def test_groups_come_in_the_order_of_their_values(as_user, alice, experiment):
    for hidden in ("128", "16", "1e2", "16", "", "wide"):
        factories.make_run(experiment.workspace, experiment=experiment).add_parameters({"hidden": hidden})
    for sort, wanted in (
        ("created", ["16", "1e2", "128", "wide", ""]),
        ("-param-hidden", ["wide", "128", "1e2", "16", ""]),
    ):
        page = text_of(as_user(alice).get(url(experiment), {"group": "param-hidden", "sort": sort}))
        assert re.findall(r'class="cut"\s+title="([^"]*)">[^<]*</span><span\s+class="count"', page) == wanted


def test_the_spread_of_large_numbers_keeps_its_digits(as_user, alice, experiment):
    for number in range(3):
        run = factories.make_run(experiment.workspace, experiment=experiment)
        metrics.store_batch(run, "", make_scalars("at", [1_700_000_000 + number / 2]))
    page = text_of(as_user(alice).get(url(experiment), {"group": "status", "col": ["name", "metric-at"]}))
    assert "1,700,000,000.50 ± 0.50<" in page


def test_groups_sort_by_a_mean(as_user, alice, experiment, sweep):
    for sort, first in [("metric-loss", "forest"), ("-metric-loss", "svm")]:
        page = text_of(as_user(alice).get(url(experiment), {"group": "param-model", "sort": sort}))
        assert re.search(r'<span class="cut" title="(\w+)">', page)[1] == first


@pytest.mark.parametrize("word", ["status", "by", "target", "experiment", "type", "node", "tag-team", "property-x"])
def test_every_kind_of_group(as_user, alice, experiment, sweep, word):
    page = text_of(as_user(alice).get(url(experiment), {"group": word, "unfold": "--"}))
    assert "group-row" in page


def test_groups_and_filters_have_the_words_of_the_cells(as_user, alice, experiment, sweep):
    experiment.runs.update(run_type="azureml.scriptrun", status="NotStarted")
    experiment.runs.filter(pk=sweep[0].pk).update(run_type="azureml.script")
    for word, raw, label in [("type", "Command", "Command"), ("status", "NotStarted", "Not started")]:
        page = text_of(as_user(alice).get(url(experiment), {"group": word}))
        assert f'<span class="cut" title="{raw}">{label}</span>' in page, word
        assert page.count('class="group-row"') == 1, word
    for condition, number in [
        ("= 'Command'", 4),
        ("= 'azureml.script'", 1),
        ("!= 'Command'", 0),
        ("in ('HyperDrive')", 0),
    ]:
        page = text_of(as_user(alice).get(url(experiment), {"filter": f"type {condition}"}))
        assert len(names_in_order(page)) == number, condition


def test_a_large_group_leads_to_all_of_its_runs(as_user, alice, experiment):
    for number in range(27):
        run = factories.make_run(experiment.workspace, experiment=experiment, display_name=f"many {number}")
        run.edit(tags={"it's": "one"})
    page = text_of(as_user(alice).get(url(experiment), {"group": "tag-it's", "unfold": "one"}))
    assert len(names_in_order(page)) == 25
    more = re.search(r'href="([^"]+)">Show all 27 jobs', page)[1].replace("&amp;", "&")
    assert len(names_in_order(text_of(as_user(alice).get(url(experiment) + more, {})))) == 25
    assert "of 2" in text_of(as_user(alice).get(url(experiment) + more))


def test_children_open_below_their_parents_to_any_depth(
    as_user, alice, experiment, sweep, django_assert_max_num_queries
):
    top, layer = sweep[0], [sweep[0]]
    for depth in range(4):
        parent = layer[-1]
        child = factories.make_run(
            experiment.workspace, experiment=experiment, parent=parent, root=top, display_name=f"depth {depth}"
        )
        layer.append(child)
    closed = text_of(as_user(alice).get(url(experiment)))
    assert 'aria-expanded="false"' in closed and "depth 0" not in closed
    client = as_user(alice)
    with django_assert_max_num_queries(20):
        page = text_of(client.get(url(experiment), {"open": [run.pk for run in layer]}))
    assert names_in_order(page)[3:] == ["job 0", "depth 0", "depth 1", "depth 2", "depth 3"]
    assert "--depth:4" in page


def test_a_poll_sees_a_change_of_an_open_child(as_user, alice, experiment, sweep):
    child = factories.make_run(experiment.workspace, experiment=experiment, parent=sweep[0], root=sweep[0])
    client, htmx = as_user(alice), {"HX-Request": "true", "HX-Target": "run-poll"}
    page = text_of(client.get(url(experiment), {"open": sweep[0].pk}))
    poll = re.search(r'id="run-poll" hx-get="([^"]+)"', page)[1].replace("&amp;", "&")
    assert client.get(poll, headers=htmx).status_code == 204
    child.start()
    assert f'<tr id="run-{child.pk}" hx-swap-oob="true"' in text_of(client.get(poll, headers=htmx))


def test_children_of_another_workspace_stay_there(as_user, alice, experiment, sweep):
    other = factories.make_run(factories.make_workspace())
    factories.make_run(
        other.workspace, experiment=other.experiment, parent=other, root=other, display_name="confidential-run"
    )
    assert "confidential-run" not in text_of(as_user(alice).get(url(experiment), {"open": other.pk}))


# ---- views and export


def test_a_view_is_saved_shared_and_deleted(as_user, alice, bob, mallory, experiment, sweep):
    posted = {
        "experiment": experiment.experiment_id,
        "name": "best",
        "query": "filter=metrics.loss+%3C+1&sort=metric-loss",
    }
    answer = as_user(alice).post(url(experiment, "view_save"), posted)
    view = SavedView.objects.get(name="best")
    assert answer.url.endswith(f"?filter=metrics.loss+%3C+1&sort=metric-loss&view={view.pk}")
    assert '<span class="badge badge-name">best</span>' in text_of(as_user(alice).get(answer.url))
    panel = url(experiment, "list_panel", "views")
    assert "best" not in text_of(as_user(bob).get(panel, {"experiment": experiment.experiment_id}))
    as_user(alice).post(url(experiment, "view_save"), {**posted, "shared": "1"})
    page = text_of(as_user(bob).get(panel, {"experiment": experiment.experiment_id}))
    assert "best" in page and "by alice" in page
    delete = url(experiment, "view_delete", view.pk)
    assert as_user(bob).post(delete).status_code == 404 and as_user(mallory).post(delete).status_code == 404
    assert as_user(alice).get(delete).status_code == 405
    as_user(alice).post(delete)
    assert not SavedView.objects.exists()


@pytest.mark.parametrize("posted", [{"name": ""}, {"name": "x" * 101}, {"name": "a", "query": "status=Lost"}])
def test_a_wrong_view_is_refused(as_user, alice, experiment, posted):
    assert as_user(alice).post(url(experiment, "view_save"), posted).status_code == 400


def test_csv_holds_what_the_table_shows_or_all(as_user, alice, mallory, experiment, sweep):
    sweep[0].edit(display_name="=1+1")
    query = {
        "experiment": experiment.experiment_id,
        "col": ["name", "min-loss", "param-lr"],
        "sort": "created",
        "size": "10",
    }
    answer = as_user(alice).get(url(experiment, "jobs_csv"), query)
    assert answer.headers["Content-Type"].startswith("text/csv") and "digits-" in answer.headers["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(text_of(answer).removeprefix("\ufeff"))))
    assert rows[0] == ["Run ID", "Display name", "loss (min)", "lr"]
    assert rows[1] == [sweep[0].run_id, "'=1+1", "0.1", "0.9"] and len(rows) == 5
    shown = as_user(alice).get(url(experiment, "jobs_csv"), {**query, "rows": "shown", "filter": "metrics.loss < 0.35"})
    assert len(text_of(shown).splitlines()) == 3
    assert as_user(alice).get(url(experiment, "jobs_csv"), {"rows": "some"}).status_code == 400
    for wrong in ({"filter": "x ="}, {"col": ",,,"}, {"col": "metric-"}, {"sort": "x:"}):
        assert as_user(alice).get(url(experiment, "jobs_csv"), wrong).status_code == 400, wrong
    assert as_user(mallory).get(url(experiment, "jobs_csv")).status_code == 404


@pytest.mark.parametrize(
    ("query", "parts"),
    [
        ("", []),
        ("metrics.loss < 1", ["metrics.loss < 1"]),
        ("metrics.loss < 1 AND params.a = 'x and y' and", ["metrics.loss < 1", "params.a = 'x and y'"]),
        ("(params.a = '1' or params.a = '2') and not (name = 'a' and name = 'b')",
         ["(params.a = '1' or params.a = '2')", "not (name = 'a' and name = 'b')"]),
        ("params.a = '1' or params.b = '2' and name = 'c'", ["params.a = '1' or params.b = '2' and name = 'c'"]),
        ("tags.`this and that` is null and name = ')'", ["tags.`this and that` is null", "name = ')'"]),
        ("no query", ["no query"]),
    ],
)  # fmt: skip
def test_a_query_is_taken_apart_into_what_must_all_hold(query, parts):
    assert list_query.split_conditions(query) == parts


def test_a_condition_is_added_and_taken_away_without_changing_the_others():
    either = "name = 'a' or name = 'b'"
    both = list_query.add_clause(either, "status = 'Failed'")
    assert both == f"({either}) and status = 'Failed'"
    assert list_query.add_clause(both, "status = 'Failed'") == f"({either})"
    assert list_query.add_clause(f"({either})", "number = 1") == f"({either}) and number = 1"


@pytest.mark.parametrize(
    ("query", "clause", "result"),
    [
        ("", "status = 'Failed'", ("status = 'Failed'", False)),
        ("status = 'Failed'", "status = 'Failed'", ("", True)),
        ("number = 1 and status = 'Failed'", "status = 'it''s'",
         ("number = 1 and status in ('Failed', 'it''s')", False)),
        ("status in ('Failed', 'Queued') and number = 1", "status = 'Failed'", ("status = 'Queued' and number = 1", True)),
        ("tags.`a b` = 'x'", "tags.`a b` = 'y'", ("tags.`a b` in ('x', 'y')", False)),
        ("created >= '2026-01-01'", "created >= '2026-02-02'", ("created >= '2026-02-02'", False)),
        ("status != 'Failed'", "status = 'Failed'", ("status != 'Failed' and status = 'Failed'", False)),
        ("name = 'a' or name = 'b'", "name = 'c'", ("(name = 'a' or name = 'b') and name = 'c'", False)),
        ("status in ('Failed')", "status = 'Failed'", ("", True)),
    ],
)  # fmt: skip
def test_values_of_one_key_are_alternatives(query, clause, result):
    assert list_query.switch_clause(query, clause) == result


def test_chips_say_what_narrows_a_list_and_take_it_away(as_user, alice, experiment, sweep):
    query = {"filter": "params.model = 'svm' and metrics.loss < 9", "q": "job", "mine": "1"}
    page = text_of(as_user(alice).get(url(experiment), query))
    links = dict(re.findall(r'class="chip-off" href="([^"]+)" aria-label="Remove ([^"]+)"', page))
    assert list(links.values()) == ["params.model = &#x27;svm&#x27;", "metrics.loss &lt; 9", "“job”", "Only my jobs"]
    assert "filter=metrics.loss+%3C+9&" in next(iter(links))


def test_states_are_chosen_one_by_one(as_user, alice, experiment, sweep):
    page = text_of(as_user(alice).get(url(experiment), {"status": "Completed"}))
    assert "?status=Completed&amp;status=Failed" in page
    assert "status=Completed" not in re.search(r'id="state-completed" href="([^"]*)"', page)[1]


def test_charts_are_chosen_or_hidden_and_kept(as_user, alice, experiment, sweep):
    form = {"query": "", "experiment": str(experiment.experiment_id), "what": "charts"}
    save, client = url(experiment, "layout_save"), as_user(alice)
    assert 'data-name="loss"' in text_of(client.get(url(experiment)))
    assert client.post(save, {**form, "chart": ["auc"]}).url.endswith("?chart=auc")
    page = text_of(client.get(url(experiment), follow=True))
    assert 'data-name="auc"' in page and 'data-name="loss"' not in page
    look = {
        "chart": ["loss", "auc"],
        "merge": ["auc", "gone"],
        "log": "loss",
        "smooth": "0.5",
        "across": "2",
        "band": "",
    }
    kept = client.post(save, {**form, **look}).url
    assert kept.endswith("?chart=loss&chart=auc&merge=auc&log=loss&smooth=0.5&across=2")
    page = text_of(client.get(url(experiment), follow=True))
    assert 'data-name="loss, auc"' in page and 'data-across="2"' in page
    assert client.post(save, form).url.endswith("?charts=off")
    assert "run-charts" not in text_of(client.get(url(experiment), follow=True))


def test_charts_leave_out_what_is_hidden(as_user, alice, experiment, sweep):
    more = factories.make_run(experiment.workspace, experiment=experiment, display_name="other")
    metrics.store_batch(more, "", make_scalars("loss", make_curve(5, 1)) + make_scalars("auc", make_curve(5, 2)))
    address = url(experiment, "experiment_charts", experiment.experiment_id)
    charts = as_user(alice).get(address, {"hide": more.pk, "chart": ["loss", "auc"]}).json()["charts"]
    assert [(chart["name"], bool(chart["figure"])) for chart in charts] == [("loss", True), ("auc", False)]
    assert "other" not in [trace["name"] for trace in charts[0]["figure"]["data"]]
    assert [
        one["name"] for one in as_user(alice).get(url(experiment, "jobs_charts"), {"chart": "auc"}).json()["charts"]
    ] == ["auc"]


def test_several_metrics_share_a_chart_and_differ_by_their_dashes(as_user, alice, experiment, sweep):
    for run in sweep:
        metrics.store_batch(run, "more", make_scalars("val_loss", [9.0, 0.2]))
    query = {"chart": ["loss", "val_loss"], "merge": "val_loss"}
    [chart] = as_user(alice).get(url(experiment, "experiment_charts", experiment.experiment_id), query).json()["charts"]
    traces = chart["figure"]["data"]
    assert (chart["name"], chart["names"]) == ("loss, val_loss", ["loss", "val_loss"])
    assert [trace["line"].get("dash") for trace in traces] == [None, "dash"] * 4
    assert "val_loss: " in traces[1]["hovertemplate"] and traces[0]["meta"] == traces[1]["meta"]


def test_a_link_with_a_view_that_is_gone_says_so(as_user, alice, experiment):
    page = as_user(alice).get(experiment.get_absolute_url(), {"view": 9999}).content.decode()
    assert "The saved view of this link was deleted" in page
    assert "saved view of this link" not in as_user(alice).get(experiment.get_absolute_url()).content.decode()
