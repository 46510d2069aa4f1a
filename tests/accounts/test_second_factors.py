"""Authenticator apps, recovery codes, passkeys, when they are required, and recovery after the loss of all."""

import re

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.test import Client

from accounts import breach_list, hashers, second_factors
from accounts.activity import Activity
from accounts.models import FailedSignIn, SignInPolicy, User
from studio import env
from tests import factories
from tests.accounts.authenticator import Device

PASSWORD = "a-long-enough-secret"


@pytest.fixture(autouse=True)
def named_localhost(settings):
    settings.PUBLIC_HOST = "localhost"


@pytest.fixture
def olga(db):
    return factories.make_user("olga", password=PASSWORD)


def code_of(secret: str, steps: int = 1) -> str:
    step = int(list(totp.yield_hotp_counters_from_time())[1]) + steps
    return totp.format_hotp_value(totp.hotp_value(secret, step))


def give_password(client: Client, name: str = "olga", password: str = PASSWORD):
    return client.post("/signin/", {"username": name, "password": password, "next": "/account/tokens/"})


def set_up_app(client: Client) -> tuple[str, list[str]]:
    page = client.get("/account/factors/").content.decode()
    secret = re.search(r'qr-secret">(\w+)<', page)[1]
    page = client.post("/account/factors/app/", {"code": code_of(secret, 0)}).content.decode()
    return secret, re.findall(r"<code>(\d{8})</code>", page)


def test_with_an_app_the_password_alone_is_not_enough(olga, as_user):
    secret, codes = set_up_app(as_user(olga))
    assert len(codes) == 10
    client = Client()
    assert give_password(client).url == "/signin/code/"
    assert client.get("/").status_code == 302
    assert client.post("/signin/code/", {"code": "000000"}).status_code == 403
    answer = client.post("/signin/code/", {"code": code_of(secret)})
    assert answer.url == "/account/tokens/" and client.get("/").status_code == 200
    assert Activity.objects.filter(verb="session.begin").last().message == "by password and authenticator app"


def test_a_code_works_once_and_a_recovery_code_too(olga, as_user):
    secret, codes = set_up_app(as_user(olga))
    for code in (code_of(secret), codes[3]):
        first, second = Client(), Client()
        assert give_password(first).url == give_password(second).url == "/signin/code/"
        assert first.post("/signin/code/", {"code": code}).status_code == 302
        assert second.post("/signin/code/", {"code": code}).status_code == 403
    assert second_factors.count_codes(olga) == 9
    # The code with which the app was set up is not used up by that; of one that is older than a step there is none.
    assert not second_factors.check_code(olga, code_of(secret, -2))


def test_wrong_codes_are_counted_as_wrong_passwords_are(olga, as_user):
    secret, _ = set_up_app(as_user(olga))
    client = Client()
    give_password(client)
    for _ in range(10):
        client.post("/signin/code/", {"code": "000000"})
    assert client.post("/signin/code/", {"code": code_of(secret)}).status_code == 429
    assert FailedSignIn.objects.filter(name="olga").count() == 10


def test_secrets_of_second_factors_are_encrypted_and_rotated_with_the_vault(olga, as_user):
    secret, codes = set_up_app(as_user(olga))
    before = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in before
    call_command("rotate_vault_keys", "--forget-old")
    assert str(list(Authenticator.objects.values_list("data", flat=True))) != before
    assert second_factors.check_code(olga, code_of(secret)) == "authenticator app"
    assert second_factors.check_code(olga, codes[0]) == "recovery code"


def test_a_passkey_is_a_second_factor_and_a_first(olga, as_user, mallory):
    device, client = Device(), as_user(olga)
    answer = device.create(client.post("/account/factors/passkey/begin/").json())
    page = client.post("/account/factors/passkey/", {"name": "laptop", "credential": answer})
    assert page.status_code == 200 and len(re.findall(r"<code>\d{8}</code>", page.content.decode())) == 10
    # Without a password.
    alone = Client()
    credential = device.get(alone.post("/signin/passkey/begin/").json())
    assert alone.post("/signin/passkey/", {"credential": credential, "next": "/groups/"}).url == "/groups/"
    assert alone.get("/account/sessions/").status_code == 200
    # What was sent once is worth nothing in another browser.
    thief = Client()
    thief.post("/signin/passkey/begin/")
    assert thief.post("/signin/passkey/", {"credential": credential}).url == "/signin/"
    # After the password.
    after = Client()
    assert give_password(after).url == "/signin/code/"
    credential = device.get(after.post("/signin/passkey/begin/").json())
    assert after.post("/signin/passkey/", {"credential": credential}).url == "/account/tokens/"
    # Not of a closed account.
    User.objects.filter(pk=olga.pk).update(is_active=False)
    closed = Client()
    credential = device.get(closed.post("/signin/passkey/begin/").json())
    assert closed.post("/signin/passkey/", {"credential": credential}).url == "/signin/"


@pytest.mark.parametrize("answer", ["", "[]", "{}", '{"id": "x", "response": {"userHandle": "MQ"}}'])
def test_an_invalid_passkey_is_refused(olga, as_user, answer):
    client = as_user(olga)
    client.post("/account/factors/passkey/begin/")
    page = client.post("/account/factors/passkey/", {"name": "laptop", "credential": answer})
    assert page.status_code in (200, 400) and not Authenticator.objects.exists()
    stranger = Client()
    stranger.post("/signin/passkey/begin/")
    assert stranger.post("/signin/passkey/", {"credential": answer}).url == "/signin/"
    assert FailedSignIn.objects.count() == 1


def test_a_passkey_of_another_site_is_refused(olga, as_user):
    device, client = Device("https://localhost.evil.example"), as_user(olga)
    answer = device.create(client.post("/account/factors/passkey/begin/").json())
    client.post("/account/factors/passkey/", {"name": "laptop", "credential": answer})
    assert not Authenticator.objects.exists()


def test_a_required_second_factor_must_be_set_up_first(olga, owner, as_user):
    admin = as_user(owner)
    rule = {"second_factor": "all"}
    refused = admin.post("/admin/people/policy/", rule)
    assert refused.status_code == 409 and "Set up a second factor of your own first" in refused.content.decode()
    set_up_app(admin)
    before = Client()
    give_password(before)
    assert admin.post("/admin/people/policy/", rule).status_code == 302
    assert before.get("/").status_code == 302
    client = Client()
    give_password(client)
    assert client.get("/account/tokens/").url == "/account/factors/"
    set_up_app(client)
    assert client.get("/account/tokens/").status_code == 200
    key = Authenticator.objects.get(user=olga, type="totp").pk
    assert client.post("/account/factors/remove/", {"factor": key}).status_code == 409
    SignInPolicy.objects.update(second_factor="admins")
    assert client.post("/account/factors/remove/", {"factor": key}).status_code == 302
    assert not Authenticator.objects.filter(user=olga).exists()


def test_a_site_admin_resets_the_second_factors_of_who_has_lost_them(olga, owner, as_user, mallory):
    set_up_app(as_user(olga))
    assert as_user(mallory).post(f"/admin/people/{olga.pk}/", {"act": "reset_factors"}).status_code == 403
    as_user(owner).post(f"/admin/people/{olga.pk}/", {"act": "reset_factors"})
    assert give_password(Client()).url == "/account/tokens/"


def test_break_glass_lets_an_owner_in_when_nothing_else_does(owner, as_user, capsys):
    set_up_app(as_user(owner))
    User.objects.filter(pk=owner.pk).update(is_active=False, is_superuser=False, is_staff=False)
    call_command("break_glass", "owner")
    path = "/signin/link/" + capsys.readouterr().out.split("/signin/link/")[1].strip()
    client = Client()
    assert client.get(path).status_code == 302 and client.get("/admin/people/").status_code == 200
    assert User.objects.get(pk=owner.pk).is_break_glass
    User.objects.all().delete()
    call_command("break_glass")
    assert User.objects.get().username == "break-glass"


def test_passwords_are_hashed_by_argon2id_and_looked_up_in_a_list_on_disk(settings, tmp_path, as_user, olga):
    hasher = hashers.Argon2()
    encoded = hasher.encode(PASSWORD, hasher.salt())
    assert "argon2id" in encoded and "m=19456,t=2,p=1" in encoded and hasher.verify(PASSWORD, encoded)
    words = [f"password number {number}" for number in range(500)]
    path = tmp_path / "breached.txt"
    path.write_text("".join(sorted(f"{digest_of(word)}:7\n" for word in words)))
    assert all(breach_list.is_listed(path, word) for word in words)
    assert not any(breach_list.is_listed(path, f"{word}.") for word in words)
    settings.BREACH_LIST = path
    body = {"current": PASSWORD, "password": words[17], "again": words[17]}
    assert "known from a breach" in as_user(olga).post("/account/password/", body).content.decode()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(ImproperlyConfigured, match="BREACH_LIST"):
        patch.setenv("BREACH_LIST", str(tmp_path / "missing"))
        env.read_file("BREACH_LIST")


def digest_of(word: str) -> str:
    return breach_list.hashlib.sha1(word.encode()).hexdigest().upper()
