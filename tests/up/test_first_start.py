"""What the first start makes, once; and the commands that let people and scripts in."""

import io
import json
import os

import pytest
from django.core.management import CommandError, call_command

from accounts.authentication import actor_of_token
from accounts.models import SignInLink, User
from compute.models import ComputeTarget, Host
from runs.models import Run
from studio import storage
from workspaces.models import Workspace


@pytest.fixture
def start(db, settings, tmp_path, monkeypatch):
    """`start()`: one more start of the studio; answers with the report for the supervisor."""
    settings.DATA_DIR, settings.STORAGE_URL = tmp_path, f"file://{tmp_path}/storage"
    settings.PUBLIC_URL = "http://studio.example"
    storage.open_store.cache_clear()
    for name, value in {"OWNER": "olga", "SAMPLE": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("REDIS_URL", raising=False)

    def start() -> dict:
        read, write = os.pipe()
        call_command("first_start", report=write)
        with os.fdopen(read) as pipe:
            return json.load(pipe)

    yield start
    storage.open_store.cache_clear()


def test_the_first_start_creates_everything_that_a_new_user_needs(start, tmp_path):
    report = start()
    owner = User.objects.get()
    assert (owner.username, owner.is_superuser, owner.has_usable_password()) == ("olga", True, False)
    workspace = Workspace.objects.get()
    assert (workspace.name, workspace.resource_group.name) == ("aml-workspace", "aml-resources")
    cluster = ComputeTarget.objects.get()
    assert (cluster.name, cluster.cluster.min_nodes, cluster.cluster.max_nodes) == ("cpu-cluster", 0, 2)
    assert Host.objects.get().name == report["host_name"]
    assert json.loads((tmp_path / "config.json").read_text()) == {**workspace.config, "url": "http://studio.example"}
    secret = report["signin_link"].removeprefix("http://studio.example/signin/link/").partition("/")[0]
    assert SignInLink.redeem(secret) == owner


def test_the_first_sign_in_opens_the_charts_of_the_sample_run(start, client, settings):
    settings.ALLOWED_HOSTS = ["*"]
    link = start()["signin_link"]
    answer = client.get(link.removeprefix("http://studio.example"))
    assert answer.url == f"/ws/aml-workspace/runs/{Run.objects.get().run_id}/metrics/"


def test_a_sign_in_link_leads_to_no_other_site(start, client):
    link = start()["signin_link"].removeprefix("http://studio.example").partition("?")[0]
    assert client.get(f"{link}?next=https://elsewhere.example/").url == "/"


def test_the_sample_run_waits_for_the_cluster(start):
    start()
    run = Run.objects.get()
    assert (run.status, run.target_name) == ("Queued", "cpu-cluster")
    assert {"train.py", "environment.yml"} <= {file["path"] for file in run.snapshot.files}


def test_without_a_sample_nothing_is_submitted(start, monkeypatch):
    monkeypatch.setenv("SAMPLE", "0")
    start()
    assert not Run.objects.exists()


def test_a_second_start_makes_nothing_again(start):
    start()
    second = start()
    counts = [model.objects.count() for model in (User, Workspace, ComputeTarget, Host, Run)]
    assert counts == [1, 1, 1, 1, 1]
    # Nobody has come in yet, so there is another link.
    assert second["signin_link"]


def test_no_link_is_printed_once_somebody_came_in(start, client):
    client.get(start()["signin_link"].removeprefix("http://studio.example"))
    assert start()["signin_link"] == ""


def test_a_deleted_workspace_does_not_come_back_while_there_is_another(start):
    start()
    Workspace.objects.update(name="mine")
    start()
    assert Workspace.objects.get().name == "mine"


def said(*words, **options) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out, **options)
    return out.getvalue()


def test_the_last_word_of_the_token_command_is_the_token(start):
    start()
    assert actor_of_token(said("token", "ci").split()[-1], "GET", "").user.username == "olga"


@pytest.mark.parametrize("command", [("signin", "nobody"), ("token", "ci", "--user", "nobody")])
def test_an_unknown_account_is_named_with_those_there_are(start, command):
    start()
    with pytest.raises(CommandError, match=r"no active account named 'nobody'. There are: olga"):
        said(*command)


def test_before_the_first_start_there_is_nobody_to_sign_in(db):
    with pytest.raises(CommandError, match="make up"):
        said("signin")
