"""Fifteen common tasks, by mouse and by keyboard alone; docs/tasks.md lists the clicks and keys of each."""

import pathlib

import pytest
from playwright.sync_api import Locator, Page, expect

from runs import metrics
from runs.models import Run
from runs.seeding.contents import make_scalars
from runs.seeding.full_run import finish_run
from tests import factories

pytestmark = [pytest.mark.browser, pytest.mark.faults, pytest.mark.timeout(600)]
DOCUMENT = pathlib.Path(__file__).parent.parent.parent / "docs" / "tasks.md"
HOME = "/ws/aml-workspace/"
MAX_TABS = 90


class Hand:
    """Counts clicks, and texts that are typed; a choice in a list is two clicks."""

    def __init__(self, page: Page):
        self.page, self.acts, self.texts = page, 0, 0

    def click(self, what: Locator, **options) -> None:
        what.first.click(**options)
        self.acts += 1
        self.page.wait_for_load_state("load")

    def write(self, selector: str, text: str) -> None:
        self.click(self.page.locator(selector))
        self.page.locator(selector).fill(text)
        self.texts += 1

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)
        self.texts += 1

    def choose(self, selector: str, label: str) -> None:
        self.page.locator(selector).select_option(label)
        self.acts += 2

    def open_experiment(self) -> None:
        self.click(self.page.locator("#home-best-list a[href*='/experiments/']"))
        self.page.wait_for_url("**/experiments/*/**")

    def open_job(self, name: str) -> None:
        self.click(self.page.get_by_role("link", name=name, exact=True))
        self.page.wait_for_url("**/runs/**")

    def open_tab(self, name: str) -> None:
        self.click(self.page.locator("nav.tabs").get_by_role("link", name=name))


class Keys:
    """Counts presses of keys, of Tab too, and texts that are typed."""

    def __init__(self, page: Page):
        self.page, self.acts, self.texts = page, 0, 0

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            self.acts += 1
        self.page.wait_for_timeout(60)
        self.page.wait_for_load_state("load")

    def write(self, text: str) -> None:
        self.page.keyboard.type(text)
        self.texts += 1

    def reach(self, selector: str, *then: str, key: str = "Tab") -> None:
        """Press Tab until what is wanted has the focus."""
        for _ in range(MAX_TABS):
            if self.page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
                self.press(*then)
                return
            self.page.keyboard.press(key)
            self.acts += 1
        raise AssertionError(f"{selector} is not reached by {MAX_TABS} presses of {key}")

    def open_by_palette(self, words: str, hit: str) -> None:
        """The first result, once it is the one that is wanted."""
        self.press("Control+k")
        self.write(words)
        expect(self.page.locator("#palette-hits [aria-selected=true]")).to_contain_text(hit)
        self.press("Enter")

    def run_command(self, words: str, label: str) -> None:
        self.open_by_palette(words, label)

    def fill_in(self, label: str, text: str) -> None:
        """Fill in a field that the palette finds."""
        self.run_command(label, label.capitalize())
        self.write(text)

    def open_experiment(self) -> None:
        self.open_by_palette("digits", "digits")
        self.page.wait_for_url("**/experiments/*/**")

    def open_job(self, name: str) -> None:
        self.open_by_palette(name, name)
        self.page.wait_for_url("**/runs/**")


# ---- by mouse; each begins on the home page, the first on the list of workspaces


def create_by_mouse(hand: Hand):
    hand.page.goto(hand.page.url.split("/ws/")[0] + "/")
    hand.click(hand.page.get_by_role("main").get_by_role("link", name="Create"))
    hand.write("#id_name", "by-mouse")
    if not hand.page.locator("#id_subscription").input_value():
        hand.write("#id_subscription", "sub-1")
    if not hand.page.locator("#id_resource_group").input_value():
        hand.write("#id_resource_group", "aml-resources")
    hand.click(hand.page.get_by_role("button", name="Create", exact=True))
    hand.page.wait_for_url("**/ws/**")
    hand.click(hand.page.get_by_role("link", name="Create cluster"))
    hand.click(hand.page.get_by_role("button", name="Next"))
    hand.write("#id_name", "cluster-one")
    hand.click(hand.page.get_by_role("button", name="Create", exact=True))
    expect(hand.page.get_by_role("heading", name="cluster-one")).to_be_visible()


def best_by_mouse(hand: Hand):
    hand.click(hand.page.locator("#home-best-list .row-link"))
    expect(hand.page.get_by_role("heading", name="attempt 5")).to_be_visible()


def group_by_mouse(hand: Hand):
    hand.open_experiment()
    hand.click(hand.page.locator("#open-group"))
    hand.click(hand.page.locator("input[name=group][value=param-model]"))
    hand.click(hand.page.get_by_role("dialog").get_by_role("button", name="Apply"))
    expect(hand.page.locator("#run-table")).to_contain_text("±")


def view_by_mouse(hand: Hand):
    hand.open_experiment()
    hand.click(hand.page.locator("#open-views"))
    expect(hand.page.locator("dialog input[name=name]")).to_be_focused()
    hand.type("mine")
    hand.click(hand.page.get_by_role("button", name="Save view"))
    expect(hand.page.locator("body")).to_contain_text("The view mine is saved, and shared")


def csv_by_mouse(hand: Hand):
    hand.open_experiment()
    with hand.page.expect_download() as got:
        hand.click(hand.page.get_by_role("link", name="CSV of this page"))
    assert "model" in pathlib.Path(got.value.path()).read_text().splitlines()[0]


def reason_by_mouse(hand: Hand):
    expect(hand.page.locator("#home-now")).to_contain_text("No module named 'torch'")


def log_by_mouse(hand: Hand):
    hand.open_job("the run")
    hand.open_tab("Outputs + logs")
    expect(hand.page.locator("[data-log-follow]")).to_be_checked()


def download_by_mouse(hand: Hand):
    hand.open_job("the run")
    with hand.page.expect_download():
        hand.click(hand.page.locator(".output-list a[aria-label='Download outputs/model.pkl']"))


def cancel_by_mouse(hand: Hand):
    hand.click(hand.page.get_by_role("button", name="Cancel to cancel 1"))
    hand.click(hand.page.locator("#confirm [data-confirm-yes]"))
    expect(hand.page.locator("main")).to_contain_text("is being canceled")


def delete_by_mouse(hand: Hand):
    hand.open_job("attempt 4")
    hand.click(hand.page.locator("#run-commands").get_by_role("button", name="Delete"))
    hand.click(hand.page.get_by_role("button", name="Undo"))


def compare_by_mouse(hand: Hand):
    hand.open_experiment()
    boxes = hand.page.locator("#run-table input[name=run]")
    hand.click(boxes.nth(0))
    hand.click(boxes.nth(4), modifiers=["Shift"])
    hand.click(hand.page.get_by_role("button", name="Compare"))
    expect(hand.page.locator("main")).to_contain_text("5 jobs")


def tag_by_mouse(hand: Hand):
    hand.open_job("attempt 3")
    hand.click(hand.page.locator("summary[aria-label='Edit tags']"))
    hand.page.locator("[data-edit-inline=tags] textarea").fill("team: vision")
    hand.texts += 1
    hand.click(hand.page.locator("[data-edit-inline=tags] .button-primary"))
    expect(hand.page.locator("main .chip", has_text="vision")).to_be_visible()


def restore_by_mouse(hand: Hand):
    hand.click(hand.page.locator(".nav a", has_text="Jobs"))
    hand.click(hand.page.locator("main").get_by_role("link", name="Trash"))
    hand.click(hand.page.get_by_role("button", name="Restore deleted 1"))
    expect(hand.page.locator("main")).to_contain_text("estored")


def access_by_mouse(hand: Hand):
    hand.click(hand.page.locator(".nav a", has_text="Users and permissions"))
    hand.write("#id_username", "carol")
    hand.choose("#id_role", "Contributor")
    hand.click(hand.page.get_by_role("button", name="Add", exact=True))
    expect(hand.page.locator("main tbody")).to_contain_text("carol")


def submit_by_mouse(hand: Hand):
    hand.open_job("attempt 3")
    hand.click(hand.page.get_by_role("link", name="Resubmit"))
    hand.write("[name=command]", "python train.py --epochs 5")
    hand.click(hand.page.get_by_role("button", name="Submit", exact=True))
    hand.page.wait_for_url("**/runs/**")
    expect(hand.page.locator("main")).to_contain_text("--epochs 5")


# ---- by keyboard alone


def create_by_keys(keys: Keys):
    keys.page.goto(keys.page.url.split("/ws/")[0] + "/")
    keys.run_command("create", "Create")
    keys.page.wait_for_url("**/new/**")
    keys.fill_in("workspace name", "by-keys")
    for field, text in (("subscription", "sub-1"), ("resource group", "aml-resources")):
        if not keys.page.get_by_label(field).input_value():
            keys.fill_in(field, text)
    keys.press("Enter")
    keys.page.wait_for_url("**/ws/**")
    keys.run_command("create cluster", "Create cluster")
    keys.page.wait_for_url("**/new/cluster/**")
    keys.run_command("next", "Next")
    keys.page.wait_for_url("**size=**")
    keys.fill_in("compute name", "cluster-two")
    keys.press("Enter")
    expect(keys.page.get_by_role("heading", name="cluster-two")).to_be_visible()


def best_by_keys(keys: Keys):
    keys.run_command("best", "Best accuracy of digits: attempt 5")
    expect(keys.page.get_by_role("heading", name="attempt 5")).to_be_visible()


def compare_by_keys(keys: Keys):
    keys.open_experiment()
    keys.press("t", "x")
    for _ in range(4):
        keys.press("ArrowDown", "x")
    keys.press("c")
    expect(keys.page.locator("main")).to_contain_text("5 jobs")


def group_by_keys(keys: Keys):
    keys.open_experiment()
    keys.run_command("group", "Group by")
    expect(keys.page.locator("dialog input[name=group]:checked")).to_be_focused()
    for _ in range(MAX_TABS):
        if keys.page.evaluate("document.activeElement.value") == "param-model":
            break
        keys.press("ArrowDown")
    keys.press("Enter")
    expect(keys.page.locator("#run-table")).to_contain_text("±")


def view_by_keys(keys: Keys):
    keys.open_experiment()
    keys.run_command("views", "Views")
    expect(keys.page.locator("dialog input[name=name]")).to_be_focused()
    keys.write("by keys")
    keys.press("Enter")
    expect(keys.page.locator("body")).to_contain_text("The view by keys is saved, and shared")


def csv_by_keys(keys: Keys):
    keys.open_experiment()
    with keys.page.expect_download() as got:
        keys.run_command("csv", "CSV of this page")
    assert "model" in pathlib.Path(got.value.path()).read_text().splitlines()[0]


def log_by_keys(keys: Keys):
    keys.open_job("the run")
    keys.press(keys.page.locator("nav.tabs a", has_text="Outputs + logs").get_attribute("data-tab-key"))
    expect(keys.page.locator("[data-log-follow]")).to_be_checked()


def download_by_keys(keys: Keys):
    keys.open_job("the run")
    with keys.page.expect_download():
        keys.run_command("download model", "Download outputs/model.pkl")


def tag_by_keys(keys: Keys):
    keys.open_job("attempt 2")
    keys.run_command("edit tags", "Edit tags")
    expect(keys.page.locator("[data-edit-inline=tags] textarea")).to_be_focused()
    keys.write("team: vision")
    keys.press("Control+Enter")
    expect(keys.page.locator("main .chip", has_text="vision")).to_be_visible()


def cancel_by_keys(keys: Keys):
    keys.run_command("cancel to cancel 2", "Cancel to cancel 2")
    keys.reach("#confirm [data-confirm-yes]", "Enter")
    expect(keys.page.locator("main")).to_contain_text("is being canceled")


def delete_by_keys(keys: Keys):
    keys.open_job("attempt 1")
    keys.run_command("delete", "Delete")
    expect(keys.page.get_by_role("button", name="Undo")).to_be_visible()
    keys.run_command("undo", "Undo")
    expect(keys.page.get_by_role("button", name="Undo")).to_have_count(0)


def restore_by_keys(keys: Keys):
    keys.press("g", "j")
    keys.page.wait_for_url("**/jobs/")
    keys.run_command("trash", "Trash")
    keys.page.wait_for_url("**/trash/")
    keys.run_command("restore deleted 2", "Restore deleted 2")
    expect(keys.page.locator("main")).to_contain_text("estored")


def access_by_keys(keys: Keys):
    keys.press("g", "u")
    keys.page.wait_for_url("**/people/")
    keys.fill_in("user name", "dave")
    keys.fill_in("role", "Contributor")
    keys.run_command("add", "Add")
    expect(keys.page.locator("main tbody")).to_contain_text("dave")


def submit_by_keys(keys: Keys):
    keys.open_job("attempt 2")
    keys.run_command("resubmit", "Resubmit")
    keys.page.wait_for_url("**/resubmit/")
    keys.run_command("command", "Command")
    keys.press("Control+a")
    keys.write("python train.py --epochs 7")
    keys.run_command("submit", "Submit")
    keys.page.wait_for_url("**/runs/**")
    expect(keys.page.locator("main")).to_contain_text("--epochs 7")


def reason_by_keys(keys: Keys):
    expect(keys.page.locator("#home-now")).to_contain_text("No module named 'torch'")


TASKS = {
    "Create a workspace and a cluster": (create_by_mouse, create_by_keys),
    "Open the best of all jobs": (best_by_mouse, best_by_keys),
    "Compare 5 jobs": (compare_by_mouse, compare_by_keys),
    "Group by a parameter, with mean ± std": (group_by_mouse, group_by_keys),
    "Save and share a view": (view_by_mouse, view_by_keys),
    "CSV with parameters": (csv_by_mouse, csv_by_keys),
    "Why a job failed": (reason_by_mouse, reason_by_keys),
    "Follow a log": (log_by_mouse, log_by_keys),
    "Download an output": (download_by_mouse, download_by_keys),
    "Edit the tags of a job": (tag_by_mouse, tag_by_keys),
    "Cancel a job": (cancel_by_mouse, cancel_by_keys),
    "Delete a job and undo it": (delete_by_mouse, delete_by_keys),
    "Restore a job from the trash": (restore_by_mouse, restore_by_keys),
    "Give a colleague access": (access_by_mouse, access_by_keys),
    "Submit an edited job": (submit_by_mouse, submit_by_keys),
}


@pytest.fixture
def world(run, workspace, owner):
    """The run continues; others have ended, one failed, two can be canceled and two are in the trash."""
    factories.make_target(workspace, "cpu-cluster")
    for name in ("carol", "dave"):
        factories.make_user(name)
    job = {"command": "python train.py", "computeId": "cpu-cluster", "experimentName": run.experiment.name}
    for number in range(6):
        made = factories.make_run(
            workspace, experiment=run.experiment, display_name=f"attempt {number}", job=job, target_name="cpu-cluster"
        )
        metrics.store_batch(made, "", make_scalars("accuracy", [0.1, 0.99 + number / 1000]))
        made.add_parameters({"model": "svm" if number % 2 else "forest"})
        finish_run(made, Run.Status.FAILED if number == 0 else Run.Status.COMPLETED)
    Run.objects.filter(display_name="attempt 0").update(error={"message": "No module named 'torch'"})
    for number in (1, 2):
        factories.make_run(workspace, experiment=run.experiment, display_name=f"to cancel {number}", status="Running")
        gone = factories.make_run(workspace, experiment=run.experiment, display_name=f"deleted {number}")
        finish_run(gone, Run.Status.COMPLETED)
        Run.objects.filter(pk=gone.pk).to_trash()
    return owner


def count(page: Page, kind, task) -> str:
    """`3`, or `3 + 1 text`."""
    page.goto(page.url.split("/", 3)[0] + "//" + page.url.split("/", 3)[2] + HOME)
    counted = kind(page)
    task(counted)
    return f"{counted.acts} + {counted.texts} text" + "s" * (counted.texts > 1) if counted.texts else str(counted.acts)


def test_each_task_takes_what_the_documentation_says(browser, world):
    page = browser.open(world, HOME, width=1440)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in DOCUMENT.read_text().splitlines()]
    said = {row[0]: row[1:3] for row in rows if row[0] in TASKS}
    found = {
        name: [count(page, kind, task) if task else "" for kind, task in zip((Hand, Keys), both, strict=True)]
        for name, both in TASKS.items()
    }
    assert said == found
