"""The cost page, its file, and what jobs and computes say of their cost."""

import csv
import datetime as dt
import io

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from costs.models import Usage
from runs.work_kind import scope_of
from studio import env
from tests import factories
from tests.html import html_of

PAGE = "/ws/aml-workspace/costs/"


def add_usage(workspace, hours: float, *, kind="job", cost=None, **fields) -> Usage:
    now = timezone.now()
    start = now - dt.timedelta(hours=hours)
    more = {"day": now.date(), "started_at": start, "ended_at": now, "seconds": hours * 3600, "cost": cost}
    more |= {"compute": "cpu-cluster", "node": f"node-{next(factories.counter)}", **fields}
    return Usage.objects.create(kind=kind, **Usage.path_of(workspace), **more)


@pytest.fixture
def used(workspace):
    add_usage(workspace, 2, person="alice", experiment="exp", work_scope=scope_of("r1"))
    add_usage(workspace, 0.5, person="bob", experiment="=cmd", work_scope=scope_of("r2"))
    add_usage(workspace, 4, kind="idle")
    return workspace


def test_it_says_hours_where_there_are_no_prices(as_user, bob, used):
    page = html_of(as_user(bob).get(PAGE, {"by": "person"}))
    assert "alice" in page and "Idle nodes" in page and "2.50" in page and "no prices are set" in page
    assert "$" not in page.partition("<main")[2].partition("json")[0]


def test_it_says_money_where_there_are_prices(as_user, bob, used):
    add_usage(used, 1, cost=3.5, person="carol", compute="gpu")
    page = html_of(as_user(bob).get(PAGE, {"by": "compute"}))
    assert "$3.50" in page and "gpu" in page and "no prices are set" not in page
    assert page.index("gpu") < page.index("cpu-cluster")


@pytest.mark.parametrize("by", ["workspace", "subscription", "resource_group", "vm_size", "experiment", "day"])
def test_it_groups_by_each_dimension(as_user, bob, used, by):
    answer = as_user(bob).get(PAGE, {"by": by})
    assert answer.status_code == 200 and answer.context["total"].job_hours == pytest.approx(2.5)
    assert sum(line.idle_hours for line in answer.context["lines"]) == pytest.approx(4)
    assert answer.context["figure"]["data"]


def test_the_page_of_all_workspaces_shows_those_that_one_may_read(as_user, bob, mallory, owner, used):
    add_usage(factories.make_workspace(name="secret-place"), 9, person="eve")
    mine = as_user(bob).get("/costs/")
    assert "secret-place" not in html_of(mine) and mine.context["total"].job_hours == pytest.approx(2.5)
    assert as_user(mallory).get("/costs/").context["lines"] == []
    assert as_user(owner).get("/costs/").context["total"].job_hours == pytest.approx(11.5)


def test_the_file_has_a_line_for_each_job_and_no_formula(as_user, bob, used):
    answer = as_user(bob).get(f"{PAGE}csv/")
    lines = list(csv.DictReader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))
    assert [(line["kind"], line["job"], line["node_hours"]) for line in lines] == [
        ("idle", "", "4.0"),
        ("job", "r2", "0.5"),
        ("job", "r1", "2.0"),
    ]
    assert lines[1]["experiment"] == "'=cmd"


def test_wrong_dates_are_said(as_user, bob, used):
    assert "is after" in html_of(as_user(bob).get(PAGE, {"since": "2026-02-02", "until": "2026-01-01"}))
    assert as_user(bob).get(f"{PAGE}csv/", {"since": "yesterday"}).status_code == 400
    assert "at most 1100 days" in html_of(as_user(bob).get(PAGE, {"since": "0001-01-01"}))


def test_a_job_and_its_parent_say_what_they_cost(as_user, bob, used):
    parent = factories.make_run(used, run_id="sweep")
    run = factories.make_run(used, run_id="r1", parent=parent, root=parent)
    Usage.objects.filter(work_scope=scope_of("r1")).update(cost=0.25)
    page = html_of(as_user(bob).get(run.get_absolute_url()))
    assert "Node-hours" in page and "2.00" in page and "$0.25" in page
    assert "$0.25 of its child jobs" in html_of(as_user(bob).get(parent.get_absolute_url()))


def test_a_compute_says_what_it_used_this_month(as_user, bob, used):
    factories.make_target(used, "cpu-cluster")
    page = html_of(as_user(bob).get("/ws/aml-workspace/compute/cpu-cluster/"))
    assert "This month" in page and "2.50" in page and "4.00" in page


def test_a_wrong_price_of_storage_stops_the_start(monkeypatch):
    monkeypatch.setenv("STORAGE_PRICE", "cheap")
    with pytest.raises(ImproperlyConfigured, match="STORAGE_PRICE"):
        env.read_amount("STORAGE_PRICE")
