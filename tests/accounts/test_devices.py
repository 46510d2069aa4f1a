"""`lazuli login`: a code in the terminal, approved in the browser."""

import datetime as dt
import math

import pytest
from django.test import Client
from django.utils import timezone

from accounts import devices
from accounts.authentication import make_run_token
from accounts.devices import LETTERS
from accounts.models import DeviceLogin, Token
from tests import factories


@pytest.fixture
def device_login(api):
    """The response to the terminal."""
    return api(None).post("/login/device", {"clientName": "lazuli-sdk on laptop"}).json()


def ask(api, device_login):
    return api(None).post("/login/device/token", {"deviceCode": device_login["deviceCode"]})


def test_begin_names_the_page(device_login, settings):
    assert device_login["verificationUrl"] == f"{settings.PUBLIC_URL}/login/device/?code={device_login['userCode']}"
    assert device_login["interval"] > 0 and device_login["expiresIn"] == 600


def test_codes_of_terminals_cannot_be_guessed(device_login):
    letters = device_login["userCode"].replace("-", "")
    assert math.log2(len({*LETTERS}) ** len(letters)) > 34 and {*letters} <= {*LETTERS}


def test_waits_for_approval(api, device_login):
    answer = ask(api, device_login)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "authorization_pending"


def test_approve(api, as_user, bob, device_login):
    page = as_user(bob).get("/login/device/", {"code": device_login["userCode"].lower()}).content.decode()
    assert "lazuli-sdk on laptop" in page
    as_user(bob).post("/login/device/", {"code": device_login["userCode"], "answer": "approve"})
    granted = ask(api, device_login).json()
    assert granted["user"]["username"] == "bob"
    assert api(granted["token"]).get("/subscriptions").status_code == 200
    assert ask(api, device_login).json()["error"]["code"] == "expired_token"


def test_deny(api, as_user, bob, device_login):
    as_user(bob).post("/login/device/", {"code": device_login["userCode"], "answer": "deny"})
    assert ask(api, device_login).json()["error"]["code"] == "access_denied"
    assert not Token.objects.filter(user=bob).exists()


def test_a_used_code_is_not_approved_again(api, as_user, bob, mallory, device_login):
    as_user(bob).post("/login/device/", {"code": device_login["userCode"], "answer": "approve"})
    assert (
        as_user(mallory).post("/login/device/", {"code": device_login["userCode"], "answer": "approve"}).status_code
        == 404
    )
    assert DeviceLogin.objects.get().user == bob


def test_an_expired_code(api, as_user, bob, device_login):
    DeviceLogin.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert as_user(bob).get("/login/device/", {"code": device_login["userCode"]}).status_code == 404
    assert ask(api, device_login).json()["error"]["code"] == "expired_token"


def test_the_page_needs_a_sign_in(client, device_login):
    assert client.get("/login/device/", {"code": device_login["userCode"]}).status_code == 302


def test_an_unknown_device_code(api, db):
    answer = api(None).post("/login/device/token", {"deviceCode": "nonsense"})
    assert answer.json()["error"]["code"] == "expired_token"


def begin(address):
    return Client(REMOTE_ADDR=address).post("/login/device", {"clientName": "x"}, "application/json")


def make_waiting(count, address, minutes=15):
    expires_at = timezone.now() + dt.timedelta(minutes=minutes)
    fields = {"address": address, "client_name": "x", "expires_at": expires_at}
    DeviceLogin.objects.bulk_create(
        DeviceLogin(device_digest=f"d{n}", user_code=f"X{n}", **fields) for n in range(count)
    )


def test_many_requested_codes_block_no_other_person(api, as_user, bob, device_login):
    """Not even those behind the same address: who is in a class, or behind one proxy, is one address."""
    make_waiting(300, DeviceLogin.objects.get().address)
    later = api(None).post("/login/device", {"clientName": "another laptop"})
    assert later.status_code == 200
    for answer in (device_login, later.json()):
        as_user(bob).post("/login/device/", {"code": answer["userCode"], "answer": "approve"})
        assert ask(api, answer).json()["user"]["username"] == "bob"


def test_of_one_address_only_the_newest_codes_wait_and_no_old_one_is_kept(db, monkeypatch):
    monkeypatch.setattr(devices, "MAX_WAITING", 3)
    monkeypatch.setattr(devices, "CLEAN_EVERY", 1)
    make_waiting(1, "203.0.113.5", minutes=-1)
    other = begin("198.51.100.9")
    # An IPv6 address counts as its network.
    codes = [begin(f"2001:db8:1:2::{n}").json()["userCode"] for n in range(5)]
    assert set(DeviceLogin.objects.values_list("user_code", flat=True)) == {other.json()["userCode"], *codes[2:]}


@pytest.mark.parametrize("body", [{"clientName": "x" * 81}, {"clientName": "a\x00"}, {"clientName": 5}])
def test_bad_bodies_are_reported(api, db, body):
    assert api(None).post("/login/device", body).status_code in (400, 422)


def test_no_cookie_opens_the_api_and_no_method_but_post(api, db):
    assert api(None).get("/login/device").status_code == 405


def test_terminals_have_no_csrf_token(db):
    answer = Client(enforce_csrf_checks=True).post("/login/device", {"clientName": "x"}, "application/json")
    assert answer.status_code == 200


def test_whoami_returns_the_owner_of_the_token(api, alice, workspace):
    assert api("").get("/login/whoami").status_code == 401
    found = api(Token.create_for(alice, "laptop")[1]).get("/login/whoami").json()
    assert found == {"name": alice.label, "username": alice.username, "runId": None}
    factories.make_run(workspace, run_id="r1")
    assert api(make_run_token(alice.pk, workspace.pk, "r1", 0)).get("/login/whoami").json()["runId"] == "r1"
