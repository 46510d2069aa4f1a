"""Page or piece, and what travels with a piece."""

import json

import pytest
from django.http import HttpResponse

from studio.htmx import show_toasts, stop_polling


def ask(client, url="/", **headers):
    return client.get(url, headers={"HX-Request": "true", "HX-Target": "workspace-rows", **headers})


@pytest.fixture
def browser(as_user, owner, workspace):
    return as_user(owner)


def test_the_requested_partial(browser):
    assert "<html" not in ask(browser).content.decode()


@pytest.mark.parametrize(
    "headers", [{"HX-Boosted": "true"}, {"HX-History-Restore-Request": "true"}, {"HX-Target": "something-else"}]
)
def test_all_others_get_the_page(browser, headers):
    assert "<html" in ask(browser, **headers).content.decode()


def test_messages_of_the_redirect_before_travel_as_toasts(browser, workspace):
    browser.post("/ws/aml-workspace/delete/", {"confirm_name": "aml-workspace"})
    answer = ask(browser)
    assert json.loads(answer.headers["HX-Trigger"]) == {
        "toast": {"toasts": [{"text": "The workspace aml-workspace moved to the trash.", "level": "success"}]}
    }
    assert "HX-Trigger" not in ask(browser).headers


def test_a_toast_may_hold_any_text():
    answer = show_toasts(HttpResponse(), [("“two\nlines” — ü", "error")])
    assert answer.headers["HX-Trigger"].isascii()
    assert json.loads(answer.headers["HX-Trigger"])["toast"]["toasts"][0]["text"] == "“two\nlines” — ü"


def test_stop_polling_says_so():
    assert stop_polling().status_code == 286
