"""The head of a run's page: star, links, edits in place; its YAML and its timeline."""

import json
import re

import pytest
import yaml
from django.urls import reverse
from django.utils import timezone

from compute.models import Work
from runs import metrics
from runs.files import artifacts
from runs.models import Run, Star
from runs.pages.run import overview
from runs.seeding.contents import make_scalars
from runs.seeding.full_run import finish_run
from tests import factories
from tests.runs.test_resubmit_page import SCRIPT_JOB

HTMX = {"HX-Request": "true"}


@pytest.fixture
def run(workspace, alice) -> Run:
    return factories.make_run(workspace, display_name="first", description="old", created_by=alice)


def url_of(run, name: str, query: str = "") -> str:
    return reverse(f"runs:{name}", args=[run.workspace.slug, run.run_id]) + query


CHANGES = [
    ("display_name", "second", "second", "first"),
    ("description", "a **b**\r\nc", "a **b**\nc", "old"),
    ("tags", "team: vision\r\nbest", {"team": "vision", "best": ""}, {"was": "a:b\nc"}),
]


@pytest.mark.parametrize(("field", "value", "stored", "before"), CHANGES, ids=lambda value: str(value)[:12])
def test_a_field_is_edited_in_place_and_put_back_exactly(as_user, alice, run, field, value, stored, before):
    run.edit(tags={"was": "a:b\nc"})
    client, url = as_user(alice), url_of(run, "run_edit", "?tab=overview")
    answer = client.post(url, {"field": field, "value": value}, headers=HTMX)
    run.refresh_from_db()
    assert getattr(run, field) == stored
    piece = answer.content.decode()
    assert 'id="run-overview"' in piece and 'id="run-name"' in piece and "Undo" in piece and "<html" not in piece
    assert answer.context["undo"]["value"] == json.dumps(before)
    again = client.post(url, {"field": field, "undo": answer.context["undo"]["value"]}, headers=HTMX)
    assert getattr(Run.objects.get(pk=run.pk), field) == before
    assert "restored" in again.headers["HX-Trigger"] and "Undo" not in again.content.decode()


@pytest.mark.parametrize(
    ("field", "value", "change", "status", "then"),
    [
        ("tags", "team: speech", {"tags": {"epoch": "3"}}, 200, {"team": "vision", "epoch": "3"}),
        ("tags", "team: speech", {"tags": {"team": "text"}}, 409, {"team": "text"}),
        ("description", "mine", {"description": "theirs"}, 409, "theirs"),
    ],
)
def test_undo_keeps_what_somebody_changed_after_the_edit(as_user, alice, run, field, value, change, status, then):
    run.edit(tags={"team": "vision"})
    client, url = as_user(alice), url_of(run, "run_edit", "?tab=overview")
    undo = client.post(url, {"field": field, "value": value}, headers=HTMX).context["undo"]
    run.edit(**change)
    again = client.post(url, {"field": field, "undo": undo["value"], "initial": undo["initial"]}, headers=HTMX)
    assert again.status_code == status and getattr(Run.objects.get(pk=run.pk), field) == then


def test_without_scripts_an_edit_leads_to_the_run(as_user, alice, run):
    answer = as_user(alice).post(url_of(run, "run_edit"), {"field": "description", "value": ""})
    assert answer.url == run.get_absolute_url() and Run.objects.get(pk=run.pk).description == ""


@pytest.mark.parametrize(
    "sent",
    [
        {"field": "status", "value": "Failed"},
        {"field": "display_name", "value": ""},
        {"field": "tags", "value": ": x"},
        {"field": "tags", "value": "a: 1\na: 2"},
        {"field": "tags", "undo": "{"},
        {"field": "tags", "undo": "[1]"},
        {"field": "display_name", "undo": "{}"},
    ],
)
def test_a_wrong_edit_changes_nothing_and_says_why(as_user, alice, run, sent):
    answer = as_user(alice).post(url_of(run, "run_edit"), sent, headers=HTMX)
    assert answer.status_code == 400 and "toast" in answer.headers["HX-Trigger"]
    assert Run.objects.get(pk=run.pk).display_name == "first"


def test_readers_edit_nothing(as_user, bob, run):
    assert as_user(bob).post(url_of(run, "run_edit"), {"field": "tags", "value": "a"}).status_code == 403
    assert "data-edit-inline" not in as_user(bob).get(run.get_absolute_url()).content.decode()


def test_the_star_of_a_run_is_a_person_s_own(as_user, bob, run):
    client = as_user(bob)
    client.post(
        reverse("runs:run_star", args=[run.workspace.slug]), {"run": run.run_id, "next": run.get_absolute_url()}
    )
    assert Star.objects.get().user == bob
    assert f'id="star-{run.pk}"' in (page := client.get(run.get_absolute_url()).content.decode())
    assert 'aria-pressed="true"' in page and "data-compare-run" in page and f"/runs/{run.run_id}/" in page


def test_the_yaml_is_the_job(as_user, alice, submitted):
    run = submitted("first", **{**SCRIPT_JOB, "displayName": "mine"})
    found = yaml.safe_load(as_user(alice).get(url_of(run, "run_yaml", "?download")).content)
    assert found["type"] == "command" and found["display_name"] == "mine" and found["compute"] == "azureml:cpu-cluster"
    assert found["command"] == SCRIPT_JOB["command"] and found["limits"] == {"timeout": 7200}
    assert found["environment_variables"] == {"THREADS": "4", "TEXT": "a\nb", "QUOTED": '"x"'}
    assert found["environment"]["conda_file"]["dependencies"] == ["python=3.11", {"pip": ["numpy==2.0"]}]
    assert found["tags"] == {"team": "vision"} and "code" not in found and "description" not in found
    other = submitted("second", environmentId="azureml:AzureML-sklearn-1.5:1", command="cd a\npython b.py")
    page = as_user(alice).get(url_of(other, "run_yaml")).content.decode()
    assert "environment: azureml:AzureML-sklearn-1.5:1" in page and "command: |-" in page


def test_a_run_that_is_no_job_has_no_yaml(as_user, alice, run):
    assert "No job definition" in as_user(alice).get(url_of(run, "run_yaml")).content.decode()


def test_the_first_metrics_are_those_that_matter(run, alice):
    for name in ("a_time", "b_memory", "lr", *(f"m{n}" for n in range(8)), "val_accuracy"):
        metrics.store_batch(run, "", make_scalars(name, [1]))
    first, _ = overview.first_metrics(run, alice)
    assert [series.name for series in first][:2] == ["val_accuracy", "m0"]


def test_the_jobs_of_a_cluster_show_how_they_ended(as_user, alice, claimed, cluster):
    run = claimed("job1")
    run.fail("UserError", "no")
    Work.objects.filter(pk=run.work_id).update(state=Work.State.DONE, ended_at=timezone.now())
    page = as_user(alice).get(reverse("compute:cluster_jobs", args=["aml-workspace", cluster.name])).content.decode()
    assert "Failed" in page.partition('id="job-rows"')[2]


def test_a_state_that_has_passed_is_said_in_the_past(run):
    run.move(Run.Status.QUEUED, message="Waiting for a node of cpu-cluster.")
    assert [period.message for period in overview.build_timeline(run)] == ["", "Waiting for a node of cpu-cluster."]
    run.move(Run.Status.CANCELED)
    assert overview.build_timeline(run)[1].message == "Waited for a node of cpu-cluster."


def test_many_states_are_one_row_of_the_first_and_the_last_with_all_in_a_dialog(as_user, alice, run):
    for state in ["Queued", "Preparing", "Running", "Queued", "Preparing", "Running", "Finalizing", "Completed"]:
        run.events.create(status=state, at=run.created_at)
    page = as_user(alice).get(url_of(run, "run_detail")).content.decode()
    row, _, column = page.partition('id="all-states"')
    assert row.count("timeline-time") == 7 and "3 more states" in row
    assert column.partition("</section>")[0].count("timeline-time") == 9
    run.events.filter(pk__in=run.events.values("pk")[:2]).delete()
    assert "all-states" not in as_user(alice).get(url_of(run, "run_detail")).content.decode()


def test_a_parameter_is_short_and_exact_on_hover(as_user, alice, run):
    run.add_parameters({"lr": "0.30000000000000004", "depth": "8"})
    page = as_user(alice).get(url_of(run, "run_detail")).content.decode()
    chips = re.findall(r'<li class="chip"( title="[^"]*")?><span\s+class="muted">(\w+) :</span> (.*?)</li>', page)
    assert chips == [("", "depth", "8"), (' title="0.30000000000000004"', "lr", "0.3")]


def test_the_first_outputs_are_in_natural_order_and_a_failed_job_links_its_log_if_it_has_one(as_user, alice, run):
    for step in (1000, 20, 150):
        artifacts.store_artifact(run, f"outputs/ckpt_{step}.pt", iter([b"x"]))
    assert [path for path, _ in overview.list_outputs(run)] == [f"outputs/ckpt_{step}.pt" for step in (20, 150, 1000)]
    run.fail("UserError", "It failed.")
    page = url_of(run, "run_detail")
    assert "Open the log" not in as_user(alice).get(page).content.decode()
    artifacts.store_artifact(run, "user_logs/std_log.txt", iter([b"x"]))
    assert "Open the log" in as_user(alice).get(page).content.decode()


def test_a_seeded_job_has_a_timeline_that_agrees_with_its_duration(run):
    finish_run(run, Run.Status.COMPLETED, minutes=120)
    [*_, running, completed] = overview.build_timeline(run)
    assert completed.at == run.ended_at and running.until - running.at == run.ended_at - run.started_at
