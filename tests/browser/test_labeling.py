"""Labeling with the keyboard."""

import pytest
from playwright.sync_api import expect

from accounts.actors import Actor
from assets.data import datasets
from assets.models import Datastore
from labeling.models import LabelingProject
from runs.seeding.contents import make_png
from tests.browser.test_pages import find_faults

pytestmark = pytest.mark.browser


@pytest.fixture
def project(transactional_db, workspace, alice, settings, tmp_path) -> LabelingProject:
    settings.DATASTORE_ROOTS = [str(tmp_path)]
    (tmp_path / "pets").mkdir()
    for number in range(3):
        (tmp_path / "pets" / f"{number}.png").write_bytes(make_png())
    actor = Actor(alice)
    Datastore.register(actor, workspace, "disk", {"kind": "Folder", "settings": {"folder": str(tmp_path)}})
    definition = {"kind": "file", "paths": [{"datastore": "disk", "path": "pets/*.png"}], "steps": []}
    fields = {"kind": "file", "definition": definition}
    version = datasets.register_dataset(actor, workspace, "pet images", "auto", fields)[0]
    return LabelingProject.create(actor, version, "pets", labels=["cat", "dog"], instructions="Look at the ears.")


def test_keys_label_skip_and_go_back(browser, axe, alice, project):
    page = browser.open(alice, f"/ws/aml-workspace/labeling/projects/{project}/label/")
    assert find_faults(page, axe) == []
    expect(page.get_by_text("3 items still need labels")).to_be_visible()
    page.keyboard.press("1")
    expect(page.get_by_text("2 items still need labels")).to_be_visible()
    page.keyboard.press("b")
    expect(page.get_by_role("button", name="cat")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("2")
    expect(page.get_by_role("button", name="cat")).not_to_have_attribute("aria-pressed", "true")
    page.keyboard.press("s")
    expect(page.get_by_text("1 item still needs labels")).to_be_visible()
    page.keyboard.press("2")
    expect(page.get_by_text("All items are done")).to_be_visible()
    assert project.count_labels() == [("cat", 0), ("dog", 2)]
