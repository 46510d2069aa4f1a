"""The tab Metrics as one uses it: new points, zoom, crosshair, full screen, search, files."""

import csv

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from runs import metrics
from runs.models import Run
from runs.seeding.contents import make_curve, make_scalars

pytestmark = pytest.mark.browser


def url_of(run, name: str = "run_metrics") -> str:
    return reverse(f"runs:{name}", args=[run.workspace.slug, run.run_id])


def card_of(page, run, name: str = "loss"):
    return page.locator(f"#metric-{run.metrics.get(name=name).pk}")


def chart_of(page, run, name: str = "loss"):
    card_of(page, run, name).scroll_into_view_if_needed()
    chart = card_of(page, run, name).locator(".js-plotly-plot")
    expect(chart.locator(".nsewdrag")).to_be_visible(timeout=20_000)
    return chart


def drawn(chart) -> int:
    return chart.evaluate("chart => chart.data[0].y.length")


def choice(page, name: str):
    return page.locator(f'[data-chart-setting="{name}"]')


def until(page, chart, words: str) -> None:
    """Wait for what a script says of the chart; the page's own policy forbids Playwright's way."""
    for _ in range(100):
        if chart.evaluate(f"chart => Boolean({words})"):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"It never came to be that {words}.")


def zoom_in(page, chart) -> list:
    """Zoom in by dragging; returns the range that is shown then."""
    chart.scroll_into_view_if_needed()
    box = chart.locator(".nsewdrag").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, middle, steps=5)
    page.mouse.up()
    return shown_range(chart)


def shown_range(chart) -> list:
    return chart.evaluate("chart => chart.layout.xaxis.range.map(Math.round)")


def ranges(chart) -> list:
    return chart.evaluate("chart => ['xaxis', 'yaxis'].map(name => chart.layout[name].range.map(Math.fround))")


def log_long(run, count: int = 60_000) -> None:
    for start in range(0, count, 10_000):
        metrics.store_batch(run, "", make_scalars("long", make_curve(10_000, start), start=start))


def test_points_are_drawn_as_they_are_logged_and_the_zoom_stays(browser, alice, run):
    page = browser.open(alice, url_of(run))
    expect(page.locator("[data-live-state]")).to_have_text("Live")
    chart = chart_of(page, run)
    assert drawn(chart) == 300
    zoomed = zoom_in(page, chart)
    assert 40 < zoomed[0] < zoomed[1] < 170
    metrics.store_batch(run, "", make_scalars("loss", make_curve(5, 1), start=300))
    expect(card_of(page, run)).to_have_attribute("data-count", "305")
    assert drawn(chart) == 305 and shown_range(chart) == zoomed


def test_zooming_loads_finer_points_and_the_address_keeps_the_zoom(browser, alice, run):
    log_long(run)
    page = browser.open(alice, f"{url_of(run)}?show=long")
    chart = chart_of(page, run, "long")
    whole = drawn(chart)
    assert whole < 2000
    zoomed = zoom_in(page, chart)
    inside = f"chart => chart.data[0].x.filter(x => x >= {zoomed[0]} && x <= {zoomed[1]}).length"
    until(page, chart, f"chart.data[0].y.length > {whole * 1.4}")
    assert chart.evaluate(inside) > whole * 0.8
    page.goto(page.url)
    again = chart_of(page, run, "long")
    assert shown_range(again) == zoomed
    until(page, again, f"chart.data[0].y.length > {whole * 1.4}")
    box = again.locator(".nsewdrag").bounding_box()
    page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    until(page, again, f"chart.data[0].y.length === {whole}")
    assert "zoom=" not in page.url


def test_one_crosshair_goes_through_all_charts(browser, alice, run):
    metrics.store_batch(run, "", make_scalars("other", make_curve(300, 7)))
    page = browser.open(alice, f"{url_of(run)}?show=loss&show=other")
    chart, other = chart_of(page, run), chart_of(page, run, "other")
    box = chart.locator(".nsewdrag").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 3, box["y"] + box["height"] / 2)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    expect(other.locator(".hoverlayer .legend, .hoverlayer .hovertext").first).to_be_visible()
    page.mouse.move(5, 5)
    expect(other.locator(".hoverlayer .legend, .hoverlayer .hovertext")).to_have_count(0)


def test_new_metrics_come_by_themselves(browser, alice, run):
    page = browser.open(alice, url_of(run))
    expect(page.locator("[data-live-state]")).to_have_text("Live")
    metrics.store_batch(run, "", make_scalars("fresh", [0.5]))
    expect(page.locator("section", has=page.get_by_role("heading", name="fresh"))).to_contain_text("0.5")
    # A poll may replace the card meanwhile: hovering tries again.
    card_of(page, run, "fresh").get_by_role("heading").hover()
    metrics.store_batch(run, "", make_scalars("fresh", [0.4, 0.3], start=1))
    chart = chart_of(page, run, "fresh")
    metrics.store_batch(run, "", make_scalars("fresh", [0.2], start=3))
    expect(card_of(page, run, "fresh")).to_have_attribute("data-count", "4")
    assert drawn(chart) == 4


@pytest.mark.extended
def test_asking_ends_with_the_run(browser, alice, run):
    page = browser.open(alice, url_of(run))
    expect(page.locator("[data-live-state]")).to_have_text("Live")
    run.move(Run.Status.COMPLETED)
    expect(page.locator("[data-live-state]")).to_have_text("Ended")
    expect(page.locator("#run-state")).to_contain_text("Completed")
    requested = []
    page.on("request", lambda request: requested.append(request.url))
    page.wait_for_timeout(3000)
    # The bell of every page goes on.
    assert [address for address in requested if "/notifications/bell/" not in address] == []


def test_choices_of_a_chart_are_in_the_address(browser, alice, run):
    page = browser.open(alice, url_of(run))
    choice(page, "x").select_option("relative")
    choice(page, "log").select_option("y")
    choice(page, "clip").select_option("5")
    choice(page, "smooth").fill("0.6")
    page.locator("#metric-names").get_by_label("accuracy", exact=True).uncheck()
    for words in ("x=relative", "log=y", "clip=5", "smooth=0.6", "hide=accuracy"):
        assert words in page.url
    page.goto(page.url)
    expect(choice(page, "x")).to_have_value("relative")
    layout = chart_of(page, run).evaluate("chart => [chart.layout.yaxis.type, chart.layout.xaxis.title.text]")
    assert layout[0] == "log" and layout[1].startswith("Seconds since the ")
    assert chart_of(page, run).evaluate("chart => chart.data.map(trace => trace.line.color.slice(7))") == ["4d", ""]
    assert card_of(page, run, "accuracy").count() == 0
    page.locator("#metric-names").get_by_label("accuracy", exact=True).check()
    expect(card_of(page, run, "accuracy").locator(".js-plotly-plot")).to_be_visible()


@pytest.mark.extended
def test_another_metric_is_the_axis(browser, alice, run):
    page = browser.open(alice, f"{url_of(run)}?show=loss&show=accuracy")
    chart_of(page, run)
    choice(page, "x").select_option("m:accuracy")
    until(page, chart_of(page, run), "chart.data[0].x.length === 60")
    assert chart_of(page, run).evaluate("chart => chart.layout.xaxis.title.text") == "accuracy"


def test_hundreds_of_metrics_draw_only_what_is_seen_and_are_searched(browser, alice, run):
    for number in range(300):
        metrics.store_batch(run, "", make_scalars(f"layer/weight{number:03}", [1, 2, number]))
    page = browser.open(alice, url_of(run))
    chart_of(page, run)
    page.wait_for_timeout(500)
    assert page.locator(".js-plotly-plot").count() < 40
    page.get_by_placeholder("Search metrics").fill("weight299")
    expect(page.locator("[data-card]:visible")).to_have_count(1)
    assert drawn(chart_of(page, run, "layer/weight299")) == 3 and "q=weight299" in page.url
    page.goto(page.url)
    expect(page.locator("[data-card]:visible")).to_have_count(1)


@pytest.mark.extended
def test_lines_of_one_name_share_a_chart(browser, alice, run):
    for name in ("train/f1", "val/f1"):
        metrics.store_batch(run, "", make_scalars(name, [1, 2, 3]))
    page = browser.open(alice, url_of(run))
    choice(page, "group").select_option("name")
    page.wait_for_url("**group=name*")
    assert chart_of(page, run, "train/f1").evaluate("chart => chart.data.map(trace => trace.name)") == [
        "train/f1",
        "val/f1",
    ]


@pytest.mark.extended
def test_a_section_that_is_folded_stays_so(browser, alice, run):
    metrics.store_batch(run, "", make_scalars("train/f1", [1, 2, 3]))
    page = browser.open(alice, url_of(run))
    page.locator('[data-section="train"] summary').click()
    page.wait_for_url("**fold=train*")
    page.goto(page.url)
    expect(card_of(page, run, "train/f1")).to_be_hidden()


@pytest.mark.extended
def test_full_screen_by_the_keyboard_and_back(browser, alice, run):
    page = browser.open(alice, url_of(run))
    card_of(page, run).get_by_role("link", name="loss", exact=True).focus()
    chart_of(page, run)
    page.mouse.move(5, 5)
    page.keyboard.press("f")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="loss")).to_be_visible()
    assert dialog.locator(".js-plotly-plot").evaluate("chart => chart.clientHeight") > 500 and "full=loss" in page.url
    page.goto(page.url)
    expect(dialog.locator(".nsewdrag").first).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(dialog.get_by_role("heading")).not_to_have_text("loss")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert chart_of(page, run).evaluate("chart => chart.clientHeight") < 300 and "full=" not in page.url


def test_csv_and_png(browser, alice, run):
    page = browser.open(alice, url_of(run))
    chart_of(page, run)
    with page.expect_download() as waiting:
        card_of(page, run).get_by_role("link", name="loss as CSV").click()
    with open(waiting.value.path(), newline="") as file:
        assert len(list(csv.reader(file))) == 301
    with page.expect_download() as waiting:
        card_of(page, run).get_by_role("button", name="Save loss as an image").click()
    assert waiting.value.suggested_filename == "loss.png"


@pytest.mark.extended
def test_a_view_of_an_accuracy_table_is_chosen_and_kept(browser, alice, run):
    page = browser.open(alice, url_of(run))
    card = card_of(page, run, "accuracy table")
    card.scroll_into_view_if_needed()
    card.get_by_label("View of accuracy table").select_option("pr")
    page.wait_for_url("**view=*")
    page.goto(page.url)
    card.scroll_into_view_if_needed()
    expect(card.locator(".xtitle")).to_have_text("Recall")


@pytest.mark.extended
def test_gaps_are_said(browser, alice, run):
    metrics.store_batch(run, "", make_scalars("gappy", [1, float("nan"), 2]))
    page = browser.open(alice, f"{url_of(run)}?show=gappy")
    expect(card_of(page, run, "gappy").locator("[data-chart-note]")).to_contain_text("1 value is NaN or infinite")


@pytest.mark.extended
def test_rows_are_turned_over_in_their_card(browser, alice, run):
    rows = [{"n": number} for number in range(120)]
    metrics.store_batch(run, "", [{"name": "many", "kind": "table", "rows": rows}])
    page = browser.open(alice, f"{url_of(run)}?show=many")
    page.get_by_role("link", name="Later rows of many").click()
    expect(card_of(page, run, "many")).to_contain_text("51 to 100 of 120")


@pytest.mark.extended
def test_charts_follow_the_theme(browser, alice, run):
    page = browser.open(alice, url_of(run), color_scheme="light")
    colour = "chart => chart.layout.template.layout.font.color"
    chart = chart_of(page, run)
    assert chart.evaluate(colour) == "#242424"
    page.get_by_role("button", name="Theme").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert chart.evaluate(colour) == "#f0f1f3"


@pytest.mark.extended
def test_a_box_is_zoomed_in_both_directions_and_kept(browser, alice, run):
    page = browser.open(alice, f"{url_of(run)}?show=loss")
    chart = chart_of(page, run)
    box = chart.locator(".nsewdrag").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.7, steps=5)
    page.mouse.up()
    page.wait_for_url("**zoomy=*")
    zoomed = ranges(chart)
    metrics.store_batch(run, "", make_scalars("loss", [9, 9], start=300))
    expect(card_of(page, run)).to_have_attribute("data-count", "302")
    assert ranges(chart) == zoomed
    page.goto(page.url)
    assert ranges(chart_of(page, run)) == zoomed
    card_of(page, run).get_by_role("button", name="Show all of loss").click()
    until(page, chart_of(page, run), "chart.layout.xaxis.autorange && chart.layout.yaxis.autorange")
    assert "zoom" not in page.url


@pytest.mark.extended
def test_zoom_works_again_after_a_chart_was_out_of_sight(browser, alice, run):
    for number in range(40):
        metrics.store_batch(run, "", make_scalars(f"z/{number}", [1, 2]))
    page = browser.open(alice, url_of(run))
    chart_of(page, run)
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(card_of(page, run).locator(".js-plotly-plot .nsewdrag")).to_have_count(0)
    page.evaluate("scrollTo(0, 0)")
    zoom_in(page, chart_of(page, run))
    page.wait_for_url("**zoom=*loss*")


@pytest.mark.extended
def test_charts_are_walked_through_and_zoomed_by_keys(browser, alice, run):
    page = browser.open(alice, f"{url_of(run)}?show=accuracy&show=loss")
    chart_of(page, run)
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(card_of(page, run).get_by_role("link", name="loss", exact=True)).to_be_focused()
    page.keyboard.press("+")
    page.wait_for_url("**zoom=*")
    [low, high] = shown_range(chart_of(page, run))
    page.keyboard.press("Shift+ArrowRight")
    until(page, chart_of(page, run), f"chart.layout.xaxis.range[0] > {low} + 10")
    page.keyboard.press("-")
    until(page, chart_of(page, run), f"chart.layout.xaxis.range[1] > {high} + 100")
    page.keyboard.press("0")
    until(page, chart_of(page, run), "chart.layout.xaxis.autorange")
    page.keyboard.press("k")
    expect(card_of(page, run, "accuracy").get_by_role("link", name="accuracy", exact=True)).to_be_focused()


def order(page) -> list[str]:
    return page.locator("[data-card]").evaluate_all("cards => cards.map(card => card.dataset.title)")


@pytest.mark.extended
def test_charts_are_moved_by_keys_and_by_dragging(browser, alice, run):
    page = browser.open(alice, f"{url_of(run)}?show=accuracy&show=loss&show=observations")
    chart_of(page, run)
    handle = page.get_by_role("button", name="Move accuracy")
    handle.focus()
    page.keyboard.press("ArrowRight")
    assert order(page) == ["loss", "accuracy", "observations"] and "at=1%7Eaccuracy" in page.url
    expect(handle).to_be_focused()
    expect(page.locator("[data-move-status]")).to_have_text("accuracy: 2 of 3")
    page.goto(page.url)
    assert order(page) == ["loss", "accuracy", "observations"]
    box = handle.bounding_box()
    page.mouse.move(box["x"] + 8, box["y"] + 8)
    page.mouse.down()
    target = card_of(page, run).bounding_box()
    page.mouse.move(target["x"] + 60, target["y"] + 60, steps=5)
    page.mouse.up()
    assert order(page) == ["accuracy", "loss", "observations"]
    page.get_by_role("button", name="Default order").click()
    page.wait_for_url(lambda url: "at=" not in url)


@pytest.mark.extended
def test_choices_are_remembered_for_the_experiment_and_an_address_wins(browser, alice, run):
    page = browser.open(alice, url_of(run))
    choice(page, "log").select_option("y")
    page.goto(page.url.split("?")[0])
    expect(choice(page, "log")).to_have_value("y")
    assert "log=y" in page.url
    page.goto(f"{page.url.split('?')[0]}?smooth=0.5")
    expect(choice(page, "log")).to_have_value("")


@pytest.mark.extended
def test_an_empty_chart_says_why(browser, alice, run):
    metrics.store_batch(run, "", make_scalars("below", [-1, -2, -3]))
    metrics.store_batch(run, "", make_scalars("mixed", [-1, 2, 3]))
    metrics.store_batch(run, "", make_scalars("none", [float("nan")] * 3))
    page = browser.open(alice, f"{url_of(run)}?log=y&show=below&show=mixed&show=none")
    expect(chart_of(page, run, "below").locator(".annotation-text")).to_contain_text("No value is above 0")
    expect(chart_of(page, run, "none").locator(".annotation-text")).to_have_text("No value is a finite number")
    expect(card_of(page, run, "mixed").locator("[data-chart-note]")).to_have_text(
        "Values of 0 or less are not drawn on a logarithmic axis"
    )


@pytest.mark.extended
def test_a_job_that_went_back_to_a_checkpoint_has_lines_along_their_axis(browser, alice, run):
    page = browser.open(alice, f"{url_of(run)}?show=loss")
    chart = chart_of(page, run)
    metrics.store_batch(run, "", make_scalars("loss", make_curve(5, 1), start=100))
    expect(card_of(page, run)).to_have_attribute("data-count", "305")
    rises = "chart.data[0].x.every((value, place, all) => !place || value >= all[place - 1])"
    until(page, chart, f"chart.data[0].x.length === 305 && {rises}")
    choice(page, "x").select_option("relative")
    until(page, chart, f"chart.layout.xaxis.title.text.includes('since') && {rises}")


@pytest.mark.extended
def test_names_are_shown_as_they_stand(browser, alice, run):
    name = "<b>a & b</b>/потери 损失"
    metrics.store_batch(run, "", make_scalars(name, [1, 2, 3]) + make_scalars("<b>a & b</b>/x", [1, 2, 3]))
    page = browser.open(alice, f"{url_of(run)}?group=chart&q=a+%26+b")
    chart = page.locator(".js-plotly-plot")
    expect(chart.locator(".legendtext")).to_have_text(["<b>a & b</b>/x", name])
    assert page.locator("h3 b").count() == 0


@pytest.mark.extended
def test_a_growing_table_keeps_the_rows_one_looks_at(browser, alice, run):
    rows = [{"n": number, "m": number * 2} for number in range(120)]
    metrics.store_batch(run, "", [{"name": "many", "kind": "table", "rows": rows}])
    page = browser.open(alice, f"{url_of(run)}?show=many")
    card = card_of(page, run, "many")
    card.get_by_label("View of many").select_option("rows")
    page.get_by_role("link", name="Later rows of many").click()
    expect(card).to_contain_text("51 to 100 of 120")
    expect(card.locator(".xtitle")).to_have_text("Row")
    card.locator(".card-scroll").evaluate("box => { box.scrollTop = 200; box.id = 'same'; }")
    metrics.store_batch(run, "", [{"name": "many", "kind": "table", "rows": rows[:5]}])
    expect(card).to_contain_text("51 to 100 of 125")
    assert page.locator("#same").evaluate("box => box.scrollTop") == 200
    expect(card.locator(".xtitle")).to_have_text("Row")


@pytest.mark.extended
def test_the_page_of_one_metric_has_the_same_choices(browser, alice, run):
    page = browser.open(
        alice, reverse("runs:run_metric", args=[run.workspace.slug, run.run_id, run.metrics.get(name="loss").pk])
    )
    choice(page, "log").select_option("y")
    until(page, page.locator(".js-plotly-plot"), "chart.layout.yaxis.type === 'log'")
