"""A headless Chromium in front of the real application."""

import pytest


@pytest.fixture
def browse(chromium, live_server):
    """`browse(user, width=1440)`: a page of that person's browser; an error on its console fails the test."""
    contexts, errors = [], []

    def open_as(user, width=1440):
        from accounts.models import SignInLink

        context = chromium.new_context(base_url=live_server.url, viewport={"width": width, "height": 844})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: message.type == "error" and errors.append(message.text))
        page.goto(f"/signin/link/{SignInLink.create_for(user)}/")
        return page

    yield open_as
    for context in contexts:
        context.close()
    assert errors == []
