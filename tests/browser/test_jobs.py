"""The table of jobs as a person uses it: query, columns, tree, stars, and acting on many with undo."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from runs import metrics
from runs.models import Run, SavedView, Star, TagEdit
from runs.seeding.contents import make_curve, make_scalars
from runs.seeding.full_run import finish_run
from tests import factories

pytestmark = pytest.mark.browser


@pytest.fixture
def experiment(transactional_db, workspace, alice):
    """Six ended jobs, the last with a child and a grandchild."""
    experiment = factories.make_experiment(workspace, "digits")
    for number in range(6):
        run = factories.make_run(workspace, experiment=experiment, created_by=alice, display_name=f"job {number}")
        metrics.store_batch(run, "", make_scalars("loss", [*make_curve(5, run.pk), number / 10]))
        run.add_parameters({"model": "svm" if number % 2 else "forest"})
        finish_run(run, Run.Status.COMPLETED)
    child = factories.make_run(workspace, experiment=experiment, parent=run, root=run, display_name="child")
    grandchild = factories.make_run(workspace, experiment=experiment, parent=child, root=run, display_name="grandchild")
    for one in (grandchild, child):
        finish_run(one, Run.Status.COMPLETED)
    return experiment


def names(page) -> list[str]:
    return page.locator("#run-table .row-link").all_inner_texts()


def heads(page) -> list[str]:
    return page.locator("#run-table thead th[data-column]").evaluate_all("all => all.map(one => one.dataset.column)")


def test_a_query_is_completed_by_keys_and_run(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url())
    box = page.get_by_role("combobox", name="Query")
    box.press_sequentially("params.mo")
    expect(page.get_by_role("option", name="params.model")).to_be_visible()
    box.press("ArrowDown")
    box.press("Enter")
    expect(box).to_have_value("params.model ")
    expect(page.get_by_role("option", name="!=", exact=True)).to_be_visible()
    box.press_sequentially("= 'svm' and metrics.loss > 0.2")
    box.press("Escape")
    box.press("Enter")
    expect(page.locator("#run-table .row-link")).to_have_count(2)
    assert names(page) == ["job 5", "job 3"] and "filter=params.model" in page.url


def test_completions_fit_the_cursor(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url())
    box = page.get_by_role("combobox", name="Query")
    for typed, offered in {
        "params.model in ('svm', ": ["'forest'", "'svm'"],
        "params.model not in ('svm'": [],
        "params.model in ('svm' ": [",", ")"],
        "name is ": ["null", "not null"],
        "name not ": ["in (", "like", "ilike"],
        "status = 'Comp": ["'Completed'"],
        "metrics.loss < 1 ": ["and", "or"],
    }.items():
        box.fill("")
        box.press_sequentially("params")
        expect(page.get_by_role("option").first).to_be_visible()
        box.fill(typed)
        expect(page.locator("#query-offers li")).to_have_text(offered)


@pytest.mark.extended
def test_an_error_of_a_query_stands_below_it(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url())
    box = page.get_by_role("combobox", name="Query")
    box.fill("metrics.loss <> 'x")
    box.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("(column 17)")
    expect(box).to_have_attribute("aria-invalid", "true")
    box.fill("metrics.loss < 0.15")
    box.press("Enter")
    expect(page.locator("#run-table .row-link")).to_have_count(2)
    expect(box).not_to_have_attribute("aria-invalid", "true")


@pytest.mark.extended
def test_columns_are_chosen_moved_and_kept(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url())
    page.get_by_role("link", name="Columns").click()
    panel = page.get_by_role("dialog", name="Columns")
    panel.get_by_placeholder("Search columns").fill("model")
    panel.get_by_label("model", exact=True).check()
    panel.get_by_placeholder("Search columns").fill("")
    for _ in range(20):
        panel.get_by_role("button", name="Move Parameter model up").press("Enter")
    panel.get_by_label("Pin Status").check()
    panel.get_by_label("Width of Status in pixels").fill("180")
    panel.get_by_role("button", name="Apply").click()
    page.wait_for_url(re.compile("col="))
    assert heads(page)[:3] == ["status", "param-model", "name"]
    page.goto(browser.url + experiment.get_absolute_url())
    assert heads(page)[:3] == ["status", "param-model", "name"], "the list looks like that to her from now on"
    page.get_by_role("link", name="Columns").click()
    panel.get_by_role("button", name="Reset view").click()
    expect(page.locator("#run-table thead th[data-column]").first).to_have_attribute("data-column", "name")


@pytest.mark.extended
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_moves_when_the_charts_come(browser, alice, experiment, width):
    page = browser.open(alice, experiment.get_absolute_url(), width=width)
    # A phone shows them only to who wants them.
    page.context.add_cookies([{"name": "charts_fold", "value": "open", "url": browser.url}])
    page.reload()
    page.locator(".js-plotly-plot").first.wait_for()
    page.wait_for_timeout(500)
    # Charts without a place of their own were 0.25; buttons of a page that is painted before it is whole 0.0004 to 0.009.
    assert [shift for shift in page.evaluate("shifts") if shift[0] > 0.0002] == []


@pytest.mark.extended
def test_widths_by_mouse_and_by_keys(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url())
    head = page.locator('th[data-column="status"]')
    box = head.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 3, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] + 77, box["y"] + 20, steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile(r"width=\d+%3Astatus"))
    wide = head.bounding_box()["width"]
    assert abs(wide - box["width"] - 80) < 4
    head.get_by_role("link").press("Shift+ArrowLeft")
    page.wait_for_timeout(300)
    assert head.bounding_box()["width"] == pytest.approx(wide - 20, abs=2)
    assert "width=" in SavedView.objects.get(name="").query


@pytest.mark.extended
def test_shift_sorts_by_one_more_column(browser, alice, experiment):
    page = browser.open(
        alice, experiment.get_absolute_url() + "?col=name&col=param-model&col=metric-loss&sort=param-model"
    )
    page.get_by_role("link", name="loss").click(modifiers=["Shift"])
    expect(page.locator("sup")).to_have_text(["1", "2"])
    assert names(page) == ["job 0", "job 2", "job 4", "job 1", "job 3", "job 5"]
    page.get_by_role("link", name="loss").click(modifiers=["Shift"])
    page.wait_for_url(re.compile("sort=-metric-loss"))
    expect(page.locator("#run-table .row-link").first).to_have_text("job 4")


@pytest.mark.extended
def test_a_tree_opens_by_keys_and_stays_in_the_address(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url())
    page.get_by_role("link", name="1 child job of job 5").press("Enter")
    expect(page.get_by_role("link", name="1 child job of job 5")).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("link", name="1 child job of job 5")).to_be_focused()
    page.get_by_role("link", name="1 child job of child").click()
    expect(page.get_by_role("link", name="grandchild")).to_be_visible()
    page.reload()
    assert names(page)[:3] == ["job 5", "child", "grandchild"]
    page.get_by_role("link", name="1 child job of job 5").click()
    expect(page.get_by_role("link", name="grandchild")).to_have_count(0)


@pytest.mark.extended
def test_groups_unfold(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url())
    page.get_by_role("link", name="Group by").click()
    page.get_by_label("Parameter model").check()
    page.get_by_role("dialog").get_by_role("button", name="Apply").click()
    expect(page.locator(".group-row")).to_have_count(2)
    page.get_by_role("link", name="svm 3").click()
    expect(page.locator("#run-table .row-link")).to_have_text(["job 5", "job 3", "job 1"])


def test_back_after_a_deletion_leaves_the_list(browser, alice, experiment):
    page = browser.open(alice, reverse("runs:experiments", args=[experiment.workspace.slug]))
    page.get_by_role("link", name="digits", exact=True).first.click()
    page.get_by_role("checkbox", name="Select job 5").check()
    page.keyboard.press("c")
    expect(page.get_by_text("Compare takes 2 to 50 selected jobs.")).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("moved to the trash")).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    page.go_back()
    expect(page).to_have_url(re.compile(r"/experiments/$"))


def test_a_deletion_by_key_leaves_the_page_and_goes_on_with_the_next_row(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url())
    page.evaluate("window.isSameDocument = true")
    page.keyboard.press("t")
    page.keyboard.press("ArrowDown")
    focused = page.evaluate("document.activeElement.textContent.trim()")
    page.keyboard.press("Delete")
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    expect(page.locator("#run-table .row-link")).to_have_count(5)
    expect(page.locator("#run-table .row-link:focus")).to_have_count(1)
    assert page.evaluate("isSameDocument") and focused == "job 4"
    assert page.evaluate("document.activeElement.textContent.trim()") == "job 3"
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#run-table .row-link")).to_have_count(6)
    assert page.evaluate("isSameDocument")


def test_many_are_deleted_and_come_back(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url() + "?filter=metrics.loss%20%3C%200.25&size=10")
    page.get_by_label("All 3 that match").check()
    expect(page.locator("[data-selection-count]")).to_have_text("All 3 selected")
    expect(page.get_by_role("button", name="Compare")).to_be_disabled()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("3 jobs match")).to_be_visible()
    page.get_by_role("button", name="Delete jobs").click()
    expect(page.get_by_text("3 jobs moved to the trash")).to_be_visible()
    assert Run.objects.filter(deleted_at=None, parent=None).count() == 3
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Deletion undone: 3 items restored")).to_be_visible()
    assert Run.objects.filter(deleted_at=None, parent=None).count() == 6


def test_selected_jobs_are_tagged_and_untagged(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url())
    page.get_by_label("Select job 1").check()
    page.get_by_label("Select job 2").check()
    page.get_by_role("button", name="Tag", exact=True).click()
    dialog = page.locator("#tag-many")
    dialog.get_by_label("Name").fill("keep")
    dialog.get_by_role("button", name="Tag 2 jobs").click()
    expect(page.get_by_text("2 jobs tagged keep")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Tag change undone for 2 jobs")).to_be_visible()


def test_two_are_compared(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url())
    compare = page.get_by_role("button", name="Compare")
    page.get_by_label("Select job 1").check()
    expect(compare).to_be_disabled()
    page.get_by_label("Select job 2").check()
    compare.click()
    page.wait_for_url(re.compile("/compare/"))


@pytest.mark.extended
def test_a_star_and_the_eye(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url())
    star = page.get_by_role("button", name="Star job 3")
    star.click()
    expect(star).to_have_attribute("aria-pressed", "true")
    assert Star.objects.get().run.display_name == "job 3"
    lines = ".run-charts .js-plotly-plot"
    expect(page.locator(lines)).to_have_count(1)
    page.get_by_role("button", name="Show job 3 in the charts").click()
    expect(page.get_by_role("button", name="Show job 3 in the charts")).to_have_attribute("aria-pressed", "false")
    for _ in range(50):
        if page.locator(lines).evaluate("chart => chart.data.length") == 5:
            break
        page.wait_for_timeout(100)
    assert page.locator(lines).evaluate("chart => chart.data.length") == 5
    page.get_by_role("link", name="Starred").click()
    expect(page.locator("#run-table .row-link")).to_have_text(["job 3"])


@pytest.mark.extended
def test_chips_take_conditions_away_and_back_brings_them(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url() + "?filter=params.model='svm' and metrics.loss > 0.2")
    rows, box = page.locator("#run-table .row-link"), page.get_by_role("combobox", name="Query")
    expect(rows).to_have_text(["job 5", "job 3"])
    page.get_by_label("Remove params.model='svm'").press("Enter")
    expect(rows).to_have_text(["job 5", "job 4", "job 3"])
    expect(box).to_have_value("metrics.loss > 0.2")
    page.go_back()
    expect(rows).to_have_text(["job 5", "job 3"])
    page.get_by_role("link", name="Filters").click()
    page.get_by_role("link", name="alice").click()
    expect(box).to_have_value("params.model='svm' and metrics.loss > 0.2 and created_by = 'alice'")


@pytest.mark.extended
def test_states_are_added_and_taken_away(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url())
    page.get_by_role("link", name="Failed 0").click()
    expect(page.get_by_text("No job matches")).to_be_visible()
    page.get_by_role("link", name="Completed 6").press("Enter")
    expect(page.locator("#run-table .row-link")).to_have_count(6)
    expect(page.get_by_role("link", name="Completed 6")).to_be_focused()
    assert "status=Failed" in page.url and "status=Completed" in page.url


@pytest.mark.extended
def test_a_panel_sorts_without_a_mouse(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url() + "?col=name&col=param-model&col=metric-loss")
    page.get_by_role("link", name="Sort").press("Enter")
    panel = page.get_by_role("dialog", name="Sort")
    panel.get_by_label("Sort by").select_option("Parameter model, descending")
    panel.get_by_label("Then by").first.select_option("Last value of loss, ascending")
    panel.get_by_role("button", name="Apply").click()
    expect(page.locator("#run-table .row-link")).to_have_text(["job 1", "job 3", "job 5", "job 0", "job 2", "job 4"])
    page.get_by_role("link", name="Sort").press("Enter")
    expect(panel).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Sort")).to_be_focused()


def test_letters_act_on_the_row_and_shift_chooses_a_stretch(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url())
    page.get_by_role("link", name="job 5", exact=True).focus()
    page.keyboard.press("x")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("link", name="child", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="job 5", exact=True)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("link", name="child", exact=True)).to_have_count(0)
    page.get_by_label("Select job 2").click(modifiers=["Shift"])
    expect(page.locator("[data-selection-count]")).to_have_text("4 selected")
    page.keyboard.press("s")
    expect(page.get_by_role("button", name="Star job 2")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("q")
    expect(page.get_by_role("combobox", name="Query")).to_be_focused()


@pytest.mark.extended
def test_two_clicks_tag_once(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url())
    page.get_by_label("Select job 1").check()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.keyboard.type("keep")
    page.get_by_role("button", name="Tag 1 job").dblclick()
    expect(page.get_by_text("1 job tagged keep")).to_be_visible()
    assert TagEdit.objects.count() == 1


def test_a_view_is_saved_and_found_again(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url() + "?sort=name")
    page.get_by_role("link", name="Views").click()
    panel = page.get_by_role("dialog", name="Views")
    panel.get_by_label("Name").fill("by name")
    panel.get_by_role("button", name="Save view").click()
    expect(page.locator(".badge")).to_have_text("by name")
    page.goto(browser.url + reverse("runs:jobs", args=[experiment.workspace.slug]))
    page.goto(browser.url + experiment.get_absolute_url())
    page.get_by_role("link", name="Views").click()
    panel.get_by_role("link", name="by name").click()
    expect(page.locator("#run-table .row-link").first).to_have_text("job 0")


@pytest.mark.extended
def test_everything_works_without_scripts(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url(), java_script_enabled=False)
    page.get_by_label("Query", exact=True).fill("metrics.loss > 0.35")
    page.keyboard.press("Enter")
    rows = page.locator("#run-table .row-link")
    expect(rows).to_have_text(["job 5", "job 4"])
    page.get_by_role("link", name="1 child job of job 5").click()
    expect(rows).to_have_text(["job 5", "child", "job 4"])
    page.get_by_role("link", name="Columns").click()
    page.get_by_label("loss (max)", exact=True).check()
    page.get_by_role("button", name="Apply").click()
    expect(rows).to_have_text(["job 5", "child", "job 4"])
    assert heads(page)[-1] == "max-loss"
    page.get_by_label("Select job 4").check()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.locator("#tag-many").get_by_label("Name").fill("keep")
    page.locator("#tag-many").get_by_role("button", name="Tag the selected jobs").click()
    expect(page.get_by_text("1 job tagged keep")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Tag change undone for 1 job")).to_be_visible()
