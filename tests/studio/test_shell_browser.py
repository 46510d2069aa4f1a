"""The shell as a person meets it: theme, palette, navigation, keys, confirmation, phone."""

import re

import pytest
from playwright.sync_api import expect

from tests import factories
from workspaces.models import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
HOME = "/ws/aml-workspace/"


def test_theme_changes_at_once_and_stays(browse, owner):
    page = browse(owner)
    page.get_by_role("button", name="Theme").click()
    with page.expect_response("**/account/theme/"):
        page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("h1")).to_have_css("color", "rgb(240, 241, 243)")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_palette_goes_where_one_types(browse, owner, workspace):
    page = browse(owner)
    page.keyboard.press("Control+k")
    page.locator("#palette input").fill("aml")
    expect(page.locator("#palette [aria-selected=true]")).to_contain_text("aml-workspace")
    page.keyboard.press("Enter")
    page.wait_for_url("**" + HOME)


def test_navigation_collapses_and_stays(browse, owner, workspace):
    page = browse(owner)
    page.goto(HOME)
    page.get_by_role("button", name="Show labels").click()
    expect(page.locator("body")).to_have_attribute("data-nav", "collapsed")
    page.reload()
    expect(page.locator("body")).to_have_attribute("data-nav", "collapsed")


def test_keys(browse, owner, workspace):
    factories.make_workspace(workspace.resource_group, "second")
    page = browse(owner)
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search workspaces")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name="second")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/ws/second/")
    page.keyboard.press("g")
    page.keyboard.press("w")
    page.wait_for_url(re.compile(r"/$"))


def test_search_narrows_while_typing_and_is_in_the_address(browse, owner, workspace):
    factories.make_workspace(name="vision")
    page = browse(owner)
    page.get_by_role("searchbox", name="Search workspaces").fill("vis")
    link = page.locator("main .row-link")
    expect(link).to_have_text(["vision"])
    assert page.url.endswith("/?q=vis")
    # A name that is cut shows whole under the pointer; one that is not says nothing twice.
    link.hover()
    assert link.get_attribute("title") is None
    link.evaluate("one => { one.classList.add('cut'); one.style.width = '20px'; }")
    page.mouse.move(0, 0)
    link.hover()
    expect(link).to_have_attribute("title", "vision")


def test_create_workspace(browse, owner):
    page = browse(owner)
    page.get_by_role("link", name="Create", exact=True).click()
    name = page.get_by_label("Workspace name")
    name.press_sequentially("a!")
    expect(page.locator("#name-check")).to_contain_text("3 to 33")
    name.fill("")
    name.press_sequentially("fresh")
    expect(page.locator("#name-check")).to_contain_text("is free")
    page.get_by_label("Subscription").fill("123456-abc-123...")
    page.get_by_label("Resource group").fill("aml-resources")
    page.get_by_role("button", name="Create").click()
    page.wait_for_url("**/ws/fresh/")
    expect(page.get_by_text("The workspace fresh was created.")).to_be_visible()


def test_delete_needs_a_confirmation(browse, owner, workspace):
    page = browse(owner)
    page.goto(HOME + "settings/")
    page.get_by_role("button", name="Delete").click()
    yes = page.get_by_role("button", name="Delete workspace")
    for typed in ("", "aml", "aml-workspace2"):
        page.get_by_label("Type aml-workspace to confirm").fill(typed)
        expect(yes).to_be_disabled()
    assert Workspace.objects.get().deleted_at is None
    expect(page.get_by_label("Delete it permanently now")).not_to_be_checked()
    page.get_by_label("Type aml-workspace to confirm").fill("aml-workspace")
    yes.click()
    expect(page.get_by_text("The workspace aml-workspace moved to the trash.")).to_be_visible()
    assert Workspace.objects.get().deleted_at


def test_switcher_offers_the_config_file(browse, owner, workspace):
    page = browse(owner)
    page.goto(HOME)
    page.locator(".switcher-button").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download config file").click()
    expect(page.locator("#switcher a[aria-current]")).to_contain_text("aml-workspace")
    assert download.value.suggested_filename == "config.json"


@pytest.mark.extended
@pytest.mark.parametrize("url", ["/", HOME, HOME + "settings/", "/workspaces/new/", "/account/tokens/", "/api/docs"])
def test_nothing_scrolls_sideways_on_a_phone(browse, owner, workspace, url):
    page = browse(owner, width=390)
    page.goto(url)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390


def test_navigation_is_a_drawer_on_a_phone(browse, owner, workspace):
    page = browse(owner, width=390)
    page.goto(HOME)
    expect(page.locator("#nav")).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    page.locator("#nav").get_by_role("link", name="All workspaces").click()
    page.wait_for_url(re.compile(r"/$"))
    page.goto(HOME + "compute/all/machines/")
    tabs = page.get_by_label("Compute", exact=True)
    expect(tabs.get_by_role("link", name="Machines")).to_be_in_viewport(ratio=1)
