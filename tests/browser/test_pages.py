"""Every page of jobs as a person sees it: judged by axe, quiet in the console, within 390 pixels; and what one clicks."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from runs import metrics
from runs.files import artifacts
from runs.models import Run
from runs.seeding.contents import make_png
from runs.seeding.full_run import finish_run
from tests import factories
from tests.browser.test_jobs_layout import INNER_SCROLLS
from workspaces.models import Role

pytestmark = pytest.mark.browser
SERIOUS = """rules => axe.run(document, {resultTypes: ['violations'], ...rules}).then(result => result.violations
  .filter(one => ['serious', 'critical'].includes(one.impact))
  .map(one => `${one.id}: ${one.nodes.map(node => node.target.join(' ')).slice(0, 3).join(', ')} ${one.nodes[0].failureSummary}`))"""
# All that depends on colours: it differs between a page that is light and the same page in the dark, not with its width.
COLOURS = ["color-contrast", "link-in-text-block"]
ONLY_COLOURS = {"runOnly": COLOURS}
# What a narrow window changes; the rest is judged on the wide page, which has the same elements.
ONLY_LAYOUT = {"runOnly": ["scrollable-region-focusable"]}
# What fades would be judged half way on a busy machine, which draws few frames.
NO_FADING = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("*, *::before, *::after { transition: none !important; animation: none !important; }");
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}"""
SIDEWAYS = "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"


def url_of(run, name: str) -> str:
    return reverse(f"runs:{name}", args=[run.workspace.slug, run.run_id])


def all_pages(run) -> list[str]:
    slug = run.workspace.slug
    loss = reverse("runs:run_metric", args=[slug, run.run_id, run.metrics.get(name="loss").pk])
    tabs = [
        "run_detail",
        "run_metrics",
        "run_images",
        "run_children",
        "run_files",
        "run_code",
        "run_json",
        "run_yaml",
        "run_environment",
        "run_resubmit",
    ]
    previews = [
        "outputs/sample.csv",
        "outputs/summary.json",
        "outputs/notes.md",
        "outputs/train.py",
        "plots/digits_0.png",
    ]
    return [
        reverse("runs:jobs", args=[slug]),
        reverse("runs:experiments", args=[slug]),
        run.experiment.get_absolute_url(),
        f"{run.experiment.get_absolute_url()}?group=tag-model&unfold=mlp&pin=name&col=name&col=min-loss&col=tags",
        *[reverse("runs:list_panel", args=[slug, what]) for what in ("columns", "filters", "charts", "group", "views")],
        *[url_of(run, tab) for tab in tabs],
        loss,
        factories.make_model_version(run.workspace, run=run).get_absolute_url() + "lineage/",
        *[reverse(name, args=[slug]) for name in ("registry:list", "notebooks:files", "endpoints:list")],
        reverse("runs:job_new", args=[slug]),
        reverse("runs:job_new_settings", args=[slug]),
        *[f"{url_of(run, 'run_files')}?path={path}" for path in previews],
    ]


def find_faults(page, axe, wait=300) -> list[str]:
    """What axe finds on a wide page, its colours in the light and in the dark; on a narrow one, what its layout changes."""
    is_wide = page.viewport_size["width"] > 1000
    page.wait_for_timeout(wait)
    found = [f"moved by {part}: {what}" for part, what in page.evaluate("shifts") if part > 0.01]
    page.evaluate(NO_FADING)
    page.evaluate(axe)
    found += page.evaluate(SERIOUS, {} if is_wide else ONLY_LAYOUT)
    found += [f"{s} px too wide"] if (s := page.evaluate(SIDEWAYS)) > 1 else []
    if is_wide:
        page.emulate_media(color_scheme="dark")
        page.wait_for_timeout(100)
        found += [f"dark: {one}" for one in page.evaluate(SERIOUS, ONLY_COLOURS)]
        page.emulate_media(color_scheme="light")
    return found


# Beside two other workers, the many pages take their time.
@pytest.mark.timeout(240)
@pytest.mark.extended
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_is_accessible_quiet_and_narrow_enough(browser, axe, alice, run, width):
    run.edit(display_name="a_name_without_any_gap_" * 8, tags={"k" * 100: "v" * 200})
    page = browser.open(alice, run.get_absolute_url(), width=width, color_scheme="light")
    empty = factories.make_workspace()
    factories.give_role(alice, Role.OWNER, empty)
    found = {}
    for path in [*all_pages(run), empty.get_absolute_url()]:
        page.goto(browser.url + path)
        found[path] = find_faults(page, axe)
    assert {path: wrong for path, wrong in found.items() if wrong} == {}


def test_cancel_asks_first(browser, alice, run):
    page = browser.open(alice, run.get_absolute_url())
    page.get_by_role("button", name="Cancel").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Cancel the run?")
    dialog.get_by_role("button", name="Keep running").click()
    run.refresh_from_db()
    assert run.status == Run.Status.RUNNING
    page.get_by_role("button", name="Cancel").click()
    dialog.get_by_role("button", name="Cancel job").click()
    expect(page.locator("#run-state")).to_contain_text("Canceled")
    expect(page.locator("#run-commands").get_by_role("button", name="Delete")).to_be_enabled()


@pytest.mark.extended
def test_the_states_are_one_row_and_a_refused_tag_says_so_at_its_field(browser, alice, run):
    for status in (Run.Status.QUEUED, Run.Status.PREPARING, Run.Status.RUNNING, Run.Status.FINALIZING):
        run.events.create(status=status, at=run.created_at, message="Waits for a node of cpu-cluster.")
    page = browser.open(alice, run.get_absolute_url(), width=720)
    tops = page.eval_on_selector_all(".timeline > li", "all => all.map(one => one.getBoundingClientRect().top)")
    assert len(tops) > 4 and len(set(tops)) == 1
    for status in (Run.Status.QUEUED, Run.Status.PREPARING, Run.Status.RUNNING):
        run.events.create(status=status, at=run.created_at)
    run.edit(display_name="the longer run")
    page.get_by_role("button", name="more states").click()
    expect(page.get_by_role("dialog", name="All states").get_by_text("Queued")).to_have_count(2)
    run.events.create(status=Run.Status.QUEUED, at=run.created_at)
    run.edit(display_name="the run")
    expect(page.get_by_role("dialog", name="All states").get_by_text("Queued")).to_have_count(3)
    page.keyboard.press("Escape")
    page.get_by_label("Edit tags").click()
    tags = page.locator("[data-edit-inline=tags]")
    tags.locator("textarea").fill(": vision")
    tags.get_by_role("button", name="Save").click()
    expect(tags.get_by_role("alert")).to_contain_text("name")
    expect(page.locator("#toasts .toast")).to_have_count(0)
    expect(tags.locator("textarea")).to_be_focused()
    tags.locator("textarea").fill("team: vision")
    tags.get_by_role("button", name="Save").click()
    expect(page.locator(".run-tags, .chips").get_by_text("vision").first).to_be_visible()
    browser.wrong.clear()


def sign_in(page, user, password: str) -> None:
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.mark.extended
def test_what_was_entered_is_back_after_the_sign_in(browser, run):
    password, back = "a-long-enough-secret", "Your entries are back."
    users = [factories.make_user(name, password=password) for name in ("olga", "otto")]
    for user in users:
        factories.give_role(user, Role.OWNER, run.workspace)
    run.edit(description="")
    page = browser.open(users[0], run.get_absolute_url())
    page.get_by_label("Edit description").click()
    page.locator("[data-edit-inline=description] [name=value]").fill("not sent yet")
    page.context.clear_cookies(name="sessionid")
    # A poll leads to the sign-in.
    sign_in(page, users[0], password)
    expect(page.get_by_text(back)).to_be_visible()
    expect(page.locator("[data-edit-inline=description] [name=value]")).to_have_value("not sent yet")

    page.goto(browser.url + reverse("workspaces:settings", args=[run.workspace.slug]))
    expect(page.get_by_text(back)).to_have_count(0)
    for user in users:
        page.get_by_label("Description").fill("by a form")
        page.context.clear_cookies(name="sessionid")
        page.get_by_role("button", name="Save").first.click()
        sign_in(page, user, password)
        expect(page.get_by_text(back)).to_have_count(1 if user == users[0] else 0)
        expect(page.get_by_label("Description")).to_have_value("by a form" if user == users[0] else "")
    page.get_by_label("Description").fill("saved")
    with page.expect_navigation():
        page.get_by_role("button", name="Save").first.click()
    assert page.evaluate("sessionStorage.getItem('form-entries')") is None
    page.get_by_label("Description").fill("by an expired page")
    page.context.clear_cookies(name="csrftoken")
    page.get_by_role("button", name="Save").first.click()
    page.get_by_role("link", name="Open the page again").click()
    expect(page.get_by_text(back)).to_be_visible()
    expect(page.get_by_label("Description")).to_have_value("by an expired page")
    # The console names the refused form.
    assert [one for one in browser.wrong if "403" not in one] == []
    browser.wrong.clear()


def test_chosen_jobs_are_deleted_and_the_undo_is_offered(browser, alice, run):
    done = factories.make_run(run.workspace, experiment=run.experiment, display_name="the done one")
    finish_run(done, Run.Status.COMPLETED)
    page = browser.open(alice, reverse("runs:jobs", args=[run.workspace.slug]))
    delete = page.get_by_role("button", name="Delete")
    expect(delete).to_be_disabled()
    page.get_by_label("Select the done one").check()
    expect(page.locator("[data-selection-count]")).to_have_text("1 selected")
    delete.click()
    expect(page.get_by_text("1 job moved to the trash")).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    expect(page.get_by_text("the done one")).to_have_count(0)
    assert not Run.objects.filter(pk=done.pk, deleted_at=None).exists()


def test_search_narrows_the_list_while_one_types(browser, alice, run):
    factories.make_run(run.workspace, experiment=run.experiment, display_name="something else")
    page = browser.open(alice, reverse("runs:jobs", args=[run.workspace.slug]))
    page.get_by_placeholder("Name, tag").press_sequentially("else")
    expect(page.locator(".runs tbody tr")).to_have_count(1)
    assert "q=else" in page.url
    page.get_by_role("link", name="Running").click()
    expect(page.get_by_text("No job matches")).to_be_visible()


def test_download(browser, alice, run):
    page = browser.open(alice, url_of(run, "run_files"))
    with page.expect_download() as waiting:
        page.locator(".file-head").get_by_role("link", name="Download user_logs/std_log.txt").click()
    assert waiting.value.suggested_filename == "std_log.txt"
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download all").click()
    assert waiting.value.suggested_filename == f"{run.run_id}.zip"


def test_files_are_found_by_their_name(browser, alice, run):
    page = browser.open(alice, url_of(run, "run_files"))
    page.get_by_placeholder("Search files").fill("runner")
    expect(page.get_by_role("link", name="runner.log").first).to_be_visible()
    expect(page.locator(".tree a[title^='outputs/sample.csv']")).to_be_hidden()


def test_arrows_and_slider_step_through_images_and_new_ones_appear(browser, alice, run):
    page = browser.open(alice, url_of(run, "run_images"))
    expect(page.get_by_role("region", name="digits, step 3")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("region", name="digits, step 2")).to_be_visible()
    page.get_by_role("slider").fill("0")
    expect(page.get_by_role("region", name="digits, step 0")).to_be_visible()
    assert "digits_0.png" in page.url
    page.get_by_role("slider").fill("3")
    add_image(run, 9)
    expect(page.get_by_role("region", name="digits, step 9")).to_be_visible()
    # Row F52.
    add_image(run, 10, b"no image")
    expect(page.get_by_text("This image cannot be shown (8 B).")).to_be_visible()
    assert page.get_by_role("link", name="Download the file").get_attribute("href").endswith("digits_10.png&download")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("img", name="digits, step 9")).to_be_visible()
    expect(page.get_by_text("This image cannot be shown")).to_have_count(0)


def add_image(run, step: int, content: bytes = make_png()) -> None:
    path = f"plots/digits_{step}.png"
    artifacts.store_artifact(run, path, iter([content]), content_type="image/png")
    metrics.store_batch(run, "", [{"name": "digits", "kind": "image", "value": path, "step": step}])


def test_a_report_runs_its_own_scripts_and_cannot_touch_the_studio(browser, alice, run):
    script = "document.querySelector('h1').textContent = 'Drawn'; try { top.document.title = 'mine' } catch { window.name = 'kept out' }"
    artifacts.store_artifact(run, "outputs/live.html", iter([f"<h1>Report</h1><script>{script}</script>".encode()]))
    page = browser.open(alice, f"{url_of(run, 'run_files')}?path=outputs/live.html")
    expect(page.frame_locator("iframe").get_by_role("heading", name="Drawn")).to_be_visible()
    frame = page.frames[1]
    assert frame.evaluate("window.name") == "kept out" and frame.evaluate("window.origin") == "null"
    assert "the run" in page.title()


def test_pages_work_without_scripts(browser, alice, run):
    page = browser.open(alice, reverse("runs:jobs", args=[run.workspace.slug]), java_script_enabled=False)
    page.get_by_placeholder("Name, tag").fill("the run")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="the run", exact=True).click()
    expect(page.get_by_role("heading", name="Properties")).to_be_visible()
    page.get_by_role("link", name="Outputs + logs").click()
    expect(page.get_by_text("epoch 399")).to_be_visible()
    page.locator(".tree a[title^='outputs/sample.csv']").click()
    expect(page.get_by_role("columnheader", name="b")).to_be_visible()
    page.get_by_role("link", name="Metrics", exact=True).click()
    expect(page.get_by_text("300 values; last")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#run-state")).to_contain_text("Canceled")


def test_digits_open_the_tabs_and_the_help_says_so(browser, alice, run):
    page = browser.open(alice, run.get_absolute_url())
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Overview, Metrics, Images")
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    page.wait_for_url("**/metrics/")


@pytest.mark.extended
@pytest.mark.parametrize("name", ["run_detail", "run_metrics", "run_images", "run_files"])
def test_a_page_at_twice_the_size_is_no_wider_than_the_window(browser, alice, run, name):
    page = browser.open(alice, url_of(run, name), width=640, device_scale_factor=2)
    page.wait_for_timeout(300)
    assert page.evaluate(SIDEWAYS) <= 1


def test_a_long_value_is_folded_and_its_name_stays_readable(browser, alice, run):
    run.add_parameters({"longparam": "v" * 5000, "lr": 0.1})
    run.edit(tags={"config": "y " * 2000})
    page = browser.open(alice, run.get_absolute_url(), width=1280)
    folded = page.locator(".long-value").filter(has_text="longparam")
    name = folded.locator("b").bounding_box()
    assert name["width"] > 50 and name["height"] < 30
    assert folded.bounding_box()["height"] < 160
    expect(page.get_by_text("lr :")).to_be_visible()
    expect(folded.locator(".long-value-whole")).not_to_be_visible()
    folded.get_by_text("Show all (5000 characters)").click()
    expect(folded.locator(".long-value-whole")).to_have_text("v" * 5000)
    assert page.evaluate(SIDEWAYS) <= 1
    # It has room of its own, so that the page stays as long as the screen or so.
    assert page.evaluate("document.scrollingElement.scrollHeight") < 2200
    folded.get_by_role("button", name="Copy the value").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    page.goto(browser.url + url_of(run, "run_json"))
    assert page.locator(".raw").bounding_box()["height"] > 600 and page.evaluate(INNER_SCROLLS) == []
