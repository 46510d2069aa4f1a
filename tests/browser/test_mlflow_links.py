"""The links that MLflow's clients print, clicked in a terminal and opened in a browser."""

import pytest

pytestmark = pytest.mark.browser


def test_a_printed_link_opens_what_it_names(browser, alice, run, workspace):
    tracking = f"{browser.url}/mlflow/v1.0{workspace.arm_id}"
    experiment = f"{tracking}/#/experiments/{run.experiment.experiment_id}"
    page = browser.open(alice, "/")
    for link, row in (
        (f"{experiment}/runs/{run.run_id}", run),
        (experiment, run.experiment),
        (tracking + "/", workspace),
    ):
        page.goto("about:blank")
        page.goto(link)
        page.wait_for_url(f"{browser.url}{row.get_absolute_url()}**")
        assert page.locator("h1").first.is_visible()
    page.goto("about:blank")
    page.goto(f"{experiment}/runs/none-of-this-name")
    page.get_by_text("has no run none-of-this-name").wait_for()
    browser.wrong = [line for line in browser.wrong if "404" not in line]
