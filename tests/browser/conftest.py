"""A headless Chromium with a real server. A missing program is an error, not a skipped test."""

import os
import pathlib

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from runs.models import Run
from runs.seeding.full_run import make_full_run
from tests import factories

AXE = pathlib.Path(os.environ.get("AXE_JS", "node_modules/axe-core/axe.min.js"))

# How long a test waits for what must come, as long as for a page; what must come fast is measured where it is promised.
WAIT_MS = 20_000
expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="session")
def axe() -> str:
    if not AXE.is_file():
        pytest.fail(f"There is no axe-core at {AXE}: `make test` puts it there, or set AXE_JS=path of axe.min.js.")
    return AXE.read_text()


# What moved by itself, not after a key or click: how much of the screen, and which elements.
WATCH_SHIFTS = """window.shifts = []; new PerformanceObserver(list => shifts.push(...list.getEntries()
  .filter(one => !one.hadRecentInput).map(one => [one.value, one.sources.map(source => source.node?.className).join()])))
  .observe({type: 'layout-shift', buffered: true})"""


class Browser:
    """Opens pages as a person, or as nobody, and remembers what went wrong in them."""

    def __init__(self, chromium, url: str):
        self.chromium, self.url, self.wrong, self.contexts = chromium, url, [], []

    def open(self, user, path: str, *, width: int = 1280, **options) -> Page:
        # A window that a person looks at may write to the clipboard; the headless shell has to be given that.
        window = {"viewport": {"width": width, "height": 844}, "permissions": ["clipboard-write"]}
        # What fades in is judged as it is in the end.
        context = self.chromium.new_context(**{**window, "reduced_motion": "reduce", **options})
        context.add_init_script(WATCH_SHIFTS)
        self.contexts.append(context)
        if user:
            client = Client()
            client.force_login(user)
            context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": self.url}])
        page = context.new_page()
        page.on("console", lambda message: message.type == "error" and self.wrong.append(f"{page.url}: {message.text}"))
        page.on("pageerror", lambda error: self.wrong.append(f"{page.url}: uncaught {error}"))
        page.set_default_timeout(WAIT_MS)
        answer = page.goto(self.url + path)
        assert answer.status == 200, f"{path} answered {answer.status}"
        return page


@pytest.fixture
def browser(chromium, live_server):
    """`browser.open(alice, path)`; a test fails if a script or the console complained meanwhile."""
    browser = Browser(chromium, live_server.url)
    yield browser
    for context in browser.contexts:
        context.close()
    assert browser.wrong == []


@pytest.fixture
def run(transactional_db, workspace, alice) -> Run:
    """A running run, with content on every tab."""
    run = make_full_run(factories.make_experiment(workspace, "digits"), alice, display_name="the run")
    run.start(node="cpu-cluster-1")
    return run
