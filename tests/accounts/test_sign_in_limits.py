"""Limits on wrong passwords, which cannot be used to lock people out."""

import pytest
from django.test import Client
from django.utils import timezone

from accounts import sign_in_limits
from accounts.models import FailedSignIn, SignInLink
from studio import networks
from tests import factories

PASSWORD = "a-long-enough-secret"
STRANGER, HOME = "192.0.2.1", "198.51.100.9"


@pytest.fixture
def olga(db):
    return factories.make_user("olga", password=PASSWORD)


def browser(address=HOME) -> Client:
    return Client(REMOTE_ADDR=address)


def sign_in(client, password=PASSWORD, name="olga", **more) -> int:
    return client.post("/signin/", {"username": name, "password": password}, **more).status_code


def guess(times, address=STRANGER, name="olga") -> list[int]:
    client = browser(address)
    return [sign_in(client, "wrong", name) for _ in range(times)]


def test_an_attacker_is_stopped_after_ten_attempts_and_the_person_can_sign_in_elsewhere(olga):
    assert guess(12) == [403] * 10 + [429] * 2
    assert sign_in(browser(STRANGER)) == 429
    assert sign_in(browser(HOME)) == 302


def test_other_names_can_be_tried_from_an_address_until_it_has_had_its_twenty(olga):
    factories.make_user("nina", password=PASSWORD)
    assert [guess(1, name=f"name{n}")[0] for n in range(21)] == [403] * 20 + [429]
    assert sign_in(browser(STRANGER), name="nina") == 429
    assert sign_in(browser(HOME), name="nina") == 302


def test_guessing_from_many_addresses_is_stopped_except_on_a_known_device(olga, monkeypatch):
    monkeypatch.setattr(sign_in_limits, "PER_NAME", 30)
    laptop = browser(HOME)
    assert sign_in(laptop) == 302
    laptop.post("/signout/")
    for n in range(3):
        guess(10, f"203.0.113.{n}")
    assert guess(1, "203.0.113.77") == [429]
    assert sign_in(browser("203.0.113.99")) == 429
    assert sign_in(laptop, REMOTE_ADDR="203.0.113.99") == 302


def test_a_known_device_can_sign_in_from_the_attackers_address(olga):
    laptop = browser(STRANGER)
    assert sign_in(laptop) == 302
    laptop.post("/signout/")
    guess(25)
    assert sign_in(laptop) == 302


def test_a_known_device_guesses_no_more_than_others(olga):
    laptop = browser()
    sign_in(laptop)
    laptop.post("/signout/")
    assert [sign_in(laptop, "wrong") for _ in range(11)] == [403] * 10 + [429]
    assert sign_in(laptop) == 429
    # Elsewhere the person comes in.
    assert sign_in(browser("203.0.113.5")) == 302


def test_a_device_is_known_only_for_people_who_signed_in_with_it(olga):
    factories.make_user("mallory", password=PASSWORD)
    own = browser(STRANGER)
    assert sign_in(own, name="mallory") == 302
    own.post("/signout/")
    assert [sign_in(own, "wrong") for _ in range(11)] == [403] * 10 + [429]


def test_people_who_share_a_browser_are_all_known(olga):
    factories.make_user("nina", password=PASSWORD)
    shared = browser()
    for name in ("olga", "nina"):
        assert sign_in(shared, name=name) == 302
        shared.post("/signout/")
    guess(25, HOME)
    assert sign_in(shared) == 302


def test_the_cookie_of_a_known_device_cannot_be_forged(olga):
    client = browser(STRANGER)
    client.cookies["known_device"] = "eyJhIjoxfQ:abc:def"
    assert [sign_in(client, "wrong") for _ in range(11)][-1] == 429
    assert sign_in(browser()) == 302


def test_scripts_cannot_read_the_cookie_of_a_known_device(olga, settings):
    settings.SESSION_COOKIE_SECURE = True
    client = browser()
    sign_in(client)
    cookie = client.cookies["known_device"]
    assert cookie["httponly"] and cookie["secure"] and cookie["samesite"] == "Lax"


def test_a_right_password_forgives_no_wrong_ones(olga):
    factories.make_user("mallory", password=PASSWORD)
    for _ in range(2):
        guess(10)
        sign_in(browser(STRANGER), name="mallory")
    assert FailedSignIn.objects.count() == 10
    assert sign_in(browser(STRANGER)) == 429


def test_an_hour_later_all_is_well(olga):
    guess(11)
    FailedSignIn.objects.update(at=timezone.now() - sign_in_limits.HOUR)
    assert sign_in(browser(STRANGER)) == 302


def test_a_live_session_goes_on(olga):
    client = browser(STRANGER)
    client.force_login(olga)
    guess(25)
    assert client.get("/").status_code == 200


def test_addresses_of_one_network_of_ipv6_count_together(olga):
    assert [guess(1, f"2001:db8:1:2::{n:x}")[0] for n in range(11)] == [403] * 10 + [429]
    assert sign_in(browser("2001:db8:1:3::1")) == 302


def test_behind_a_trusted_proxy_each_client_counts_by_itself(olga, settings):
    settings.TRUSTED_PROXIES = networks.parse_networks("TRUSTED_PROXIES", ["127.0.0.1"])
    proxied = {"REMOTE_ADDR": "127.0.0.1"}
    stranger = [
        sign_in(Client(), "wrong", **proxied, headers={"X-Forwarded-For": f"203.0.113.{n}, {STRANGER}"})
        for n in range(11)
    ]
    assert stranger == [403] * 10 + [429]
    assert sign_in(Client(), **proxied, headers={"X-Forwarded-For": HOME}) == 302


def test_a_forged_header_does_not_avoid_the_limit(olga):
    answers = [sign_in(browser(STRANGER), "wrong", headers={"X-Forwarded-For": f"203.0.113.{n}"}) for n in range(11)]
    assert answers[-1] == 429


def link(client, secret="wrong") -> int:
    return client.get(f"/signin/link/{secret}/").status_code


def test_wrong_links_are_stopped_for_their_address_alone(olga):
    stranger = browser(STRANGER)
    assert [link(stranger) for _ in range(21)] == [410] * 20 + [429]
    secret = SignInLink.create_for(olga)
    assert link(stranger, secret) == 429
    assert link(browser(HOME), secret) == 302


def test_a_known_device_opens_its_link_whatever_others_do(olga):
    laptop = browser(STRANGER)
    assert link(laptop, SignInLink.create_for(olga)) == 302
    laptop.post("/signout/")
    for _ in range(21):
        link(browser(STRANGER))
    assert link(laptop, SignInLink.create_for(olga)) == 302


def test_a_link_is_the_way_out_for_who_mistyped_too_often(olga):
    guess(25)
    assert link(browser(STRANGER), SignInLink.create_for(olga)) == 302


def test_an_open_browser_cannot_be_used_to_guess_the_password(as_user, olga):
    client = as_user(olga)
    body = {"current": "wrong", "password": "another-long-secret", "again": "another-long-secret"}
    for _ in range(10):
        client.post("/account/password/", body)
    answer = client.post("/account/password/", {**body, "current": PASSWORD})
    assert "Too many wrong passwords" in answer.content.decode()
    olga.refresh_from_db()
    assert olga.check_password(PASSWORD)


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_administration_has_no_sign_in_of_its_own(db, method):
    factories.make_user("root", password=PASSWORD, is_superuser=True, is_staff=True)
    client = browser()
    body = {"username": "root", "password": PASSWORD, "next": "/admin/rows/"}
    answer = getattr(client, method)("/admin/rows/login/", body)
    assert (answer.status_code, answer.url) == (302, "/signin/?next=/admin/rows/")
    assert client.get("/admin/rows/").status_code == 302
    assert not FailedSignIn.objects.exists()


def test_who_opens_the_administration_goes_by_the_sign_in(db):
    factories.make_user("root", password=PASSWORD, is_superuser=True, is_staff=True)
    client = browser()
    answer = client.get("/admin/rows/accounts/user/", follow=True)
    assert answer.request["PATH_INFO"] == "/signin/"
    answer = client.post("/signin/", {"username": "root", "password": PASSWORD, "next": "/admin/rows/accounts/user/"})
    assert answer.url == "/admin/rows/accounts/user/"
    assert client.get(answer.url).status_code == 200
    assert client.get("/admin/rows/login/?next=/admin/rows/").url == "/admin/rows/"
    # One's own password is set on one page.
    assert "Current password" in client.get("/admin/rows/password_change/").content.decode()


def test_others_than_site_admins_get_a_message(as_user, mallory):
    answer = as_user(mallory).get("/admin/rows/", follow=True)
    assert answer.status_code == 403
    assert "site admin" in answer.content.decode()
