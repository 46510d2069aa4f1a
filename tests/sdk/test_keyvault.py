"""SDK v1's key vault, `run.get_secret`, the command line, and that a run's logs hide what it has read."""

import io
import json

import pytest
from azureml.core import Keyvault, Workspace
from azureml.exceptions import UserErrorException
from lazuli import errors, masking
from lazuli.cli import main
from lazuli.masking import Masker
from lazuli.runs.run_error import describe_error

from tests.sdk.test_runner import quick, run  # noqa: F401  (the fixture is used by name)


@pytest.fixture(autouse=True)
def nothing_was_read(monkeypatch, settings, tmp_path):
    monkeypatch.setattr(masking, "FETCHED", set())
    monkeypatch.setattr("lazuli.secrets.FETCHED", masking.FETCHED)
    settings.DATA_DIR = tmp_path


@pytest.fixture
def vault(owner) -> Keyvault:
    workspace = Workspace.create(
        "vault-ws", subscription_id="sub-v", resource_group="group-v", create_resource_group=True
    )
    return workspace.get_default_keyvault()


def test_secrets_are_set_read_listed_and_deleted(vault):
    vault.set_secret("one", "value-1", content_type="password")
    vault.set_secrets({"two": "value-2", "three": "value-3"})
    assert vault.get_secret("one") == "value-1" and vault.get_secret_content_type("one") == "password"
    assert vault.get_secrets(["two", "missing"]) == {"two": "value-2", "missing": None}
    assert vault.list_secrets() == [{"name": "one"}, {"name": "three"}, {"name": "two"}]
    vault.delete_secret("one")
    vault.delete_secrets(["two", "three"])
    assert vault.list_secrets() == []


def test_what_is_missing_or_wrong_is_said(vault):
    with pytest.raises(UserErrorException, match="There is no secret 'missing'"):
        vault.get_secret("missing")
    with pytest.raises(UserErrorException, match="must be a str, not int"):
        vault.set_secret("one", 5)
    with pytest.raises(errors.Refused, match="letters, digits and hyphens"):
        vault.set_secret("with_underscore", "x")


def test_a_run_reads_secrets_of_its_workspace(vault, monkeypatch, tmp_path):
    from azureml.core import Experiment

    # The run keeps a snapshot of it.
    monkeypatch.chdir(tmp_path)
    vault.set_secret("one", "value-1")
    interactive = Experiment(vault.workspace, "exp").start_logging()
    assert interactive.get_secret("one") == "value-1"
    assert interactive.get_secrets(["one", "none"]) == {"one": "value-1", "none": None}
    interactive.complete()


def test_the_command_line_takes_no_value_and_prints_one_only_when_it_is_asked_for(vault, monkeypatch, capsys, tmp_path):
    where = ["-w", "vault-ws", "-g", "group-v"]
    monkeypatch.setattr("sys.stdin", io.StringIO("from-stdin\n"))
    assert main(["secret", "set", "-n", "one", "--file", "-", *where]) == 0
    (tmp_path / "value.txt").write_text("from-file\n")
    assert main(["secret", "set", "-n", "two", "--file", str(tmp_path / "value.txt"), "--not-for-runs", *where]) == 0
    assert main(["secret", "list", "-o", "json", *where]) == 0
    assert main(["secret", "show", "-n", "two", *where]) == 0
    shown = capsys.readouterr().out
    assert "two" in shown and "from-" not in shown
    assert main(["secret", "show", "-n", "one", "--value", *where]) == 0
    assert capsys.readouterr().out == "from-stdin\n"
    assert main(["secret", "delete", "-n", "one", "--yes", *where]) == 0
    assert main(["secret", "show", "-n", "one", "--value", *where]) == 3


def test_the_command_line_lists_who_did_what(vault, capsys):
    vault.set_secret("one", "value-1")
    where = ["-w", "vault-ws", "-g", "group-v"]
    assert main(["activity", "list", "--verb", "secret.create", "-o", "json", *where]) == 0
    (event,) = json.loads(capsys.readouterr().out)
    assert event["description"] == "sdk-owner stored the secret one" and event["status"] == "done"
    assert main(["activity", "list", "--since", "yesterday", *where]) == 1
    assert "Enter a valid date" in capsys.readouterr().err
    assert main(["activity", "list", "--last", "1", *where]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_logs_and_error_of_a_run_hide_what_its_script_has_read():
    """The script reads the value while it runs, so that no variable of its runner holds it."""
    script = (
        "from lazuli import secrets\n"
        "secrets.remember('''c4n4ry-1\\nsecond-line''')\n"
        "print('read c4n4ry-1 and second-line', flush=True)\n"
        "raise ValueError('second-line is wrong')"
    )
    records = run(script)
    assert records.log.startswith("read ******** and ***********\n")
    for text in (records.log, str(records.events), str(records.artifacts)):
        assert "c4n4ry" not in text and "second-line" not in text
    assert records.error["message"].endswith("ValueError: *********** is wrong")


def test_a_secret_that_is_read_late_is_masked_from_then_on(tmp_path):
    path = tmp_path / "fetched"
    masker = Masker(["always"], str(path))
    assert masker.mask_text("always later") == "****** later"
    path.write_text(json.dumps("later") + "\n" + json.dumps("half")[:3])
    assert masker.mask_text("always later half") == "****** ***** half"


def test_an_error_that_a_script_reports_itself_hides_what_it_has_read(vault):
    vault.set_secret("one", "value-1")
    vault.get_secret("one")
    assert describe_error("value-1 is wrong", "E")["message"] == "******* is wrong"
