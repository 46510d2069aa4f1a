"""`lazuli host join`, `show` and `leave` against the application over HTTP; no agent is started."""

import json

import pytest
from lazuli.agent import joining
from lazuli.cli import main

from compute.models import Host, JoinToken
from tests import factories


@pytest.fixture
def studio(transactional_db, live_server, settings) -> str:
    settings.PUBLIC_URL = live_server.url
    return live_server.url


@pytest.fixture
def token(studio) -> str:
    return JoinToken.create_with_secret(factories.make_user("root", is_superuser=True, is_staff=True))[1]


@pytest.fixture
def command(tmp_path, capsys):
    """Exit code and all that is printed."""

    def run(*words):
        try:
            code = main(["host", *words, "--folder", str(tmp_path / "host")])
        except SystemExit as ended:
            code = ended.code
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


def test_a_machine_joins_shows_what_it_joined_and_leaves(studio, token, command, tmp_path):
    code, text = command("join", studio, token, "--name", "gpu-box", "--no-start")
    assert code == 0 and "Joined as gpu-box" in text and Host.objects.get().name == "gpu-box"
    assert (tmp_path / "host" / "host.json").stat().st_mode & 0o077 == 0
    assert "gpu-box" in command("show")[1]
    code, text = command("join", studio, token, "--no-start")
    assert code != 0 and f"This machine is the host gpu-box of {studio} already" in text
    code, text = command("leave")
    assert code == 0 and "gpu-box accepts no more jobs" in text


def test_what_keeps_a_machine_from_joining_is_said_and_nothing_is_kept(studio, token, command, settings, tmp_path):
    for url, secret, words in [
        ("http://127.0.0.1:1", token, "The studio does not answer"),
        (f"{studio}/nowhere", token, "is not the URL of a Lazuli Studio"),
        (studio, "join.wrong", "token"),
    ]:
        code, text = command("join", url, secret, "--no-start")
        assert code != 0 and words in text, (url, text)
    settings.PUBLIC_URL = "http://127.0.0.1:1"
    code, text = command("join", studio, token, "--no-start")
    assert code != 0 and "Jobs use the studio's URL http://127.0.0.1:1, which this machine cannot reach" in text
    assert not Host.objects.exists() and not (tmp_path / "host" / "host.json").exists()
    assert command("leave")[0] != 0 and command("show")[0] != 0


def test_a_machine_that_was_detached_forgets_its_studio(studio, token, command, tmp_path):
    command("join", studio, token, "--no-start")
    Host.objects.all().delete()
    assert command("leave")[0] == 0 and joining.JoinedHost.load(tmp_path / "host") is None
    (tmp_path / "host" / "host.json").write_text(json.dumps({"url": 1}))
    assert "is damaged" in command("show")[1]


@pytest.mark.parametrize(
    ("host", "name"), [("gpu_box.lab", "gpu-box"), ("42", "host-42"), ("", "host"), ("a" * 40, "a" * 32)]
)
def test_the_name_of_a_machine_is_made_from_its_host_name(host, name):
    assert joining.clean_name(host) == name
