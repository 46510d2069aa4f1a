"""What a list offers to filter by: of all its runs, with counts and ranges, however many they are."""

import html
import re

import pytest
from django.urls import reverse

from runs import facet_counts, metrics, tasks
from runs.models import ListFacets, Run
from runs.seeding.contents import make_scalars
from tests import factories
from tests.html import html_of


@pytest.fixture
def experiment(workspace, alice):
    found = factories.make_experiment(workspace, "many")
    for number in range(6):
        run = factories.make_run(workspace, experiment=found, created_by=alice, display_name=f"job {number}")
        metrics.store_batch(run, "", make_scalars("loss", [number / 10]))
        run.add_parameters({"model": "svm" if number else "forest", "rate": str(10**number), "seed": f"s{number}"})
        run.edit(tags={"team": "red"})
    return found


def panel(client, experiment, **query) -> str:
    address = reverse("runs:list_panel", args=[experiment.workspace.slug, "filters"])
    return html_of(client.get(address, {"experiment": experiment.experiment_id, **query}))


def names(client, experiment) -> dict:
    address = reverse("runs:jobs_names", args=[experiment.workspace.slug])
    return client.get(address, {"experiment": experiment.experiment_id}).json()


def test_filters_count_all_runs_and_know_ranges(as_user, alice, experiment):
    experiment.runs.update(run_type="azureml.scriptrun")
    experiment.runs.filter(number=1).update(run_type="azureml.script")
    page = panel(as_user(alice), experiment)
    chips = dict(re.findall(r'class="cut">([^<]+)</span> <span class="muted">(\d+)<', page))
    assert (chips["svm"], chips["forest"], chips["red"], chips["alice"]) == ("5", "1", "6", "6")
    assert chips["Command"] == "6", "as in the column"
    assert "Parameter seed" not in page, "each run has another value"
    loss, rate = re.findall(r'name="from"[^>]*placeholder="([^"]*)".*?placeholder="([^"]*)"', page, re.DOTALL)
    assert (loss, rate) == (("0", "0.5000"), ("1", "100,000"))


def test_completion_knows_how_many_jobs_have_a_name(as_user, alice, experiment):
    found = names(as_user(alice), experiment)
    assert found["counts"] == {"metrics.loss": 6, "params.model": 6, "params.rate": 6, "params.seed": 6, "tags.team": 6}
    assert found["values"]["params.model"] == ["svm", "forest"]


def test_a_range_goes_into_the_query_and_replaces_the_one_before(as_user, alice, experiment):
    address = reverse("runs:filter_range", args=[experiment.workspace.slug])
    query = {"experiment": experiment.experiment_id, "key": "metrics.loss", "from": "0.2", "to": "0.4"}
    query["filter"] = "params.model = 'svm' and metrics.loss >= 0.1"
    answer = as_user(alice).get(address, query, follow=True)
    assert "params.model = 'svm' and metrics.loss >= 0.2 and metrics.loss <= 0.4" in html.unescape(html_of(answer))
    assert re.findall(r'class="row-link cut"[^>]*>([^<]+)<', html_of(answer)) == ["job 4", "job 3", "job 2"]
    for wrong in ({"from": "low"}, {"key": "metrics.loss >"}):
        assert as_user(alice).get(address, query | wrong).status_code == 400


def test_a_range_of_a_parameter_compares_numbers(as_user, alice, experiment):
    first = Run.objects.order_by("pk").first()
    first.parameter_rows.filter(name="rate").update(value="fast")
    rates = {run.display_name: run.parameter_rows.get(name="rate").value for run in Run.objects.exclude(pk=first.pk)}
    address = reverse("runs:filter_range", args=[experiment.workspace.slug])
    query = {"experiment": experiment.experiment_id, "key": "params.rate", "from": "10", "to": "1e4"}
    shown = html_of(as_user(alice).get(address, query, follow=True))
    wanted = sorted(name for name, value in rates.items() if 10 <= float(value) <= 10_000)
    assert sorted(re.findall(r'class="row-link cut"[^>]*>([^<]+)<', shown)) == wanted and wanted
    others = html_of(as_user(alice).get(experiment.get_absolute_url(), {"filter": "params.rate != 10"}))
    found = re.findall(r'class="row-link cut"[^>]*>([^<]+)<', others)
    assert sorted(found) == sorted(name for name, value in rates.items() if float(value) != 10)


def test_a_long_list_is_counted_in_the_background_and_kept(as_user, alice, experiment, monkeypatch):
    monkeypatch.setattr(facet_counts, "SHORT", 3)
    monkeypatch.setattr(facet_counts, "NEWEST", 2)
    client = as_user(alice)
    assert "Counts of the newest jobs" in panel(client, experiment)
    assert names(client, experiment)["counts"]["params.model"] == 2
    tasks.count_facets()
    assert names(client, experiment)["counts"]["params.model"] == 6
    assert "Counts of the newest jobs" not in panel(client, experiment)
    ListFacets.objects.update(counted_at="2020-01-01T00:00Z")
    factories.make_run(experiment.workspace, experiment=experiment).add_parameters({"model": "cnn"})
    assert names(client, experiment)["counts"]["params.model"] == 6, "the page waits for no counting"
    tasks.count_facets()
    assert names(client, experiment)["counts"]["params.model"] == 7


def test_an_infinite_value_has_no_range(as_user, alice, workspace):
    found = factories.make_experiment(workspace, "infinite")
    run = factories.make_run(workspace, experiment=found)
    metrics.store_batch(run, "", make_scalars("loss", [float("inf")]))
    assert facet_counts.count_facets(found.runs.all())["metrics"] == [["loss", 1, None, None]]
    assert "Ranges" not in panel(as_user(alice), found)
