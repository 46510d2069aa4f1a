"""A headless Chromium in front of the real application."""

import os
import shutil

import pytest

# Playwright's loop makes Django think that everything here is asynchronous.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture(scope="session")
def chromium():
    from playwright.sync_api import sync_playwright

    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture
def browse(chromium, live_server):
    """`browse(user, width=1440)`: a page of that person's browser; an error on its console fails the test."""
    contexts, errors = [], []

    def open_as(user, width=1440):
        from workspaces.models import SignInLink

        context = chromium.new_context(base_url=live_server.url, viewport={"width": width, "height": 844})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: message.type == "error" and errors.append(message.text))
        page.goto(f"/signin/link/{SignInLink.make(user)}/")
        return page

    yield open_as
    for context in contexts:
        context.close()
    assert errors == []
