"""Deleting, undoing, restoring, permanent deletion and retention rules in the browser."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from runs.files import artifacts
from runs.models import Run
from tests import factories
from tests.browser.test_pages import find_faults
from trash import contents, purge
from workspaces.models import Role

pytestmark = pytest.mark.browser


@pytest.fixture
def done(transactional_db, workspace) -> Run:
    """A run that ended long ago, with a file."""
    ended = timezone.now() - dt.timedelta(days=100)
    fields = {"status": Run.Status.COMPLETED, "ended_at": ended, "display_name": "the old one"}
    run = factories.make_run(workspace, experiment=factories.make_experiment(workspace, "digits"), **fields)
    artifacts.store_artifact(run, "outputs/model.bin", [b"x" * 5000])
    return run


@pytest.fixture
def olivia(transactional_db, workspace):
    user = factories.make_user("olivia")
    factories.give_role(user, Role.OWNER, workspace)
    return user


def address(run, name="trash:list") -> str:
    return reverse(name if ":" in name else f"runs:{name}", args=[run.workspace.slug])


def work_off() -> None:
    while purge.run_turn():
        continue


@pytest.mark.extended
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_is_accessible_and_narrow_enough(browser, axe, olivia, done, width):
    workspace = done.workspace
    factories.make_run(workspace, status=Run.Status.FAILED).delete()
    contents.empty_trash(olivia, workspace)
    work_off()
    rule = workspace.retention_rules.create(takes="runs", days=30, is_on=True)
    workspace.retention_acts.create(rule=str(rule), runs=3, files=2, bytes=1000)
    factories.make_experiment(workspace, "an_experiment_with_a_long_name_" * 3).delete()
    done.delete()
    other = factories.make_workspace(workspace.resource_group, "gone", deleted_at=timezone.now())
    factories.give_role(olivia, Role.OWNER, other)
    pages = [
        address(done),
        address(done, "trash:retention"),
        reverse("trash:workspaces_deleted"),
        done.get_absolute_url(),
    ]
    page = browser.open(olivia, pages[0], width=width, color_scheme="light")
    found = {}
    for path in pages:
        page.goto(browser.url + path)
        found[path] = find_faults(page, axe)
    browser.wrong = [line for line in browser.wrong if "404" not in line]
    assert {path: wrong for path, wrong in found.items() if wrong} == {}


def test_one_run_is_deleted_from_its_page_and_undone(browser, olivia, done):
    page = browser.open(olivia, done.get_absolute_url())
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("the old one moved to the trash.")).to_be_visible()
    assert not Run.objects.filter(deleted_at=None).exists()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Deletion undone: 1 item restored.")).to_be_visible()
    expect(page.get_by_role("link", name="the old one")).to_be_visible()


def test_emptying_the_trash_shows_progress(browser, olivia, done):
    done.delete()
    page = browser.open(olivia, address(done))
    page.get_by_role("link", name="Empty trash").click()
    expect(page.get_by_text("This cannot be undone")).to_be_visible()
    expect(page.get_by_text("1 job (the old one)")).to_be_visible()
    page.get_by_role("button", name="Delete permanently").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    work_off()
    expect(page.get_by_text("4.9 KB before, 0 B after: 4.9 KB freed")).to_be_visible()
    expect(page.get_by_role("heading", name="The trash is empty")).to_be_visible()


def test_a_workspace_is_deleted_once_its_name_is_typed_and_comes_back(browser, olivia, done):
    workspace = done.workspace
    page = browser.open(olivia, reverse("workspaces:settings", args=[workspace.slug]))
    page.get_by_role("button", name="Delete").first.click()
    dialog = page.get_by_role("dialog")
    button = dialog.get_by_role("button", name="Delete workspace")
    expect(button).to_be_disabled()
    dialog.get_by_role("textbox").fill(workspace.name)
    button.click()
    expect(page.get_by_text(f"The workspace {workspace.name} moved to the trash.")).to_be_visible()
    page.get_by_role("link", name="Deleted workspaces").click()
    page.get_by_role("button", name=f"Restore {workspace.name}").click()
    page.wait_for_url(f"**{workspace.get_absolute_url()}")


def test_a_rule_shows_an_estimate_while_it_is_edited(browser, olivia, done):
    page = browser.open(olivia, address(done, "trash:retention"))
    reply = page.locator("#estimate")
    expect(reply).to_contain_text("Would delete 1 job now, with 4.9 KB of files.")
    page.get_by_label("Days after the end").fill("200")
    expect(reply).to_contain_text("Would delete 0 jobs now")
    page.get_by_label("Days after the end").fill("0")
    expect(reply).to_contain_text("write a whole number from 1 to 36,500.")
    page.get_by_label("Days after the end").fill("50")
    page.get_by_role("button", name="Add rule").click()
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_text("The rule is on")).to_be_visible()
