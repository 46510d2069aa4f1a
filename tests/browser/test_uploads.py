"""Uploads to a datastore: files are dropped, sent in pieces, and continued after a stop."""

import os

import pytest
from playwright.sync_api import expect

from accounts.actors import Actor
from assets.models import Datastore

pytestmark = pytest.mark.browser
DROP = """() => {
  const dropped = new DataTransfer(), form = document.querySelector("[data-upload]");
  dropped.items.add(new File(["a,b\\n1,2\\n"], "dropped #1.csv"));
  for (const kind of ["dragover", "drop"]) {
    form.dispatchEvent(new DragEvent(kind, { dataTransfer: dropped, cancelable: true }));
  }
}"""


@pytest.fixture
def folder(transactional_db, workspace, alice, settings, tmp_path):
    settings.DATASTORE_ROOTS, settings.DATA_DIR = [str(tmp_path)], tmp_path / "data"
    found = tmp_path / "disk"
    found.mkdir()
    Datastore.register(Actor(alice), workspace, "disk", {"kind": "Folder", "settings": {"folder": str(found)}})
    return found


def test_a_dropped_file_and_a_large_one_are_uploaded(browser, alice, folder, tmp_path):
    page = browser.open(alice, "/ws/aml-workspace/data/datastores/disk/")
    expect(page.get_by_text("No files here")).to_be_visible()
    page.evaluate(DROP)
    upload = page.get_by_role("button", name="Upload")
    expect(page.locator("input[name=paths]")).to_have_value("dropped #1.csv")
    upload.click()
    expect(page.get_by_text("1 file uploaded.")).to_be_visible()
    assert (folder / "dropped #1.csv").read_text() == "a,b\n1,2\n"
    content = os.urandom(17 * 1024 * 1024)
    (tmp_path / "large.bin").write_bytes(content)
    page.set_input_files("#upload-files", tmp_path / "large.bin")
    upload.click()
    expect(page.get_by_role("link", name="large.bin", exact=True)).to_be_visible()
    assert (folder / "large.bin").read_bytes() == content
    upload.click()
    expect(page.get_by_text("0 files uploaded, 1 left because they are there already.")).to_be_visible()


def test_the_wizard_uploads_in_pieces_before_it_goes_on(browser, alice, folder, tmp_path):
    page = browser.open(alice, "/ws/aml-workspace/data/new/")
    rows = b"id,age\n" + b"1,2\n" * 4_500_000
    (tmp_path / "ages.csv").write_bytes(rows)
    page.get_by_label("Name", exact=True).fill("ages")
    page.get_by_label("Datastore", exact=True).select_option("disk")
    page.set_input_files("#upload-files", tmp_path / "ages.csv")
    page.get_by_label("Web address").fill("https://example.org/a.csv")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("alert")).to_contain_text("one of the three")
    page.get_by_label("Web address").fill("")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("heading", name="Settings and schema")).to_be_visible()
    (stored,) = folder.rglob("ages.csv")
    assert stored.read_bytes() == rows and stored.relative_to(folder).parts[0] == "UI"
