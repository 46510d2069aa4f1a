"""The traffic of versions, set with the keyboard."""

import pytest
from playwright.sync_api import expect

from endpoints.models import Endpoint
from tests import factories
from tests.browser.test_pages import find_faults

pytestmark = pytest.mark.browser


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
