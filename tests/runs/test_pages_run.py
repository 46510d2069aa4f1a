"""The page of one run: its tabs, its state, and what can be done to it."""

import re

import pytest
from django.urls import reverse

from accounts.activity import Activity
from accounts.models import User
from compute import queue
from compute.models import Assignment
from runs import metrics
from runs.files import artifacts
from runs.models import Run
from runs.pages.run import overview
from runs.seeding.full_run import finish_run, make_full_run
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
    return make_full_run(kept_experiment, User.objects.get(username="alice"), display_name="the run")


@pytest.fixture
def run(db, full_run):
    return kept_runs(full_run)[0]


def url_of(run, name: str) -> str:
    return reverse(f"runs:{name}", args=[run.workspace.slug, run.run_id])


READ = [
    "run_detail",
    "run_state",
    "run_environment",
    "run_json",
    "run_metrics",
    "run_metrics_data",
    "run_images",
    "run_children",
    "run_files",
    "run_files_zip",
    "run_code",
    "run_code_zip",
]


@pytest.mark.parametrize("name", READ)
def test_members_read_and_strangers_do_not(as_user, alice, bob, mallory, run, name):
    url = url_of(run, name)
    assert as_user(alice).get(url).status_code == 200
    assert as_user(bob).get(url).status_code == 200
    # A poll of what is gone, or was never there for this person, ends.
    assert as_user(mallory).get(url).status_code == 404
    assert as_user(alice).post(url).status_code == 405


@pytest.mark.parametrize("name", ["run_cancel", "run_delete", "run_resubmit"])
def test_readers_may_not_act(as_user, alice, bob, mallory, run, name):
    assert as_user(bob).post(url_of(run, name)).status_code == 403
    assert as_user(mallory).post(url_of(run, name)).status_code == 404
    assert as_user(alice).get(url_of(run, name)).status_code == (200 if name == "run_resubmit" else 405)
    assert Run.objects.filter(pk=run.pk, status=Run.Status.NOT_STARTED).exists()


def test_readers_are_offered_nothing_they_may_not(as_user, bob, run):
    page = as_user(bob).get(run.get_absolute_url()).content.decode()
    for name in ["run_cancel", "run_delete", "run_resubmit", "run_edit"]:
        assert url_of(run, name) not in page


def test_overview_tells_the_run(as_user, alice, run):
    run.start(node="cpu-1")
    page = as_user(alice).get(run.get_absolute_url()).content.decode()
    for words in [
        "the run",
        "python train.py --epochs 100",
        "sklearn:3",
        "cpu-1",
        "learning_rate",
        "candidate",
        "digits",
    ]:
        assert words in page
    assert "<strong>digits</strong>" in page, "the description is Markdown"


def test_overview_shows_the_gpus_of_the_job(as_user, alice, run, workspace):
    target = factories.make_target(workspace)
    run.work = queue.enqueue(target, f"run:{run.run_id}", {}, alice)
    run.save(update_fields=["work"])
    queue.claim_work(factories.make_node(target, state="idle"))
    Assignment.objects.update(gpu_ids="GPU-a,GPU-b")
    page = as_user(alice).get(run.get_absolute_url()).content.decode()
    assert "<dt>GPUs</dt><dd>GPU-a<br>GPU-b<br></dd>" in re.sub(r"\s*(?=<)", "", page)


def test_a_description_is_sanitized(as_user, alice, run):
    run.edit(description="<script>alert(1)</script> [x](javascript:alert(1)) <img src=x onerror=alert(1)>")
    page = as_user(alice).get(run.get_absolute_url()).content.decode()
    assert "<script>alert" not in page and 'href="javascript:' not in page and "<img src=x" not in page


def test_a_failed_run_says_why(as_user, alice, run):
    finish_run(run, Run.Status.FAILED)
    page = as_user(alice).get(run.get_absolute_url()).content.decode()
    assert "The script ended with exit code 1." in page
    assert "ModuleNotFoundError: No module named &#x27;torch&#x27;" in page
    assert url_of(run, "run_files") in page


TRACE = "Traceback (most recent call last):\n  File 'a.py', line 1\nValueError: no such column\n"


@pytest.mark.parametrize(
    "details", [TRACE, [TRACE], [{"code": "x", "message": TRACE}], [{"message": "first\nValueError: no such column"}]]
)
def test_the_last_line_of_a_traceback_is_shown(run, details):
    run.error = {"code": "UserError", "message": "The script failed.", "details": details}
    assert overview.last_error_line(run) == "ValueError: no such column"


@pytest.mark.parametrize("details", ["", [], None, [{}], ["The script failed."]])
def test_what_the_message_says_already_is_not_said_twice(run, details):
    run.error = {"code": "UserError", "message": "The script failed.", "details": details}
    assert overview.last_error_line(run) == ""


def test_the_target_leads_to_its_cluster(as_user, alice, run):
    target = factories.make_target(run.workspace, "cpu-cluster")
    Run.objects.filter(pk=run.pk).update(compute=target, target_name="cpu-cluster")
    assert target.get_absolute_url() in as_user(alice).get(run.get_absolute_url()).content.decode()
    Run.objects.filter(pk=run.pk).update(compute=None)
    assert target.get_absolute_url() not in as_user(alice).get(run.get_absolute_url()).content.decode()


def test_a_poll_with_nothing_new_answers_nothing(as_user, alice, run, django_assert_max_num_queries):
    client, url = as_user(alice), url_of(run, "run_state")
    run.refresh_from_db()
    with django_assert_max_num_queries(5):  # session, person, workspace, role, revision
        assert client.get(url, {"seen": run.revision, "tab": "overview"}).status_code == 204
    run.start(node="n1")
    answer = client.get(url_of(run, "run_state"), {"seen": run.revision - 1, "tab": "overview"}).content.decode()
    assert "Running" in answer and 'id="run-overview"' in answer and "<html" not in answer


def test_polling_ends_with_the_run(as_user, alice, run):
    client = as_user(alice)
    assert "hx-trigger" in client.get(run.get_absolute_url()).content.decode().partition('id="run-state"')[2][:300]
    finish_run(run, Run.Status.COMPLETED)
    assert "hx-trigger" not in client.get(url_of(run, "run_state"), {"seen": "0"}).content.decode()


@pytest.mark.parametrize("name", ["run_detail", "run_metrics", "run_images", "run_files", "run_code", "run_children"])
def test_tabs_have_a_ceiling_of_queries(as_user, alice, run, name, django_assert_max_num_queries):
    client = as_user(alice)
    with django_assert_max_num_queries(30):
        client.get(url_of(run, name))


def test_cancel_and_delete(as_user, alice, run):
    client = as_user(alice)
    client.post(url_of(run, "run_cancel"))
    run.refresh_from_db()
    assert run.status == Run.Status.CANCELED
    client.post(url_of(run, "run_cancel"))
    assert Activity.objects.get(verb="run.cancel").label == str(run), "a second cancel changes nothing"
    client.post(url_of(run, "run_delete"))
    assert not Run.objects.filter(pk=run.pk, deleted_at=None).exists()
    assert client.get(run.get_absolute_url()).status_code == 404


def test_an_active_run_is_not_deleted(as_user, alice, run):
    run.start(node="n1")
    answer = as_user(alice).post(url_of(run, "run_delete"))
    assert answer.status_code == 409 and "ancel" in answer.content.decode(), "it says what to do first"


def test_resubmitting_an_interactive_run_is_refused_with_a_message(as_user, alice, run):
    Run.objects.filter(pk=run.pk).update(job={})
    answer = as_user(alice).post(url_of(run, "run_resubmit"))
    assert answer.status_code == 409 and "not submitted as a job" in answer.content.decode()


def test_children_stand_below_their_parents(as_user, alice, run):
    child = factories.make_run(run.workspace, experiment=run.experiment, parent=run, root=run, display_name="child")
    factories.make_run(run.workspace, experiment=run.experiment, parent=child, root=run, display_name="grandchild")
    page = as_user(alice).get(url_of(run, "run_children"), {"open": child.pk}).content.decode()
    assert page.index(">child<") < page.index(">grandchild<") and "--depth:1" in page


def test_images_of_one_name_are_stepped_through(as_user, alice, run):
    page = as_user(alice).get(url_of(run, "run_images"), {"image": "plots/digits_1.png"}).content.decode()
    assert (
        "?image=plots%2Fdigits_0.png" in page and "?image=plots%2Fdigits_2.png" in page and 'max="3" value="1"' in page
    )
    assert "no image" not in page
    page = as_user(alice).get(url_of(run, "run_images"), {"image": "nope"}).content.decode()
    assert "digits, step 3" in page and "This job has no image &#x27;nope&#x27;." in page


def test_new_images_of_a_live_run_appear(as_user, alice, run):
    client, url = as_user(alice), url_of(run, "run_images")
    series = run.metrics.get(name="digits")
    poll = {"headers": {"HX-Request": "true", "HX-Target": "image-list"}}
    assert client.get(url, {"seen": f"{series.pk}-4"}, **poll).status_code == 204
    metrics.store_batch(run, "", [{"name": "digits", "kind": "image", "value": "plots/digits_4.png", "step": 4}])
    piece = client.get(url, {"seen": f"{series.pk}-4"}, **poll).content.decode()
    assert "5 images" in piece and "<html" not in piece


def test_the_first_image_of_a_live_run_reloads_the_page(as_user, alice, workspace):
    run = factories.make_run(workspace, status=Run.Status.RUNNING)
    client, url = as_user(alice), url_of(run, "run_images")
    assert client.get(url, {"seen": ""}, headers={"HX-Request": "true"}).status_code == 204
    metrics.store_batch(run, "", [{"name": "plot", "kind": "image", "value": "a.png"}])
    assert client.get(url, {"seen": ""}, headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"


def test_links_as_azure_writes_them(as_user, alice, mallory, run):
    by_wsid = reverse("runs:run_by_wsid", args=[run.run_id])
    answer = as_user(alice).get(by_wsid, {"wsid": run.workspace.arm_id})
    assert answer.url == run.get_absolute_url()
    assert as_user(mallory).get(by_wsid, {"wsid": run.workspace.arm_id}).status_code == 404
    assert as_user(alice).get(by_wsid).status_code == 404
    by_experiment = reverse("runs:run_by_experiment_id", args=[run.experiment.experiment_id, run.run_id])
    assert as_user(alice).get(by_experiment).url == run.get_absolute_url()
    assert as_user(mallory).get(by_experiment).status_code == 404


def test_child_jobs_are_polled_while_any_is_active(as_user, alice, run):
    child = factories.make_run(run.workspace, experiment=run.experiment, parent=run, root=run, display_name="child")
    finish_run(run, Run.Status.COMPLETED)
    client, url = as_user(alice), url_of(run, "run_children")
    Run.objects.filter(pk=child.pk).update(status=Run.Status.RUNNING)
    token = client.get(url).context["table"].token
    headers = {"HX-Request": "true", "HX-Target": "run-poll"}
    assert client.get(url, {"seen": token}, headers=headers).status_code == 204
    child.refresh_from_db()
    child.move(Run.Status.COMPLETED)
    piece = client.get(url, {"seen": token}, headers=headers).content.decode()
    assert "Completed" in piece and "<html" not in piece


def test_a_page_below_a_tab_asks_for_no_parts_that_it_does_not_have(as_user, alice, run):
    artifacts.store_artifact(run, "outputs/a.txt", iter([b"x"]))
    for name, query, tab in [
        ("run_detail", {}, "overview"),
        ("run_files", {}, "logs"),
        ("run_json", {}, ""),
        ("run_yaml", {}, ""),
        ("run_environment", {}, ""),
        ("file_diff", {"path": "outputs/a.txt"}, ""),
    ]:
        page = as_user(alice).get(url_of(run, name), query).content.decode()
        assert re.findall(r"seen=\d+&amp;tab=(\w*)&", page) == [tab], name
        assert set(re.findall(r'edit/\?tab=(\w*)"', page)) == {tab}, name


def test_new_files_of_a_live_run_appear_in_the_tree(as_user, alice, run):
    client, url = as_user(alice), url_of(run, "run_state")
    count = run.artifacts.count()
    assert 'id="file-tree"' not in client.get(url, {"seen": 0, "tab": "logs", "files": count}).content.decode()
    artifacts.store_artifact(run, "outputs/fresh.bin", iter([b"x"]))
    answer = client.get(url, {"seen": 0, "tab": "logs", "files": count})
    assert "fresh.bin" in answer.content.decode() and f"files={count + 1}" in answer.content.decode()
    assert "HX-Refresh" not in answer.headers
    assert client.get(url, {"seen": 0, "tab": "logs", "files": 0}).headers["HX-Refresh"] == "true"


def test_the_home_card_is_polled_while_a_run_is_active(as_user, bob, mallory, run, django_assert_max_num_queries):
    client = as_user(bob)
    home = client.get(run.workspace.get_absolute_url()).content.decode()
    url = reverse("runs:recent", args=[run.workspace.slug])
    [seen] = re.findall(rf'hx-get="{url}\?seen=(\w+)"', home)
    with django_assert_max_num_queries(8):
        assert client.get(url, {"seen": seen}).status_code == 204
    finish_run(run, Run.Status.COMPLETED)
    changed = client.get(url, {"seen": seen}).content.decode()
    assert "Completed" in changed and "hx-get" not in changed and "<html" not in changed
    assert as_user(mallory).get(url).status_code == 404 and as_user(bob).post(url).status_code == 405


def test_the_help_lists_the_keys_of_the_tab(as_user, alice, run):
    assert "in full screen" in as_user(alice).get(url_of(run, "run_metrics")).content.decode()
    images = as_user(alice).get(url_of(run, "run_images")).content.decode()
    assert "Previous image" in images and "full screen" not in images
