"""What people of a shared studio do with each other: invitations, sign-in, roles, stopped jobs, budgets, restored backups."""

import urllib.parse

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.activity import Activity
from accounts.actors import Actor
from accounts.models import IdentityProvider, User
from compute import notifications
from costs import budgets
from costs.models import Usage
from runs import submission
from runs.models import Run
from tests import factories
from tests.oidc_provider import running_provider, set_claims
from tests.up.running import Studio

pytestmark = [pytest.mark.browser, pytest.mark.extended]


@pytest.fixture
def job(transactional_db, workspace, alice, monkeypatch) -> Run:
    monkeypatch.setattr(notifications, "_send", lambda task, queue: None)
    factories.make_target(workspace, "cpu-cluster")
    body = {"jobType": "Command", "experimentName": "digits", "command": "python a.py", "computeId": "cpu-cluster"}
    return submission.submit_job(Actor(alice), workspace, "hers", {"properties": body})


def ignore_status(browser, status: int) -> None:
    """The console reports each page that answers with an error."""
    browser.wrong = [line for line in browser.wrong if f"status of {status}" not in line]


def test_an_invited_person_sets_a_password_and_submits_a_first_job(browser, owner, workspace, job, tmp_path):
    page = browser.open(owner, f"/ws/{workspace.slug}/people/")
    page.locator("#id_account-username").fill("nina")
    page.locator("#id_account-role").select_option("Contributor")
    page.get_by_role("button", name="Create invitation").click()
    link = page.locator("#invitation-link").inner_text()
    page = browser.open(None, urllib.parse.urlsplit(link).path)
    for field in page.locator("input[type=password]").all():
        field.fill("a long password of Nina")
    page.get_by_role("button", name="Set password and sign in").click()
    page.get_by_role("link", name=workspace.title).first.click()
    page.goto(f"{browser.url}/ws/{workspace.slug}/jobs/")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "train.py").write_text("print(1)\n")
    page.get_by_role("link", name="Create job").click()
    page.locator("[data-input=folder]").set_input_files(tmp_path / "project")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_label("Command")).to_have_value("python train.py")
    page.locator("#id_experiment_name").fill("first steps")
    page.get_by_label("Compute target").select_option("cpu-cluster")
    page.get_by_label("Display name").fill("the first")
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", name="the first")).to_be_visible()
    assert Run.objects.get(display_name="the first").created_by.username == "nina"


def test_a_person_signs_in_through_the_identity_provider(browser, transactional_db, owner, workspace, settings):
    settings.PUBLIC_URL = browser.url
    fields = {"name": "Corp", "client_id": "studio", "scopes": "openid profile email", "groups_claim": "groups"}
    flags = {"trusts_email": False, "makes_accounts": True, "needs_approval": False, "is_active": True}
    with running_provider() as issuer:
        IdentityProvider.create(Actor(owner), "corp", "the-client-secret", issuer=issuer, **fields, **flags)
        set_claims(issuer, "u-1", preferred_username="dana", name="Dana Doe", email="dana@example.com")
        page = browser.open(None, "/signin/?next=/account/sessions/")
        # The provider's own page has its style from elsewhere.
        page.route("**/cdn.jsdelivr.net/**", lambda route: route.fulfill(content_type="text/css", body=""))
        page.get_by_role("link", name="Sign in with Corp").click()
        page.get_by_placeholder("sub").fill("u-1")
        page.get_by_role("button", name="Authorize").click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.wait_for_url("**/account/sessions/")
    assert User.objects.get(username="dana").label == "Dana Doe"


def test_a_role_counts_with_the_next_page_and_so_does_its_removal(browser, owner, workspace, mallory):
    home = f"{browser.url}/ws/{workspace.slug}/"
    hers, page = browser.open(mallory, "/"), browser.open(owner, f"/ws/{workspace.slug}/people/")
    assert hers.goto(home).status == 404
    page.locator("#id_username").fill("mallory")
    page.locator("#id_role").select_option("Reader")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_text("mallory now has the role Reader.")).to_be_visible()
    assert hers.goto(home).status == 200
    page.get_by_role("row", name="mallory").get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("mallory no longer has the role Reader here.")).to_be_visible()
    assert hers.goto(home).status == 404
    ignore_status(browser, 404)


def test_a_site_admin_stops_a_job_of_another_person_which_the_log_shows(browser, owner, alice, job):
    hers, page = browser.open(alice, job.get_absolute_url()), browser.open(owner, "/admin/queue/")
    page.get_by_role("row", name=job.display_name).get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel job").click()
    expect(page.get_by_text(f"{job.display_name} is canceled.")).to_be_visible()
    expect(hers.get_by_text("Canceled").first).to_be_visible()
    page.goto(f"{browser.url}/ws/{job.workspace.slug}/activity/")
    expect(page.get_by_role("row").filter(has_text="owner").filter(has_text=job.display_name)).to_be_visible()
    assert Activity.objects.get(verb="run.cancel").actor_id == owner.pk
    # A canceled job stays canceled; what an admin deletes comes back.
    page.goto(browser.url + job.get_absolute_url())
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("restored").first).to_be_visible()
    assert Run.objects.get(pk=job.pk).deleted_at is None


def test_a_used_up_budget_blocks_a_job_until_it_is_removed(browser, owner, alice, workspace, job):
    page = browser.open(owner, "/admin/limits/")
    page.locator("#id_budget-kind").select_option("workspace")
    page.locator("#id_budget-name").fill(workspace.name)
    page.locator("#id_budget-amount").fill("1")
    page.locator("#id_budget-blocks_new_work").check()
    page.get_by_role("button", name="Set budget").click()
    expect(page.get_by_text("new jobs are blocked")).to_be_visible()
    now = timezone.now()
    times = {"day": now.date(), "started_at": now, "ended_at": now, "seconds": 7200}
    Usage.objects.create(kind="job", **Usage.path_of(workspace), **times, node="node-1")
    budgets.check_budgets(now)
    hers = browser.open(alice, f"{job.get_absolute_url()}resubmit/")
    hers.get_by_role("button", name="Submit").click()
    expect(hers.get_by_text("is used up").first).to_be_visible()
    assert Run.objects.count() == 1
    page.reload()
    page.get_by_role("row", name=workspace.name).get_by_role("button", name="Remove").click()
    expect(page.get_by_text("No budgets")).to_be_visible()
    hers.goto(f"{browser.url}{job.get_absolute_url()}resubmit/")
    hers.get_by_role("button", name="Submit").click()
    expect(hers.get_by_text("Queued").first).to_be_visible()
    assert Run.objects.count() == 2
    ignore_status(browser, 400)


@pytest.mark.timeout(300)
def test_a_backup_of_the_page_is_restored_into_an_empty_studio(chromium, tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    settings = {"BACKUP_PASSPHRASE": "correct horse", "BACKUP_DIR": str(tmp_path / "kept")}
    for folder in (one, other):
        folder.mkdir()
    studio, page = Studio(one, **settings).with_tables().start(), chromium.new_page()
    try:
        page.goto(studio.manage("signin").split()[-1])
        page.goto(f"{studio.url}/admin/announcements/")
        page.get_by_label("Text").fill("The cluster rests on Sunday.")
        page.get_by_role("button", name="Publish").click()
        page.goto(f"{studio.url}/admin/backups/")
        page.get_by_role("button", name="Back up now").click()
        expect(page.get_by_role("cell", name="Verified")).to_be_visible(timeout=90_000)
    finally:
        page.close()
        studio.end()
    restored = Studio(other, **settings)
    assert "Restored" in restored.manage("restore", str(tmp_path / "kept"))
    restored.start()
    page = chromium.new_page()
    try:
        page.goto(restored.manage("signin").split()[-1])
        expect(page.get_by_text("The cluster rests on Sunday.").first).to_be_visible()
    finally:
        page.close()
        restored.end()
