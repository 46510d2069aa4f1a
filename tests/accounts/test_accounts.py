"""Signing in and out, the theme, the password and access tokens."""

import datetime as dt
import re

import pytest
from django.test import Client
from django.utils import timezone

from accounts.forms import NewPasswordForm, SignInForm
from accounts.models import FailedSignIn, SignInLink, Token, User
from tests import factories

PASSWORD = "a-long-enough-secret"


@pytest.fixture
def olga(db):
    return factories.make_user("olga", password=PASSWORD)


def test_strangers_are_sent_to_the_sign_in(client, workspace):
    answer = client.get("/ws/aml-workspace/?q=1")
    assert answer.status_code == 302
    assert answer.url == "/signin/?next=/ws/aml-workspace/%3Fq%3D1"


def test_after_the_sign_in_a_form_leads_back_to_its_page(client, workspace):
    action = "/ws/aml-workspace/delete/"
    answer = client.post(action, headers={"Referer": "http://testserver/ws/aml-workspace/?tab=1"})
    assert answer.url == "/signin/?next=/ws/aml-workspace/%3Ftab%3D1"
    assert client.post(action).url == "/signin/?next=/"


def test_a_poll_of_a_signed_out_page_reloads_it(client, workspace):
    answer = client.get("/ws/aml-workspace/", headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert answer.headers["HX-Refresh"] == "true"
    assert answer.content == b""


def test_sign_in_leads_to_the_requested_page(client, olga):
    answer = client.post("/signin/", {"username": "olga", "password": PASSWORD, "next": "/account/tokens/"})
    assert answer.status_code == 302 and answer.url == "/account/tokens/"
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example", "word", "\ufffd"],
)
def test_sign_in_goes_nowhere_else(client, olga, elsewhere):
    answer = client.post("/signin/", {"username": "olga", "password": PASSWORD, "next": elsewhere})
    assert answer.url == "/"


def test_wrong_password(client, olga):
    answer = client.post("/signin/", {"username": "olga", "password": "wrong"})
    assert answer.status_code == 403
    assert "password is wrong" in answer.content.decode()


def test_ten_wrong_passwords_are_enough(client, olga):
    for _ in range(10):
        client.post("/signin/", {"username": "olga", "password": "wrong"})
    answer = client.post("/signin/", {"username": "OLGA", "password": PASSWORD})
    assert answer.status_code == 429
    assert client.get("/").status_code == 302
    assert "Too many wrong passwords" in answer.content.decode()
    FailedSignIn.objects.update(at=timezone.now() - FailedSignIn.WINDOW)
    assert client.post("/signin/", {"username": "olga", "password": PASSWORD}).status_code == 302


def test_a_link_works_once(olga):
    url = f"/signin/link/{SignInLink.create_for(olga)}/"
    first, second = Client(), Client()
    assert first.get(url).url == "/"
    assert first.get("/").status_code == 200
    answer = second.get(url)
    assert answer.status_code == 410
    assert "signin" in answer.content.decode()
    assert first.get(url).url == "/"


def test_a_link_expires(client, olga):
    secret = SignInLink.create_for(olga)
    SignInLink.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert client.get(f"/signin/link/{secret}/").status_code == 410


def test_a_link_opens_no_closed_account(client, olga):
    secret = SignInLink.create_for(olga)
    olga.is_active = False
    olga.save(update_fields=["is_active"])
    assert client.get(f"/signin/link/{secret}/").status_code == 410


def test_only_a_digest_of_the_link_is_kept(olga):
    assert SignInLink.create_for(olga) not in str(SignInLink.objects.values_list())


def test_sign_out(as_user, olga):
    client = as_user(olga)
    assert client.get("/signout/").status_code == 405
    answer = client.post("/signout/")
    assert answer.url == "/signin/" and answer.headers["Clear-Site-Data"] == '"cache"'
    assert client.get("/").status_code == 302


def test_theme(as_user, olga):
    client = as_user(olga)
    assert client.post("/account/theme/", {"theme": "dark", "next": "/account/tokens/"}).url == "/account/tokens/"
    assert 'data-theme="dark"' in client.get("/").content.decode()
    client.post("/account/theme/", {"theme": "pink"})
    olga.refresh_from_db()
    assert olga.theme == "dark"
    assert client.get("/account/theme/").status_code == 405


def test_first_password_needs_no_present_one(as_user, db):
    user = factories.make_user()
    client = as_user(user)
    assert client.post("/account/password/", {"password": PASSWORD, "again": PASSWORD}).status_code == 302
    user.refresh_from_db()
    assert user.check_password(PASSWORD)
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"current": "wrong", "password": PASSWORD + "2", "again": PASSWORD + "2"}, "not your current password"),
        ({"current": PASSWORD, "password": "short", "again": "short"}, "at least 10"),
        ({"current": PASSWORD, "password": "1234567890", "again": "1234567890"}, "too common"),
        ({"current": PASSWORD, "password": PASSWORD + "2", "again": "other-password"}, "do not match"),
        (
            {"current": PASSWORD, "password": "Olga-Lazuli-2026", "again": "Olga-Lazuli-2026"},
            "name of this studio or of",
        ),
    ],
)
def test_password_is_checked(as_user, olga, body, words):
    assert words in as_user(olga).post("/account/password/", body).content.decode()
    olga.refresh_from_db()
    assert olga.check_password(PASSWORD)


def test_old_passwords_still_work_and_no_form_asks_a_secret_question(client, olga):
    long_ago = timezone.now() - dt.timedelta(days=4000)
    User.objects.filter(pk=olga.pk).update(date_joined=long_ago, last_login=long_ago)
    assert client.post("/signin/", {"username": "olga", "password": PASSWORD}).status_code == 302
    assert client.get("/account/tokens/").status_code == 200
    assert {*SignInForm.base_fields} == {"username", "password"} and {*NewPasswordForm.base_fields} == {
        "password",
        "again",
    }
    assert not re.search("question|mother|first pet", client.get("/account/password/").content.decode().lower())


def test_fields_of_passwords_are_hidden_and_can_be_filled_by_a_manager(as_user, client, olga):
    for page, kinds in (
        (as_user(olga).get("/account/password/"), ["current-password", "new-password", "new-password"]),
        (client.get("/signin/"), ["current-password"]),
    ):
        fields = re.findall(r'<input[^>]*type="password"[^>]*>', page.content.decode())
        assert [re.search(r'autocomplete="([\w-]+)', field)[1] for field in fields] == kinds
        assert not any("onpaste" in field for field in fields)


def test_a_token_is_shown_once_and_works(as_user, api, olga):
    client = as_user(olga)
    page = client.post("/account/tokens/", {"name": "laptop", "days": "30"}).content.decode()
    secret = page.split('id="new-token">')[1].split("<")[0]
    assert secret.startswith("lz_")
    assert secret not in client.get("/account/tokens/").content.decode()
    assert api(secret).get("/subscriptions").status_code == 200
    token = Token.objects.get()
    assert secret not in token.digest and (token.expires_at - timezone.now()).days == 29


def test_a_revoked_token_is_refused(as_user, api, olga):
    token, secret = Token.create_for(olga, "laptop")
    assert as_user(olga).post(f"/account/tokens/{token.pk}/revoke/").status_code == 302
    assert api(secret).get("/subscriptions").status_code == 401


def test_people_cannot_revoke_tokens_of_others(as_user, olga, mallory):
    token, _ = Token.create_for(olga, "olgas own")
    assert as_user(mallory).post(f"/account/tokens/{token.pk}/revoke/").status_code == 404
    assert as_user(mallory).get(f"/account/tokens/{token.pk}/revoke/").status_code == 405
    assert "olgas own" not in as_user(mallory).get("/account/tokens/").content.decode()


@pytest.mark.parametrize(
    "body", [{"name": "", "days": "30"}, {"name": "x", "days": "5"}, {"name": "x" * 101, "days": "7"}]
)
def test_bad_tokens_are_reported(as_user, olga, body):
    assert "field-error" in as_user(olga).post("/account/tokens/", body).content.decode()
    assert not Token.objects.exists()


def test_an_expired_token_is_refused(api, olga):
    _, secret = Token.create_for(olga, "laptop", days=1)
    Token.objects.update(expires_at=timezone.now())
    assert api(secret).get("/subscriptions").status_code == 401


def test_forms_need_the_token_of_their_page(olga):
    client = Client(enforce_csrf_checks=True)
    client.force_login(olga)
    referer = "http://testserver/account/tokens/?page=2"
    answer = client.post("/account/theme/", {"theme": "dark"}, headers={"Referer": referer})
    assert answer.status_code == 403
    page = answer.content.decode()
    assert "has expired" in page and 'href="/account/tokens/?page=2"' in page
    client.get("/")
    answer = client.post(
        "/account/theme/", {"theme": "dark"}, headers={"X-CSRFToken": client.cookies["csrftoken"].value}
    )
    assert answer.status_code == 302
