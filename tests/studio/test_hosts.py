"""Under which names the studio answers, and that whole addresses never come from the request."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from studio import hosts, networks
from tests import factories


def names(listens_on="127.0.0.1", public="studio.example.org", extra=()):
    return hosts.allowed_hosts(listens_on, public, list(extra))


def test_local_names_and_the_public_one_are_answered():
    assert names() == ["localhost", "127.0.0.1", "[::1]", "studio.example.org"]
    assert names(public="fd00::5")[-1] == "[fd00::5]"


def test_the_setting_adds_names():
    assert names(extra=["Studio", ".example.com"])[-2:] == ["studio", ".example.com"]


def test_a_studio_that_others_reach_answers_to_the_machines_own_names(monkeypatch):
    monkeypatch.setattr(hosts.socket, "gethostname", lambda: "box.lan")
    found = names("0.0.0.0")
    assert {"box.lan", "box.local"} <= set(found)
    assert not {"box.lan", "box.local"} & set(names("127.0.0.1"))
    assert names("192.0.2.7")[-1] == "192.0.2.7"


@pytest.mark.parametrize("url", ["http:", "https:///path", "http://[::1"])
def test_a_public_address_without_a_host_stops_the_start(url):
    with pytest.raises(ImproperlyConfigured, match="PUBLIC_URL="):
        hosts.host_of(url)


def test_proxies_are_addresses_or_networks():
    with pytest.raises(ImproperlyConfigured, match="TRUSTED_PROXIES="):
        networks.parse_networks("TRUSTED_PROXIES", ["proxy.example"])


@pytest.mark.parametrize("path", ["/signin/", "/subscriptions", "/mlflow/v1.0/version", "/login/device"])
def test_another_host_is_refused_with_a_message(db, path):
    answer = Client().get(path, headers={"Host": "evil.example"})
    assert answer.status_code == 400
    text = answer.content.decode()
    assert "evil.example" in text and "ALLOWED_HOSTS" in text and "http://testserver" in text


def test_what_the_host_header_holds_is_shown_as_text(db):
    answer = Client().get("/signin/", headers={"Host": "<script>alert(1)</script>" + "x" * 5000})
    assert answer.status_code == 400
    assert b"<script>alert" not in answer.content and len(answer.content) < 10_000


def test_the_next_page_is_named_by_the_public_address(api, owner, settings):
    settings.PUBLIC_URL = "https://studio.example.org"
    for _ in range(3):
        factories.make_subscription()
    answer = api(owner).client.get("/subscriptions?%24top=2", headers={"Host": "localhost"}).json()
    assert answer["nextLink"].startswith("https://studio.example.org/subscriptions?")


def test_the_first_link_of_an_account_is_at_the_public_address(as_user, owner, workspace, settings):
    settings.PUBLIC_URL = "https://studio.example.org"
    body = {"account-username": "newcomer", "account-role": "Reader"}
    answer = as_user(owner).post("/ws/aml-workspace/people/account/", body, headers={"Host": "localhost"})
    assert "https://studio.example.org/invitation/" in answer.content.decode()
