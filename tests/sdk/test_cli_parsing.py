"""The commands as they are typed: help, output formats, exit codes. No server is asked."""

from __future__ import annotations

import io
import json
import shlex

import pytest
from lazuli import cli
from lazuli.cli.output import Answer, print_answer
from lazuli.cli.parser import UsageError, parse_pairs

ROWS = Answer([{"name": "a", "n": 1, "tags": {"k": "v"}}, {"name": "longer", "n": None}], ("name", "n", "tags"))


def printed(answer, how):
    out = io.StringIO()
    print_answer(answer, how, out)
    return out.getvalue()


def test_table_is_aligned():
    assert printed(ROWS, "table").splitlines() == [
        "Name    N  Tags",
        "------  -  ----------",
        'a       1  {"k": "v"}',
        "longer",
    ]


def test_json_shows_everything():
    assert json.loads(printed(ROWS, "json")) == ROWS.data


def test_tsv_has_one_line_per_row():
    answer = Answer([{"name": "two\nlines", "n": "a\tb"}], ("name", "n"))
    assert printed(answer, "tsv") == "two lines\ta b\n"


def test_pairs_are_checked():
    assert parse_pairs(["a=b", "c=d=e"]) == {"a": "b", "c": "d=e"}
    with pytest.raises(UsageError, match="'x' is not of the form KEY=VALUE"):
        parse_pairs(["x"])


def leaves(parser):
    """Every command's parser."""
    for action in parser._actions:
        if getattr(action, "choices", None) and isinstance(action.choices, dict):
            for child in action.choices.values():
                yield from leaves(child)
            return
    yield parser


@pytest.mark.parametrize(("prog", "default"), [("lazuli", "table"), ("az", "json")])
def test_every_command_has_examples_that_parse(prog, default):
    parser = cli.build_parser(prog, default)
    commands = list(leaves(parser))
    assert len(commands) >= 18
    for command in commands:
        examples = command.format_help().split("Examples:\n")[1].strip().splitlines()
        for example in examples:
            words = shlex.split(example)
            assert words[0] == prog
            assert callable(parser.parse_args(words[1:]).run)


def test_resources_stand_under_ml_for_az_alone(capsys):
    assert cli.build_parser("az", "json").parse_args(["ml", "workspace", "list"])
    with pytest.raises(SystemExit):
        cli.build_parser("az", "json").parse_args(["workspace", "list"])
    assert "invalid choice" in capsys.readouterr().err


def test_the_scripts_own_options_are_left_alone():
    options = cli.build_parser("lazuli", "table").parse_args(
        ["run", "submit-script", "-e", "iris", "--tag", "a=b", "train.py", "--epochs", "5", "-o", "x"]
    )
    assert (options.script, options.arguments) == ("train.py", ["--epochs", "5", "-o", "x"])
    assert (options.experiment_name, options.tags, options.output) == ("iris", ["a=b"], "table")


@pytest.mark.parametrize(
    "words", [[], ["workspace"], ["nonsense"], ["computetarget", "create", "amlcompute", "-n", "x"], ["run", "show"]]
)
def test_wrong_commands_end_with_two(words, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(words)
    assert caught.value.code == cli.USAGE and "usage:" in capsys.readouterr().err


def test_without_a_server_the_way_out_is_printed(capsys):
    assert cli.main(["account", "show"]) == cli.FAILED
    assert "LAZULI_URL" in capsys.readouterr().err


def test_logout_says_what_it_did(capsys):
    from lazuli import config

    config.save_login("http://studio", "t", "alice")
    assert cli.main(["logout"]) == cli.OK
    assert capsys.readouterr().err == "Signed out of http://studio.\n"
    assert cli.main(["logout", "http://studio"]) == cli.OK
    assert "There was no login" in capsys.readouterr().err


def test_account_shows_who_is_signed_in(capsys):
    from lazuli import config

    config.save_login("http://studio", "t", "alice")
    assert cli.az_main(["account", "show"]) == cli.OK
    assert json.loads(capsys.readouterr().out) == {"server": "http://studio", "user": "alice", "signedIn": True}


def test_version(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0 and capsys.readouterr().out.startswith("lazuli-sdk ")
