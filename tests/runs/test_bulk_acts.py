"""Acting on many runs of a list at once: trash, cancel, tags, each with its way back."""

import re

import pytest

from accounts.activity import Activity
from runs import bulk_work, tasks
from runs.models import BulkAct, Run, RunTag, TagEdit
from runs.pages.lists import action_views
from tests import factories
from tests.runs.table_page import names_in_order, post_all, text_of, undo_of, url


def all_of(experiment, query="", **more) -> dict:
    return {"all": "1", "query": query, "experiment": experiment.experiment_id, **more}


def test_all_that_match_go_to_the_trash_and_come_back(as_user, alice, bob, experiment, sweep):
    posted = all_of(experiment, "filter=metrics.loss+%3C+0.35", next=url(experiment))
    assert as_user(bob).post(url(experiment, "runs_delete"), posted).status_code == 403
    client = as_user(alice)
    page = text_of(post_all(client, url(experiment, "runs_delete"), posted, follow=True))
    assert "2 jobs moved to the trash" in page and names_in_order(page) == ["job 1", "job 0"]
    client.post(undo_of(page))
    assert Run.objects.filter(deleted_at=None).count() == 4


def test_what_the_page_showed_is_what_happens(as_user, alice, experiment, sweep):
    client, posted = as_user(alice), all_of(experiment, next=url(experiment))
    page = text_of(client.post(url(experiment, "runs_delete"), posted))
    assert "4 jobs match: job 3, job 2, job 1, job 0." in page and "All have ended." in page
    token = page.split('name="selection" value="')[1].split('"')[0]
    # One job leaves the list and another enters it: the number is the same.
    sweep[0].delete()
    factories.make_run(experiment.workspace, experiment=experiment)
    page = text_of(client.post(url(experiment, "runs_delete"), posted | {"selection": token}, follow=True))
    assert "The jobs that match have changed" in page and Run.objects.filter(deleted_at=None).count() == 4


def test_those_under_way_are_left(as_user, alice, experiment, sweep):
    factories.make_run(experiment.workspace, experiment=experiment, display_name="busy").start()
    posted = all_of(experiment, next=url(experiment))
    page = text_of(post_all(as_user(alice), url(experiment, "runs_delete"), posted, follow=True))
    assert "1 job has not ended and cannot be deleted" in page and names_in_order(page) == ["busy"]


def test_all_that_match_are_canceled(as_user, alice, experiment, sweep):
    busy = factories.make_run(experiment.workspace, experiment=experiment)
    page = text_of(post_all(as_user(alice), url(experiment, "runs_cancel"), all_of(experiment), follow=True))
    busy.refresh_from_db()
    assert busy.status == Run.Status.CANCELED and "1 job canceled. This cannot be undone" in page
    row = Activity.objects.get(verb="run.cancel")
    assert (row.label, row.message) == ("1 job", busy.run_id) and row.action_text == "canceled 1 job"


def test_a_tag_for_many_is_taken_back(as_user, alice, bob, experiment, sweep):
    posted = all_of(experiment, tag_name="team", tag_value="green", next=url(experiment))
    assert as_user(bob).post(url(experiment, "runs_tag"), posted).status_code == 403
    client = as_user(alice)
    page = text_of(post_all(client, url(experiment, "runs_tag"), posted, follow=True))
    assert set(RunTag.objects.filter(name="team").values_list("value", flat=True)) == {"green"}
    sweep[3].edit(tags={"team": "mine"})
    undo = undo_of(page)
    assert as_user(bob).post(undo).status_code == 403
    assert "Tag change undone for 3 jobs" in text_of(client.post(undo, follow=True))
    found = RunTag.objects.filter(name="team").order_by("run_id").values_list("value", flat=True)
    assert list(found) == ["blue", "red", "red", "mine"]
    assert "can no longer be undone" in text_of(client.post(undo, follow=True)) and not TagEdit.objects.exists()


def test_a_new_tag_is_gone_after_undo(as_user, alice, experiment, sweep):
    client = as_user(alice)
    posted = {"run": [run.run_id for run in sweep[:2]], "tag_name": "keep", "next": url(experiment)}
    page = text_of(client.post(url(experiment, "runs_tag"), posted, follow=True))
    assert "2 jobs tagged keep" in page
    client.post(undo_of(page))
    assert not RunTag.objects.filter(name="keep").exists()


def test_a_tag_without_a_name_is_refused(as_user, alice, experiment, sweep):
    posted = {"run": sweep[0].run_id, "tag_name": " "}
    page = text_of(as_user(alice).post(url(experiment, "runs_tag"), posted, follow=True))
    assert "Enter a name for the tag." in page and not TagEdit.objects.exists()


def test_no_job_gets_too_many_tags(as_user, alice, experiment, sweep, monkeypatch):
    monkeypatch.setattr("studio.names.MAX_TAGS", 1)
    posted = all_of(experiment, tag_name="one more")
    page = text_of(post_all(as_user(alice), url(experiment, "runs_tag"), posted, follow=True))
    assert "at most 1 tags" in page and not RunTag.objects.filter(name="one more").exists()


def test_a_bulk_act_on_a_wrong_query_changes_nothing(as_user, alice, experiment, sweep):
    posted = all_of(experiment, "filter=x+%3D")
    page = text_of(post_all(as_user(alice), url(experiment, "runs_delete"), posted, follow=True))
    assert "Invalid filter" in page and Run.objects.filter(deleted_at=None).count() == 4


@pytest.fixture
def small_steps(monkeypatch):
    """All acts are done by the worker, two runs in a step."""
    monkeypatch.setattr(action_views, "AT_ONCE", 1)
    monkeypatch.setattr(bulk_work, "STEP", 2)


def begin(client, experiment, name: str, **more) -> BulkAct:
    answer = post_all(client, url(experiment, name), all_of(experiment, **more))
    assert re.search(r"/jobs/acts/\d+/$", answer.url)
    return BulkAct.objects.get()


def test_many_go_to_the_trash_step_by_step_and_come_back_whole(as_user, alice, bob, experiment, sweep, small_steps):
    client = as_user(alice)
    act = begin(client, experiment, "runs_delete")
    assert Run.objects.filter(deleted_at=None).count() == 4 and "0 of 4 jobs done" in text_of(
        client.get(act.get_absolute_url())
    )
    # A worker that is killed between two steps: the next one goes on, and no step is done twice.
    act.take()
    act.refresh_from_db()
    assert bulk_work._step(act) and Run.objects.filter(deleted_at=None).count() == 2
    tasks.work_on_bulk_acts()
    assert Run.objects.filter(deleted_at=None).count() == 2, "another worker still holds it"
    act.release()
    tasks.work_on_bulk_acts()
    page = text_of(client.get(act.get_absolute_url()))
    assert "4 of 4 jobs done" in page and "Completed: 4 of 4 jobs changed." in page
    rows = Activity.objects.filter(verb="run.delete")
    assert {(row.actor_name, row.label) for row in rows} == {("alice", "2 jobs")} and len(rows) == 2
    assert rows[0].action_text == "moved 2 jobs to the trash"
    assert {row.request_id for row in rows} == {act.request_id}
    assert as_user(bob).get(act.get_absolute_url()).status_code == 404
    undo = client.post(undo_of(page))
    assert client.post(undo_of(page)).status_code == 409
    tasks.work_on_bulk_acts()
    assert Run.objects.filter(deleted_at=None).count() == 4 and "Completed: 4 of 4" in text_of(client.get(undo.url))


def test_a_tag_of_many_is_set_removed_and_taken_back(as_user, alice, experiment, sweep, small_steps):
    client = as_user(alice)
    before = list(RunTag.objects.filter(name="team").order_by("run").values_list("run", "value"))
    begin(client, experiment, "runs_tag", tag_name="team", tag_value="green")
    tasks.work_on_bulk_acts()
    assert set(RunTag.objects.filter(name="team").values_list("value", flat=True)) == {"green"}
    BulkAct.objects.get().undo()
    tasks.work_on_bulk_acts()
    assert list(RunTag.objects.filter(name="team").order_by("run").values_list("run", "value")) == before
    BulkAct.objects.all().delete()
    act = begin(client, experiment, "runs_untag_name", remove_tag="team")
    tasks.work_on_bulk_acts()
    assert not RunTag.objects.filter(name="team").exists()
    act.refresh_from_db()
    act.undo()
    tasks.work_on_bulk_acts()
    assert list(RunTag.objects.filter(name="team").order_by("run").values_list("run", "value")) == before


def test_a_job_with_a_child_that_goes_on_is_left_and_named(as_user, alice, experiment, sweep, small_steps):
    child = factories.make_run(experiment.workspace, experiment=experiment, parent=sweep[0], run_id="child")
    child.start()
    act = begin(as_user(alice), experiment, "runs_delete")
    tasks.work_on_bulk_acts()
    act.refresh_from_db()
    assert act.state == "Completed" and "child has not ended. Cancel first." in act.log
    assert set(Run.objects.filter(deleted_at=None)) == {sweep[0], child}


def test_an_act_is_stopped_by_its_person_or_by_the_loss_of_a_role(as_user, alice, experiment, sweep, small_steps):
    client = as_user(alice)
    act = begin(client, experiment, "runs_cancel")
    assert client.get(url(experiment, "bulk_act_stop", act.pk)).status_code == 405
    client.post(url(experiment, "bulk_act_stop", act.pk))
    tasks.work_on_bulk_acts()
    act.refresh_from_db()
    assert (act.state, act.done) == ("Canceled", 0)
    assert client.post(url(experiment, "bulk_act_stop", act.pk)).status_code == 409
    act.delete()
    act = begin(client, experiment, "runs_delete")
    alice.roles.all().delete()
    tasks.work_on_bulk_acts()
    act.refresh_from_db()
    assert act.state == "Failed" and "You may not edit" in act.log and act.done == 0
