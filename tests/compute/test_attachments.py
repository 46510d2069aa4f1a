"""Machines that the studio attaches by SSH; the steps themselves are tested in tests/sdk/test_ssh_joining.py."""

import datetime as dt
import os

import pytest
from django.urls import reverse
from django.utils import timezone
from lazuli import ssh_joining

from accounts.activity import Activity
from accounts.actors import Actor
from compute import attaching
from compute.models import Host, JoinToken, SshAttachment
from tests import factories
from workspaces.vault.models import Secret

KEY = "SHA256:" + "a" * 43
PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\r\nAAAA\r\n-----END OPENSSH PRIVATE KEY-----\r\n"
SENT = {"address": "10.0.0.7", "port": "22", "username": "azureuser", "credential": "hunter2"}


@pytest.fixture
def admin(db):
    return factories.make_user("root", is_superuser=True, is_staff=True)


@pytest.fixture
def dialed(monkeypatch):
    """The machines that were dialed, each with its credential. They join at once, or fail if this is set."""
    seen = []

    def join(machine, url, token, name, say):
        path = machine.identity or os.path.join(os.path.dirname(machine.askpass), "credential")
        with open(path, encoding="utf-8") as file:
            seen.append((machine, file.read(), os.stat(path).st_mode & 0o777))
        say("3. key: accepted for azureuser")
        if fails:
            raise ssh_joining.StepFailed(fails.pop())
        JoinToken.find(token).create_host(name=name or "box", cpus=4, memory_gb=8)

    fails: list[str] = []
    monkeypatch.setattr(ssh_joining, "read_host_key", lambda machine, say: say("1. address: answers") or KEY)
    monkeypatch.setattr(ssh_joining, "check_key", lambda path: None)
    monkeypatch.setattr(ssh_joining, "join_by_ssh", join)
    return seen, fails


def test_a_machine_is_dialed_confirmed_and_joins(as_user, admin, workspace, dialed):
    form = reverse("compute:machine_attach", args=[workspace.slug])
    assert "Private key or password" in as_user(admin).get(form).content.decode()
    page = as_user(admin).post(form, SENT).headers["Location"]
    row = SshAttachment.objects.get()
    assert row.secret.internal and not workspace.secrets.readable().exists()
    attaching.attach_waiting()
    shown = as_user(admin).get(page).content.decode()
    assert KEY in shown and "1. address: answers" in shown and "hunter2" not in shown and not dialed[0]
    listed = as_user(admin).get(reverse("compute:machine_list", args=[workspace.slug])).content.decode()
    assert "azureuser@10.0.0.7" in listed and page in listed
    assert as_user(admin).post(page, {"act": "confirm", "host_key": "SHA256:other"}).status_code == 409
    as_user(admin).post(page, {"act": "confirm", "host_key": KEY})
    attaching.attach_waiting()
    machine, credential, mode = dialed[0][0]
    assert (machine.target, machine.port, machine.host_key, machine.is_alone) == ("azureuser@10.0.0.7", 22, KEY, True)
    assert (credential, mode) == ("hunter2", 0o600) and not os.path.exists(machine.askpass)
    assert "box: 4 cores" in as_user(admin).get(page).content.decode()
    assert Host.objects.get().has_joined and not Secret.objects.exists()
    verbs = set(Activity.objects.filter(verb__startswith="host").values_list("verb", flat=True))
    assert verbs == {"host.attach", "host.confirm_key", "host.invite", "host.join"}


def test_a_failure_is_shown_and_can_be_tried_again(as_user, admin, workspace, dialed):
    dialed[1].append("disk: 0.1 GB are free")
    row = SshAttachment.create(
        Actor(admin), workspace, address="box", port=22, username="ann", credential=PRIVATE, host_key=KEY
    )
    page = reverse("compute:machine_attachment", args=[workspace.slug, row.pk])
    attaching.attach_waiting()
    assert "disk: 0.1 GB are free" in as_user(admin).get(page).content.decode() and not JoinToken.objects.exists()
    assert as_user(admin).post(page, {"act": "retry"}).status_code == 302
    attaching.attach_waiting()
    row.refresh_from_db()
    assert row.state == "Joined" and [text for _, text, _ in dialed[0]] == [PRIVATE.replace("\r\n", "\n")] * 2


def test_a_secret_of_the_key_vault_stays_there(admin, workspace, dialed):
    Secret.set(Actor(admin), workspace, "box-key", PRIVATE)
    fields = {"address": "box", "port": 22, "username": "ann", "host_key": KEY}
    row = SshAttachment.create(Actor(admin), workspace, secret="BOX-key", **fields)
    attaching.attach_waiting()
    row.refresh_from_db()
    assert row.state == "Joined" and Secret.objects.get().name == "box-key"
    assert Activity.objects.filter(verb="secret.read", label="box-key").exists()


def test_nothing_is_dialed_for_somebody_who_is_no_site_admin_any_more(admin, workspace, dialed):
    row = SshAttachment.create(Actor(admin), workspace, address="box", port=22, username="ann", credential="pw")
    type(admin).objects.update(is_superuser=False)
    attaching.attach_waiting()
    row.refresh_from_db()
    assert row.state == "Failed" and "is no longer a site admin" in row.problem and not row.steps


def test_one_worker_gets_it_and_a_killed_one_loses_it(admin, workspace):
    SshAttachment.create(Actor(admin), workspace, address="box", port=22, username="ann", credential="pw")
    assert SshAttachment.claim() and SshAttachment.claim() is None
    SshAttachment.objects.update(held_until=timezone.now() - dt.timedelta(seconds=1))
    assert SshAttachment.claim()


def test_it_is_removed_with_its_credential_by_a_person_or_after_a_day(as_user, admin, workspace):
    fields = {"address": "box", "port": 22, "username": "ann", "credential": "pw"}
    row = SshAttachment.create(Actor(admin), workspace, **fields)
    page = reverse("compute:machine_attachment", args=[workspace.slug, row.pk])
    assert as_user(admin).post(page, {"act": "jump"}).status_code == 400
    assert as_user(admin).post(page, {"act": "retry"}).status_code == 409
    assert as_user(admin).post(page, {"act": "remove"}).status_code == 302
    SshAttachment.create(Actor(admin), workspace, **fields)
    SshAttachment.objects.update(created_at=timezone.now() - dt.timedelta(days=2))
    SshAttachment.forget_old()
    assert not SshAttachment.objects.exists() and not Secret.objects.exists()


def test_wrong_input_is_refused_at_its_field(as_user, admin, workspace):
    form = reverse("compute:machine_attach", args=[workspace.slug])
    for change, words in (
        ({"address": "-oProxyCommand=x"}, "a host name or an IP address"),
        ({"username": "-l root"}, "the name of an account"),
        ({"port": "70000"}, "from 1 to 65,535"),
        ({"host_key": "MD5:1"}, "SHA256: and 43 characters"),
        ({"credential": ""}, "Either enter a private key or password"),
        ({"secret": "other"}, "other"),
    ):
        page = as_user(admin).post(form, SENT | change).content.decode()
        assert words in page and "hunter2" not in page, change
    assert not SshAttachment.objects.exists()


def test_only_site_admins_attach_machines(as_user, admin, alice, bob, mallory, workspace):
    row = SshAttachment.create(Actor(admin), workspace, address="box", port=22, username="ann", credential="pw")
    for name, arguments in (("machine_attach", []), ("machine_attachment", [row.pk])):
        page = reverse(f"compute:{name}", args=[workspace.slug, *arguments])
        for person, status in ((alice, 403), (bob, 403), (mallory, 404)):
            assert as_user(person).get(page).status_code == as_user(person).post(page, SENT).status_code == status
        assert as_user(admin).put(page).status_code == 405
    other = reverse("compute:machine_attachment", args=[factories.make_workspace().slug, row.pk])
    assert as_user(admin).get(other).status_code == 404
    assert "ann@box" not in as_user(alice).get(reverse("compute:machine_list", args=[workspace.slug])).content.decode()
