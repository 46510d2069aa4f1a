"""Submitting jobs in the browser: an edited one, and a new one with uploaded code."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from accounts.actors import Actor
from runs import submission
from runs.models import Run
from tests import factories

pytestmark = pytest.mark.browser


@pytest.fixture
def job(transactional_db, workspace, alice) -> Run:
    factories.make_target(workspace, "cpu-cluster")
    factories.make_target(workspace, "gpu-cluster")
    body = {
        "jobType": "Command",
        "experimentName": "digits",
        "command": "python a.py --lr 0.1",
        "computeId": "cpu-cluster",
    }
    return submission.submit_job(Actor(alice), workspace, "first", {"properties": body})


def test_a_job_is_edited_and_submitted(browser, alice, job):
    page = browser.open(alice, job.get_absolute_url())
    page.get_by_role("link", name="Resubmit").click()
    changes = page.locator("[data-changed-summary]")
    expect(changes).to_have_text("No changes: the job runs again as it was")
    page.get_by_label("Command").fill("python a.py --lr 0.5")
    page.get_by_label("Compute target").select_option("gpu-cluster")
    page.get_by_label("Tags").fill("try: 2")
    expect(changes).to_have_text("Command, Compute target, Tags")
    page.get_by_role("button", name="Changed Tags. – restore").click()
    expect(page.get_by_label("Tags")).to_have_value("")
    page.get_by_label("Edit the packages").check()
    expect(page.get_by_label("Conda file")).to_be_visible()
    expect(changes).to_have_text("Command, Compute target")
    page.get_by_role("button", name="Submit").dblclick()
    expect(page.get_by_text("Changed: command, compute target.")).to_be_visible()
    again = Run.objects.exclude(pk=job.pk).get()
    assert again.compute.name == "gpu-cluster" and again.work.spec["command"] == "python a.py --lr 0.5"
    assert not again.tags and "environmentDefinition" not in again.job


def test_a_job_is_created_from_a_folder(browser, alice, job, tmp_path):
    folder = tmp_path / "project"
    for path, text in {
        "train.py": "print(1)\n" * 500,
        "lib/é.sh": "#!/bin/sh\n",
        ".env": "KEY=1",
        "a.log": "x",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (folder / ".amlignore").write_text("*.log\n")
    page = browser.open(alice, job.experiment.get_absolute_url())
    page.get_by_role("link", name="Create job").click()
    page.locator("[data-input=folder]").set_input_files(folder)
    expect(page.locator("[data-ready-text]")).to_contain_text("3 files")
    expect(page.locator("[data-left-out]")).to_have_text(
        "Left out: 1 by .amlignore; .env, because their names look like those of secrets."
    )
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_label("Command")).to_have_value("python train.py")
    expect(page.locator("#id_experiment_name")).to_have_value("digits")
    page.get_by_label("Compute target").select_option("cpu-cluster")
    page.get_by_label("Display name").fill("from the browser")
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_text("3 files")).to_be_visible()
    page.get_by_role("button", name="Submit").dblclick()
    expect(page.get_by_role("heading", name="from the browser")).to_be_visible()
    run = Run.objects.get(display_name="from the browser")
    assert [file["path"] for file in run.snapshot.files] == [".amlignore", "lib/é.sh", "train.py"]
    page.goto(browser.url + reverse("runs:run_code", args=[run.workspace.slug, run.run_id]) + "?path=train.py")
    expect(page.get_by_text("print(1)").first).to_be_visible()


def test_a_folder_chosen_before_the_scripts_have_run_is_taken(browser, alice, job, tmp_path):
    (tmp_path / "train.py").write_text("print(1)\n")
    page, scripts = browser.open(alice, job.experiment.get_absolute_url()), []
    page.route("**/upload-code*.js", lambda script: scripts.append(script))
    page.get_by_role("link", name="Create job").click(no_wait_after=True)
    page.locator("[data-input=folder]").set_input_files(tmp_path)
    page.wait_for_function("document.readyState == 'interactive'")
    for script in scripts:
        script.continue_()
    expect(page.locator("[data-ready-text]")).to_contain_text("1 file")
