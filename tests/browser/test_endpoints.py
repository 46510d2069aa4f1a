"""An endpoint from its deployment to its deletion, and the traffic of versions, set with the keyboard."""

import re

import pytest
from playwright.sync_api import expect

from endpoints.models import Endpoint
from runs.files import artifacts
from tests import factories
from tests.browser.test_pages import find_faults
from tests.endpoints import conftest as replicas

pytestmark = pytest.mark.browser
quiet, size, start = replicas.quiet, replicas.size, replicas.start
SCRIPT = """
import json
def init():
    pass
def run(data):
    return [FACTOR * number for number in json.loads(data)["data"]]
"""


def test_an_endpoint_is_deployed_tested_updated_rolled_back_and_deleted(
    transactional_db, browser, axe, workspace, alice, size, start
):
    run = factories.make_run(workspace)
    artifacts.store_artifact(run, "m/model.pkl", iter([b"data"]))
    source = {"source": f"runs:/{run.run_id}/m", "source_run_id": run.run_id}
    version = factories.make_model_version(workspace, "doubler", run=run, created_by=alice, **source)
    page = browser.open(alice, version.get_absolute_url())
    page.get_by_role("link", name="Deploy").click()
    page.get_by_label("Endpoint name").fill("svc")
    page.get_by_label("Entry script", exact=True).fill(SCRIPT.replace("FACTOR", "2"))
    page.locator("[name=environment_id]").fill("AzureML-Tutorial:1")
    assert find_faults(page, axe) == []
    page.get_by_role("button", name="Deploy").click()
    expect(page.get_by_text("The endpoint svc was created")).to_be_visible()
    start(Endpoint.objects.get().newest)
    attributes = page.locator("#endpoint-state")
    expect(attributes).to_contain_text("Healthy")

    def test_it(answer):
        page.get_by_role("link", name="Test", exact=True).click()
        page.get_by_label("Data", exact=True).fill('{"data": [1, 2]}')
        page.get_by_role("button", name="Test").click()
        expect(page.get_by_text(answer, exact=True)).to_be_visible()

    test_it("[2, 4]")
    page.get_by_role("link", name="Consume").click()
    expect(page.get_by_text(re.compile(r"curl .*/svc/score")).first).to_be_visible()
    page.get_by_role("link", name="Details").click()
    page.get_by_role("link", name="Update").click()
    expect(page.get_by_label("Update the endpoint of this name")).to_be_checked()
    script = page.get_by_label("Entry script", exact=True)
    expect(script).to_have_value(re.compile("return .2 "))
    script.fill(SCRIPT.replace("FACTOR", "3"))
    page.get_by_role("button", name="Deploy").click()
    start(Endpoint.objects.get().newest)
    expect(page.get_by_role("row", name="2 Healthy live")).to_be_visible()
    test_it("[3, 6]")
    page.get_by_role("link", name="Details").click()
    page.get_by_role("button", name="Roll back to revision 1").click()
    start(Endpoint.objects.get().newest)
    expect(page.get_by_role("row", name="3 Healthy live")).to_be_visible()
    test_it("[2, 4]")
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The endpoint svc was deleted")).to_be_visible()
    assert not Endpoint.objects.exists()


def test_the_shares_always_add_up_to_100(transactional_db, browser, axe, workspace, alice):
    factories.make_target(workspace, "cpu-cluster")
    endpoint = Endpoint.create(workspace, alice, "svc", has_versions=True)
    for name in ("blue", "green", "red"):
        Endpoint.create_version(endpoint, alice, name)
    endpoint.change_traffic({"green": 30, "red": 10})
    page = browser.open(alice, endpoint.get_absolute_url())
    assert find_faults(page, axe) == []
    slider = page.get_by_role("slider", name="Traffic of green")
    slider.focus()
    slider.press("ArrowRight")
    blue = page.get_by_role("spinbutton", name="blue")
    expect(blue).to_have_value("59")
    page.get_by_role("spinbutton", name="red").fill("69")
    expect(blue).to_have_value("0")
    expect(slider).to_have_value("31")
    page.get_by_role("button", name="Save traffic").click()
    expect(page.get_by_text("The traffic was saved")).to_be_visible()
    assert Endpoint.objects.get(pk=endpoint.pk).shares == {"blue": 0, "green": 31, "red": 69}
