"""Secrets do not stand in logs and errors, wherever a chunk of the log ends."""

import re
import time

import httpx
import pytest
from lazuli import errors
from lazuli.environments.cache import BuildFailed
from lazuli.masking import Masker
from lazuli.runner import interpreter
from lazuli.runs.run_error import describe_error

from tests.sdk.test_runner import quick, run  # noqa: F401  (the fixture is used by name)

RUN_TOKEN = "run..eJyrVkrLz1eyUkpKLFKqBQA1dQWP:1vXy2q:Qm9zZG9mYW5kc29tZXRoaW5nbG9uZ2VyLWFuZC1tb3Jl"
SECRETS = {
    "https://user:p4ss@index.example/simple": "user:p4ss",
    "git+https://ghp_abc@git.example/a/b.git": "ghp_abc",
    "https://user:p@ss@index.example/simple": "user:p@ss",
    "before lz_6Vn5cE0GkqLr7s9 after": "lz_6Vn5cE0GkqLr7s9",
    f"token={RUN_TOKEN}\n": RUN_TOKEN,
    "GET https://x.blob.core.windows.net/c/f?sv=2020&sig=aB%2Fc1%3D&se=2030": "aB%2Fc1%3D",
    "https://example.org/?token=abcd-1234": "abcd-1234",
    "https://s3.example/b?X-Amz-Credential=A&X-Amz-Signature=0a1b2c": "0a1b2c",
    "POST https://api.example/v1?apikey=abcd-1234&q=x": "abcd-1234",
    "https://login.example/?refresh_token=abcd.1234": "abcd.1234",
    "postgres://me:pa#ss/w?rd@db.example/x": "me:pa#ss/w?rd",
    "AccountName=x;AccountKey=aGVs/bG8+Zm9v==;Endpoint=y": "aGVs/bG8+Zm9v==",
    "Server=tcp:db.example; Password=hunter-3;": "hunter-3",
    "Authorization: Bearer abcdefghijkl": "abcdefghijkl",
    "{'Authorization': 'Basic dXNlcjpwYXNzd29yZA=='}": "dXNlcjpwYXNzd29yZA==",
    "cloning with ghp_0123456789abcdef0123": "ghp_0123456789abcdef0123",
    "it is eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.c2lnbmF0dXJl then": "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.c2lnbmF0dXJl",
    """as JSON: "it\\'s" quoted""": "it\\'s",
    "stage two-of-stage here": "two-of-stage",
    "the key is s3cr3t-key.": "s3cr3t-key",
    "Server=db;Pwd=hunter-2": "Server=db;Pwd=hunter-2",
    "it is by-pwd-1 here": "by-pwd-1",
    "as it stands in an address: s3cr3t%2Fpath": "s3cr3t%2Fpath",
    "second line of the file": "second line",
    "it ends as it begins: abc-123-a": "abc-123-a",
    "it ends as an address begins: kept-by-l": "kept-by-l",
}
masker = Masker.for_variables(
    {
        "API_KEY": "s3cr3t-key",
        "db_password": "s3cr3t/path",
        "PEM_KEY": "first line\nsecond line",
        "X_KEY": "1",
        "SAME_ENDS_TOKEN": "abc-123-a",
        "CLIENT_SECRET": "kept-by-l",
        "AZURE_STORAGE_CONNECTION_STRING": "Server=db;Pwd=hunter-2",
        "DB_PWD": "by-pwd-1",
        "API_KEY_V2": "it's",
        "DB_PASSWORD_PROD": "two-of-stage",
        "PWD": "/plain/folder",
        "BYPASS": "plain-words",
        "TOKENIZERS_PARALLELISM": "false",
        "MAX_TOKENS": "1000",
    }
)


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_is_covered_and_nothing_beside_it(text):
    assert masker.mask_text(text) == text.replace(SECRETS[text], "*" * len(SECRETS[text]))


@pytest.mark.parametrize(
    "text",
    [
        "loss: 1",
        "key 1 of 10",
        "see https://example.org/a@b",
        "see http://127.0.0.1:8000/people/a@b.example",
        "authorization: token expired",
        "false, 1000 tokens; password=",
        "GET /x?sort=key&key=a",
        "blitz_mode on",
        "in /plain/folder",
        "plain-words",
        "a?page=2&size=5",
        "run.log",
        "rerun.py:12:3",
    ],
)
def test_plain_words_stay(text):
    assert masker.mask_text(text) == text


@pytest.mark.parametrize("text", SECRETS)
def test_wherever_a_chunk_ends_no_part_of_a_secret_goes_out(text):
    data, secret = f"{text} and more\n".encode(), SECRETS[text]
    for size in range(1, len(data)):
        sent, held = b"", b""
        for start in range(0, len(data), size):
            held += data[start : start + size]
            ready = masker.count_maskable(held)
            sent, held = sent + masker.mask_bytes(held[:ready]), held[ready:]
        sent += masker.mask_bytes(held)
        assert len(sent) == len(data) and sent.decode() == data.decode().replace(secret, "*" * len(secret)), size


def test_a_hostile_line_is_masked_in_little_time():
    begun = time.thread_time()
    for part in (
        "http://" + "a:" * 900,
        "://a:b",
        "?token=",
        ";password=",
        "authorization: bearer ",
        "eyJaaaaaaaa.",
        "-eyJ",
    ):
        masker.mask_text(part * (100_000 // len(part)))
    assert time.thread_time() - begun < 2


def test_the_runner_masks_log_and_error():
    script = "import os, sys\nprint('the key', os.environ['API_KEY'], flush=True)\nraise ValueError('https://me:pw@host ' + os.environ['API_KEY'])"
    records = run(script, environment_variables={"API_KEY": "s3cr3t-key", "MODE": "plain-value"})
    assert "the key **********" in records.log
    for reply in (records.log, str(records.events)):
        assert "s3cr3t" not in reply and "me:pw" not in reply
    assert records.error["message"].startswith("The script ended with exit code 1: ValueError: https://*****@host")


def test_a_build_log_masks_passwords_of_indexes(monkeypatch):
    def build(definition, *, index_url, log, cancelled, use):
        log("Looking in https://me:pw@index.example/simple\n")
        raise BuildFailed("https://me:pw@index.example/simple does not answer")

    monkeypatch.setattr(interpreter, "prepare_environment", build)
    records = run("", environment={"name": "built", "python": {}})
    logs = b"".join(records.artifacts.values()).decode()
    assert "https://*****@index.example" in records.error["message"]
    assert "me:pw" not in logs and not re.search("me:pw", str(records.events))


def test_an_error_of_the_server_is_shown_without_passwords():
    request = httpx.Request("GET", "http://studio/x")
    body = {"error": {"code": "UserError", "message": "https://me:pw@index.example is wrong"}}
    error = errors.from_response(httpx.Response(400, json=body, request=request))
    assert error.message == "https://*****@index.example is wrong"


def test_the_error_of_a_run_that_fails_itself_is_masked(monkeypatch):
    monkeypatch.setenv("API_KEY", "s3cr3t-key")
    try:
        raise ValueError("s3cr3t-key is wrong")
    except ValueError as error:
        described = describe_error(error, None)
    assert described["message"] == "ValueError: ********** is wrong"
    assert "********** is wrong" in described["details"]
    assert describe_error("https://me:pw@host", "E1") == {"code": "E1", "message": "https://*****@host"}


def test_a_variable_that_is_not_utf_8_is_masked():
    assert Masker.for_variables({"API_KEY": b"caf\xe9-1".decode("utf-8", "surrogateescape")}).mask_bytes(
        b"it is caf\xe9-1."
    ) == (b"it is ******.")
