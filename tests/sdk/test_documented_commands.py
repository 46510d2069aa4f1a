"""Every command line that the documentation shows: it parses, and those of the SDK's pages are run."""

from __future__ import annotations

import pathlib
import re
import shlex

import pytest
from azureml.core import Experiment
from django.core.management import get_commands
from django.utils import timezone
from lazuli import cli
from lazuli.runs import waiting
from lazuli.trash import Trash

from accounts.activity import Activity
from accounts.models import User
from compute import queue
from compute.models import ComputeTarget, Work
from operations.models import Announcement
from tests import factories
from workspaces.models import UserGroup

ROOT = pathlib.Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", *sorted((ROOT / "sdk").glob("**/README.md"))]
BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```", re.M | re.S)
# What the documentation leaves open.
GIVEN = {"USER": "olga", "ANNOUNCEMENT_ID": "1", "NAME": "laptop", "ID": "sdk-tests", "COMMAND": "run", "…": ""}


def command_lines(*programs: str) -> list[str]:
    """Those of code blocks and of `spans`, without comments, prompts and what is optional."""
    found = []
    for page in PAGES:
        text = page.read_text()
        lines = [line for block in BLOCK.findall(text) for line in block.splitlines()]
        for line in [*lines, *re.findall(r"`([^`\n]+)`", BLOCK.sub("", text))]:
            line = re.sub(r"\s+#.*|\[--.*", "", line).strip()
            inner = re.search(r"\$\((.*)\)$", line)
            line = inner[1] if inner else line
            if line.split(" ")[0] in programs and " " in line:
                found.append(line)
    return sorted(set(found))


LAZULI = [line for line in command_lines("lazuli", "az") if line not in ("az ml", "az ml …")]


def words_of(line: str) -> list[str]:
    return [GIVEN.get(word, word) for word in shlex.split(line)]


def test_there_are_some():
    assert len(LAZULI) > 12
    assert any(line.startswith("az ml workspace create") for line in LAZULI)


@pytest.mark.parametrize("line", LAZULI)
def test_a_command_of_the_sdk_is_one(line, capsys):
    program, *words = words_of(line)
    parser = cli.build_parser(program, "json" if program == "az" else "table")
    if words[-1] == "--help":
        with pytest.raises(SystemExit) as ended:
            parser.parse_args(words)
        assert ended.value.code == 0
        return
    try:
        assert callable(parser.parse_args(words).run)
    except SystemExit:
        # A span may name a command without what it needs, as `lazuli login`; never one that is not there.
        said = capsys.readouterr().err
        assert "the following arguments are required" in said, said


@pytest.mark.parametrize("line", command_lines(".venv/bin/python"))
def test_a_command_of_the_studio_is_one(line):
    words = shlex.split(line)
    assert words[1] in ("manage.py", "-c"), line
    assert words[1] == "-c" or words[2] in get_commands(), line


@pytest.mark.parametrize("line", command_lines("make"))
def test_a_target_of_make_is_one(line):
    target = shlex.split(line)[1]
    assert re.search(rf"^{re.escape(target)}:", (ROOT / "Makefile").read_text(), re.M), line


def test_pip_is_sent_to_the_studios_index_for_the_studios_packages():
    lines = [line for line in command_lines("pip") if "lazuli" in line or "azureml" in line]
    bare = [line for line in lines if "--index-url" not in line]
    # The name of the course's own, of which the page says where it comes from.
    assert bare == ["pip install azureml-sdk[notebooks,automl,explain]"]
    assert not [line for line in lines if "--extra-index-url" in line]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "experiment").mkdir()
    for directory in (tmp_path, tmp_path / "experiment"):
        (directory / "train.py").write_text("print(1)")
    (tmp_path / "environment.yml").write_text("dependencies:\n- python=3.11\n")
    (tmp_path / "password.txt").write_text("hush hush\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAZULI_ENV_CACHE", str(tmp_path / "environments"))


def lines_of_page(page: str) -> list[str]:
    lines = [line for block in BLOCK.findall((ROOT / "docs" / page).read_text()) for line in block.splitlines()]
    return [line for line in lines if line.startswith("lazuli ") and not line.startswith("lazuli login")]


def test_the_pages_of_the_sdk_are_run_line_by_line(ws, cluster, folder, capsys, monkeypatch):
    # Neither a node nor a worker is there to carry anything out.
    monkeypatch.setattr(waiting, "wait_for_run", lambda run, *_, **__: run.get_details())
    monkeypatch.setattr(Trash, "wait_for_purge", lambda trash, started, *_: started)
    experiment = Experiment(ws, "iris")
    old = experiment.start_logging(snapshot_directory=None)
    old.complete()
    ws._client.request("DELETE", old._remote.path)
    for page in ("quickstart.md", "sdk.md"):
        for line in lines_of_page(page):
            words = words_of(re.sub(r"\s+#.*", "", line).replace("RUN_ID", old.id))
            assert cli.main(words[1:]) == 0, f"{line}: {capsys.readouterr().err}"
    assert len(list(experiment.get_runs())) == 2


def test_the_page_of_the_administration_is_run_line_by_line(cluster, capsys):
    for name in ("alice", "bob", "carol"):
        factories.make_user(name)
    UserGroup.objects.create(name="lab")
    for name in ("gpu-box", "cpu-box"):
        factories.make_host(name, joined_at=timezone.now())
    target = ComputeTarget.objects.get()
    factories.make_target(target.workspace, "gpu-cluster")
    work = queue.enqueue(target, "run:first", {"experiment": "iris"}, User.objects.get(username="alice"))
    factories.make_run(target.workspace, run_id="first", work=work, status="Queued")
    lines = lines_of_page("administration.md")
    assert len(lines) > 15
    for line in lines:
        line = line.replace("WORK_ID", str(work.pk))
        if "REQUEST_ID" in line:
            line = line.replace("REQUEST_ID", Activity.objects.filter(verb="host.quarantine").latest("pk").request_id)
        line = line.replace("WORKSPACE", target.workspace.slug)
        line = line.replace("ANNOUNCEMENT_ID", str(Announcement.objects.values_list("pk", flat=True).first()))
        assert cli.main(shlex.split(line)[1:]) == 0, f"{line}: {capsys.readouterr().err}"
    assert Work.objects.get().state == Work.State.CANCELED and not User.objects.get(username="bob").is_active
    assert cli.main(["admin", "people", "block", "-n", "bob2"]) == cli.NOT_FOUND
    assert cli.main(["admin", "people", "deactivate", "-n", "sdk-owner", "--yes"]) == cli.FAILED
    with pytest.raises(SystemExit):
        cli.main(["admin", "machines", "detach", "-n", "gpu-box"])
    assert "add --yes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["run", "list", "--no-such-option"], 2, "unrecognized arguments: --no-such-option"),
        (["run", "lits"], 2, "invalid choice: 'lits'"),
        (["workspace", "create"], 2, "-w"),
        (["workspace", "show", "-w", "not-there"], 3, "WorkspaceNotFound"),
        (["run", "show", "-r", "not-there"], 3, "no run 'not-there'"),
        (["computetarget", "show", "-n", "not-there"], 3, "ComputeTargetNotFound"),
        (["workspace", "create", "-w", "x"], 1, "3"),
    ],
)
def test_exit_codes_are_those_of_the_page(ws, capsys, words, code, said):
    try:
        ended = cli.main(words)
    except SystemExit as error:
        ended = error.code
    assert (ended, said in capsys.readouterr().err) == (code, True)


def test_a_server_that_does_not_answer_is_a_failure(monkeypatch, capsys):
    monkeypatch.setenv("LAZULI_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("LAZULI_TOKEN", "t")
    monkeypatch.setattr("lazuli.client._random_pause", lambda attempt: 0)
    assert cli.main(["workspace", "list"]) == 1
    assert capsys.readouterr().err.startswith("ERROR: http://127.0.0.1:9")
