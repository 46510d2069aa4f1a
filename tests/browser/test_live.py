"""What one sees while a run is under way."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from runs import artifacts, metrics
from runs.models import Run
from tests import factories
from tests.runs.sample_data import curve, log_text, scalars

pytestmark = pytest.mark.browser
LOG = "user_logs/std_log.txt"


def url_of(run, name: str) -> str:
    return reverse(f"runs:{name}", args=[run.workspace.slug, run.run_id])


def card_of(page, run, name: str = "loss"):
    return page.locator(f"#metric-{run.metrics.get(name=name).pk}")


def drawn(card) -> int:
    return card.locator(".js-plotly-plot").evaluate("chart => chart.data[0].y.length")


def zoom_in(page, card) -> list:
    """By dragging, as a person does; the range that is shown then."""
    card.scroll_into_view_if_needed()
    box = card.locator(".nsewdrag").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, middle, steps=5)
    page.mouse.up()
    return shown_range(card)


def shown_range(card) -> list:
    return card.locator(".js-plotly-plot").evaluate("chart => chart.layout.xaxis.range.map(Math.round)")


def test_points_are_drawn_as_they_are_logged_and_the_zoom_stays(browser, alice, run):
    page = browser.open(alice, url_of(run, "run_metrics"))
    card = card_of(page, run)
    expect(page.locator("[data-live-state]")).to_have_text("Live")
    assert drawn(card) == 300
    zoomed = zoom_in(page, card)
    assert 40 < zoomed[0] < zoomed[1] < 170
    metrics.ingest(run, "", scalars("loss", curve(5, 1), start=300))
    expect(card).to_have_attribute("data-count", "305")
    assert drawn(card) == 305 and shown_range(card) == zoomed


def test_new_metrics_come_by_themselves(browser, alice, run):
    page = browser.open(alice, url_of(run, "run_metrics"))
    metrics.ingest(run, "", scalars("fresh", [0.5]))
    expect(page.locator("section", has=page.get_by_role("heading", name="fresh"))).to_contain_text("0.5")
    metrics.ingest(run, "", scalars("fresh", [0.4, 0.3], start=1))
    expect(card_of(page, run, "fresh").locator(".js-plotly-plot")).to_be_visible()
    metrics.ingest(run, "", scalars("fresh", [0.2], start=3))
    expect(card_of(page, run, "fresh")).to_have_attribute("data-count", "4")
    assert drawn(card_of(page, run, "fresh")) == 4


def test_asking_ends_with_the_run(browser, alice, run):
    page = browser.open(alice, url_of(run, "run_metrics"))
    expect(page.locator("[data-live-state]")).to_have_text("Live")
    run.move(Run.Status.COMPLETED)
    expect(page.locator("[data-live-state]")).to_have_text("Ended")
    expect(page.locator("#run-state")).to_contain_text("Completed")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(3000)
    assert asked == []


def test_choices_of_a_chart_are_in_the_address(browser, alice, run):
    page = browser.open(alice, url_of(run, "run_metrics"))
    page.get_by_label("Axis").select_option("relative")
    page.get_by_label("Logarithmic").check()
    page.locator("#metric-names").get_by_label("accuracy", exact=True).uncheck()
    assert "x=relative" in page.url and "y=log" in page.url and "accuracy&" not in page.url
    page.goto(page.url)
    expect(page.get_by_label("Axis")).to_have_value("relative")
    layout = (
        card_of(page, run)
        .locator(".js-plotly-plot")
        .evaluate("chart => [chart.layout.yaxis.type, chart.layout.xaxis.title.text]")
    )
    assert layout == ["log", "Seconds since the first value"]
    assert card_of(page, run, "accuracy").count() == 0
    page.locator("#metric-names").get_by_label("accuracy", exact=True).check()
    expect(card_of(page, run, "accuracy").locator(".js-plotly-plot")).to_be_visible()


def test_charts_follow_the_theme(browser, alice, run):
    page = browser.open(alice, url_of(run, "run_metrics"), color_scheme="light")
    colour = "chart => chart.layout.template.layout.font.color"
    chart = card_of(page, run).locator(".js-plotly-plot")
    assert chart.evaluate(colour) == "#242424"
    page.get_by_role("button", name="Theme").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert chart.evaluate(colour) == "#f0f1f3"


def last_line(page):
    return page.locator(".log-list .log-line").last


AT_END = "box => box.scrollHeight - box.scrollTop - box.clientHeight < 40"


def grow(run, text: str) -> None:
    log = run.artifacts.get(path=LOG)
    artifacts.append(run, LOG, log.size, text.encode())


def test_the_log_is_followed(browser, alice, run):
    page = browser.open(alice, url_of(run, "run_files"))
    expect(last_line(page)).to_contain_text("epoch 399")
    grow(run, "\x1b[32mgreen\x1b[0m is said\n10%\r50%\r100%\n")
    expect(last_line(page)).to_have_text("100%")
    expect(page.get_by_text("green is said")).to_be_visible()
    lines = page.locator("[data-log-lines]")
    assert lines.evaluate(AT_END)
    grow(run, "half a line")
    expect(page.locator(".log-list + .log-line")).to_have_text("half a line")
    lines.hover()
    page.mouse.wheel(0, -2000)
    expect(page.get_by_label("Follow")).not_to_be_checked()
    grow(run, " and its end\n")
    page.wait_for_timeout(2500)
    assert not lines.evaluate(AT_END), "who reads further up is left alone"


def test_a_large_log_is_read_in_windows(browser, alice, run):
    run.move(Run.Status.COMPLETED)
    artifacts.put(run, LOG, iter([log_text(100_000) for _ in range(8)]), overwrite=True)
    received = []
    page = browser.open(alice, "/")
    page.on(
        "response",
        lambda response: "/file/?" in response.url and received.append(int(response.headers["content-length"])),
    )
    page.goto(browser.url + url_of(run, "run_files"))
    expect(page.get_by_text("epoch 0 loss=1.00000").first).to_be_visible()
    page.get_by_role("button", name="End").click()
    expect(last_line(page)).to_contain_text("epoch 99999")
    expect(page.locator("[data-log-place]")).to_have_value("1000")
    page.get_by_placeholder("Search in this file").fill("epoch 77777 ")
    page.keyboard.press("Enter")
    expect(page.locator("[data-log-hits]")).to_have_text("1 of 8")
    expect(page.locator(".log-chosen mark")).to_have_text("epoch 77777 ")
    page.get_by_role("button", name="Next match").click()
    expect(page.locator("[data-log-hits]")).to_have_text("2 of 8")
    assert page.locator(".log-line").count() < 25_000
    assert sum(received) < 4_000_000, "of more than 30 MB only what was looked at"


def test_a_list_changes_only_the_rows_that_changed(browser, alice, run):
    other = factories.make_run(run.workspace, experiment=run.experiment, display_name="other", created_by=alice)
    page = browser.open(alice, run.experiment.get_absolute_url())
    page.get_by_label("Choose the run").check()
    page.locator(f"#run-{run.pk}").evaluate("row => { row.dataset.kept = 'yes' }")
    other.start(node="n2")
    expect(page.locator(f"#run-{other.pk}")).to_contain_text("Running")
    expect(page.locator(f"#run-{run.pk}")).to_have_attribute("data-kept", "yes")
    expect(page.get_by_label("Choose the run")).to_be_checked()
    metrics.ingest(run, "", scalars("loss", [0.123], start=300))
    expect(page.locator(f"#run-{run.pk}")).to_contain_text("0.123")
    expect(page.get_by_label("Choose the run")).to_be_checked()
