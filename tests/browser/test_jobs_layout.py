"""How many rows of a table of jobs fit on a screen, and that the page scrolls as a whole."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from runs import metrics
from runs.models import MetricSeries, Run, RunParameter
from runs.seeding.contents import make_curve, make_scalars
from studio.formats import format_exact
from tests import factories

pytestmark = pytest.mark.browser
BOTH_KEYS = """keys => keys.forEach(key => document.activeElement.dispatchEvent(
  new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true})))"""
# Rows that are whole between the header of the table and the lower edge of the window.
SEEN = """() => { const head = document.querySelector('#run-table thead').getBoundingClientRect().bottom;
  return [...document.querySelectorAll('#run-table tbody tr')].map(row => row.getBoundingClientRect())
    .filter(box => box.top >= head - 1 && box.bottom <= innerHeight).length; }"""
TOP = "document.querySelector('#run-table tbody tr').getBoundingClientRect().top"
INNER_SCROLLS = """[...document.querySelectorAll('main, main *')].filter(one => one.scrollHeight > one.clientHeight + 1
  && ['auto', 'scroll'].includes(getComputedStyle(one).overflowY)).map(one => one.className)"""
# What is used most and lies under a notice.
COVERED = """[...document.querySelectorAll('.toast')].flatMap(toast => { const one = toast.getBoundingClientRect();
  return [...document.querySelectorAll('header, .commands, .table-bar, .narrowing, #run-table thead')].filter(part => {
    const box = part.getBoundingClientRect();
    return box.top < one.bottom && box.bottom > one.top && box.left < one.right && box.right > one.left; })
  .map(part => part.className); })"""

# All that a page loads, with the bytes that a server sends which compresses all but fonts.
LOADED = """async () => Promise.all(['navigation', 'resource'].flatMap(kind => performance.getEntriesByType(kind))
  .map(one => one.name).filter(name => !name.includes('plotly')).map(async name => {
    const body = (await fetch(name)).body;
    const sent = name.endsWith('.woff2') ? body : body.pipeThrough(new CompressionStream('gzip'));
    return [new URL(name).pathname, (await new Response(sent).blob()).size]; }))"""


@pytest.fixture
def experiment(transactional_db, workspace, alice):
    """45 ended jobs with more columns than a screen has room for."""
    experiment = factories.make_experiment(workspace, "digits", description="Handwritten digits")
    runs = Run.objects.bulk_create(
        Run(
            workspace=workspace, experiment=experiment, run_id=f"job_{number}", number=number + 1, status="Completed",
            display_name=f"a job with a longer name {number}", created_by=alice, target_name="cpu-cluster",
        )
        for number in range(45)
    )  # fmt: skip
    RunParameter.objects.bulk_create(
        RunParameter(run=run, name=name, value=str(run.number % 5 + index))
        for run in runs
        for index, name in enumerate(["hidden", "learning_rate", "optimizer", "weight_decay"])
    )
    for run in runs[-25:]:
        names = ["val_loss", "accuracy", "loss", "epoch"]
        batch = [point for name in names for point in make_scalars(name, make_curve(4, run.pk))]
        metrics.store_batch(run, "", batch)
    return experiment


@pytest.mark.parametrize(
    ("charts", "windows"),
    [("folded", {(1440, 900): 18, (1024, 768): 8, (720, 450): 4}), ("open", {(1440, 900): 12})],
    ids=["charts folded", "with charts"],
)
def test_enough_rows_are_seen_in_windows_down_to_200_percent(browser, alice, experiment, charts, windows):
    page = browser.open(alice, experiment.get_absolute_url())
    page.context.add_cookies([{"name": "charts_fold", "value": charts, "url": browser.url}])
    for (width, height), rows in windows.items():
        page.set_viewport_size({"width": width, "height": height})
        page.reload()
        if charts == "open":
            expect(page.locator(".run-charts .js-plotly-plot")).to_have_count(4)
        assert page.evaluate(SEEN) >= rows, (width, height)
        assert page.evaluate(INNER_SCROLLS) == []
        assert page.locator("h1").evaluate("one => one.scrollWidth <= one.clientWidth")


def test_a_first_visit_loads_little_besides_the_library_of_the_charts(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url())
    expect(page.locator(".run-charts .js-plotly-plot")).to_have_count(4)
    loaded = page.evaluate(LOADED)
    assert {path.rpartition(".")[2] for path, _ in loaded} >= {"css", "js", "woff2"}
    assert sum(size for _, size in loaded) <= 140_000, loaded


def test_on_a_phone_the_first_job_is_near_the_top(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url(), width=390)
    assert page.evaluate(TOP) <= 300
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390


def test_where_only_child_jobs_have_values_the_charts_offer_them(browser, alice, experiment):
    runs = Run.objects.order_by("number")
    runs.filter(number__gt=1).update(parent=runs.first(), root=runs.first())
    page = browser.open(alice, experiment.get_absolute_url(), width=1440)
    expect(page).to_have_url(re.compile("children=1"))
    page.goto(page.url.replace("children=1", "children=false"))
    table = page.locator("#run-counts").bounding_box()
    page.get_by_role("button", name="Show child jobs").click()
    expect(page.locator(".run-charts .js-plotly-plot")).to_have_count(4)
    expect(page.get_by_text("The jobs shown have no values")).to_be_hidden()
    assert page.locator("#run-counts").bounding_box()["y"] == table["y"]


def test_one_scroll_moves_the_page_below_the_header_of_the_table(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url(), width=1024)
    page.mouse.move(600, 700)
    page.mouse.wheel(0, 500)
    page.wait_for_function("scrollY >= 490")
    head = page.locator("#run-table thead")
    assert head.evaluate("one => Math.round(one.getBoundingClientRect().top)") == 40
    page.locator("#run-table .table-wrap").evaluate("wrap => { wrap.scrollLeft = 500; }")
    for cell in ("#run-table thead th[data-column=name]", "#run-table tbody tr:nth-child(20) .run-name"):
        left = page.locator(cell).evaluate("one => one.getBoundingClientRect().left")
        assert left == page.locator("#run-table .table-wrap").evaluate("one => one.getBoundingClientRect().left") + 40
        # Nothing lies over it.
        assert page.locator(cell).evaluate("""one => { const box = one.getBoundingClientRect();
            return one.contains(document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2)); }""")


@pytest.mark.extended
def test_the_looks_of_lists_are_remembered(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url(), width=1280)
    row, fold = page.locator("#run-table tbody tr").first, page.get_by_role("button", name="Show the charts")
    assert row.bounding_box()["height"] == 32
    expect(fold).to_have_attribute("aria-expanded", "true")
    fold.click()
    page.get_by_role("button", name="Comfortable rows").click()
    page.reload()
    expect(page.locator(".run-charts")).to_be_hidden()
    expect(fold).to_have_attribute("aria-expanded", "false")
    assert row.bounding_box()["height"] == 44
    fold.click()
    expect(page.locator(".run-charts .js-plotly-plot").first).to_be_visible()


def test_keys_reach_the_table_and_act_on_it(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url())
    page.keyboard.press("t")
    expect(page.get_by_role("link", name="a job with a longer name 44")).to_be_focused()
    page.keyboard.press("e")
    expect(page.locator("#tag-many")).to_be_visible()
    expect(page.locator("[data-selection-count]")).to_have_text("1 selected")
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("x")
    page.keyboard.press("Delete")
    expect(page.get_by_text("2 jobs moved to the trash")).to_be_visible()
    page.locator("#run-table thead").get_by_role("link", name="accuracy").click()
    expect(page.locator("th[data-column=metric-accuracy]")).to_have_attribute("aria-sort", "descending")
    expect(page.get_by_role("button", name="Undo")).to_have_count(1)
    assert page.evaluate(COVERED) == []
    page.evaluate("window.isSame = true")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Deletion undone")).to_be_visible()
    assert page.locator(".toast").count() == 1 and page.evaluate(COVERED) == []
    expect(page.get_by_role("link", name="a job with a longer name 44")).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    assert page.evaluate("window.isSame"), "the page is the same, only its table is up to date"


COPY = """cell => {
  getSelection().selectAllChildren(cell);
  const event = new ClipboardEvent("copy", { clipboardData: new DataTransfer(), bubbles: true, cancelable: true });
  cell.dispatchEvent(event);
  return event.clipboardData.getData("text/plain");
}"""


def test_a_header_sorts_the_best_first_and_marks_it(browser, alice, experiment):
    metrics.store_batch(experiment.runs.get(number=45), "", make_scalars("score", [-0.25]))
    page = browser.open(alice, experiment.get_absolute_url(), width=1440)
    for name, order, best in [("val_loss", "ascending", 1), ("accuracy", "descending", 1), ("epoch", "descending", 0)]:
        column = page.locator(f"th[data-column=metric-{name}]")
        column.get_by_role("link").click()
        expect(column).to_have_attribute("aria-sort", order)
        lasts = MetricSeries.objects.filter(name=name).order_by("last").values_list("last", flat=True)
        index = [one.get_attribute("data-column") for one in page.locator("#run-table thead th").all()].index(
            f"metric-{name}"
        )
        cell = page.locator("#run-table tbody tr").first.locator("td").nth(index)
        assert cell.get_attribute("title").startswith(
            format_exact(lasts.first() if order == "ascending" else lasts.last())
        )
        expect(cell.locator("b")).to_have_count(best)
        expect(page.locator(f"#run-table tbody td:nth-child({index + 1}).best")).to_have_count(best)
    score = page.get_by_role("cell", name="−0.2500")
    assert score.evaluate(COPY) == "-0.2500", "what is pasted into a spreadsheet is a number"


def test_five_compared_jobs_have_five_colours(browser, alice, experiment):
    ids = ",".join(experiment.runs.order_by("-number").values_list("run_id", flat=True)[:5])
    page = browser.open(alice, f"{reverse('runs:compare', args=['aml-workspace'])}?runs={ids}&tab=charts")
    chart = page.locator("[data-curve=accuracy] .js-plotly-plot, [data-curve=accuracy] .chart.js-plotly-plot")
    expect(chart).to_be_visible()
    assert len(set(chart.evaluate("one => one.data.map(trace => trace.line.color)"))) == 5
    for tab, mark in [("Scatter", ".scatterlayer .point"), ("Parallel coordinates", ".parallel .run-line")]:
        page.get_by_role("link", name=tab, exact=True).click()
        expect(page.locator(mark)).to_have_count(5)
        style = "fill" if tab == "Scatter" else "stroke"
        assert len({one.evaluate(f"one => getComputedStyle(one).{style}") for one in page.locator(mark).all()}) == 5, (
            tab
        )


def test_an_error_of_the_query_leaves_the_table(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url())
    box = page.get_by_role("combobox", name="Query")
    top = page.evaluate(TOP)
    # The names for completions come after Enter.
    held = []
    page.route("**/names/**", lambda route: held.append(route))
    box.fill("params.hidden = '1' annd")
    box.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("(column 21)")
    assert page.evaluate(TOP) == top, "it hangs over the table"
    with page.expect_response("**/names/**"):
        held[0].continue_()
    page.evaluate("new Promise(requestAnimationFrame)")
    expect(page.locator("#query-offers")).to_be_hidden()
    expect(page.locator("#run-table tbody tr")).to_have_count(25)
    assert box.evaluate("one => one.selectionStart") == 20 and "filter" not in page.url
    box.press("Escape")
    expect(page.get_by_role("alert")).to_have_count(0)
    box.fill("metrics.epoch < 9")
    box.press("Enter")
    expect(page.locator("#run-table thead th").nth(3)).to_have_attribute("data-column", "metric-epoch")


def test_a_row_and_its_lines_mark_each_other(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url())
    expect(page.locator(".run-charts .js-plotly-plot")).to_have_count(4)
    page.locator("#run-table tbody tr").nth(2).hover()
    expect(page.locator(".run-charts .trace.is-marked")).to_have_count(4)
    chart = page.locator(".run-charts .js-plotly-plot").first
    looks = """one => one.data.filter(trace => trace.line.color.length === 7)
        .map(trace => trace.line.color)"""
    for bright in [one.evaluate(looks) for one in page.locator(".run-charts .js-plotly-plot").all()]:
        assert len(bright) == len(set(bright)) == 8
    box = chart.locator(".nsewdrag").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(box["x"] + box["width"] / 2 + 2, box["y"] + box["height"] / 2)
    expect(page.locator(".hoverlayer .hovertext")).to_have_count(1)
    label = page.locator(".hoverlayer .hovertext")
    expect(label).to_contain_text(re.compile(r"\d\.\d+ at step \d"))
    frame, text = label.locator("path").bounding_box(), label.locator("text").bounding_box()
    assert frame["y"] < text["y"] and text["y"] + text["height"] < frame["y"] + frame["height"], (
        "the text is in its box"
    )
    assert frame["height"] < 80, "which leaves room for the lines of a small card"
    expect(page.locator("#run-table tbody tr.is-marked")).to_have_count(1)


@pytest.mark.extended
def test_the_second_key_of_a_page_does_nothing_to_the_list(browser, alice, experiment):
    page = browser.open(alice, experiment.get_absolute_url())
    for key in ("t", "x", "ArrowDown", "x"):
        page.keyboard.press(key)
    # Without a pause, as a busy machine may make one between two keys.
    page.evaluate(BOTH_KEYS, ["g", "c"])
    expect(page).to_have_url(re.compile("/compute/"))
