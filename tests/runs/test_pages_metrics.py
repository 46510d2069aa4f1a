"""The tab Metrics: which cards there are, the lines in them, and what a live page is sent."""

import csv
import io
import json
import math
import re

import pytest
from django.urls import reverse

from accounts.models import User
from runs import metrics
from runs.charts import metric_cards
from runs.files import artifacts
from runs.models import SavedView
from runs.seeding.contents import make_curve, make_scalars
from runs.seeding.full_run import make_full_run
from tests import factories
from tests.runs.conftest import kept_runs
from workspaces.models import Workspace


@pytest.fixture
def workspace(db, kept_experiment):
    return Workspace.objects.get(pk=kept_experiment.workspace_id)


@pytest.fixture
def alice(db, kept_experiment):
    return User.objects.get(username="alice")


@pytest.fixture(scope="module")
def full_run(kept_experiment):
    run = make_full_run(kept_experiment, User.objects.get(username="alice"), display_name="the run")
    run.start(node="cpu-cluster-1")
    return run


@pytest.fixture
def run(db, full_run):
    return kept_runs(full_run)[0]


@pytest.fixture
def client(as_user, alice):
    return as_user(alice)


def url_of(run, name: str, *more) -> str:
    return reverse(f"runs:{name}", args=[run.workspace.slug, run.run_id, *more])


def key(run, name: str) -> int:
    return run.metrics.get(name=name).pk


def page_of(client, run, **query) -> str:
    return client.get(url_of(run, "run_metrics"), query).content.decode()


def lines(client, run, *names: str, **query) -> list[dict]:
    series = ",".join(str(key(run, name)) for name in names)
    answer = client.get(url_of(run, "run_metrics_lines"), {"series": series, **query})
    assert answer.status_code == 200, answer.content
    return answer.json()["lines"]


@pytest.mark.parametrize("name", ["run_metrics", "run_metrics_lines", "run_metrics_data", "run_metrics_csv"])
def test_members_read_and_strangers_do_not(as_user, alice, bob, mallory, run, name):
    query = {"series": key(run, "loss")}
    for person, status in [(alice, 200), (bob, 200), (mallory, 404)]:
        assert as_user(person).get(url_of(run, name), query).status_code == status
    assert as_user(alice).post(url_of(run, name), query).status_code == 405


def test_one_metric_is_for_members_alone(as_user, alice, bob, mallory, run):
    url = url_of(run, "run_metric", key(run, "loss"))
    for person, status in [(alice, 200), (bob, 200), (mallory, 404)]:
        assert as_user(person).get(url).status_code == status
    assert as_user(alice).post(url).status_code == 405
    elsewhere = factories.make_run(run.workspace)
    metrics.store_batch(elsewhere, "", make_scalars("loss", [1]))
    assert as_user(alice).get(url_of(run, "run_metric", key(elsewhere, "loss"))).status_code == 404


def test_metrics_are_cards_of_their_kind(client, run):
    page = page_of(client, run)
    listed = re.findall(r'name="show" value="([^"]*)"', page)
    assert listed == re.findall(r'data-names="([^"]*)"', page), "in the order of the cards"
    for words in ['data-chart="series"', "1,797", "non-numeric values", '<th scope="col">precision</th>', "True label"]:
        assert words in page


def test_show_and_hide_choose_metrics(client, run):
    page = page_of(client, run, show=["loss"])
    assert page.count('data-card="') == 1 and page.count("data-series=") == run.metrics.count()
    assert page_of(client, run, hide=["loss"]).count('data-card="') == run.metrics.count() - 1


def test_the_objective_is_the_first_chart_then_what_decides_and_settings_are_last(client, run, alice):
    run.metrics.all().delete()
    for name in ("layer10", "layer9", "epoch", "loss", "val_loss", "zeta"):
        metrics.store_batch(run, "", make_scalars(name, [1, 2]))

    def titles():
        sections = client.get(url_of(run, "run_metrics")).context["sections"]
        return [card.title for section in sections for card in section.cards]

    assert titles() == ["val_loss", "loss", "layer9", "layer10", "zeta", "epoch"]
    SavedView.objects.create(
        workspace=run.workspace, experiment=run.experiment, owner=alice, query="primary=lower:zeta"
    )
    assert titles() == ["zeta", "val_loss", "loss", "layer9", "layer10", "epoch"]
    overview = client.get(run.get_absolute_url()).content.decode()
    assert overview.index('title="zeta"') < overview.index('title="val_loss"')


def test_metrics_are_grouped_by_prefix_and_those_of_the_machine_stand_last_and_folded(client, run):
    for name in ("train/loss", "val/loss", "system/cpu"):
        metrics.store_batch(run, "", make_scalars(name, [1, 2]))
    page = page_of(client, run)
    positions = [page.index(f'data-section="{name}"') for name in ("", "train", "val", "system")]
    assert positions == sorted(positions)
    assert 'data-section="train" open' in page and 'data-section="system">' in page


def test_grouped_by_name_a_chart_holds_the_lines_of_that_name(run):
    for name in ("train/loss", "val/loss"):
        metrics.store_batch(run, "", make_scalars(name, [1, 2]))
    [section] = metric_cards.make_sections(
        run, list(run.metrics.filter(name__contains="loss").order_by("name")), "name"
    )
    [card] = section.cards
    assert (card.title, [one.name for one in card.members]) == ("loss", ["loss", "train/loss", "val/loss"])


def test_what_is_wrong_in_the_address_is_named_and_ignored(client, run):
    for query, says in (
        ({"group": "colour"}, "group=colour is not allowed: write prefix"),
        ({"x": "nope"}, "x: write step, relative, time or m:METRIC, not"),
        ({"x": "m:los"}, "This job has no metric los. Did you mean loss?"),
        ({"show": ["nope", "los"]}, "This job has no metric nope."),
        ({"smooth": "99999"}, "smooth=99999 is not allowed: write a number of 0.99 or less. It is ignored."),
        ({"at": "x"}, "write a position from 0 on"),
        ({"log": "z"}, "log=z is not allowed: write y, x or xy."),
    ):
        answer = client.get(url_of(run, "run_metrics"), query)
        page = answer.content.decode()
        assert answer.status_code == 200 and says in page and "data-card=" in page, query
    fine = {"x": "m:loss", "smooth": "0.5", "show": "loss", "log": "xy", "clip": "5"}
    page = client.get(url_of(run, "run_metrics"), fine).content.decode()
    assert "It is ignored" not in page and "This job has no" not in page


def test_hundreds_of_metrics_are_one_page_without_reading_points(client, run, django_assert_max_num_queries):
    for number in range(500):
        metrics.store_batch(run, "", make_scalars(f"layer{number % 5}/weight{number}", [1, 2]))
    with django_assert_max_num_queries(40):
        page = page_of(client, run)
    assert page.count('data-card="chart"') == 502


def test_beyond_the_most_cards_the_page_says_so_and_a_search_finds_the_others(client, run, monkeypatch):
    monkeypatch.setattr(metric_cards, "MAX_CARDS", 3)
    assert f"{run.metrics.count() - 3} selected metrics do not fit" in page_of(client, run)
    assert page_of(client, run, q="loss").count('data-card="') == 1


def test_a_broken_confusion_matrix_is_reported(client, run):
    metrics.store_batch(run, "", [{"name": "gone", "kind": "confusion_matrix", "value": "nowhere"}])
    assert "its file is not there" in page_of(client, run, show="gone")


def test_an_accuracy_table_offers_its_views(client, run):
    page = page_of(client, run, show="accuracy table")
    for label in ("ROC", "Precision and recall", "Calibration", "Lift", "Cumulative gain"):
        assert f">{label}</option>" in page


def test_a_line_keeps_every_digit(client, run):
    moment = 1_790_000_000.123456
    metrics.store_batch(run, "", make_scalars("at", [moment, moment + 1e-3, 1 / 3]))
    assert lines(client, run, "at")[0]["values"] == [moment, moment + 1e-3, 1 / 3]


def test_gaps_are_counted(client, run):
    metrics.store_batch(run, "", make_scalars("gappy", [1, math.nan, math.inf, 2]))
    [line] = lines(client, run, "gappy")
    assert (line["values"], line["gaps"]) == ([1, None, None, 2], 2)


def test_a_line_has_as_many_points_as_pixels(client, run):
    for start in range(0, 50_000, 10_000):
        metrics.store_batch(run, "", make_scalars("long", make_curve(10_000, start), start=start))
    [line] = lines(client, run, "long", width=300)
    assert line["count"] == 50_000 and 200 < len(line["values"]) <= 300
    [finer] = lines(client, run, "long", width=300, axis="step", **{"from": 20_000, "to": 20_100})
    assert finer["steps"] == list(range(19_999, 20_102)) or finer["steps"] == list(range(20_000, 20_102))


def test_another_metric_can_be_the_axis(client, run):
    metrics.store_batch(run, "", make_scalars("epoch", [0, 0.5, 1]))
    metrics.store_batch(run, "", make_scalars("late", [5, 6], start=1))
    [line] = lines(client, run, "late", axis="metric", metric=key(run, "epoch"))
    assert (line["xs"], line["values"]) == ([0.5, 1], [5, 6])


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"series": "x"}, "series"),
        ({"series": ",".join(map(str, range(61)))}, "60 at most"),
        ({"width": "5"}, "width"),
        ({"axis": "colour"}, "axis"),
        ({"axis": "metric"}, "metric"),
        ({"from": "5"}, "from and to"),
        ({"from": "5", "to": "1"}, "from and to"),
        ({"from": "nan", "to": "1"}, "from"),
    ],
)
def test_lines_refuse_invalid_parameters_with_a_message(client, run, query, says):
    answer = client.get(url_of(run, "run_metrics_lines"), {"series": "1", **query})
    assert answer.status_code == 400 and says in answer.content.decode()


def poll(client, run, after: str, **query):
    return client.get(url_of(run, "run_metrics_data"), {"after": after, **query})


def test_live_data_holds_only_what_is_new(client, run):
    loss = run.metrics.get(name="loss")
    run.refresh_from_db()
    assert poll(client, run, f"{loss.pk}:300", seen=run.revision).status_code == 204
    metrics.store_batch(run, "", make_scalars("loss", [float("nan"), 0.25], start=300))
    metrics.store_batch(run, "", make_scalars("fresh", [1.5]))
    news = poll(client, run, f"{loss.pk}:300", seen=run.revision).json()
    [points] = news["points"]
    assert (points["steps"], points["values"], points["count"], points["gaps"]) == ([300, 301], [None, 0.25], 302, 1)
    assert (news["active"], news["redrawn"], news["series"]) == (True, [], run.metrics.count())


def test_a_card_without_a_chart_is_fetched_again(client, run):
    table = run.metrics.get(name="per class")
    metrics.store_batch(run, "", [{"name": "per class", "kind": "table", "rows": [{"epoch": 8}]}])
    assert poll(client, run, f"{table.pk}:{table.count}").json()["redrawn"] == [table.pk]


def test_a_reader_far_behind_gets_the_whole_line(client, run):
    metrics.store_batch(run, "", make_scalars("loss", make_curve(5000, 1), start=300))
    [line] = poll(client, run, f"{key(run, 'loss')}:300").json()["points"]
    assert line["after"] == 0 and line["count"] == 5300 and len(line["values"]) <= 700


def test_live_data_refuses_nonsense(client, run):
    assert poll(client, run, "x:y").status_code == 400


def test_a_poll_of_points_with_nothing_new_is_cheap(client, run, django_assert_max_num_queries):
    run.refresh_from_db()
    with django_assert_max_num_queries(6):  # the address, session, person, workspace with its path, role, run
        assert poll(client, run, "", seen=run.revision).status_code == 204


def test_csv_has_every_value_in_full(client, run):
    metrics.store_batch(run, "", make_scalars("third", [1 / 3, 2]))
    answer = client.get(url_of(run, "run_metrics_csv"), {"series": key(run, "third")})
    rows = list(csv.reader(io.StringIO(b"".join(answer).decode())))
    assert rows[0] == ["metric", "step", "time", "value"]
    assert [(row[0], row[1], float(row[3])) for row in rows[1:]] == [("third", "0", 1 / 3), ("third", "1", 2.0)]
    assert 'filename="third.csv"' in answer.headers["Content-Disposition"]


def test_csv_of_a_table_has_its_columns(client, run):
    answer = client.get(url_of(run, "run_metrics_csv"), {"series": key(run, "per class")})
    assert b"".join(answer).decode().splitlines()[0] == "epoch,precision,recall,note"


def test_csv_holds_no_formula(client, run):
    metrics.store_batch(run, "", [{"name": "=1+1", "kind": "table", "rows": [{"a": "=cmd()", "b": -1.5}]}])
    answer = client.get(url_of(run, "run_metrics_csv"), {"series": key(run, "=1+1")})
    assert b"".join(answer).decode().splitlines() == ["a,b", "'=cmd(),-1.5"]


def test_csv_of_nothing_is_refused(client, run):
    assert client.get(url_of(run, "run_metrics_csv"), {"series": "999999"}).status_code == 400


def test_rows_come_page_by_page(client, run):
    rows = [{"n": number} for number in range(120)]
    metrics.store_batch(run, "", [{"name": "many", "kind": "table", "rows": rows}])
    url = url_of(run, "run_metric", key(run, "many"))
    first = client.get(url).content.decode()
    assert "1 to 50 of 120" in first and "?start=50" in first
    last = client.get(url, {"start": 100}, headers={"HX-Request": "true"}).content.decode()
    assert "101 to 120 of 120" in last and "<html" not in last and ">119</td>" in last


def test_the_page_of_a_chart_has_its_values(client, run):
    page = client.get(url_of(run, "run_metric", key(run, "loss")), {"start": 250}).content.decode()
    assert "251 to 300 of 300" in page and "?start=200" in page


def test_rows_refuse_nonsense(client, run):
    assert client.get(url_of(run, "run_metric", key(run, "loss")), {"start": "x"}).status_code == 400


def titles(client, run, **query) -> list[str]:
    page = client.get(url_of(run, "run_metrics"), query).content.decode()
    return re.findall(r'data-card="\w+" data-title="([^"]+)"', page)


def test_a_chart_stands_where_it_was_put(client, run):
    for name in ("a", "b", "c"):
        metrics.store_batch(run, "", make_scalars(f"order/{name}", [1, 2]))
    query = {"show": ["order/a", "order/b", "order/c"]}
    assert titles(client, run, **query) == ["order/a", "order/b", "order/c"]
    assert titles(client, run, **query, at="0~order/c") == ["order/c", "order/a", "order/b"]
    assert titles(client, run, **query, at=["2~order/a", "0~order/b"]) == ["order/b", "order/c", "order/a"]
    assert titles(client, run, **query, at="99~order/a") == ["order/b", "order/c", "order/a"]


@pytest.mark.parametrize("at", ["x~loss", "-1~loss", "1", "1~", "99999~loss"])
def test_an_invalid_position_is_named(client, run, at):
    answer = client.get(url_of(run, "run_metrics"), {"at": at})
    assert answer.status_code == 200 and b"write a position" in answer.content


def test_grouped_in_charts_lines_of_a_prefix_share_one_or_several(client, run):
    for number in range(25):
        metrics.store_batch(run, "", make_scalars(f"layer/w{number:02}", [1, 2]))
    metrics.store_batch(run, "", make_scalars("layer/one", [5]))
    found = metric_cards.make_sections(
        run, list(run.metrics.filter(name__startswith="layer/").order_by("name")), "chart"
    )
    cards = {card.title: len(card.members) for section in found for card in section.cards}
    assert cards == {"layer": 20, "layer (2)": 5, "layer/one": 1}


def test_news_say_the_last_value_as_the_page_does(client, run):
    metrics.store_batch(run, "", make_scalars("huge", [1e30, 2e30]))
    metrics.store_batch(run, "", make_scalars("huge", [1.5e30], start=2))
    [line] = poll(client, run, f"{key(run, 'huge')}:2").json()["points"]
    assert (line["last"], line["exact"]) == ("1.5e+30", "1.5e+30")


def test_a_file_with_nan_is_drawn_with_a_gap(client, run):
    data = {
        "bin_edges": [0, 1, 2],
        "bin_averages": [0.5, math.nan],
        "bin_errors": [0.1, math.nan],
        "bin_counts": [3, 0],
    }
    artifacts.store_artifact(run, "empty bin", iter([json.dumps({"data": data}).encode()]))
    metrics.store_batch(run, "", [{"name": "empty bin", "kind": "predictions", "value": "empty bin"}])
    page = client.get(url_of(run, "run_metrics"), {"show": "empty bin"}).content.decode()
    assert "[0.5, null]" in page and "NaN" not in page
