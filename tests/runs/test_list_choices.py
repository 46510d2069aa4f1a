"""What a person chooses on a list of runs: the primary metric, a layout for everybody, colours, tags."""

import re

from runs import metrics, objectives
from runs.metric_order import Objective
from runs.models import Run, RunTag
from runs.seeding.contents import make_scalars
from tests import factories
from tests.html import html_of
from tests.runs.table_page import headers_of, undo_of, url


def test_the_primary_metric_comes_first_and_its_goal_decides_what_is_best(as_user, alice, bob, experiment, sweep):
    for number, run in enumerate(sweep):
        metrics.store_batch(run, "more", make_scalars("cost", [9.0, 1.0 + number]))
    client = as_user(alice)
    assert headers_of(html_of(client.get(url(experiment))))[2] == "metric-loss"
    form = {"query": "", "experiment": str(experiment.experiment_id), "col": "name"}
    client.post(url(experiment, "layout_save"), {**form, "col": [], "primary_metric": "cost", "better": "lower"})
    page = html_of(client.get(url(experiment), follow=True))
    assert headers_of(page)[2] == "metric-cost" and 'data-sort-first="metric-cost"' in page
    assert '<b>1<span class="visually-hidden"> (best)' in page
    compared = f"{url(experiment, 'compare')}?runs={','.join(run.run_id for run in sweep)}&tab=metrics"
    rows = re.findall(r'data-differs="([^"]+)"', html_of(client.get(compared)))
    others = re.findall(r'data-differs="([^"]+)"', html_of(as_user(bob).get(compared)))
    assert (rows, others) == (["cost", "loss"], ["loss", "cost"])


def test_a_layout_can_be_saved_for_everybody(as_user, alice, bob, experiment, sweep):
    form = {
        "query": "sort=number",
        "experiment": str(experiment.experiment_id),
        "col": ["name", "param-lr"],
        "for_all": "1",
    }
    assert as_user(bob).post(url(experiment, "layout_save"), form).status_code == 403
    as_user(alice).post(url(experiment, "layout_save"), form)
    for person in (alice, bob):
        assert headers_of(html_of(as_user(person).get(url(experiment), follow=True))) == ["name", "param-lr"]
    own = {**form, "col": ["name", "number"]}
    own.pop("for_all")
    as_user(bob).post(url(experiment, "layout_save"), own)
    assert headers_of(html_of(as_user(bob).get(url(experiment), follow=True))) == ["name", "number"]
    assert headers_of(html_of(as_user(alice).get(url(experiment), follow=True))) == ["name", "param-lr"]
    as_user(alice).post(url(experiment, "layout_reset"), {**form, "query": ""})
    assert "param-model" in headers_of(html_of(as_user(alice).get(url(experiment), follow=True)))


def test_a_sweep_says_by_what_its_runs_are_judged(as_user, alice, experiment, sweep):
    parent = factories.make_run(experiment.workspace, experiment=experiment, run_type="azureml.HyperDrive")
    Run.objects.filter(pk=parent.pk).update(
        properties={"primary_metric_config": '{"name": "cost", "goal": "minimize"}'}
    )
    metrics.store_batch(sweep[0], "more", make_scalars("cost", [9.0, 1.0]))
    assert headers_of(html_of(as_user(alice).get(url(experiment))))[2] == "metric-cost"
    job = {"properties": {"objective": {"primaryMetric": "gain", "goal": "Maximize"}}}
    assert objectives.objective_of_sweep(Run(job=job)) == Objective("gain", "higher")
    assert objectives.objective_of_sweep(Run(properties={"primary_metric_config": "{"})) == Objective()


def test_a_color_is_a_persons_own_wherever_the_run_is_drawn(as_user, alice, bob, experiment, sweep):
    run, client = sweep[0], as_user(bob)
    form = {"run": run.run_id, "colour": "4", "experiment": str(experiment.experiment_id)}
    assert client.post(url(experiment, "runs_colour"), form).status_code == 302
    address = url(experiment, "experiment_charts", experiment.experiment_id)

    def colour_of(person) -> int:
        [chart] = as_user(person).get(address).json()["charts"]
        return next(trace["colour"] for trace in chart["figure"]["data"] if trace["meta"] == f"run-{run.pk}")

    usual = colour_of(alice)
    assert colour_of(bob) == 4
    compared = f"{url(experiment, 'compare')}?runs={','.join(run.run_id for run in sweep)}&tab=scatter"
    page = html_of(client.get(compared))
    assert re.search(
        rf'data-run="{run.run_id}"><td><span class="run-title"><span class="line-mark line-solid dot-4"', page
    )
    client.post(url(experiment, "runs_colour"), {**form, "colour": ""})
    assert colour_of(bob) == usual
    client.post(url(experiment, "runs_colour"), {**form, "colour": "10"})
    assert colour_of(bob) == usual


def test_tags_of_the_selected_are_listed_and_taken_away_with_undo(as_user, alice, bob, experiment, sweep):
    client, ids = as_user(alice), [run.run_id for run in sweep]
    sweep[1].edit(tags={"note": "good"})
    listed = html_of(client.get(url(experiment, "runs_tags"), {"run": ids}))
    assert re.findall(r'data-edit-tag="([^"]+)" data-value="([^"]*)"', listed) == [("team", ""), ("note", "good")]
    assert "several values" in re.sub(r"\s+", " ", listed) and "1 of 4 jobs" in re.sub(r"\s+", " ", listed)
    form = {"run": ids, "remove_tag": "team", "experiment": str(experiment.experiment_id), "next": url(experiment)}
    assert as_user(bob).post(url(experiment, "runs_untag_name"), form).status_code == 403
    page = html_of(client.post(url(experiment, "runs_untag_name"), form, follow=True))
    assert not RunTag.objects.filter(name="team").exists() and "4 jobs without the tag team now." in page
    sweep[3].edit(tags={"team": "green"})
    client.post(undo_of(page))
    assert [run.tags["team"] for run in Run.objects.filter(experiment=experiment).order_by("pk")] == [
        "blue",
        "red",
        "red",
        "green",
    ]
    assert "None of the selected jobs" in html_of(
        client.post(url(experiment, "runs_untag_name"), {**form, "remove_tag": "none"}, follow=True)
    )
