"""The home page of a workspace answers what runs now, what failed since the person was last here, and what was best."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from runs import metrics
from runs.models import HomeVisit, Run
from runs.pages import home_cards
from runs.seeding.contents import make_scalars
from tests import factories

HOME = "/ws/aml-workspace/"


@pytest.fixture
def client(as_user, alice):
    return as_user(alice)


def text_of(answer) -> str:
    return " ".join(answer.content.decode().split())


def fail(workspace, hours: int, message="No module named torch", **fields) -> Run:
    ended = timezone.now() - dt.timedelta(hours=hours)
    return factories.make_run(workspace, status="Failed", ended_at=ended, error={"message": message}, **fields)


def test_an_empty_workspace_says_what_to_do_next_with_code_for_its_cluster(client, workspace):
    page = text_of(client.get(HOME))
    assert "No jobs yet" in page and "Create cluster" in page and "Running now" not in page
    factories.make_target(workspace, "gpu-cluster")
    assert 'compute_target="gpu-cluster"' in text_of(client.get(HOME))


def test_it_shows_what_runs_and_what_failed_since_the_last_visit(client, workspace, alice):
    factories.make_run(workspace, status="Running", started_at=timezone.now(), display_name="goes on")
    fail(workspace, 2, display_name="failed lately")
    fail(workspace, 40, display_name="failed before")
    page = text_of(client.get(HOME)).partition("Recent jobs")[0]
    assert "goes on" in page and "failed lately" in page and "No module named torch" in page
    assert "failed before" not in page, "the first visit looks one day back"


def test_a_running_job_is_canceled_from_here_by_who_may(as_user, alice, bob, workspace):
    run = factories.make_run(workspace, status="Running", started_at=timezone.now())
    cancel = reverse("runs:run_cancel", args=[workspace.slug, run.run_id])
    now = reverse("runs:home_now", args=[workspace.slug])
    for address in (HOME, now):
        assert f'action="{cancel}"' in text_of(as_user(alice).get(address))
        assert f'action="{cancel}"' not in text_of(as_user(bob).get(address))
    assert as_user(alice).post(cancel, {"next": HOME}).url == HOME
    assert f'action="{cancel}"' not in text_of(as_user(alice).get(HOME)), "it is being canceled"


def test_a_visit_ends_after_half_an_hour_and_the_next_begins_where_it_ended(workspace, alice):
    HomeVisit.objects.record(alice, workspace)
    seen = timezone.now() - dt.timedelta(hours=5)
    HomeVisit.objects.update(seen_at=seen, since=seen)
    assert HomeVisit.objects.record(alice, workspace) == seen
    assert HomeVisit.objects.record(alice, workspace) == seen, "a reload is the same visit"
    assert HomeVisit.objects.read_since(alice, workspace) == seen
    fail(workspace, 6)
    assert not home_cards.Now.read(workspace, seen).failed


def test_a_poll_answers_only_what_has_changed(client, workspace):
    run = factories.make_run(workspace, status="Running", started_at=timezone.now())
    url = reverse("runs:home_now", args=["aml-workspace"])
    page = text_of(client.get(url))
    seen = page.partition("?seen=")[2].partition('"')[0]
    assert client.get(url, {"seen": seen}).status_code == 204
    run.fail("UserError", "It ended badly.")
    page = text_of(client.get(url, {"seen": seen}))
    assert "No running jobs" in page and "It ended badly." in page and "hx-trigger" not in page


def log(run, name, *values) -> None:
    metrics.store_batch(run, "", make_scalars(name, list(values)))


def test_the_best_of_each_experiment_is_by_the_metric_that_matters_first(workspace):
    digits, words = factories.make_experiment(workspace, "digits"), factories.make_experiment(workspace, "words")
    runs = [factories.make_run(workspace, experiment=digits, display_name=f"digits {n}") for n in range(3)]
    for run, value in zip(runs, (0.7, 0.9, 0.8), strict=True):
        log(run, "accuracy", 0.1, value)
        log(run, "duration", value)
    for value in (0.5, 0.2):
        log(factories.make_run(workspace, experiment=words), "val_loss", value)
    gone = factories.make_run(workspace, experiment=words, deleted_at=timezone.now())
    log(gone, "val_loss", 0.01)
    factories.make_run(workspace)
    found = {best.experiment.name: (best.metric, best.series.last) for best in home_cards.find_best(workspace)}
    assert found == {"digits": ("accuracy", 0.9), "words": ("val_loss", 0.2)}


def test_a_best_value_is_short_and_exact_on_hover(client, workspace):
    log(factories.make_run(workspace), "accuracy", 0.123456789)
    log(factories.make_run(workspace), "score", -6.0221e23)
    page = text_of(client.get(HOME))
    assert '<span class="nowrap" title="0.123456789">0.1235</span>' in page
    assert '<span class="nowrap" title="−6.0221e+23">−6.022e+23</span>' in page


def test_an_experiment_whose_values_are_far_from_the_best_of_all_is_found_too(workspace, monkeypatch):
    monkeypatch.setattr(home_cards, "WALKED", 1)
    monkeypatch.setattr(home_cards, "FALLBACK", 2)
    for name, values in (("good", [0.9, 0.8]), ("poor", [0.1, 0.2])):
        experiment = factories.make_experiment(workspace, name)
        for value in values:
            log(factories.make_run(workspace, experiment=experiment), "accuracy", value)
    found = {best.experiment.name: (best.series.last, best.is_recent) for best in home_cards.find_best(workspace)}
    assert found == {"good": (0.9, False), "poor": (0.2, True)}


def test_it_costs_few_queries_however_much_there_is(client, workspace, django_assert_max_num_queries):
    for number in range(8):
        experiment = factories.make_experiment(workspace)
        log(factories.make_run(workspace, experiment=experiment, status="Running"), "accuracy", number)
        fail(workspace, 1, experiment=experiment)
    with django_assert_max_num_queries(60):
        page = text_of(client.get(HOME))
    assert '<span class="count">8</span>' in page, "eight run, six are shown"


def test_others_see_their_part(as_user, bob, mallory, workspace):
    fail(workspace, 1)
    assert "Create environment" not in text_of(as_user(bob).get(HOME))
    assert as_user(mallory).get(reverse("runs:home_now", args=["aml-workspace"])).status_code == 404
