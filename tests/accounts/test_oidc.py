"""Signing in through OpenID Connect, against a provider that runs as a process of its own."""

import json
import time
import urllib.parse

import httpx
import jwt
import pytest
from allauth.socialaccount.models import SocialAccount, SocialToken
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.management import call_command
from django.test import Client

from accounts import oidc
from accounts.activity import Activity
from accounts.actors import Actor
from accounts.identity_providers import WRITABLE
from accounts.models import IdentityProvider, Session, SignInLink, User
from accounts.signing_in import PROVED
from studio.errors import Conflict
from tests import factories
from tests.oidc_provider import running_provider, set_claims
from workspaces import claim_mappings
from workspaces.models import Role, UserGroup

SECRET = "the-client-secret"
DANA = {"sub": "u-1", "preferred_username": "dana", "name": "Dana Doe", "email": "dana@example.com"}


@pytest.fixture(scope="module")
def issuer():
    with running_provider() as address:
        yield address


@pytest.fixture
def provider(issuer, owner):
    fields = {"name": "Corp", "issuer": issuer, "client_id": "studio", "scopes": "openid profile email"}
    flags = {"trusts_email": False, "makes_accounts": True, "needs_approval": False, "is_active": True}
    return IdentityProvider.create(Actor(owner), "corp", SECRET, groups_claim="groups", **fields, **flags)


def change(provider, **fields) -> None:
    IdentityProvider.objects.filter(pk=provider.pk).update(**fields)


def begin(client: Client, query: str = "") -> str:
    """The address of the provider that the browser is sent to."""
    answer = client.get(f"/signin/oidc/corp/{query}")
    assert answer.status_code == 302, answer.content.decode()[-500:]
    return answer.url


def consent(address: str, sub: str = "u-1") -> str:
    """The path here that the provider sends the browser back to."""
    answer = httpx.post(address, data={"sub": sub})
    assert answer.status_code == 302, answer.text[:500]
    back = urllib.parse.urlsplit(answer.headers["Location"])
    assert back.netloc == "testserver"
    return f"{back.path}?{back.query}"


def come_in(client: Client, sub: str = "u-1", query: str = ""):
    return client.get(consent(begin(client, query), sub))


@pytest.fixture
def dana(issuer):
    set_claims(issuer, "u-1", **{name: value for name, value in DANA.items() if name != "sub"}, groups=["ml", "eu"])


def test_a_new_person_signs_in_by_the_provider_and_keeps_the_account(provider, dana):
    client = Client()
    assert b"Sign in with Corp" in client.get("/signin/").content
    address = urllib.parse.parse_qs(urllib.parse.urlsplit(begin(client)).query)
    assert address["redirect_uri"] == ["http://testserver/signin/oidc/corp/callback/"]
    assert address["code_challenge_method"] == ["S256"] and address["nonce"] and address["state"]
    answer = come_in(client, query="?next=/account/tokens/")
    assert (answer.status_code, answer.url) == (302, "/account/tokens/")
    person = User.objects.get(username="dana")
    assert (person.label, person.email, person.has_usable_password()) == ("Dana Doe", "dana@example.com", False)
    assert client.get("/account/tokens/").status_code == 200
    assert client.get("/account/password/").status_code == 409
    come_in(Client())
    assert SocialAccount.objects.count() == 1 and Session.objects.filter(user=person).count() == 2
    assert {"by Corp"} == set(Activity.objects.filter(verb="session.begin").values_list("message", flat=True))


def test_a_name_with_an_invisible_character_is_not_taken_over(provider, issuer, dana):
    set_claims(issuer, "u-2", preferred_username="eve", name="Ow\u200bner", email="eve@example.com")
    come_in(Client(), "u-2")
    assert User.objects.get(username="eve").label == "eve"


def test_uninvited_people_are_refused_and_waiting_people_see_a_message(provider, dana):
    change(provider, makes_accounts=False)
    answer = come_in(Client())
    assert answer.status_code == 403 and b"you have no account here" in answer.content
    assert not User.objects.filter(username="dana").exists()
    change(provider, makes_accounts=True, needs_approval=True)
    for _ in range(2):
        answer = come_in(Client())
        assert answer.status_code == 403 and b"waits for approval" in answer.content
    person = User.objects.get(username="dana")
    assert not person.is_active and person.closed_as == "pending"
    User.objects.filter(pk=person.pk).update(is_active=True, closed_as="")
    assert come_in(Client()).status_code == 302


def test_an_invitation_is_accepted_through_the_provider(provider, dana):
    change(provider, makes_accounts=False)
    invited = factories.make_user("invited")
    secret = SignInLink.create_for(invited, is_invitation=True)
    assert b"Use Corp instead" in Client().get(f"/invitation/{secret}/").content
    client = Client()
    assert come_in(client, query=f"?invitation={secret}").status_code == 302
    assert SocialAccount.objects.get().user == invited and client.get("/").status_code == 200
    assert Client().get(f"/invitation/{secret}/").status_code == 410


def test_an_account_is_joined_by_address_only_if_it_is_verified_and_the_provider_trusted(provider, issuer, dana):
    change(provider, makes_accounts=False)
    own = factories.make_user("own", email="Dana@example.com")
    for trusted, verified, joined in (
        (False, True, False),
        (True, False, False),
        (True, "true", False),
        (True, True, True),
    ):
        change(provider, trusts_email=trusted)
        set_claims(issuer, "u-1", email="dana@example.com", email_verified=verified)
        assert (come_in(Client()).status_code == 302) is joined, (trusted, verified)
    assert SocialAccount.objects.get().user == own


def test_claims_add_groups_and_remove_only_groups_they_added(provider, issuer, dana, owner, workspace):
    admin = Actor(owner)
    claim_mappings.add_mapping(admin, provider, "ml", "ml-team", False)
    claim_mappings.add_mapping(admin, provider, "eu", "europe", False)
    team, by_hand = UserGroup.objects.get(name="ml-team"), UserGroup.objects.create(name="by-hand")
    team.roles.create(role=Role.READER, workspace=workspace)
    client = Client()
    come_in(client)
    person = User.objects.get(username="dana")
    by_hand.members.add(person)
    assert set(person.member_of.values_list("name", flat=True)) == {"ml-team", "europe", "by-hand"}
    assert client.get("/ws/aml-workspace/").status_code == 200
    # Without the claim nothing changes; with it, what no value gives is taken, and what was given by hand is not.
    set_claims(issuer, "u-1", preferred_username="dana")
    come_in(Client())
    assert person.member_of.count() == 3
    set_claims(issuer, "u-1", groups="eu")
    come_in(Client())
    assert set(person.member_of.values_list("name", flat=True)) == {"europe", "by-hand"}
    assert client.get("/ws/aml-workspace/").status_code == 404


def test_no_claim_demotes_the_last_site_admin_a_break_glass_account_or_one_made_by_hand(provider, issuer, dana, owner):
    claim_mappings.add_mapping(Actor(owner), provider, "ml", "", True)
    come_in(Client())
    person = User.objects.get(username="dana")
    assert person.is_superuser and person.is_staff

    def is_admin_after(groups) -> bool:
        set_claims(issuer, "u-1", groups=groups)
        come_in(Client())
        person.refresh_from_db()
        return person.is_superuser

    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert is_admin_after([])
    User.objects.filter(pk=owner.pk).update(is_active=True)
    User.objects.filter(pk=person.pk).update(is_break_glass=True)
    assert is_admin_after([])
    User.objects.filter(pk=person.pk).update(is_break_glass=False)
    assert not is_admin_after([])
    User.objects.filter(pk=person.pk).update(is_superuser=True)
    assert is_admin_after(["ml"]) and is_admin_after([])


def test_a_response_without_a_sign_in_of_this_browser_is_refused(provider, dana):
    victim, thief = Client(), Client()
    path = consent(begin(thief))
    answer = victim.get(path)
    assert answer.status_code == 400 and b"started in another browser" in answer.content
    assert thief.get(path).status_code == 302
    assert thief.get(path).status_code == 400
    assert thief.get("/signin/oidc/other/").status_code == 404


def test_a_token_with_a_wrong_signature_or_algorithm_is_refused(provider, issuer, rf):
    adapter = oidc.OidcAdapter(rf.get("/"), provider)
    now = int(time.time())
    good = {"iss": issuer, "aud": "studio", "sub": "u-1", "iat": now, "exp": now + 60}
    stranger = rsa.generate_private_key(65537, 2048)
    kid = httpx.get(adapter.openid_config["jwks_uri"]).json()["keys"][0].get("kid")
    for token in (
        jwt.encode(good, stranger, "RS256", headers={"kid": kid}),
        jwt.encode(good, stranger, "RS256", headers={"kid": "other"}),
        jwt.encode(good, SECRET * 3, "HS256", headers={"kid": kid}),
        jwt.encode(good, None, "none", headers={"kid": kid}),
    ):
        with pytest.raises((jwt.PyJWTError, oidc.OAuth2Error)):
            adapter.verify(token)
    provider.issuer = f"{issuer}/other"
    with pytest.raises(oidc.OAuth2Error, match="another issuer"):
        adapter.verify(jwt.encode(good, stranger, "RS256", headers={"kid": kid}))


def test_a_token_for_another_audience_of_another_issuer_or_time_is_refused(provider, issuer, rf, monkeypatch):
    adapter, now = oidc.OidcAdapter(rf.get("/"), provider), int(time.time())
    key = rsa.generate_private_key(65537, 2048)
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    assert adapter.openid_config
    monkeypatch.setattr(oidc, "_fetch", lambda url: {"keys": [{**public, "kid": "k", "alg": "RS256"}]})
    good = {"iss": issuer, "aud": "studio", "sub": "u-1", "iat": now, "exp": now + 60}

    def verify(**changed) -> dict:
        claims = {name: value for name, value in (good | changed).items() if value is not None}
        return adapter.verify(jwt.encode(claims, key, "RS256", headers={"kid": "k"}))

    assert verify()["sub"] == "u-1"
    for changed in (
        {"aud": "another"},
        {"iss": f"{issuer}/other"},
        {"exp": now - 300},
        {"iat": now + 300},
        {"exp": None},
        {"sub": None},
        {"aud": None},
    ):
        with pytest.raises(jwt.PyJWTError):
            verify(**changed)


def test_the_tokens_of_the_provider_are_not_stored(provider, dana):
    come_in(Client())
    assert not SocialToken.objects.exists()
    assert set(SocialAccount.objects.get().extra_data) <= {"preferred_username", "name", "email"}


def test_the_secret_is_encrypted_and_the_page_never_shows_it(provider, owner, as_user):
    assert SECRET not in str(IdentityProvider.objects.values_list()) and provider.secret == SECRET
    call_command("rotate_vault_keys", "--forget-old")
    provider.refresh_from_db()
    assert provider.secret == SECRET
    assert SECRET not in as_user(owner).get("/providers/corp/").content.decode()


def test_a_site_admin_sets_a_provider_up_and_tests_it(issuer, owner, as_user, alice, dana):
    admin = as_user(owner)
    form = {"slug": "corp", "name": "Corp", "issuer": f"{issuer}/wrong", "client_id": "studio", "secret": SECRET}
    form |= {"scopes": "openid profile email", "groups_claim": "groups"}
    assert admin.post("/providers/", form).url == "/providers/corp/"
    assert "Correct the issuer" in admin.post("/providers/corp/test/").content.decode()
    del form["slug"], form["secret"]
    assert admin.post("/providers/corp/", {**form, "issuer": issuer}).status_code == 302
    began = time.monotonic()
    page = admin.post("/providers/corp/test/").content.decode()
    assert time.monotonic() - began < 1
    assert "1, RS256" in page and "http://testserver/signin/oidc/corp/callback/" in page and "status-bad" not in page
    # It is not offered yet, but may be tried, which signs nobody in.
    assert Client().get("/signin/oidc/corp/").status_code == 404
    trial = come_in(admin, query="?trial=1").content.decode()
    assert "dana@example.com" in trial and not SocialAccount.objects.exists()
    assert as_user(alice).get("/signin/oidc/corp/?trial=1").status_code == 403
    for path in ("/providers/", "/providers/corp/"):
        assert as_user(alice).get(path).status_code == 403
    assert (
        admin.post("/providers/corp/change/", {"act": "map", "value": "ml", "group_name": "ml-team"}).status_code == 302
    )
    key = claim_mappings.ClaimMapping.objects.get().pk
    assert admin.post("/providers/corp/change/", {"act": "unmap", "mapping": key}).status_code == 302
    assert admin.post("/providers/corp/change/", {"act": "delete"}).url == "/providers/"
    verbs = set(Activity.objects.filter(verb__startswith="provider.").values_list("verb", flat=True))
    assert verbs == {"provider.create", "provider.edit", "provider.map", "provider.delete"}


def test_who_is_signed_in_connects_the_account(provider, dana, alice, as_user):
    client = as_user(alice)
    assert come_in(client).url == "/account/factors/"
    assert SocialAccount.objects.get().user == alice
    assert come_in(as_user(factories.make_user("other"))).status_code == 409


def test_connecting_asks_to_confirm_access_and_the_last_way_to_sign_in_stays(provider, dana, as_user):
    olga = factories.make_user("olga")
    olga.set_password("a-long-sentence-of-words")
    olga.save()
    client = as_user(olga)
    session = client.session
    session[PROVED] = 1
    session.save()
    assert begin(client).startswith("/account/confirm/?next=%2Fsignin%2Foidc%2Fcorp%2F")
    client.post("/account/confirm/", {"password": "a-long-sentence-of-words"})
    assert come_in(client).url == "/account/factors/"
    key = SocialAccount.objects.get().pk
    olga.set_unusable_password()
    olga.save()
    client = as_user(olga)
    assert client.post("/account/factors/identity/", {"identity": key}).status_code == 409
    olga.set_password("a-long-sentence-of-words")
    olga.save()
    assert (
        as_user(factories.make_user("other")).post("/account/factors/identity/", {"identity": key}).status_code == 409
    )
    assert as_user(olga).post("/account/factors/identity/", {"identity": key}).status_code == 302
    assert not SocialAccount.objects.exists() and Activity.objects.filter(verb="identity.disconnect").count() == 1


@pytest.mark.parametrize(("age", "status"), [(None, 302), (5, 302), (3600, 403)])
def test_a_provider_that_did_not_ask_again_confirms_nobody(provider, dana, monkeypatch, age, status):
    client = Client()
    come_in(client)
    session = client.session
    session[PROVED] = 1
    session.save()
    address = urllib.parse.parse_qs(urllib.parse.urlsplit(begin(client, "?confirm=1&next=/account/tokens/")).query)
    assert address["prompt"] == ["login"] and address["max_age"] == ["0"]
    claims = {"sub": "u-1"} | ({"auth_time": int(time.time()) - age} if age else {})
    state = {"process": "confirm", "next": "/account/tokens/"}
    monkeypatch.setattr(oidc, "finish_sign_in", lambda request, row: (claims, state))
    assert client.get("/signin/oidc/corp/callback/?code=x").status_code == status
    assert (client.session[PROVED] == 1) == (status == 403)


def test_a_later_provider_or_issuer_opens_no_account_of_the_earlier_one(provider, dana, owner):
    come_in(Client())
    first, actor = User.objects.get(username="dana"), Actor(owner)
    fields = {name: getattr(provider, name) for name in WRITABLE}
    with pytest.raises(Conflict, match="1 account here is connected"):
        provider.change(actor, "", **fields | {"issuer": "https://other.example.com"})
    provider.change(actor, "", **fields | {"name": "Corporation"})
    provider.remove(actor)
    IdentityProvider.create(actor, "corp", SECRET, **fields)
    come_in(Client())
    assert SocialAccount.objects.get().user != first


def test_the_back_channel_ends_sessions(provider, issuer, dana, monkeypatch):
    client = Client()
    come_in(client)
    key, claims = rsa.generate_private_key(65537, 2048), {"iss": issuer, "aud": "studio", "sub": "u-1"}
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    fetch = oidc._fetch
    keys = {"keys": [{**public, "kid": "k", "alg": "RS256"}]}
    monkeypatch.setattr(oidc, "_fetch", lambda url: keys if "jwks" in url else fetch(url))

    def send(typ: str = "JWT", **more) -> int:
        headers = {"kid": "k", "typ": typ}
        token = jwt.encode({**claims, "iat": int(time.time()), **more}, key, "RS256", headers=headers)
        return Client().post("/signin/oidc/corp/logout/", {"logout_token": token}).status_code

    assert send() == 400 and send(events={}) == 400
    assert send("id+jwt", events={oidc.LOGOUT_EVENT: {}}) == 400
    assert client.get("/").status_code == 200
    assert send("logout+jwt", events={oidc.LOGOUT_EVENT: {}}) == 200
    assert client.get("/").status_code == 302
