"""Live updates of pages while a run is active."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from runs import metrics
from runs.files import artifacts
from runs.models import Run
from runs.seeding.contents import log_text, make_scalars
from studio.formats import format_bytes
from tests import factories

pytestmark = pytest.mark.browser
LOG = "user_logs/std_log.txt"


def url_of(run, name: str) -> str:
    return reverse(f"runs:{name}", args=[run.workspace.slug, run.run_id])


def last_line(page):
    return page.locator(".log-list .log-line").last


AT_END = "box => box.scrollHeight - box.scrollTop - box.clientHeight < 40"


def grow(run, text: str) -> None:
    log = run.artifacts.get(path=LOG)
    artifacts.append_to_artifact(run, LOG, log.size, text.encode())


def test_the_log_is_followed(browser, alice, run):
    page = browser.open(alice, url_of(run, "run_files"))
    expect(last_line(page)).to_contain_text("epoch 399")
    grow(run, "\x1b[32mgreen\x1b[0m is said\n10%\r50%\r100%\n")
    expect(last_line(page)).to_have_text("100%")
    expect(page.get_by_text("green is said")).to_be_visible()
    lines = page.locator("[data-log-lines]")
    assert lines.evaluate(AT_END)
    expect(page.locator("[data-file-size]")).to_have_text(format_bytes(run.artifacts.get(path=LOG).size))
    grow(run, "half a line")
    expect(page.locator(".log-list + .log-line")).to_have_text("half a line")
    lines.hover()
    page.mouse.wheel(0, -2000)
    expect(page.get_by_label("Follow")).not_to_be_checked()
    grow(run, " and its end\n")
    page.wait_for_timeout(2500)
    assert not lines.evaluate(AT_END), "who reads further up is left alone"


@pytest.mark.extended
def test_a_large_log_is_read_in_windows(browser, alice, run):
    run.move(Run.Status.COMPLETED)
    artifacts.store_artifact(run, LOG, iter([log_text(100_000) for _ in range(8)]), overwrite=True)
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
    expect(page.locator("[data-log-position]")).to_have_value("1000")
    page.get_by_placeholder("Search in this file").fill("epoch 77777 ")
    page.keyboard.press("Enter")
    expect(page.locator("[data-log-hits]")).to_have_text("1 of 8")
    expect(page.locator(".log-current mark")).to_have_text("epoch 77777 ")
    page.get_by_role("button", name="Next match").click()
    expect(page.locator("[data-log-hits]")).to_have_text("2 of 8")
    assert page.locator(".log-line").count() < 25_000
    assert sum(received) < 4_000_000, "of more than 30 MB only what was looked at"


def test_a_list_changes_only_the_rows_that_changed(browser, alice, run):
    other = factories.make_run(run.workspace, experiment=run.experiment, display_name="other", created_by=alice)
    page = browser.open(alice, run.experiment.get_absolute_url())
    page.get_by_label("Select the run").check()
    page.locator(f"#run-{run.pk}").evaluate("row => { row.dataset.kept = 'yes' }")
    other.start(node="n2")
    expect(page.locator(f"#run-{other.pk}")).to_contain_text("Running")
    expect(page.locator(f"#run-{run.pk}")).to_have_attribute("data-kept", "yes")
    expect(page.get_by_label("Select the run")).to_be_checked()
    metrics.store_batch(run, "", make_scalars("loss", [0.123], start=300))
    expect(page.locator(f"#run-{run.pk}")).to_contain_text("0.123")
    expect(page.get_by_label("Select the run")).to_be_checked()


def test_a_poll_leaves_selections_and_dialogs_alone(browser, alice, run):
    page = browser.open(alice, reverse("runs:jobs", args=[run.workspace.slug]))
    page.evaluate("getSelection().selectAllChildren(document.querySelector('#run-table .row-link'))")
    run.edit(display_name="another name")
    page.wait_for_timeout(3000)
    assert page.evaluate("getSelection().toString()") == "the run"
    page.evaluate("getSelection().removeAllRanges()")
    expect(page.get_by_role("link", name="another name")).to_be_visible()
    page.get_by_label("Select another name").check()
    page.get_by_role("button", name="Cancel", exact=True).click()
    factories.make_run(run.workspace, experiment=run.experiment, display_name="a newer one")
    page.wait_for_timeout(3000)
    page.get_by_role("dialog").get_by_role("button", name="Cancel jobs").click()
    expect(page.get_by_text("1 job canceled")).to_be_visible()


@pytest.mark.extended
def test_the_answer_to_a_poll_of_a_table_that_was_replaced_is_ignored(browser, alice, run):
    page, held = browser.open(alice, reverse("runs:jobs", args=[run.workspace.slug])), []
    page.route(re.compile("[?&]seen="), lambda route: held.append(route))
    factories.make_run(run.workspace, experiment=run.experiment, display_name="newer")
    with page.expect_request(re.compile("[?&]seen=")):
        page.wait_for_timeout(2500)
    page.evaluate("htmx.ajax('GET', location.href, { target: '#run-table', swap: 'outerHTML' })")
    expect(page.get_by_role("link", name="newer")).to_be_visible()
    with page.expect_response(re.compile("[?&]seen=")):
        held[0].continue_()
    page.unroute_all()


@pytest.mark.extended
def test_polls_that_fail_change_nothing_and_continue(browser, alice, run):
    """Rows F43 and F44."""
    page = browser.open(alice, run.get_absolute_url())
    bar, state, tries = page.locator("#missed-polls"), page.locator("#run-state"), []

    def fail(route):
        tries.append(route.request.url)
        assert bar.is_hidden() or len(tries) > 2
        route.fulfill(status=500, body="<b>broken</b>", content_type="text/html")

    before = state.inner_text()
    page.route("**/*", fail)
    expect(bar).to_be_visible()
    page.unroute("**/*")
    with page.expect_event("requestfailed"):
        page.route("**/*", lambda route: route.abort())
    assert state.inner_text() == before and page.get_by_text("broken").count() == page.locator(".toast").count() == 0
    run.move(Run.Status.COMPLETED)
    page.unroute("**/*")
    expect(state).to_contain_text("Completed")
    expect(bar).to_be_hidden()
    assert not [line for line in browser.wrong if "uncaught" in line]
    browser.wrong.clear()


def test_the_first_metric_of_an_experiment_brings_its_column_and_chart(browser, alice, workspace, transactional_db):
    run = factories.make_run(workspace, created_by=alice, display_name="first")
    run.start()
    page = browser.open(alice, run.experiment.get_absolute_url())
    expect(page.locator("th[data-column=metric-loss]")).to_have_count(0)
    metrics.store_batch(run, "", make_scalars("loss", [3.0, 2.0, 1.0]))
    expect(page.locator("th[data-column=metric-loss]")).to_be_visible()
    expect(page.locator(".run-charts .js-plotly-plot")).to_be_visible()
