"""Admin mode: to get power or to take it from others, a person confirms who they are."""

import time

import pytest
from django.test import Client

from accounts import second_factors
from accounts.activity import Activity
from accounts.signing_in import PROVED
from tests import factories
from tests.accounts.test_second_factors import PASSWORD, code_of, set_up_app
from workspaces.models import Role


def signed_in_long_ago(user) -> Client:
    client = Client()
    client.force_login(user)
    session = client.session
    session[PROVED] = int(time.time()) - 901
    session.save()
    return client


@pytest.fixture
def admin(db):
    return factories.make_user("admin", password=PASSWORD, is_superuser=True, is_staff=True)


@pytest.fixture
def olga(workspace):
    user = factories.make_user("olga", password=PASSWORD)
    factories.give_role(user, Role.OWNER, workspace)
    return user


@pytest.mark.parametrize("path", ["/admin/people/", "/principals/", "/credentials/", "/providers/", "/admin/rows/"])
def test_pages_of_site_admins_open_after_the_password_again(admin, path):
    client = signed_in_long_ago(admin)
    response = client.get(path)
    assert response.url.startswith("/account/confirm/?next=%2F")
    assert client.post("/account/confirm/", {"password": "wrong", "next": path}).status_code == 403
    assert client.get(path).status_code == 302
    before = client.cookies["sessionid"].value
    assert client.post("/account/confirm/", {"password": PASSWORD, "next": path}).url == path
    assert client.cookies["sessionid"].value != before
    assert client.get(path).status_code == 200
    assert [row.message for row in Activity.objects.filter(verb="session.prove")] == ["by password"]


def test_an_act_is_not_done_before_it_and_leads_back_to_its_page(olga, workspace, mallory):
    client, page = signed_in_long_ago(olga), "/ws/aml-workspace/people/"
    body = {"username": "mallory", "role": Role.READER}
    assert client.get(page).status_code == 200
    response = client.post(page, body, headers={"Referer": f"http://testserver{page}"})
    assert response.url == "/account/confirm/?next=%2Fws%2Faml-workspace%2Fpeople%2F"
    assert not mallory.roles.exists()
    assert "Nothing was changed yet" in client.get(response.url).content.decode()
    client.post("/account/confirm/", {"password": PASSWORD})
    client.post(page, body)
    assert mallory.roles.exists()


def test_who_has_a_second_factor_shows_that_and_not_the_password(admin):
    secret, _ = set_up_app(_fresh(admin))
    client = signed_in_long_ago(admin)
    assert client.post("/account/confirm/", {"password": PASSWORD}).status_code == 200
    assert client.get("/admin/people/").status_code == 302
    assert client.post("/account/confirm/", {"code": code_of(secret)}).status_code == 302
    assert client.get("/admin/people/").status_code == 200
    assert second_factors.factors_of(admin).count() == 1


def _fresh(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_who_came_by_a_link_and_has_no_password_is_not_asked(owner):
    assert signed_in_long_ago(owner).get("/admin/people/").status_code == 200


def test_a_sign_in_is_a_proof(admin):
    client = Client()
    client.post("/signin/", {"username": "admin", "password": PASSWORD})
    assert client.get("/admin/people/").status_code == 200
