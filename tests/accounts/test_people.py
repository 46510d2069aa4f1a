"""Sessions of a person, the states of accounts, and what happens when somebody leaves."""

import datetime as dt
import re

import pytest
from django.test import Client
from django.utils import timezone

from accounts import people
from accounts.activity import Activity
from accounts.models import Session, SignInLink, Token, User
from accounts.sessions import stored_key
from accounts.signing_in import PROVED
from tests import factories
from tests.html import html_of
from workspaces.models import Role, RoleAssignment

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18 Mobile Safari/604.1"


@pytest.fixture
def olga(db):
    return factories.make_user("olga", password="a-long-enough-secret")


def sign_in(client_name: str, address: str) -> Client:
    client = Client(headers={"User-Agent": client_name}, REMOTE_ADDR=address)
    answer = client.post("/signin/", {"username": "olga", "password": "a-long-enough-secret"})
    assert answer.status_code == 302
    return client


def key_of(client: Client) -> str:
    return stored_key(client.cookies["sessionid"].value)


def test_a_person_sees_their_browsers_and_signs_one_or_all_others_out(olga, as_user, mallory):
    here, phone = sign_in(FIREFOX, "192.0.2.1"), sign_in(IPHONE, "192.0.2.2")
    page = here.get("/account/sessions/").content.decode()
    assert "Firefox on Linux" in page and "Safari on iOS" in page and "192.0.2.2" in page
    assert page.count("this browser") == 1
    # Nobody else ends them.
    assert as_user(mallory).post("/account/sessions/end/", {"session": key_of(phone)}).status_code == 409
    assert here.post("/account/sessions/end/", {"session": key_of(phone)}).url == "/account/sessions/"
    assert phone.get("/").status_code == 302
    third = sign_in(FIREFOX, "192.0.2.3")
    here.post("/account/sessions/end/")
    assert third.get("/").status_code == 302 and here.get("/").status_code == 200
    assert [str(row) for row in Activity.objects.filter(verb="session.revoke")] == ["olga ended sessions of olga"] * 2


def test_ending_a_session_asks_to_confirm_access(olga):
    client = sign_in(FIREFOX, "192.0.2.1")
    session = client.session
    session[PROVED] = 1
    session.save()
    assert client.post("/account/sessions/end/").url.startswith("/account/confirm/")
    assert client.post("/account/confirm/", {"password": "a-long-enough-secret"}).status_code == 302
    assert client.post("/account/sessions/end/").url == "/account/sessions/"


def test_the_last_use_of_a_session_is_written_every_five_minutes(olga, django_assert_num_queries):
    browser = sign_in(FIREFOX, "192.0.2.1")
    began = timezone.now() - dt.timedelta(minutes=6)
    Session.objects.update(last_used_at=began)
    browser.get("/account/sessions/", REMOTE_ADDR="192.0.2.9")
    found = Session.objects.get()
    assert found.last_used_at > began and found.address == "192.0.2.9"
    used = found.last_used_at
    browser.get("/account/sessions/")
    assert Session.objects.get().last_used_at == used


def closed(browser: Client, token: Client) -> tuple[int, int]:
    return browser.get("/").status_code, token.get("/subscriptions").status_code


def test_a_site_admin_signs_a_person_out(olga, owner, as_user):
    browser = sign_in(FIREFOX, "192.0.2.1")
    token = Client(headers={"Authorization": f"Bearer {factories.make_token(olga)}"})
    as_user(owner).post(f"/admin/people/{olga.pk}/", {"act": "sign_out"})
    assert closed(browser, token) == (302, 200)


def test_a_blocked_person_is_shut_out_at_once_and_comes_back_as_before(olga, owner, as_user):
    browser = sign_in(FIREFOX, "192.0.2.1")
    token = Client(headers={"Authorization": f"Bearer {factories.make_token(olga)}"})
    link = SignInLink.create_for(olga)
    admin, url = as_user(owner), f"/admin/people/{olga.pk}/"
    assert closed(browser, token) == (200, 200)
    admin.post(url, {"act": "block"})
    assert closed(browser, token) == (302, 401) and not Session.objects.filter(user=olga).exists()
    assert Client().get(f"/signin/link/{link}/").status_code == 410
    wrong = Client().post("/signin/", {"username": "olga", "password": "a-long-enough-secret"})
    assert wrong.status_code == 403
    assert "Blocked" in admin.get(url).content.decode()
    admin.post(url, {"act": "open"})
    assert closed(sign_in(FIREFOX, "192.0.2.1"), token) == (200, 200)
    verbs = Activity.objects.filter(verb__startswith="account.").order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["account.block", "account.open"]


def test_a_leaving_person_hands_over_their_objects(owner, alice, workspace, as_user):
    leaver = factories.make_user("leaver")
    factories.give_role(leaver, Role.OWNER, workspace)
    secret = factories.make_token(leaver)
    admin, url = as_user(owner), f"/admin/people/{leaver.pk}/"
    refused = admin.post(url, {"act": "deactivate"})
    assert refused.status_code == 409 and "1 roles as Owner" in refused.content.decode()
    assert admin.post(url, {"act": "deactivate", "heir": "leaver"}).status_code == 409
    held = held_on(admin.get(url), "1 roles as Owner (Owner on aml-workspace)")
    assert admin.post(url, {"act": "deactivate", "heir": "alice", "held": held}).status_code == 302
    assert RoleAssignment.objects.filter(user=alice, role=Role.OWNER, workspace=workspace).exists()
    assert not leaver.roles.exists()
    assert Token.objects.get(user=leaver).revoked_at
    assert Client(headers={"Authorization": f"Bearer {secret}"}).get("/subscriptions").status_code == 401
    assert "handed over to alice" in Activity.objects.get(verb="account.deactivate").message


def held_on(answer, line: str) -> str:
    """The token of what the page says about a handover."""
    page = html_of(answer)
    assert f"<li>{line}</li>" in page
    return re.search('name="held" value="([^"]+)"', page)[1]


def test_a_handover_moves_exactly_what_the_page_showed(owner, alice, workspace, as_user):
    leaver = factories.make_user("leaver")
    factories.give_role(leaver, Role.OWNER, workspace)
    admin, url = as_user(owner), f"/admin/people/{leaver.pk}/"
    held = held_on(admin.get(url), "1 roles as Owner (Owner on aml-workspace)")
    factories.give_role(leaver, Role.OWNER, factories.make_workspace(name="second"))
    answer = admin.post(url, {"act": "deactivate", "heir": "alice", "held": held})
    assert answer.status_code == 409 and "so nothing was done" in html_of(answer)
    leaver.refresh_from_db()
    assert leaver.is_active and leaver.roles.count() == 2
    held = held_on(admin.get(url), "2 roles as Owner (Owner on aml-workspace, Owner on second)")
    assert admin.post(url, {"act": "deactivate", "heir": "alice", "held": held}).status_code == 302
    assert not leaver.roles.exists()


def test_people_cannot_deactivate_themselves_or_the_last_site_admin(owner, as_user, alice):
    admin = as_user(owner)
    assert admin.post(f"/admin/people/{owner.pk}/", {"act": "block"}).status_code == 409
    assert admin.post(f"/admin/people/{alice.pk}/", {"act": "nonsense"}).status_code == 400
    assert as_user(alice).get("/admin/people/").status_code == 403
    assert as_user(alice).post(f"/admin/people/{owner.pk}/", {"act": "block"}).status_code == 403


def test_people_are_listed_by_their_state(owner, olga, as_user, django_assert_max_num_queries):
    long_ago = timezone.now() - dt.timedelta(days=200)
    factories.make_user("pending")
    factories.make_user("dormant", password="x", last_login=long_ago, date_joined=long_ago)
    factories.make_user("active", password="x", last_login=long_ago, date_joined=long_ago)
    Token.create_for(User.objects.get(username="active"), "script")
    Token.objects.update(last_used_at=timezone.now())
    factories.make_user("blocked", is_active=False, closed_as="blocked")
    factories.make_user("deactivated", is_active=False)
    for state in people.STATES:
        found = list(people.list_people(state))
        assert state in [person.username for person in found]
        assert {people.state_of(person) for person in found} == {state}
    client = as_user(owner)
    with django_assert_max_num_queries(11):
        page = client.get("/admin/people/?state=dormant").content.decode()
    assert "Dormant</td>" in page and "Blocked</td>" not in page
    assert as_user(owner).get("/admin/people/?state=odd").status_code == 400
