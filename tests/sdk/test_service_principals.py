"""`ServicePrincipalAuthentication` as in SDK v1: tenant, client id, secret."""

import pytest
from azureml.core import Workspace
from azureml.core.authentication import ServicePrincipalAuthentication
from azureml.exceptions import AuthenticationException

from accounts.actors import Actor
from accounts.models import ServicePrincipal, Token
from tests import factories
from workspaces.models import Role
from workspaces.models import Workspace as Row

GROUP_PATH = {"subscription_id": "sub-p", "resource_group": "group-p"}


@pytest.fixture
def principal(owner, monkeypatch) -> ServicePrincipal:
    Workspace.create("principal-ws", create_resource_group=True, **GROUP_PATH)
    made = ServicePrincipal.create(Actor(owner), "nightly")
    factories.give_role(made.user, Role.CONTRIBUTOR, Row.objects.get())
    monkeypatch.delenv("LAZULI_TOKEN", raising=False)
    return made


def test_it_signs_in_once_and_works(principal, owner):
    _, secret = principal.add_secret(Actor(owner), 30)
    auth = ServicePrincipalAuthentication("tenant", str(principal.client_id), secret)
    workspace = Workspace.get("principal-ws", auth=auth, **GROUP_PATH)
    assert workspace.get_details()["name"] == "principal-ws"
    first = auth.get_authentication_header()
    assert first["Authorization"].startswith("Bearer lz_sp_") and auth.get_authentication_header() == first


def test_a_wrong_secret_is_refused_in_entras_words(principal):
    auth = ServicePrincipalAuthentication("tenant", str(principal.client_id), "lz_wrong")
    with pytest.raises(AuthenticationException, match="AADSTS7000215"):
        Workspace.get("principal-ws", auth=auth, **GROUP_PATH)


def test_a_personal_token_as_the_password_works_too(principal, owner):
    token = Token.create_for(owner, "old script")[1]
    auth = ServicePrincipalAuthentication("tenant", "app", token)
    assert Workspace.get("principal-ws", auth=auth, **GROUP_PATH).name == "principal-ws"
