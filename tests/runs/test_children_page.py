"""The page of a parent: its best child, charts over the children, and the list of jobs over them."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from runs import metrics
from runs.models import Run, SavedView
from runs.seeding.contents import make_scalars
from tests import factories
from tests.runs.table_page import post_all

RATES = {"0.1": 0.7, "0.01": 0.9, "0.001": 0.8}


@pytest.fixture
def sweep(workspace, alice) -> Run:
    """A parent with three children, one of which is in another experiment, and a run beside it."""
    experiment = factories.make_experiment(workspace, "sweep")
    parent = factories.make_run(workspace, experiment=experiment, display_name="parent", created_by=alice)
    others = [experiment, experiment, factories.make_experiment(workspace, "other")]
    for (rate, accuracy), where in zip(RATES.items(), others, strict=True):
        child = factories.make_run(
            workspace, experiment=where, parent=parent, root=parent, display_name=f"rate {rate}", created_by=alice
        )
        child.add_parameters({"lr": rate, "same": "1"})
        metrics.store_batch(child, "", make_scalars("accuracy", [0.1, accuracy]))
        metrics.store_batch(child, "", make_scalars("loss", [1 - accuracy / 2]))
        metrics.store_batch(child, "", make_scalars("size", [1000 * accuracy]))
    factories.make_run(workspace, experiment=experiment, display_name="beside", created_by=alice)
    return parent


def url_of(run, name: str = "run_children") -> str:
    return reverse(f"runs:{name}", args=[run.workspace.slug, run.run_id])


def shown(answer) -> list[str]:
    return [run.display_name for run in answer.context["table"].rows]


def test_the_table_of_a_parent_is_that_of_an_experiment_over_its_children(as_user, alice, sweep):
    client, url = as_user(alice), url_of(sweep)
    page = client.get(url)
    assert sorted(shown(page)) == ["rate 0.001", "rate 0.01", "rate 0.1"]
    assert {"metric-accuracy", "param-lr"} <= {one.id for one in page.context["table"].columns}
    assert shown(client.get(url, {"sort": "-metric-accuracy"})) == ["rate 0.01", "rate 0.001", "rate 0.1"]
    assert shown(client.get(url, {"filter": "params.lr = '0.1'"})) == ["rate 0.1"]
    assert len(shown(client.get(url, {"parent": "another"}))) == 3, "whatever the address says"
    drawn = client.get(url_of(sweep, "run_children_charts")).json()["charts"]
    assert len(next(one for one in drawn if one["name"] == "accuracy")["figure"]["data"]) == 3


def test_a_parent_without_metrics_leads_to_those_of_its_children(as_user, bob, sweep):
    for name in ("run_metrics", "run_detail"):
        page = as_user(bob).get(url_of(sweep, name)).text
        assert "No metrics of its own" in page and page.count(f'href="{url_of(sweep)}"') > 1, name


def test_what_changes_the_list_leads_back_to_it(as_user, alice, sweep):
    client, slug = as_user(alice), sweep.workspace.slug
    query = f"parent={sweep.run_id}"
    where = {"query": query, "experiment": str(sweep.experiment.experiment_id)}
    panel = client.get(reverse("runs:list_panel", args=[slug, "columns"]) + "?" + query, {"parent": sweep.run_id})
    assert url_of(sweep) in panel.content.decode()
    saved = client.post(reverse("runs:layout_save", args=[slug]), {**where, "col": ["name", "metric-loss"]})
    assert saved.url.startswith(f"{url_of(sweep)}?{query}")
    assert "parent" not in SavedView.objects.get().query
    csv = client.get(reverse("runs:jobs_csv", args=[slug]), {"parent": sweep.run_id})
    assert b"".join(csv.streaming_content).count(b"rate 0") == 3
    posted = {"all": "1", "query": query, "tag_name": "seen"}
    tagged = post_all(client, reverse("runs:runs_tag", args=[slug]), posted)
    assert tagged.status_code == 302 and Run.objects.filter(tag_rows__name="seen").count() == 3


SWEEP = {"primary_metric_config": json.dumps({"name": "size", "goal": "minimize"})}
PRIMARY = [
    ({}, "", "accuracy", "rate 0.01"),
    ({}, "lower:loss", "loss", "rate 0.01"),
    (SWEEP, "", "size", "rate 0.1"),
    (SWEEP, "higher:accuracy", "accuracy", "rate 0.01"),
    ({"primary_metric_config": "{"}, "higher:absent", "accuracy", "rate 0.01"),
]


@pytest.mark.parametrize(("properties", "primary", "name", "best"), PRIMARY)
def test_the_best_child_is_by_the_primary_metric_or_by_what_matters_first(
    as_user, alice, sweep, properties, primary, name, best
):
    sweep.add_properties(properties)
    page = as_user(alice).get(url_of(sweep), {"primary": primary})
    assert page.context["objective"].name == name and page.context["best"].display_name == best
    rate = best.removeprefix("rate ")
    assert page.context["best_parameters"] == [("lr", rate, rate)], "what tells them apart"
    lines = {trace["mode"]: trace["y"] for trace in page.context["trials_figure"]["data"]}
    values = lines["markers"]
    assert lines["lines"][-1] == (max(values) if name == "accuracy" else min(values)) and len(values) == 3
    assert [axis["label"] for axis in page.context["parallel"]["axes"]] == ["lr", name]
    assert page.context["parallel"]["runs"][0]["name"] == best


def test_children_without_an_objective_have_no_best(as_user, alice, sweep):
    Run.objects.filter(parent=sweep).delete()
    fields = {"experiment": sweep.experiment, "parent": sweep, "root": sweep, "status": Run.Status.RUNNING}
    child = factories.make_run(sweep.workspace, **fields)
    metrics.store_batch(child, "", make_scalars("size", [1]))
    page = as_user(alice).get(url_of(sweep))
    assert "best" not in page.context and child.display_name in page.content.decode()
    child.move(Run.Status.COMPLETED)
    child.delete()
    page = as_user(alice).get(url_of(sweep)).content.decode()
    assert "No child jobs" in page and "run.child_run()" in page


def test_many_children_take_as_many_queries_as_a_dozen(as_user, alice, sweep):
    """Fewer take fewer, because each has a colour of its own."""
    client, counts = as_user(alice), []
    for _ in range(2):
        for number in range(10):
            child = factories.make_run(sweep.workspace, experiment=sweep.experiment, parent=sweep, root=sweep)
            metrics.store_batch(child, "", make_scalars("accuracy", [number / 10]))
        with CaptureQueriesContext(connection) as queries:
            client.get(url_of(sweep))
        counts.append(len(queries))
    assert counts[0] == counts[1] < 50
