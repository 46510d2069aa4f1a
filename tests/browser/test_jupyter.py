"""A course in a real JupyterLab by mouse: a terminal, a notebook whose cells run on while no page shows them, close and halt."""

import json
import pathlib
import zipfile

import pytest
from playwright.sync_api import expect

from tests.compute.cluster_stack import until
from tests.up.running import Studio, command_of

pytestmark = [pytest.mark.extended, pytest.mark.stack, pytest.mark.browser, pytest.mark.timeout(280)]
CELLS = [
    "from azureml.core import Workspace\nws = Workspace.from_config()\nprint('workspace', ws.name)",
    "import time\nfor number in range(15):\n    print('line', number, flush=True)\n    time.sleep(0.4)",
]
# Parts of the command lines of what is killed: web, gateway, control worker, Redis.
KINDS = ["gunicorn", "studio.gateway", "studio.control", "unixsocket"]
NOTEBOOKS = "/ws/aml-workspace/notebooks/"


@pytest.fixture
def studio(tmp_path):
    studio = Studio(tmp_path).with_tables()
    try:
        yield studio.start()
    finally:
        studio.end()


@pytest.fixture
def course(tmp_path) -> pathlib.Path:
    kernel = {"name": "python38-azureml", "display_name": "Python 3.8 - AzureML", "language": "python"}
    cells = [
        {"cell_type": "code", "id": f"c{n}", "execution_count": None, "metadata": {}, "outputs": [], "source": source}
        for n, source in enumerate(CELLS)
    ]
    notebook = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    with zipfile.ZipFile(tmp_path / "course.zip", "w") as archive:
        archive.writestr("course/lab.ipynb", json.dumps(notebook))
    return tmp_path / "course.zip"


@pytest.fixture
def tab(studio, chromium):
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(60_000)
    page.goto(studio.manage("signin"))
    yield page
    page.context.close()


def test_a_course_in_jupyter(studio, course, tab):
    tab.goto(studio.url + NOTEBOOKS)
    tab.get_by_role("button", name="Upload").first.click()
    tab.locator("input[type=file]").first.set_input_files(course)
    tab.get_by_role("dialog").get_by_role("button", name="Upload").click()
    expect(tab.get_by_text("course.zip").first).to_be_visible()
    tab.get_by_role("link", name="Terminal").click()
    tab.get_by_role("link", name="New compute instance").click()
    tab.get_by_label("Compute name").fill("lab-one")
    tab.get_by_role("button", name="Create").click()
    tab.wait_for_url("**/instance/")
    tab.goto(f"{studio.url}{NOTEBOOKS}run/")
    frame = tab.frame_locator("iframe.notebook-window")
    frame.locator(".xterm").wait_for(timeout=200_000)
    tab.wait_for_timeout(2000)
    frame.locator(".xterm").click()
    tab.keyboard.type("python -m zipfile -e course.zip .\n")
    (home,) = studio.data.glob("storage/shares/*/Users/olga")
    notebook = home / "course" / "lab.ipynb"
    assert until(notebook.exists, 20)
    run_cells(studio, tab)
    expect(frame.get_by_text("workspace aml-workspace")).to_be_visible()
    expect(frame.get_by_text("line 1", exact=False).first).to_be_visible()
    # The page is left in the middle, and everything but the instance dies.
    tab.goto("about:blank")
    before = {process for process in studio.family() for kind in KINDS if kind in command_of(process)}
    for process in before:
        process.kill()
    assert until(lambda: all(f"line {number}" in notebook.read_text() for number in range(15)), 40)
    assert until(lambda: all(any(kind in command_of(one) for one in studio.family()) for kind in KINDS), 40)
    run_cells(studio, tab, starts=False)
    frame.locator(".jp-Cell").last.wait_for()
    expect(frame.get_by_text("line 14")).to_be_visible()
    frame.get_by_text("File", exact=True).first.click()
    frame.get_by_text("Close and Shut Down Notebook").click()
    frame.locator(".jp-Dialog .jp-mod-accept").click()
    kernels = lambda: [one for one in studio.family() if "ipykernel_launcher" in command_of(one)]  # noqa: E731
    assert until(lambda: not kernels(), 30)


def run_cells(studio, tab, starts: bool = True) -> None:
    """Open the notebook in the studio's frame, and run all of its cells."""
    tab.goto(f"{studio.url}{NOTEBOOKS}?path=Users/olga/course/lab.ipynb")
    tab.get_by_role("link", name="Run", exact=True).first.click()
    frame = tab.frame_locator("iframe.notebook-window")
    frame.locator(".jp-Cell").first.wait_for()
    if starts:
        tab.wait_for_timeout(2000)
        frame.get_by_text("Run", exact=True).first.click()
        frame.get_by_text("Run All Cells", exact=True).click()
