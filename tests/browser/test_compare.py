"""The pages that compare jobs as a person sees them, and what scripts add to them."""

import pathlib
import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from runs import metrics
from runs.files import artifacts
from runs.models import Run
from runs.seeding.contents import make_scalars
from runs.seeding.full_run import make_full_run
from tests import factories
from tests.browser.test_pages import SERIOUS, find_faults
from tests.runs.test_compare import other_snapshot

pytestmark = pytest.mark.browser
TABS = ["details", "metrics", "charts", "scatter", "parallel", "images", "logs", "code"]


@pytest.fixture
def runs(workspace, alice):
    experiment = factories.make_experiment(workspace, "digits")
    made = [make_full_run(experiment, alice, display_name=f"job {number}") for number in range(3)]
    Run.objects.filter(pk=made[1].pk).update(snapshot=other_snapshot(made[1], alice))
    for number, run in enumerate(made):
        metrics.store_batch(run, "", make_scalars("score", [0.5 + number / 10]))
        run.add_parameters({"rate": str(0.001 * 10**number)})
        run.edit(tags={"seed": str(number)})
    return made


def path_of(runs, query: str = "") -> str:
    address = reverse("runs:compare", args=["aml-workspace"])
    return f"{address}?runs={','.join(run.run_id for run in runs)}{query}"


@pytest.mark.extended
@pytest.mark.timeout(240)
@pytest.mark.parametrize("width", [1280, 390])
def test_every_tab_is_accessible_quiet_and_narrow_enough(browser, axe, alice, runs, width):
    runs[1].edit(display_name="a_name_without_any_gap_" * 8, tags={"k" * 100: "v" * 200})
    page = browser.open(alice, path_of(runs), width=width, color_scheme="light")
    found = {}
    for query in [
        *[f"&tab={tab}" for tab in TABS[1:]],
        "",
        "&tab=charts&group=params.rate",
        "&tab=code&view=unified",
        "&tab=parallel&sc=tags.seed",
    ]:
        page.goto(browser.url + path_of(runs, query))
        found[query] = find_faults(page, axe, wait=400)
    assert {query: wrong for query, wrong in found.items() if wrong} == {}


@pytest.mark.extended
def test_menus_are_accessible(browser, axe, alice, runs):
    page = browser.open(alice, path_of(runs))
    page.evaluate(axe)
    for name, choice in (("3 jobs", "Remove"), ("Copy table", "As Markdown")):
        page.get_by_role("button", name=name).click()
        expect(page.locator(".compare-menu:popover-open")).to_contain_text(choice if choice != "Remove" else "job 2")
        assert page.evaluate(SERIOUS) == []
        page.keyboard.press("Escape")


def test_jobs_are_added_and_removed(browser, axe, alice, runs):
    page = browser.open(alice, path_of(runs[:2]))
    page.get_by_role("link", name="Add jobs").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_placeholder("Name, tag").fill("job 2")
    page.evaluate(axe)
    assert page.evaluate(SERIOUS) == []
    dialog.get_by_role("button", name="Add job 2").click()
    expect(page.get_by_text("3 jobs")).to_be_visible()
    expect(dialog.get_by_role("button", name="Add job 2")).to_have_count(0)
    page.keyboard.press("Escape")
    page.keyboard.press("v")
    page.get_by_role("button", name="job 1: remove").click()
    expect(page.get_by_text("2 jobs")).to_be_visible()
    assert page.url.endswith(path_of([runs[0], runs[2]]))


def test_differences_by_keyboard(browser, alice, runs):
    page = browser.open(alice, path_of(runs))
    page.keyboard.press("n")
    expect(page.locator(".is-current-difference")).to_have_count(1)
    first = page.locator(".is-current-difference th .cut").inner_text()
    page.keyboard.press("n")
    page.keyboard.press("p")
    assert page.locator(".is-current-difference th .cut").inner_text() == first
    page.keyboard.press("p")
    expect(page.locator("[data-difference-count]")).to_contain_text("Difference 6 of 6: Code")
    page.keyboard.press("o")
    expect(page).to_have_url(re.compile("only=1"))
    page.keyboard.press("8")
    expect(page.locator(".file-head")).to_contain_text("train.py")
    # The page is another one, and its keys work once its scripts have run.
    page.wait_for_load_state()
    page.keyboard.press("n")
    expect(page.locator("[data-difference-count]")).to_contain_text("Difference 1 of 1: line 5")
    expect(page.locator(".diff mark")).to_have_text(["100", "200"])
    page.keyboard.press("j")
    expect(page.locator(".file-head")).to_contain_text("new.py")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Next, previous difference")


@pytest.mark.extended
def test_differences_go_on_to_the_next_page(browser, alice, runs):
    runs[0].add_parameters({f"p{number:03}": "x" for number in range(150)})
    page = browser.open(alice, path_of(runs, "&only=1"))
    page.keyboard.press("p")
    expect(page).to_have_url(re.compile("page=1$|only=1$"))
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page).to_have_url(re.compile("page=2"))
    page.keyboard.press("p")
    expect(page.locator("[data-difference-count]")).to_contain_text("on this page: Code")


def test_a_table_and_a_log_follow_a_live_job(browser, alice, runs):
    page = browser.open(alice, path_of(runs, "&tab=metrics"))
    page.get_by_role("button", name="score: min").focus()
    runs[0].start(node="n1")
    metrics.store_batch(runs[0], "", make_scalars("score", [0.75], start=1))
    expect(page.locator("td.is-best", has_text="0.75")).to_be_visible()
    expect(page.get_by_role("button", name="score: min")).to_be_focused()
    page.get_by_role("link", name="Logs").click()
    log = page.locator(".compare-log pre").first
    path = "user_logs/std_log.txt"
    artifacts.append_to_artifact(runs[0], path, runs[0].artifacts.get(path=path).size, b"the newest line\n")
    expect(log).to_contain_text("the newest line")
    assert log.evaluate("log => log.scrollTop + log.clientHeight >= log.scrollHeight - 4")
    Run.objects.update(status="Completed", revision=10**6)
    expect(page.locator(".live")).to_have_count(0)
    expect(page.locator("#compare-live")).to_have_count(0)


@pytest.mark.extended
def test_a_menu_that_is_open_is_left_alone(browser, alice, runs):
    page = browser.open(alice, path_of(runs, "&tab=metrics"))
    page.keyboard.press("v")
    metrics.store_batch(runs[0], "", make_scalars("score", [0.75], start=1))
    page.wait_for_timeout(4000)
    expect(page.locator("#compare-jobs")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("td.is-best", has_text="0.75")).to_be_visible()


def test_rows_are_narrowed_while_one_types(browser, alice, runs):
    page = browser.open(alice, path_of(runs))
    page.get_by_placeholder("Name or value").press_sequentially("seed")
    expect(page.locator("[data-compare-table] tbody th[scope=row]")).to_have_text(["seed"])
    assert "q=seed" in page.url and page.locator("#compare-q").evaluate("box => box === document.activeElement")
    page.get_by_label("Only differences").check()
    expect(page).to_have_url(f"{browser.url}{path_of(runs, '&q=seed&only=1')}")


def test_five_jobs_fit_and_the_page_is_the_only_scroll(browser, alice, runs):
    more = [make_full_run(runs[0].experiment, alice, display_name=f"job with a longer name {n}") for n in range(2)]
    more[0].add_parameters({f"p{number:02}": "x" for number in range(40)})
    page = browser.open(alice, path_of([*runs, *more]), width=1440)
    wrap = page.locator(".table-wrap:has(> .compare-table)")
    assert wrap.evaluate("one => [one.scrollWidth - one.clientWidth, one.scrollHeight - one.clientHeight]") == [0, 0]
    page.evaluate("scrollTo(0, 700)")
    head = page.locator(".compare-table thead")
    expect(head).to_be_in_viewport()
    assert abs(head.bounding_box()["y"] - page.locator(".header").bounding_box()["height"]) < 2


def test_names_and_baseline_stay_in_sight(browser, alice, runs):
    runs[1].edit(display_name="a long name " * 15)
    page = browser.open(alice, path_of(runs, "&tab=metrics"), width=1000)
    wrap, positions = page.locator(".table-wrap"), {}
    for part in (".compare-corner", ".compare-run.is-base", ".compare-run:last-child"):
        before = page.locator(part).bounding_box()["x"]
        wrap.evaluate("wrap => wrap.scrollTo(200, 100)")
        positions[part] = before - page.locator(part).bounding_box()["x"]
        wrap.evaluate("wrap => wrap.scrollTo(0, 0)")
    assert positions[".compare-corner"] == positions[".compare-run.is-base"] == 0 < positions[".compare-run:last-child"]


@pytest.mark.extended
def test_another_baseline_stays_in_the_links(browser, alice, runs):
    page = browser.open(alice, path_of(runs, "&tab=metrics"))
    page.get_by_role("button", name="Make job 1 the baseline").click()
    expect(page.locator(".compare-run.is-base")).to_contain_text("job 1")
    page.get_by_role("button", name="score: min").click()
    page.get_by_role("button", name="Sort columns by score").click()
    page.get_by_role("button", name="Sort columns by score").click()
    expect(page.locator(".compare-run").first).to_contain_text("job 2")
    expect(page.get_by_role("button", name="Sort columns by score")).to_be_focused()
    page.get_by_role("link", name="Charts").click()
    assert f"base={runs[1].run_id}" in page.url and "sort=-score" in page.url and "min=score" in page.url


def shown_lines(page, name: str) -> list[str]:
    return page.locator(f'[data-curve="{name}"] .chart').evaluate(
        "chart => (chart.data || []).filter(line => line.visible !== false).map(line => line.meta)"
    )


def test_the_legend_hides_a_line_everywhere_and_in_the_address(browser, alice, runs):
    page = browser.open(alice, path_of(runs, "&tab=charts"))
    expect(
        page.locator('[data-curve="loss"] .js-plotly-plot, [data-curve="loss"] .chart.js-plotly-plot')
    ).to_be_visible()
    page.get_by_role("button", name="job 1", exact=True).click()
    assert sorted(shown_lines(page, "loss")) == sorted([runs[0].run_id, runs[2].run_id])
    assert f"hide={runs[1].run_id}" in page.url
    page.reload()
    expect(
        page.locator('[data-curve="loss"] .js-plotly-plot, [data-curve="loss"] .chart.js-plotly-plot')
    ).to_be_visible()
    assert sorted(shown_lines(page, "loss")) == sorted([runs[0].run_id, runs[2].run_id])
    expect(page.get_by_role("button", name="job 1", exact=True)).to_have_attribute("aria-pressed", "false")


@pytest.mark.extended
def test_hidden_groups_are_shared_and_forgotten_with_their_parameter(browser, alice, runs):
    page = browser.open(alice, path_of(runs, "&tab=charts&show=loss&group=tags.seed"))
    expect(page.locator('[data-curve="loss"] .main-svg').first).to_be_visible()
    page.get_by_role("button", name="1 1", exact=True).click()
    assert page.url.endswith("&off=1") and shown_lines(page, "loss") == ["0", "2"]
    page.reload()
    expect(page.locator('[data-curve="loss"] .main-svg').first).to_be_visible()
    assert shown_lines(page, "loss") == ["0", "2"]
    page.get_by_label("Group by").select_option("experiment")
    expect(page).to_have_url(re.compile("group=experiment&show=loss$"))


@pytest.mark.extended
def test_charts_go_on_without_the_only_job_that_had_their_group(browser, alice, runs):
    runs[2].add_parameters({"only here": "1"})
    page = browser.open(alice, path_of(runs, "&tab=charts&show=loss&group=params.only%20here"))
    expect(page.locator('[data-curve="loss"] .main-svg').first).to_be_visible()
    page.keyboard.press("v")
    page.get_by_role("button", name="job 2: remove").click()
    expect(page.get_by_text("It is not shown.")).to_be_visible()
    expect(page.locator('[data-curve="loss"] .main-svg').first).to_be_visible()
    assert page.url.endswith(path_of(runs[:2], "&tab=charts&show=loss"))


@pytest.mark.extended
def test_a_chart_is_zoomed_to_its_points(browser, alice, runs):
    # Waiting for a condition is a script of its own, which the policy of the page does not allow.
    page = browser.open(alice, path_of(runs[:2], "&tab=charts&show=loss"), bypass_csp=True)
    chart = page.locator('[data-curve="loss"] .chart')
    expect(chart.locator(".main-svg").first).to_be_visible()
    with page.expect_response(re.compile("from=40&to=60")):
        chart.evaluate("chart => Plotly.relayout(chart, {'xaxis.range[0]': 40, 'xaxis.range[1]': 60}) && null")
    page.wait_for_function("document.querySelector('[data-curve] .chart').data[0].x.length === 23")
    chart.evaluate("chart => Plotly.relayout(chart, {'xaxis.autorange': true}) && null")
    page.wait_for_function("document.querySelector('[data-curve] .chart').data[0].x.length === 300")


@pytest.mark.extended
def test_smoothing_scale_and_choice_of_metrics_stay_with_the_page(browser, alice, runs):
    page = browser.open(alice, path_of(runs, "&tab=charts&show=loss"))
    page.get_by_label("Smoothing").fill("0.9")
    page.get_by_label("Logarithmic").check()
    page.get_by_role("checkbox", name="accuracy", exact=True).check()
    expect(page.locator('[data-curve="accuracy"] .main-svg').first).to_be_visible()
    for word in ("smooth=0.9", "y=log", "show=accuracy&show=loss"):
        assert word in page.url
    page.get_by_label("Axis").select_option("relative")
    expect(page).to_have_url(re.compile("x=relative&y=log&smooth=0.9"))
    expect(page.locator('[data-curve="accuracy"] .main-svg').first).to_be_visible()
    page.get_by_role("checkbox", name="loss").uncheck()
    expect(page.locator('[data-curve="loss"]')).to_have_count(0)


@pytest.mark.extended
def test_points_of_the_scatter_follow_the_choice_and_lead_to_their_jobs(browser, alice, runs):
    page = browser.open(alice, path_of(runs, "&tab=scatter&sx=params.rate&sy=metrics.score"))
    expect(page.locator("[data-scatter] .point")).to_have_count(3)
    page.get_by_label("Colour").select_option("tags.seed")
    expect(page).to_have_url(re.compile("sc=tags.seed"))
    expect(page.locator("[data-scatter] .colorbar")).to_have_count(1)
    box = page.locator("[data-scatter] .point").nth(1).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_timeout(300)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_role("heading", name="job 1", exact=True)).to_be_visible()


def test_the_table_is_copied_for_a_spreadsheet(browser, alice, runs):
    page = browser.open(alice, path_of(runs, "&tab=metrics&q=score"), permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy table").click()
    page.get_by_role("link", name="For a spreadsheet").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.splitlines() == ["Metric\tjob 0\tjob 1\tjob 2", "score\t0.5\t0.6\t0.7"]


@pytest.mark.extended
@pytest.mark.parametrize(
    ("tab", "name"), [("scatter", "score over rate.png"), ("parallel", "parallel coordinates.png")]
)
def test_drawings_are_saved(browser, alice, runs, tab, name):
    page = browser.open(alice, path_of(runs, f"&tab={tab}&sx=params.rate&sy=metrics.score"))
    expect(page.locator("[data-scatter] .point, [data-parallel] .run-line").first).to_be_attached()
    with page.expect_download() as download:
        page.get_by_role("button", name="PNG").click()
    assert download.value.suggested_filename == name
    assert pathlib.Path(download.value.path()).read_bytes().startswith(b"\x89PNG")


@pytest.mark.extended
def test_ranges_of_parallel_coordinates(browser, alice, runs):
    page = browser.open(alice, path_of(runs, "&tab=parallel&axis=params.rate&axis=metrics.score"))
    axis = page.get_by_role("slider", name="Range of score")
    axis.focus()
    page.keyboard.press("ArrowUp")
    expect(page.locator("[data-range-count]")).to_have_text("2 of 3 jobs in range")
    expect(page.locator(f'tr[data-run="{runs[0].run_id}"]')).to_have_class("is-out-of-range")
    assert "brush=metrics.score:0.450:1.000" in page.url
    page.reload()
    expect(page.locator("[data-range-count]")).to_have_text("2 of 3 jobs in range")
    page.get_by_role("slider", name="Range of score").focus()
    page.keyboard.press("Escape")
    expect(page.locator("[data-range-count]")).to_have_text("")
    assert "brush" not in page.url
    box = page.get_by_role("slider", name="Range of rate").locator(".axis-hit").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 80, steps=4)
    page.mouse.up()
    expect(page.locator("[data-range-count]")).to_have_text("1 of 3 jobs in range")


def test_the_step_slider_changes_every_image(browser, alice, runs):
    page = browser.open(alice, path_of(runs, "&tab=images"))
    page.get_by_label("Step").focus()
    page.keyboard.press("Home")
    expect(page.locator("[data-step-text]")).to_have_text(["step 0"] * 3)
    assert all("digits_0" in image.get_attribute("src") for image in page.locator("[data-images-of-run] img").all())
    assert "step=0" in page.url


def test_logs_scroll_together(browser, alice, runs):
    page = browser.open(alice, path_of(runs, "&tab=logs"))
    first, second = page.locator(".compare-log pre").nth(0), page.locator(".compare-log pre").nth(1)
    assert first.evaluate("log => log.scrollTop") > 1000
    first.hover()
    page.mouse.wheel(0, -500)
    page.wait_for_timeout(300)
    assert first.evaluate("log => log.scrollTop") == second.evaluate("log => log.scrollTop")


@pytest.mark.extended
def test_comparing_works_without_scripts(browser, alice, runs):
    page = browser.open(alice, path_of(runs[:1]), java_script_enabled=False)
    page.get_by_role("button", name="Add job 1").click()
    page.get_by_role("link", name="Add jobs").click()
    page.get_by_placeholder("Name, tag").fill("job 2")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Add job 2").click()
    page.get_by_label("Only differences").check()
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("rowheader", name="seed")).to_be_visible()
    expect(page.get_by_role("rowheader", name="hidden")).to_have_count(0)
    page.get_by_role("link", name="Images").click()
    page.get_by_role("spinbutton", name="Step").fill("1")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("[data-step-text]")).to_have_text(["step 1"] * 3)
