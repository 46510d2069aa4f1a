"""Where the server and the token come from, and signing in with a code."""

from __future__ import annotations

import json
import stat

import httpx
import pytest
from azureml.core.authentication import (
    ArmTokenAuthentication,
    Audience,
    AzureCliAuthentication,
    AzureMLTokenAuthentication,
    InteractiveLoginAuthentication,
    MsiAuthentication,
    ServicePrincipalAuthentication,
    TokenAuthentication,
)
from azureml.exceptions import AuthenticationException, UserErrorException
from lazuli import client, config, login, service_principals


@pytest.fixture
def server(monkeypatch):
    """Grants the code at the third question."""
    requested = []

    def answer(request):
        requested.append((request.url.path, json.loads(request.content)))
        if request.url.path == "/login/device":
            return httpx.Response(
                200,
                json={
                    "deviceCode": "d",
                    "userCode": "ABCD-EFGH",
                    "verificationUrl": "http://studio/device",
                    "interval": 1,
                    "expiresIn": 60,
                },
            )
        code = ["authorization_pending", "slow_down"][len(requested) - 2 : len(requested) - 1]
        if code:
            return httpx.Response(400, json={"error": {"code": code[0], "message": ""}})
        return httpx.Response(200, json={"token": "granted", "user": {"name": "alice"}})

    monkeypatch.setattr(client, "default_transport", httpx.MockTransport(answer))
    return requested


def test_sign_in_is_remembered_for_this_user_alone(server):
    reply, slept = [], []
    assert login.sign_in("http://studio/", report=reply.append, sleep=slept.append) == "alice"
    assert "http://studio/device" in reply[0] and "ABCD-EFGH" in reply[0]
    assert slept == [1, 1, 6]
    assert config.token_for("http://studio") == "granted"
    assert config.server_url() == "http://studio"
    assert stat.S_IMODE(config.logins_file().stat().st_mode) == 0o600


def test_refused_sign_in_says_so(monkeypatch):
    def answer(request):
        if request.url.path == "/login/device":
            return httpx.Response(200, json={"deviceCode": "d", "userCode": "U", "verificationUrl": "http://s/d"})
        return httpx.Response(400, json={"error": {"code": "access_denied", "message": ""}})

    monkeypatch.setattr(client, "default_transport", httpx.MockTransport(answer))
    with pytest.raises(AuthenticationException, match="not confirmed"):
        login.sign_in("http://studio", report=len, sleep=abs)
    assert config.find_login("http://studio") is None


def test_forgetting_a_login_turns_to_the_one_before():
    config.save_login("http://one", "1", "alice")
    config.save_login("http://two", "2", "alice")
    assert config.delete_login("http://two") is True
    assert config.delete_login("http://two") is False
    assert config.server_url() == "http://one"


def test_environment_goes_before_the_file_and_the_login(monkeypatch):
    config.save_login("http://login", "t", "alice")
    assert config.server_url("http://file") == "http://file"
    monkeypatch.setenv("LAZULI_URL", "http://environment/")
    assert config.server_url("http://file") == "http://environment"


def test_a_token_is_given_to_its_own_server_only(monkeypatch):
    monkeypatch.setenv("LAZULI_URL", "http://mine")
    monkeypatch.setenv("LAZULI_TOKEN", "secret")
    assert config.token_for("http://mine") == "secret"
    assert config.token_for("http://other") is None


def test_without_a_server_the_way_out_is_named():
    with pytest.raises(UserErrorException, match=r"LAZULI_URL.*lazuli login"):
        config.server_url()


@pytest.mark.parametrize("url", ["", "ftp://x", "http://"])
def test_a_wrong_address_is_reported(url):
    with pytest.raises(UserErrorException, match="not the URL of a server"):
        config.normalize_url(url)


def test_damaged_login_file_is_named():
    config.save_login("http://one", "1", "alice")
    config.logins_file().write_text("{")
    with pytest.raises(UserErrorException, match=r"logins\.json is not valid JSON"):
        config.server_url()


def header(authentication):
    return authentication.get_authentication_header()["Authorization"]


def test_every_authentication_gives_its_header(monkeypatch):
    monkeypatch.setenv("LAZULI_URL", "http://studio")
    monkeypatch.setenv("LAZULI_TOKEN", "mine")
    assert header(InteractiveLoginAuthentication()) == "Bearer mine"
    assert header(AzureCliAuthentication()) == "Bearer mine"
    assert header(MsiAuthentication()) == "Bearer mine"
    monkeypatch.setattr(service_principals, "get_token", lambda *arguments: ("-".join(arguments[1:]), 3600))
    assert header(ServicePrincipalAuthentication("t", "id", "secret")) == "Bearer t-id-secret"
    arm = ArmTokenAuthentication("old")
    arm.update_arm_access_token("new")
    assert header(arm) == "Bearer new"
    assert header(TokenAuthentication(lambda audience: f"for-{audience.value}")) == "Bearer for-ARM"
    run = AzureMLTokenAuthentication.create("run", None, "http://studio", "s", "g", "w", "e", "r")
    assert header(run) == "Bearer run"
    run.set_token("next", 5)
    assert (run.token, run.expiry_time) == ("next", 5)


def test_get_token_gives_token_and_end(monkeypatch):
    monkeypatch.setenv("LAZULI_URL", "http://studio")
    monkeypatch.setenv("LAZULI_TOKEN", "mine")
    access = InteractiveLoginAuthentication().get_token("https://anything")
    assert access.token == "mine" and access.expires_on > 0
    assert TokenAuthentication(lambda audience: audience.name).get_token(Audience.AZUREML) == "AZUREML"


def test_signed_session_takes_what_is_given(monkeypatch):
    monkeypatch.setenv("LAZULI_URL", "http://studio")
    session = ArmTokenAuthentication("t").signed_session(httpx.Client())
    assert session.headers["Authorization"] == "Bearer t"


def test_cli_authentication_never_asks(monkeypatch):
    monkeypatch.setenv("LAZULI_URL", "http://studio")
    with pytest.raises(AuthenticationException, match="lazuli login http://studio"):
        AzureCliAuthentication().get_authentication_header()


def test_force_signs_in_again(server, monkeypatch, capsys):
    config.save_login("http://studio", "old", "alice")
    monkeypatch.setattr(login.time, "sleep", lambda seconds: None)
    authentication = InteractiveLoginAuthentication(force=True)
    authentication._bind_server("http://studio")
    assert header(authentication) == "Bearer granted"
    assert "ABCD-EFGH" in capsys.readouterr().err
