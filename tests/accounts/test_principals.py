"""Service principals and the scopes of personal tokens: who makes them, what they open, how they end."""

import base64
import re
import uuid

import pytest
from django.test import Client
from django.utils import timezone

from accounts.activity import Activity
from accounts.actors import Actor
from accounts.models import PrincipalSecret, ServicePrincipal, SignInLink, Token, User
from accounts.rules import TokenScope
from studio.errors import Conflict, Invalid
from tests import factories
from tests.html import html_of
from workspaces.models import Role

URL = "/principals/"
TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
V2, V1 = f"/{TENANT}/oauth2/v2.0/token", f"/{TENANT}/oauth2/token"


@pytest.fixture
def principal(owner) -> ServicePrincipal:
    return ServicePrincipal.create(Actor(owner), "nightly")


@pytest.fixture
def secret(principal, owner) -> str:
    return principal.add_secret(Actor(owner), 30)[1]


def ask(principal, secret, path=V2, **more):
    form = {"grant_type": "client_credentials", "client_id": str(principal.client_id), "client_secret": secret, **more}
    return Client().post(path, form)


def token_of(principal, secret) -> str:
    return ask(principal, secret, scope="https://testserver/.default").json()["access_token"]


def test_an_admin_makes_one_gives_it_a_secret_and_the_secret_is_shown_once(as_user, owner):
    client = as_user(owner)
    page = client.post(URL, {"name": "nightly"}).url
    shown = html_of(client.post(page, {"days": "90"}))
    text = re.search(r'id="new-secret">(lz_[\w-]+)<', shown)[1]
    assert text not in html_of(client.get(page)) and "nightly" in html_of(client.get(URL))
    made = ServicePrincipal.objects.get()
    assert ask(made, text).status_code == 200
    assert [row.verb for row in Activity.objects.order_by("pk")][:2] == ["principal.create", "principal_secret.create"]


def test_others_see_none(as_user, alice, principal):
    for page in (URL, f"{URL}{principal.client_id}/", "/credentials/"):
        assert as_user(alice).get(page).status_code == 403
    for page in (URL, f"{URL}{principal.client_id}/", f"{URL}{principal.client_id}/change/", "/credentials/revoke/"):
        assert as_user(alice).post(page, {"name": "x", "act": "delete", "username": "owner"}).status_code == 403


def test_the_token_route_answers_as_entra_does(principal, secret):
    answer = ask(principal, secret, scope="https://testserver/.default").json()
    assert set(answer) == {"token_type", "expires_in", "ext_expires_in", "access_token"}
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3599)
    first = ask(principal, secret, V1, resource="https://management.core.windows.net/").json()
    assert first["expires_in"] == "3599" and first["resource"] == "https://management.core.windows.net/"
    assert int(first["expires_on"]) - int(first["not_before"]) == 3599
    basic = base64.b64encode(f"{principal.client_id}:{secret}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}"}
    assert Client().post(V2, {"grant_type": "client_credentials"}, headers=headers).status_code == 200
    found = Client().get(f"/{TENANT}/v2.0/.well-known/openid-configuration").json()
    assert found["token_endpoint"] == f"http://testserver{V2}"


def test_what_is_wrong_is_said_by_entras_numbers(principal, secret, owner):
    cases = [
        (ask(principal, "lz_wrong"), 401, "invalid_client", 7000215),
        (ask(principal, ""), 401, "invalid_client", 7000216),
        (ask(principal, secret, client_id=str(uuid.uuid4())), 400, "unauthorized_client", 700016),
        (ask(principal, secret, client_id="x"), 400, "unauthorized_client", 700016),
        (ask(principal, secret, grant_type="password"), 400, "unsupported_grant_type", 70003),
    ]
    for answer, status, error, number in cases:
        body = answer.json()
        assert (answer.status_code, body["error"], body["error_codes"]) == (status, error, [number])
        assert body["error_description"].startswith(f"AADSTS{number}: ") and secret not in answer.content.decode()
    assert Activity.objects.filter(verb="session.begin", outcome="failed").count() == 3


def test_guesses_of_secrets_are_limited(principal, secret):
    for _ in range(10):
        assert ask(principal, "lz_wrong").status_code == 401
    assert ask(principal, secret).status_code == 429


def test_its_role_gives_permissions_and_its_actions_are_recorded(api, principal, secret, workspace, w, as_user):
    token = token_of(principal, secret)
    assert api(token).get(w).status_code == 404
    owner = factories.make_user("olga")
    factories.give_role(owner, Role.OWNER, workspace)
    as_user(owner).post("/ws/aml-workspace/people/", {"username": "nightly", "role": Role.CONTRIBUTOR})
    assert api(token).get("/login/whoami").json()["username"] == "nightly"
    assert api(token).patch(w, {"properties": {"description": "by it"}}).status_code == 200
    assert api(token).delete(w).status_code == 403
    row = Activity.objects.get(verb="workspace.edit")
    assert (row.actor_kind, row.actor_name) == ("service principal", "nightly")
    mlflow = f"/mlflow/v1.0{w}/api/2.0/mlflow"
    assert api(token).post(f"{mlflow}/experiments/create", {"name": "by-it"}).status_code == 200
    factories.give_role(principal.user, Role.READER, factories.make_workspace())
    principal.user.roles.filter(workspace=workspace).update(role=Role.READER)
    assert api(token).post(f"{mlflow}/experiments/create", {"name": "again"}).status_code == 403


@pytest.mark.parametrize("act", ["revoke", "off", "delete"])
def test_tokens_end_with_the_secret_and_the_principal(api, as_user, owner, principal, secret, act):
    token = token_of(principal, secret)
    assert api(token).get("/login/whoami").status_code == 200
    form = {"act": act, "secret": principal.secrets.get().pk}
    as_user(owner).post(f"{URL}{principal.client_id}/change/", form)
    assert api(token).get("/login/whoami").status_code == 401
    assert ask(principal, secret).status_code in (400, 401)


def test_tokens_end_after_an_hour_and_with_the_date_of_the_secret(api, principal, secret, monkeypatch):
    token = token_of(principal, secret)
    monkeypatch.setattr("accounts.principals.TOKEN_SECONDS", -1)
    assert api(token).get("/login/whoami").status_code == 401
    monkeypatch.undo()
    PrincipalSecret.objects.update(expires_at=timezone.now())
    assert api(token).get("/login/whoami").status_code == 401
    assert api(token[:-2] + "xx").get("/login/whoami").status_code == 401


def test_two_secrets_are_good_at_once_and_no_third(principal, owner):
    for _ in range(2):
        principal.add_secret(Actor(owner), 30)
    with pytest.raises(Conflict, match="Revoke one first"):
        principal.add_secret(Actor(owner), 30)
    principal.secrets.first().revoke(Actor(owner))
    principal.add_secret(Actor(owner), 30)
    with pytest.raises(Invalid, match="1 to 730 days"):
        principal.add_secret(Actor(owner), 731)


def test_it_cannot_sign_in_and_takes_no_name_of_another(principal, owner):
    with pytest.raises(Invalid, match="client id and secret alone"):
        SignInLink.create_for(principal.user)
    assert not principal.user.has_usable_password()
    for name, kind in (("NIGHTLY", Conflict), ("a b", Invalid), ("", Invalid)):
        with pytest.raises(kind):
            ServicePrincipal.create(Actor(owner), name)


# ---- scopes of personal tokens


def scoped(user, scope, workspace=None) -> str:
    return Token.create_for(user, "scoped", scope=scope, workspace=workspace)[1]


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [(TokenScope.READ, "read"), (TokenScope.WRITE, "read edit"), (TokenScope.ADMIN, "read edit delete keys")],
)
def test_a_token_does_no_more_than_its_scope(api, owner, workspace, w, scope, allowed):
    """The token of a site admin, who may do everything."""
    client, mlflow = api(scoped(owner, scope)), f"/mlflow/v1.0{w}/api/2.0/mlflow"
    acts = {
        "read": [
            client.get(w),
            client.get(f"{w}/secrets"),
            client.post(f"{mlflow}/experiments/search", {"max_results": 1}),
        ],
        "edit": [
            client.patch(w, {"tags": {"a": "b"}}),
            client.put(f"{w}/secrets/x", {"value": "x"}),
            client.post(f"{mlflow}/experiments/create", {"name": "x"}),
        ],
        "keys": [client.post(f"{w}/listKeys"), client.put("/subscriptions/fresh")],
        "delete": [client.delete(w)],
    }
    for act, answers in acts.items():
        wanted = 200 if act in allowed else 403
        assert [answer.status_code for answer in answers] == [wanted] * len(answers), act


def test_a_token_of_one_workspace_opens_no_other(api, owner, workspace, w):
    other = factories.make_workspace(workspace.resource_group, "other")
    client = api(scoped(owner, TokenScope.ADMIN, workspace))
    assert client.get(w).status_code == 200 and client.get(other.arm_id).status_code == 404
    assert client.get(f"/mlflow/v1.0{other.arm_id}/api/2.0/mlflow/experiments/search?max_results=1").status_code == 404
    listed = client.get(f"{workspace.resource_group.arm_id}/providers/Microsoft.MachineLearningServices/workspaces")
    assert [one["name"] for one in listed.json()["value"]] == ["aml-workspace"]
    assert client.put("/subscriptions/fresh").status_code == 403
    assert client.put(f"{workspace.resource_group.subscription.arm_id}/resourceGroups/fresh").status_code == 403


def test_the_page_makes_a_token_with_scope_and_workspace_and_shows_its_last_use(as_user, api, alice, workspace, w):
    client = as_user(alice)
    form = {"name": "ci", "days": "30", "scope": "read", "workspace": str(workspace.pk)}
    text = re.search(r'id="new-token">(lz_[\w-]+)<', html_of(client.post("/account/tokens/", form)))[1]
    assert api(text).client.get(w, REMOTE_ADDR="203.0.113.9", headers={"User-Agent": "lazuli/1"}).status_code == 200
    page = html_of(client.get("/account/tokens/"))
    assert "read, only aml-workspace" in page and "203.0.113.9" in page and "lazuli/1" in page
    other = factories.make_workspace()
    refused = client.post("/account/tokens/", {**form, "workspace": str(other.pk)})
    assert "Select a valid choice" in html_of(refused) and Token.objects.count() == 1


def test_all_tokens_of_a_person_are_revoked_by_one_act(as_user, owner, alice, bob, api):
    texts = [scoped(alice, "admin") for _ in range(3)]
    scoped(bob, "admin")
    page = html_of(as_user(owner).get("/credentials/", {"q": "alice"}))
    assert page.count("Revoke all tokens of alice?") == 3 and "of bob?" not in page
    for odd in ("9" * 5000, "²", "-1"):
        assert as_user(owner).post("/credentials/revoke/", {"token": odd}).status_code == 404
    as_user(owner).post("/credentials/revoke/", {"username": "alice"})
    assert {api(text).get("/login/whoami").status_code for text in texts} == {401}
    assert Activity.objects.filter(verb="token.revoke").values("request_id").distinct().count() == 1
    assert Token.objects.filter(revoked_at=None).count() == 1
    as_user(bob).post("/account/tokens/revoke/")
    assert not Token.objects.filter(revoked_at=None).exists() and User.objects.get(username="bob").is_active
