"""Fifteen things that people do, by mouse and by keyboard alone: what they take stands in docs/tasks.md."""

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
MOST_TABS = 90


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
        for _ in range(MOST_TABS):
            if self.page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
                self.press(*then)
                return
            self.page.keyboard.press(key)
            self.acts += 1
        raise AssertionError(f"{selector} is not reached by {MOST_TABS} presses of {key}")

    def open_by_palette(self, name: str) -> None:
        self.press("Control+k")
        self.write(name)
        expect(self.page.locator("#palette-hits [role=option]", has_text=name).first).to_be_visible()
        self.press("Enter")
        self.page.wait_for_url("**/runs/**")

    def open_experiment(self) -> None:
        self.press("Control+k")
        self.write("digits")
        expect(self.page.locator("#palette-hits [role=option]", has_text="Experiment").first).to_be_visible()
        self.press("Enter")
        self.page.wait_for_url("**/experiments/*/**")


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
    hand.write("dialog input[name=name]", "mine")
    hand.click(hand.page.locator("dialog input[name=shared]"))
    hand.click(hand.page.get_by_role("button", name="Save view"))
    expect(hand.page.locator("main")).to_contain_text("mine")


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
    hand.open_tab("Outputs + logs")
    hand.click(hand.page.locator(".tree a[title^='outputs/summary.json']"))
    with hand.page.expect_download():
        hand.click(hand.page.locator("a[aria-label='Download outputs/summary.json']"))


def cancel_by_mouse(hand: Hand):
    hand.open_job("to cancel 1")
    hand.click(hand.page.locator("#run-commands").get_by_role("button", name="Cancel"))
    hand.click(hand.page.locator("#confirm [data-confirm-yes]"))
    expect(hand.page.locator("main")).to_contain_text("is being canceled")


def delete_by_mouse(hand: Hand):
    hand.open_job("attempt 4")
    hand.click(hand.page.locator("#run-commands").get_by_role("button", name="Delete"))
    hand.click(hand.page.locator("#confirm [data-confirm-yes]"))
    hand.click(hand.page.get_by_role("button", name="Undo"))


# ---- by keyboard alone


def create_by_keys(keys: Keys):
    keys.page.goto(keys.page.url.split("/ws/")[0] + "/")
    keys.reach("main a.button-primary, main a.command-primary", "Enter")
    keys.page.wait_for_url("**/new/**")
    keys.reach("#id_name")
    keys.write("by-keys")
    for field, text in (("#id_subscription", "sub-1"), ("#id_resource_group", "aml-resources")):
        if not keys.page.locator(field).input_value():
            keys.reach(field)
            keys.write(text)
    keys.press("Enter")
    keys.page.wait_for_url("**/ws/**")
    keys.reach("a[href$='/compute/new/cluster/']", "Enter")
    keys.page.wait_for_url("**/new/cluster/**")
    keys.reach("#machine-form button.button-primary", "Enter")
    keys.page.wait_for_url("**size=**")
    keys.reach("#id_name")
    keys.write("cluster-two")
    keys.press("Enter")
    expect(keys.page.get_by_role("heading", name="cluster-two")).to_be_visible()


TASKS = {
    "Create a workspace and a cluster": (create_by_mouse, create_by_keys),
    "Open the best of all jobs": (best_by_mouse, None),
    "Group by a parameter, with mean ± std": (group_by_mouse, None),
    "Save and share a view": (view_by_mouse, None),
    "CSV with parameters": (csv_by_mouse, None),
    "Why a job failed": (reason_by_mouse, None),
    "Follow a log": (log_by_mouse, None),
    "Download an output": (download_by_mouse, None),
    "Cancel a job": (cancel_by_mouse, None),
    "Delete a job and undo it": (delete_by_mouse, None),
}


@pytest.fixture
def world(run, workspace, owner):
    """The run goes on; others have ended, one failed, two can be canceled and two are in the trash."""
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
