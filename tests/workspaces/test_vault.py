"""The key vault: who reads a secret, that its value stands nowhere else, versions, rotation of keys, pages."""

import logging
import re
import stat

import pytest
from django.core.management import call_command
from django.db import connection

from accounts.activity import Activity
from accounts.actors import Actor
from accounts.authentication import make_run_token
from endpoints.models import Endpoint
from notices.models import Webhook
from studio import encryption
from studio.errors import NotReady
from tests import factories
from tests.html import html_of
from workspaces.models import Role, RoleAssignment, Secret, SecretVersion
from workspaces.vault import checks

URL = "/ws/aml-workspace/secrets/"
CANARY = "c4n4ry-value-that-is-nowhere-else"


@pytest.fixture(autouse=True)
def own_keys(settings, tmp_path):
    settings.DATA_DIR = tmp_path


@pytest.fixture
def run_api(workspace, alice, api):
    """The token of a run that Alice submitted."""
    run = factories.make_run(workspace, run_id="r1", status="Running", created_by=alice)
    return api(make_run_token(alice.pk, workspace.pk, run.run_id, 0))


def store(workspace, user, value=CANARY, name="db-password", **more) -> SecretVersion:
    return Secret.set(Actor(user), workspace, name, value, **more)


def test_a_secret_is_set_read_and_deleted(api, alice, w):
    stored = api(alice).put(f"{w}/secrets/db-password", {"value": CANARY, "contentType": "password"}).json()
    assert "value" not in stored and stored["contentType"] == "password"
    read = api(alice).get(f"{w}/secrets/DB-password").json()
    assert (read["name"], read["value"], read["attributes"]["createdBy"]) == ("db-password", CANARY, "alice")
    assert api(alice).delete(f"{w}/secrets/db-password").status_code == 200
    assert api(alice).get(f"{w}/secrets/db-password").status_code == 404
    assert not SecretVersion.objects.exists()


def test_the_newest_version_counts_and_older_ones_stay(api, alice, w):
    for value in ("first", "second"):
        api(alice).put(f"{w}/secrets/key", {"value": value})
    newest, oldest = api(alice).get(f"{w}/secrets/key/versions").json()["value"]
    assert api(alice).get(f"{w}/secrets/key").json()["value"] == "second"
    assert api(alice).get(f"{w}/secrets/key", version=oldest["attributes"]["version"]).json()["value"] == "first"
    assert api(alice).get(f"{w}/secrets/key", version="x").status_code == 404
    assert [item["id"] for item in api(alice).get(f"{w}/secrets").json()["value"]] == [newest["id"]]


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("a_b", {"value": "x"}, "letters, digits and hyphens"),
        ("a" * 128, {"value": "x"}, "1 to 127"),
        ("key", {}, "is missing"),
        ("key", {"value": ""}, "is empty"),
        ("key", {"value": "x" * 25_001}, "25,000 are allowed"),
        ("key", {"value": 5}, "write a text"),
        ("key", {"value": "x", "attributes": {"forRuns": "yes"}}, "true or false"),
    ],
)
def test_a_wrong_secret_is_refused_in_words(api, alice, w, name, body, words):
    answer = api(alice).put(f"{w}/secrets/{name}", body)
    assert answer.status_code in (400, 422) and words in answer.content.decode()
    assert not Secret.objects.exists()


def test_whatever_can_be_typed_comes_back_as_it_was(api, alice, w):
    value = "  two\nlines\r\n\ttab ü 漢 \x1b[0m "
    api(alice).put(f"{w}/secrets/key", {"value": value})
    assert api(alice).get(f"{w}/secrets/key").json()["value"] == value


def test_a_run_reads_what_its_submitter_may_and_is_offered(run_api, alice, workspace, w):
    store(workspace, alice)
    store(workspace, alice, name="people-only", for_runs=False)
    assert run_api.get(f"{w}/secrets/db-password").json()["value"] == CANARY
    row = Activity.objects.get(verb="secret.read")
    assert (row.actor_kind, row.actor_name, row.run_id) == ("run", "alice", "r1")
    refused = run_api.get(f"{w}/secrets/people-only")
    assert refused.status_code == 403 and "not available to jobs" in refused.json()["error"]["message"]
    for answer in (run_api.get(f"{w}/secrets"), run_api.put(f"{w}/secrets/x", {"value": "x"})):
        assert answer.status_code == 403
    RoleAssignment.objects.filter(user=alice).update(role=Role.READER)
    assert run_api.get(f"{w}/secrets/db-password").status_code in (401, 403)


def test_a_secret_of_another_workspace_is_not_found(run_api, api, alice, workspace):
    other = factories.make_workspace()
    store(other, alice)
    for client in (run_api, api(alice)):
        assert client.get(f"{other.arm_id}/secrets/db-password").status_code == 404


def test_the_value_is_in_no_page_log_activity_or_dump_of_the_database(as_user, api, alice, owner, w, workspace, caplog):
    """The canary: it leaves by the one route that reads it."""
    caplog.set_level(logging.DEBUG)
    client = as_user(alice)
    client.post(URL, {"name": "db-password", "value": CANARY, "content_type": "", "for_runs": "on"})
    client.post(f"{URL}db-password/", {"value": CANARY, "content_type": "x" * 300})
    api(alice).put(f"{w}/secrets/db-password", {"value": CANARY, "contentType": 5})
    assert api(alice).get(f"{w}/secrets/db-password").json()["value"] == CANARY
    seen = [client.get(page).content.decode() for page in (URL, f"{URL}db-password/", "/ws/aml-workspace/")]
    version = SecretVersion.objects.get()
    admin = as_user(owner)
    seen += [
        admin.get(page).content.decode()
        for page in ("/activity/", "/activity/jsonl/", f"/admin/rows/workspaces/secretversion/{version.pk}/change/")
        if not page.endswith("jsonl/")
    ]
    seen += [admin.get("/activity/jsonl/").getvalue().decode(), caplog.text, dump()]
    assert not [text for text in seen if CANARY in text]
    assert "db-password" in seen[-1] and "db-password" in seen[1]


def dump() -> str:
    """All that the database holds of this test's transaction."""
    tables = connection.introspection.table_names()
    with connection.cursor() as cursor:
        rows = []
        for table in tables:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows += cursor.fetchall()
    assert len(rows) > 5
    return repr(rows)


def test_a_value_is_shown_once_if_the_page_made_it_up(as_user, alice, workspace):
    client = as_user(alice)
    page = html_of(client.post(URL, {"name": "random", "value": "", "content_type": "", "for_runs": "on"}))
    made = re.search(r'id="new-secret">([\w-]{40,})<', page)[1]
    secret = Secret.objects.get()
    assert secret.read(Actor(alice), secret.versions.get()) == made
    assert made not in html_of(client.get(f"{URL}random/")) + html_of(client.get(URL))
    again = html_of(client.post(f"{URL}random/", {"value": "", "content_type": ""}))
    assert "A new version was stored with this random value" in again and secret.versions.count() == 2


def test_the_page_offers_withholds_prunes_and_deletes(as_user, alice, workspace):
    store(workspace, alice)
    store(workspace, alice, "newer")
    client, url = as_user(alice), f"{URL}db-password/change/"
    for act in ("withhold", "prune"):
        assert client.post(url, {"act": act}).url == f"{URL}db-password/"
    secret = Secret.objects.get()
    assert not secret.for_runs and secret.read(Actor(alice), secret.versions.get()) == "newer"
    assert client.post(url, {"act": "delete"}).url == URL
    verbs = ["secret.create", "secret.rotate", "secret.edit", "secret.prune", "secret.read", "secret.delete"]
    assert list(Activity.objects.order_by("pk").values_list("verb", flat=True)) == verbs


def test_a_name_that_is_there_is_said_at_its_field(as_user, alice, workspace):
    store(workspace, alice)
    page = html_of(as_user(alice).post(URL, {"name": "DB-password", "value": "x", "content_type": ""}))
    assert "There is a secret DB-password already" in page and Secret.objects.get().versions.count() == 1


def test_the_list_takes_as_many_queries_however_many_there_are(
    as_user, alice, workspace, django_assert_max_num_queries
):
    for number in range(20):
        store(workspace, alice, name=f"secret-{number}")
    client = as_user(alice)
    with django_assert_max_num_queries(10):
        assert "secret-19" in html_of(client.get(URL))


def test_the_key_is_a_file_of_this_account_alone(alice, workspace, tmp_path):
    store(workspace, alice)
    assert stat.S_IMODE((tmp_path / "vault.keys").stat().st_mode) == 0o600
    assert checks.check_keys().state == "ok"
    (tmp_path / "vault.keys").chmod(0o644)
    assert "can be read by other accounts" in checks.check_keys().text


def test_keys_are_rotated_and_old_ones_forgotten(alice, workspace, tmp_path, capsys):
    store(workspace, alice)
    before = (tmp_path / "vault.keys").read_text().split()
    call_command("rotate_vault_keys")
    assert (tmp_path / "vault.keys").read_text().split()[1:] == before
    call_command("rotate_vault_keys", "--forget-old")
    assert len((tmp_path / "vault.keys").read_text().split()) == 1
    secret = Secret.objects.get()
    assert secret.read(Actor(alice), secret.versions.get()) == CANARY
    assert "1 versions of secrets are encrypted by the key" in capsys.readouterr().out


def test_forgetting_old_keys_keeps_the_secrets_of_every_table(alice, workspace, tmp_path):
    hook, endpoint = Webhook.put(alice, "https://chat.example/hook"), Endpoint.create(workspace, alice, "svc")
    rows = {hook: ["secret_text"], endpoint: ["primary_key", "secondary_key"]}
    before = [hook.secret, *endpoint.keys]
    texts = [getattr(row, column) for row, columns in rows.items() for column in columns]
    assert not any(secret in text for secret in before for text in texts)
    call_command("rotate_vault_keys", "--forget-old")
    for row in rows:
        row.refresh_from_db()
    assert [hook.secret, *endpoint.keys] == before
    assert texts != [getattr(row, column) for row, columns in rows.items() for column in columns]


def test_without_its_key_a_secret_is_refused_and_the_doctor_says_why(api, alice, workspace, w, tmp_path):
    store(workspace, alice)
    (tmp_path / "vault.keys").unlink()
    answer = api(alice).get(f"{w}/secrets/db-password")
    assert answer.status_code == 503 and "its key is missing" in answer.json()["error"]["message"]
    assert "1 versions of secrets were encrypted by a key that is missing" in checks.check_keys().text


def test_keys_can_come_from_the_environment(settings, alice, workspace, tmp_path):
    first, second = (encryption.Fernet.generate_key().decode() for _ in range(2))
    settings.KEY_VAULT_KEYS = [first]
    store(workspace, alice)
    settings.KEY_VAULT_KEYS = [second, first]
    call_command("rotate_vault_keys")
    settings.KEY_VAULT_KEYS = [second]
    secret = Secret.objects.get()
    assert secret.read(Actor(alice), secret.versions.get()) == CANARY
    assert not (tmp_path / "vault.keys").exists()
    settings.KEY_VAULT_KEYS = ["nonsense"]
    assert "is not a key of the vault" in checks.check_keys().text


def test_the_value_of_one_secret_cannot_be_put_into_another_in_the_database(alice, workspace):
    version = store(workspace, alice)
    other = store(workspace, alice, "x", name="other")
    SecretVersion.objects.filter(pk=other.pk).update(text=version.text)
    other.refresh_from_db()
    with pytest.raises(NotReady, match="value of another one"):
        other.secret.read(Actor(alice), other)
