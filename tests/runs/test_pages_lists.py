"""All jobs, all experiments and the page of one experiment."""

import re

import pytest
from django.urls import reverse

from compute.models import Work
from runs import metrics
from runs.charts import run_charts
from runs.models import Run
from runs.seeding.contents import make_curve, make_scalars
from runs.seeding.full_run import finish_run
from tests import factories
from tests.html import html_of
from workspaces.models import Role


@pytest.fixture
def run(experiment, alice):
    return factories.make_run(experiment.workspace, experiment=experiment, created_by=alice, display_name="first try")


def list_urls(experiment):
    slug = experiment.workspace.slug
    return [
        reverse("runs:jobs", args=[slug]),
        reverse("runs:experiments", args=[slug]),
        experiment.get_absolute_url(),
        reverse("runs:experiment_charts", args=[slug, experiment.experiment_id]),
    ]


def test_lists_are_for_members_alone(as_user, alice, bob, mallory, run, experiment):
    for url in list_urls(experiment):
        assert as_user(alice).get(url).status_code == 200, url
        assert as_user(bob).get(url).status_code == 200, url
        assert as_user(mallory).get(url).status_code == 404, url
        assert as_user(alice).post(url).status_code == 405, url


def test_who_may_only_operate_compute_sees_no_runs(as_user, workspace, experiment, run):
    olga = factories.make_user("olga")
    factories.give_role(olga, Role.COMPUTE_OPERATOR, workspace)
    for url in [*list_urls(experiment), run.get_absolute_url()]:
        assert as_user(olga).get(url).status_code == 403, url
    assert "first try" not in as_user(olga).get(workspace.get_absolute_url()).content.decode()
    for query in [{"q": "first"}, {"q": "first", "ws": workspace.slug}]:
        assert "first try" not in as_user(olga).get(reverse("palette"), query).content.decode()


def test_a_row_says_what_the_run_is(as_user, alice, run):
    run.edit(tags={"seed": "7"})
    page = as_user(alice).get(reverse("runs:jobs", args=[run.workspace.slug])).content.decode()
    for words in ["first try", "digits", "Not started", "alice", "seed : 7"]:
        assert words in page


def test_counters_filter_by_status(as_user, alice, experiment, run):
    done = factories.make_run(experiment.workspace, experiment=experiment, display_name="the done one")
    finish_run(done, Run.Status.COMPLETED)
    url = reverse("runs:jobs", args=[experiment.workspace.slug])
    page = as_user(alice).get(url, {"status": "Completed"}).content.decode()
    assert "the done one" in page and "first try" not in page
    assert re.search(r"Queued\s*<b>1</b>", page), "the counters count what the search finds, of every state"


def test_every_word_of_a_search_must_match(as_user, alice, bob, experiment, run):
    other = factories.make_run(experiment.workspace, experiment=experiment, created_by=bob, display_name="second try")
    other.edit(tags={"model": "forest", "share": "100%"}, description="Ärger")
    url = reverse("runs:jobs", args=[experiment.workspace.slug])
    cases = [("try", 2), ("try forest", 1), ("bob", 1), ("digits", 2), ("nothing", 0), ("SECOND", 1), ("Ärger", 1)]
    cases += [("0%", 1), ("%", 1), ("_0", 0), ("\\", 0), ("notstarted", 2), ("started", 0), ("delforest", 0), ("Ä", 1)]
    for words, found in cases:
        page = as_user(alice).get(url, {"q": words}).content.decode()
        assert page.count('<tr id="run-') == found, words


def test_only_my_jobs(as_user, bob, experiment, run):
    page = as_user(bob).get(reverse("runs:jobs", args=[experiment.workspace.slug]), {"mine": "1"}).content.decode()
    assert "first try" not in page and "No job matches" in page


def test_children_are_shown_on_request(as_user, alice, experiment, run):
    factories.make_run(experiment.workspace, experiment=experiment, parent=run, root=run, display_name="a child")
    url = experiment.get_absolute_url()
    assert "a child" not in as_user(alice).get(url).content.decode()
    assert "a child" in as_user(alice).get(url, {"children": "1"}).content.decode()


def test_an_experiment_begins_with_child_jobs_if_only_they_have_metrics(as_user, alice, experiment, run):
    client, url = as_user(alice), experiment.get_absolute_url()
    child = factories.make_run(
        experiment.workspace, experiment=experiment, parent=run, root=run, display_name="a child"
    )
    assert client.get(url).status_code == 200
    metrics.store_batch(child, "", make_scalars("loss", [0.5]))
    assert client.get(url).url == f"{url}?children=1"
    page = client.get(url, {"children": "1"}).content.decode()
    assert "a child" in page and "?children=false" in page
    for without in ({"children": "false"}, {"size": "10"}):
        assert "a child" not in client.get(url, without).content.decode()
    metrics.store_batch(run, "", make_scalars("loss", [0.5]))
    assert "a child" not in client.get(url).content.decode()


def names_in_order(page: str) -> list[str]:
    return re.findall(r'class="row-link cut"[^>]*>([^<]+)<', page)


def test_an_experiment_sorts_by_its_metrics(as_user, alice, experiment):
    for name, loss in [("a", 0.5), ("b", 0.1), ("c", 0.9)]:
        run = factories.make_run(experiment.workspace, experiment=experiment, display_name=name)
        metrics.store_batch(run, "", make_scalars("loss", [1.0, loss]))
    factories.make_run(experiment.workspace, experiment=experiment, display_name="without")
    client, url = as_user(alice), experiment.get_absolute_url()
    assert names_in_order(client.get(url, {"sort": "metric-loss"}).content.decode()) == ["b", "a", "c", "without"]
    assert names_in_order(client.get(url, {"sort": "-metric-loss"}).content.decode()) == ["c", "a", "b", "without"]
    assert '<td class="number" title="0.5">0.5000</td>' in client.get(url).content.decode()


@pytest.mark.parametrize(
    "sort", ["name", "-status", "experiment", "duration", "-duration", "by", "target", "type", "created"]
)
def test_every_column_sorts(as_user, alice, run, sort):
    assert as_user(alice).get(reverse("runs:jobs", args=[run.workspace.slug]), {"sort": sort}).status_code == 200


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"sort": "colour"}, "experiment"),
        ({"status": "Lost"}, "status=Lost is not allowed: write Running, Completed, Failed"),
        ({"size": "7"}, "size=7 is not allowed: write 10, 25, 50 or 100."),
        ({"page": "x"}, "page=x is not allowed: write a whole number."),
        ({"page": "0"}, "page=0 is not allowed: write a number of 1 or more."),
        ({"band": "foo", "across": "9"}, "across=9 is not allowed: write 1, 2, 3 or 4."),
    ],
)
def test_a_wrong_word_in_the_address_is_named(as_user, alice, run, query, says):
    answer = as_user(alice).get(reverse("runs:jobs", args=[run.workspace.slug]), query)
    assert answer.status_code == 200 and says in html_of(answer) and f'id="run-{run.pk}"' in html_of(answer)


def poll_url(page: str) -> str:
    return re.search(r'id="run-poll" hx-get="([^"]+)"', page)[1].replace("&amp;", "&")


HTMX = {"HX-Request": "true", "HX-Target": "run-poll"}


def test_a_poll_with_nothing_new_is_one_query_more_than_finding_the_workspace(
    as_user, alice, run, django_assert_max_num_queries
):
    client = as_user(alice)
    url = poll_url(client.get(reverse("runs:jobs", args=[run.workspace.slug])).content.decode())
    with django_assert_max_num_queries(5):  # session, person, workspace, role, rows
        answer = client.get(url, headers=HTMX)
    assert answer.status_code == 204 and not answer.content


def test_a_poll_sends_only_the_rows_that_changed(as_user, alice, experiment, run):
    other = factories.make_run(experiment.workspace, experiment=experiment, display_name="other")
    client = as_user(alice)
    url = poll_url(client.get(experiment.get_absolute_url()).content.decode())
    other.start(node="n1")
    answer = html_of(client.get(url, headers=HTMX))
    assert f'<tr id="run-{other.pk}" hx-swap-oob="true">' in answer
    assert f'id="run-{run.pk}"' not in answer
    assert client.get(poll_url(answer), headers=HTMX).status_code == 204


def test_a_poll_brings_the_whole_table_when_other_runs_are_shown(as_user, alice, experiment, run):
    client = as_user(alice)
    url = poll_url(client.get(experiment.get_absolute_url()).content.decode())
    factories.make_run(experiment.workspace, experiment=experiment, display_name="newer")
    answer = client.get(url, headers=HTMX)
    assert answer.headers["HX-Retarget"] == "#run-table" and "newer" in answer.content.decode()
    assert "<html" not in answer.content.decode()
    assert "seen=" not in answer.content.decode().partition('id="run-poll"')[0], "links carry no token of a poll"


def test_the_first_metric_of_an_experiment_brings_its_column(as_user, alice, experiment, run):
    client = as_user(alice)
    url = poll_url(client.get(experiment.get_absolute_url()).content.decode())
    metrics.store_batch(run, "", make_scalars("a new one", [1.5]))
    answer = client.get(url, headers=HTMX)
    assert answer.headers["HX-Retarget"] == "#run-table" and 'data-column="metric-a new one"' in answer.content.decode()


def test_a_list_of_ended_runs_looks_for_another_now_and_then(as_user, alice, experiment, run):
    client = as_user(alice)
    assert 'hx-trigger="every 2s' in client.get(experiment.get_absolute_url()).content.decode()
    finish_run(run, Run.Status.COMPLETED)
    assert 'hx-trigger="every 15s' in client.get(experiment.get_absolute_url()).content.decode()


def test_a_thousand_runs_take_as_many_queries_as_ten(as_user, alice, experiment, django_assert_max_num_queries):
    runs = [
        Run(
            workspace=experiment.workspace,
            experiment=experiment,
            run_id=f"many_{number}",
            number=number + 1,
            display_name=f"many {number}",
            created_by=alice,
        )
        for number in range(1000)
    ]
    Run.objects.bulk_create(runs)
    for run in Run.objects.all()[:30]:
        metrics.store_batch(run, "", make_scalars("loss", make_curve(3, run.pk)))
    client = as_user(alice)
    with django_assert_max_num_queries(17):
        assert client.get(experiment.get_absolute_url(), {"size": "100"}).status_code == 200
    with django_assert_max_num_queries(14):
        page = client.get(reverse("runs:jobs", args=[experiment.workspace.slug])).content.decode()
    assert "of 40" in page


def test_the_experiments_page_counts_in_a_fixed_number_of_queries(
    as_user, alice, workspace, django_assert_max_num_queries
):
    for number in range(12):
        experiment = factories.make_experiment(workspace, f"experiment-{number}")
        finish_run(factories.make_run(workspace, experiment=experiment), Run.Status.COMPLETED)
    client = as_user(alice)
    with django_assert_max_num_queries(10):
        page = html_of(client.get(reverse("runs:experiments", args=[workspace.slug])))
    assert page.count("1 completed") == 12


def test_charts_hold_a_line_for_each_run_shown(as_user, alice, experiment):
    for name in ["a", "b"]:
        run = factories.make_run(experiment.workspace, experiment=experiment, display_name=name)
        metrics.store_batch(run, "", make_scalars("loss", make_curve(20, run.pk)))
    url = reverse("runs:experiment_charts", args=[experiment.workspace.slug, experiment.experiment_id])
    [chart] = as_user(alice).get(url).json()["charts"]
    assert chart["name"] == "loss"
    assert sorted(trace["name"] for trace in chart["figure"]["data"]) == ["a", "b"]
    assert chart["figure"]["layout"]["hovermode"] == "closest", "only the nearest line answers"


def test_the_text_at_the_pointer_is_small():
    lines = run_charts._fill_lines(["lr = 0.01", "depth = 3", "optimizer = adam", "seed = 1", f"x = {'y' * 99}"])
    assert lines == ["lr = 0.01, depth = 3", "optimizer = adam"]
    assert [len(line) for line in run_charts._fill_lines([f"x = {'y' * 99}"] * 3)] == [25, 25]


def test_a_line_says_what_sets_its_run_apart_and_the_best_stand_out(as_user, alice, experiment):
    for number in range(10):
        run = factories.make_run(experiment.workspace, experiment=experiment, display_name=f"<b>{number}%{{x}}")
        metrics.store_batch(run, "", [*make_scalars("loss", [1.0, number]), *make_scalars("auc", [number])])
        run.add_parameters({"lr": str(number), "model": "svm"})
    url = reverse("runs:experiment_charts", args=[experiment.workspace.slug, experiment.experiment_id])
    auc, loss = as_user(alice).get(url).json()["charts"]
    best = loss["figure"]["data"][-1]
    assert best["y"] == [1.0, 0] and best["hovertemplate"].startswith("<b>&lt;b&gt;0% {x}</b><br>lr = 0<br>%{y")
    assert [trace.get("opacity", 1) for trace in loss["figure"]["data"]] == [0.3] * 2 + [1] * 8
    strip = auc["figure"]["data"]
    assert (strip[-1]["x"], strip[-1]["mode"], len(strip)) == ([9], "markers", 10), (
        "single values are no blocks of colour"
    )
    assert len({trace["colour"] for trace in strip}) == 10


def test_each_of_25_lines_looks_like_the_mark_in_its_row_and_like_no_other(as_user, alice, experiment):
    for number in range(25):
        run = factories.make_run(experiment.workspace, experiment=experiment)
        metrics.store_batch(run, "", [*make_scalars("loss", [1.0, number]), *make_scalars("auc", [number])])
    url = reverse("runs:experiment_charts", args=[experiment.workspace.slug, experiment.experiment_id])
    strip, curves = (chart["figure"]["data"] for chart in as_user(alice).get(url).json()["charts"])
    page = as_user(alice).get(experiment.get_absolute_url()).content.decode()
    marks = re.findall(r'<tr id="(run-\d+)".*?line-mark line-(\w+) dot-(\d)', page, re.DOTALL)
    looks = [(one["meta"], one["line"].get("dash", "solid"), str(one["colour"])) for one in curves]
    assert sorted(looks) == sorted(marks) and len({look[1:] for look in looks}) == 25
    assert len({(one["colour"], one["marker"].get("symbol")) for one in strip}) == 25


def test_chosen_runs_are_canceled_together(as_user, alice, bob, experiment, run):
    done = factories.make_run(experiment.workspace, experiment=experiment)
    finish_run(done, Run.Status.COMPLETED)
    url = reverse("runs:runs_cancel", args=[experiment.workspace.slug])
    chosen = {"run": [run.run_id, done.run_id], "next": experiment.get_absolute_url() + "?page=1"}
    assert as_user(bob).post(url, chosen).status_code == 403
    answer = as_user(alice).post(url, chosen, follow=True)
    assert answer.redirect_chain[0][0] == experiment.get_absolute_url() + "?page=1"
    run.refresh_from_db()
    assert run.status == Run.Status.CANCELED
    assert "1 job canceled" in answer.content.decode() and "1 job has ended already" in answer.content.decode()


def test_chosen_runs_are_deleted_together(as_user, alice, mallory, experiment, run):
    finish_run(run, Run.Status.COMPLETED)
    url = reverse("runs:runs_delete", args=[experiment.workspace.slug])
    assert as_user(mallory).post(url, {"run": run.run_id}).status_code == 404
    assert as_user(alice).get(url).status_code == 405
    as_user(alice).post(url, {"run": run.run_id})
    assert not Run.objects.filter(pk=run.pk, deleted_at=None).exists()


@pytest.mark.parametrize("away", ["https://evil.example/", "//evil.example/", "/admin/", ""])
def test_a_bulk_action_redirects_to_lists_of_this_site_only(as_user, alice, run, away):
    answer = as_user(alice).post(
        reverse("runs:runs_cancel", args=[run.workspace.slug]), {"run": run.run_id, "next": away}
    )
    assert answer.url == reverse("runs:jobs", args=[run.workspace.slug])


def test_an_empty_selection_is_reported(as_user, alice, run):
    answer = as_user(alice).post(reverse("runs:runs_cancel", args=[run.workspace.slug]), follow=True)
    assert "0 are selected" in answer.content.decode()


def test_an_experiment_is_deleted_by_its_name(as_user, alice, bob, experiment, run):
    finish_run(run, Run.Status.COMPLETED)
    url = reverse("runs:experiment_delete", args=[experiment.workspace.slug, experiment.experiment_id])
    assert as_user(bob).post(url, {"confirm_name": "digits"}).status_code == 403
    assert as_user(alice).post(url, {"confirm_name": "other"}).status_code == 400
    assert as_user(alice).post(url, {"confirm_name": "digits"}).status_code == 302
    assert not Run.objects.filter(deleted_at=None).exists()


def test_an_archived_experiment_is_out_of_the_way(as_user, alice, experiment):
    slug = experiment.workspace.slug
    as_user(alice).post(reverse("runs:experiment_archive", args=[slug, experiment.experiment_id]))
    url = reverse("runs:experiments", args=[slug])
    assert experiment.name not in as_user(alice).get(url).content.decode()
    assert experiment.name in as_user(alice).get(url, {"archived": "1"}).content.decode()


def test_home_shows_the_newest_runs(as_user, alice, run):
    page = as_user(alice).get(run.workspace.get_absolute_url()).content.decode()
    assert "Recent jobs" in page and "first try" in page


def test_the_palette_finds_runs_and_experiments(as_user, alice, mallory, run):
    found = as_user(alice).get(reverse("palette"), {"q": "first"}).content.decode()
    assert run.get_absolute_url() in found
    assert run.experiment.get_absolute_url() in as_user(alice).get(reverse("palette"), {"q": "digit"}).content.decode()
    assert run.get_absolute_url() not in as_user(mallory).get(reverse("palette"), {"q": "first"}).content.decode()


def test_the_palette_shows_what_has_the_very_name_first(as_user, alice, workspace):
    older = factories.make_run(workspace, display_name="attempt 2", run_id="digits_older")
    newer = factories.make_run(workspace, display_name="attempt 3", run_id="digits_2")
    found = as_user(alice).get(reverse("palette"), {"q": "Attempt 2"}).content.decode()
    assert 0 < found.index(older.get_absolute_url()) < found.index(newer.get_absolute_url())


def test_a_waiting_run_says_why(as_user, alice, run):
    target = factories.make_target(run.workspace, "cpu-cluster")
    Work.objects.create(target=target, scope="run:earlier", submitted_by=alice)
    run.work = Work.objects.create(target=target, scope=f"run:{run.run_id}", submitted_by=alice)
    run.save(update_fields=["work"])
    run.move(Run.Status.QUEUED)
    page = as_user(alice).get(run.get_absolute_url()).content.decode()
    assert "Number 2 in the queue of cpu-cluster. No machine is connected, so no node can start." in page
    factories.make_node(target)
    assert "1 node is starting." in as_user(alice).get(run.get_absolute_url()).content.decode()
