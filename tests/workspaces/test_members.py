"""Users and permissions of a workspace: who sees, gives, changes and takes roles, and who stays."""

import datetime as dt
import re

import pytest
from django.db.models import F
from django.test import Client

from accounts.models import SignInLink, User
from tests import factories
from tests.accounts.authenticator import Device
from tests.html import html_of
from workspaces.models import Role, RoleAssignment

URL = "/ws/aml-workspace/people/"
NEW = {"account-username": "dora", "account-full_name": "Dora Maar", "account-role": Role.DATA_SCIENTIST}


@pytest.fixture
def olga(workspace):
    """An Owner of the workspace, who is no site admin."""
    user = factories.make_user("olga")
    factories.give_role(user, Role.OWNER, workspace)
    return user


def role_of(user, workspace) -> str:
    return RoleAssignment.objects.get(user=user, workspace=workspace).role


def row(user, what: str) -> str:
    return f"{URL}{user.roles.get().pk}/{what}/"


def test_everybody_with_a_role_sees_all_roles_inherited_ones_too(as_user, workspace, olga, bob):
    carol = factories.make_user("carol")
    factories.give_role(carol, Role.READER, workspace.resource_group)
    factories.give_role(carol, Role.CONTRIBUTOR, workspace.resource_group.subscription)
    factories.give_role(factories.make_user("elsewhere"), Role.OWNER, factories.make_workspace())
    page = html_of(as_user(bob).get(URL))
    for words in ("olga", "bob", "carol", "resource group aml-resources", "subscription sub-1"):
        assert words in page
    assert "elsewhere" not in page
    assert "Add a person" not in page and "/change/" not in page


def test_an_owner_gives_changes_and_takes_a_role(as_user, workspace, olga, mallory):
    client = as_user(olga)
    assert client.post(URL, {"username": "MALLORY", "role": Role.READER}).url == URL
    assert role_of(mallory, workspace) == Role.READER
    assert client.post(row(mallory, "change"), {"role": Role.CONTRIBUTOR}).url == URL
    assert role_of(mallory, workspace) == Role.CONTRIBUTOR
    assert client.post(row(mallory, "remove")).url == URL
    assert not mallory.roles.exists()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"username": "nobody", "role": Role.READER}, "There is no account"),
        ({"username": "bob", "role": Role.OWNER}, "already has the role Reader"),
        ({"username": "mallory", "role": "God"}, "not one of the available choices"),
        ({"username": "", "role": Role.READER}, "required"),
        ({"username": "a\0b", "role": Role.READER}, "Null characters"),
    ],
)
def test_a_wrong_value_is_shown_at_its_field(as_user, olga, bob, mallory, typed, words):
    answer = as_user(olga).post(URL, typed)
    assert answer.status_code == 200 and words in answer.content.decode()
    assert RoleAssignment.objects.count() == 2


def test_a_role_that_is_none_changes_nothing(as_user, workspace, olga, bob):
    assert as_user(olga).post(row(bob, "change"), {"role": "God"}).status_code == 400
    assert role_of(bob, workspace) == Role.READER


def test_others_change_nothing(as_user, workspace, olga, alice, bob, mallory):
    for user, status in ((alice, 403), (bob, 403), (mallory, 404)):
        client = as_user(user)
        assert client.post(URL, {"username": "mallory", "role": Role.OWNER}).status_code == status
        assert client.post(row(olga, "change"), {"role": Role.READER}).status_code == status
        assert client.post(row(olga, "remove")).status_code == status
    assert role_of(olga, workspace) == Role.OWNER and not mallory.roles.exists()


def test_anybody_may_leave(as_user, workspace, olga, bob):
    client = as_user(bob)
    assert client.post(row(bob, "remove")).url == "/"
    assert client.get(URL).status_code == 404


@pytest.mark.parametrize("act", ["change", "remove"])
def test_the_last_owner_stays(as_user, workspace, olga, owner, act):
    for user in (olga, owner):
        answer = as_user(user).post(row(olga, act), {"role": Role.READER})
        assert answer.status_code == 409 and "last Owner" in answer.content.decode()
    second = factories.make_user("second", is_active=False)
    factories.give_role(second, Role.OWNER, workspace)
    assert as_user(olga).post(row(olga, act), {"role": Role.READER}).status_code == 409
    User.objects.filter(pk=second.pk).update(is_active=True)
    assert as_user(olga).post(row(olga, act), {"role": Role.READER}).status_code == 302


def test_a_role_of_another_workspace_or_of_the_group_is_not_changed_here(as_user, workspace, olga, mallory):
    elsewhere = factories.give_role(mallory, Role.READER, factories.make_workspace())
    above = factories.give_role(mallory, Role.READER, workspace.resource_group)
    for assignment, status in ((elsewhere, 404), (above, 403)):
        for act in ("change", "remove"):
            assert as_user(olga).post(f"{URL}{assignment.pk}/{act}/", {"role": Role.OWNER}).status_code == status
    assert f"/{above.pk}/change/" not in html_of(as_user(olga).get(URL))


def invitation_in(answer) -> str:
    return re.search(r"http://testserver(/invitation/[\w-]+/)", answer.content.decode())[1]


def test_a_site_admin_makes_an_account_whose_invitation_asks_for_a_password_first(as_user, workspace, owner):
    answer = as_user(owner).post(f"{URL}account/", NEW)
    link = invitation_in(answer)
    assert "no-store" in answer.headers["Cache-Control"]
    dora = User.objects.get(username="dora")
    assert (dora.label, dora.has_usable_password(), role_of(dora, workspace)) == (
        "Dora Maar",
        False,
        "AzureML Data Scientist",
    )
    her = Client()
    assert "Welcome, Dora Maar" in her.get(link).content.decode() and her.get(URL).status_code == 302
    for wrong in (
        {},
        {"password": "short", "again": "short"},
        {"password": "a-long-sentence-of-words", "again": "another"},
    ):
        assert her.post(link, wrong).status_code == 200 and not User.objects.get(pk=dora.pk).has_usable_password()
    assert her.get(link.replace("invitation", "signin/link")).status_code == 410
    assert her.post(link, {"password": "a-long-sentence-of-words", "again": "a-long-sentence-of-words"}).url == "/"
    assert her.get(URL).status_code == 200 and User.objects.get(pk=dora.pk).check_password("a-long-sentence-of-words")
    assert Client().get(link).status_code == Client().post(link, {}).status_code == 410
    assert link not in as_user(owner).get(URL).content.decode()


def test_an_invitation_is_accepted_with_a_passkey_once(as_user, workspace, owner):
    link = invitation_in(as_user(owner).post(f"{URL}account/", NEW))
    her, device = Client(), Device()
    assert "Use a passkey instead" in her.get(link).content.decode()
    made = device.create(her.post(f"{link}passkey/begin/").json())
    assert Client().post(f"{link}passkey/", {"credential": made}).status_code == 400
    page = her.post(f"{link}passkey/", {"credential": made})
    assert page.status_code == 200 and len(re.findall(r"<code>\d{8}</code>", page.content.decode())) == 10
    assert her.get(URL).status_code == 200 and not User.objects.get(username="dora").has_usable_password()
    assert Client().get(link).status_code == 410 and Client().post(f"{link}passkey/begin/").status_code == 404
    alone = Client()
    credential = device.get(alone.post("/signin/passkey/begin/").json())
    assert alone.post("/signin/passkey/", {"credential": credential}).url == "/"


def test_an_invitation_lasts_a_week(as_user, workspace, owner):
    link = invitation_in(as_user(owner).post(f"{URL}account/", NEW))
    age = dt.timedelta(days=6)
    SignInLink.objects.update(expires_at=F("expires_at") - age)
    assert Client().get(link).status_code == 200
    SignInLink.objects.update(expires_at=F("expires_at") - age / 6)
    assert Client().get(link).status_code == 410


def test_a_lost_invitation_is_made_again_and_the_old_one_ends(as_user, workspace, owner, olga, bob):
    lost = invitation_in(as_user(owner).post(f"{URL}account/", NEW))
    dora = User.objects.get(username="dora")
    assert "New invitation link" in as_user(owner).get(URL).content.decode()
    assert "New invitation link" not in as_user(olga).get(URL).content.decode()
    assert as_user(olga).post(row(dora, "invite")).status_code == 403
    link = invitation_in(as_user(owner).post(row(dora, "invite")))
    assert Client().get(lost).status_code == 410 and Client().get(link).status_code == 200
    Client().post(link, {"password": "a-long-sentence-of-words", "again": "a-long-sentence-of-words"})
    assert as_user(owner).post(row(dora, "invite")).status_code == 409


def test_an_invitation_of_a_deactivated_person_does_not_work(as_user, workspace, owner):
    link = invitation_in(as_user(owner).post(f"{URL}account/", NEW))
    User.objects.filter(username="dora").update(is_active=False)
    assert (
        Client().post(link, {"password": "a-long-sentence-of-words", "again": "a-long-sentence-of-words"}).status_code
        == 410
    )


@pytest.mark.parametrize(
    ("username", "words"),
    [
        ("BOB", "There is an account"),
        ("b\u043eb", "is not a user name"),
        ("../x", "is not a user name"),
        ("", "required"),
    ],
)
def test_a_name_that_is_taken_or_looks_alike_is_refused(as_user, owner, bob, username, words):
    answer = as_user(owner).post(f"{URL}account/", {**NEW, "account-username": username})
    assert answer.status_code == 200 and words in answer.content.decode()
    assert User.objects.count() == 2


def test_only_site_admins_make_accounts(as_user, olga, alice, mallory):
    for user, status in ((olga, 403), (alice, 403), (mallory, 404)):
        assert as_user(user).post(f"{URL}account/", NEW).status_code == status
    assert not User.objects.filter(username="dora").exists()
    assert f'action="{URL}account/"' not in as_user(olga).get(URL).content.decode()


def test_wrong_methods(as_user, olga):
    for url in (row(olga, "change"), row(olga, "remove"), f"{URL}account/"):
        assert as_user(olga).get(url).status_code == 405


def test_many_people_cost_few_queries(as_user, workspace, olga, django_assert_max_num_queries):
    for _ in range(30):
        factories.give_role(factories.make_user(), Role.READER, workspace)
    client = as_user(olga)
    # One of them finds whom to ask for what an Owner may not do.
    with django_assert_max_num_queries(10):
        assert client.get(URL).content.decode().count("/remove/") == 31
