"""Unreadable input is refused with a message: parsers raise more kinds of errors than their documentation says."""

import time
import types

import pytest
import yaml
from django.test import Client
from lazuli.data import mltable
from lazuli.data.errors import DatasetValidationError
from lazuli.errors import UserErrorException
from lazuli.yaml_text import parse_yaml

from accounts.models import User
from accounts.signing_in import PROVED
from assets import environments
from registry import signatures, version_files
from registry.models import PromotionRule
from studio.errors import Invalid
from studio.yaml_text import load_yaml
from tests import factories
from workspaces.role_definitions import matches

DEEP = "[" * 19_000
WS = "/ws/aml-workspace"
# Each raises another error in PyYAML.
WRONG_YAML = {
    "a day that never was": "x: 2020-99-99",
    "no boolean": "x: !!bool abc",
    "no time": "x: !!timestamp abc",
    "no digits": "x: !!int ''",
    "no number": "x: !!float abc",
    "5,000 digits": "x: " + "9" * 5000,
    "deep": "[" * 500,
    "many values": f"x: [{'a, ' * 6000}]",
}


@pytest.fixture
def browser(owner, workspace):
    client = Client(raise_request_exception=False)
    client.force_login(owner)
    return client


@pytest.mark.parametrize("text", WRONG_YAML.values(), ids=WRONG_YAML)
def test_unreadable_yaml_is_refused_with_a_message(text, monkeypatch):
    with pytest.raises(Invalid, match="condaFile cannot be read"):
        environments.read_conda(text)
    if "a, a" not in text:
        with pytest.raises(UserErrorException, match=r"environment\.yml is not valid YAML"):
            parse_yaml(text, "environment.yml")
    monkeypatch.setattr(version_files, "read_bytes", lambda row, size: text.encode())
    file = types.SimpleNamespace(find=lambda path: types.SimpleNamespace(size=9))
    assert "MLmodel cannot be read" in signatures.read_description(file).problem


def test_ten_lines_of_aliases_do_not_become_gigabytes(monkeypatch):
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 11))
    model = f"{bomb}signature:\n  inputs: [{{name: x, type: tensor, tensor-spec: {{dtype: f, shape: [-1, *a10]}}}}]\n"
    monkeypatch.setattr(version_files, "read_bytes", lambda row, size: model.encode())
    file = types.SimpleNamespace(find=lambda path: types.SimpleNamespace(size=9))
    assert [one.kind for one in signatures.read_description(file).inputs] == ["f (-1, )"]
    with pytest.raises(yaml.YAMLError, match="without anchors and aliases"):
        load_yaml(f"{bomb}paths: [{{file: a}}]\ntransformations: [{{filter: *a10}}]")


@pytest.mark.parametrize("text", ["-" * 60_000 + "1", "not " * 15_000 + "1", "(" * 60_000, "1" + "+1" * 30_000])
def test_a_too_deep_expression_is_refused_with_a_message(text):
    with pytest.raises(DatasetValidationError, match="is not an expression"):
        mltable.read_mltable({"paths": [{"file": "a"}], "transformations": [{"filter": text}]}, "store", "")
    with pytest.raises(DatasetValidationError, match="must be a list"):
        mltable.read_mltable({"paths": [{"file": "a"}], "transformations": 5}, "store", "")


@pytest.mark.parametrize(
    ("address", "sent", "word"),
    [
        (f"{WS}/roles/", {"definition": DEEP}, "nested more than 32 levels"),
        (f"{WS}/runs/r1/edit/", {"field": "display_name", "undo": DEEP}, "nested more than 32 levels"),
        ("/signin/passkey/", {"credential": DEEP}, "The passkey was not accepted"),
        (f"{WS}/trash/undo/?at=0001-01-01T00:00:00%2B14:00", {}, "is not a time"),
        (f"{WS}/trash/undo/?at=9999-12-31T23:59:59-14:00", {}, "is not a time"),
        (f"{WS}/promotion-rules/", {"kind": "alias", "name": "best", "needs_metrics": "auc >= 1e999"}, "write it as"),
        (f"{WS}/promotion-rules/", {"kind": "alias", "name": "best", "needs_metrics": "auc >= inf"}, "write it as"),
    ],
)
def test_a_form_says_what_it_cannot_read(browser, workspace, address, sent, word):
    factories.make_run(workspace, run_id="r1")
    answer = browser.post(address, sent, follow=True)
    assert answer.status_code < 500 and word in answer.content.decode()
    assert not PromotionRule.objects.exists()


def test_an_invalid_address_redirects_nowhere(browser, owner, workspace):
    factories.make_run(workspace, run_id="r1", status="Running")
    star = {"run": "r1", "next": "http://["}
    assert browser.post(f"{WS}/jobs/star/", star).url == f"{WS}/jobs/"
    shown = browser.get(
        f"{WS}/runs/r1/", headers={"HX-Request": "true", "HX-Target": "run-files", "HX-Current-URL": "http://["}
    )
    assert shown.status_code == 200
    owner.set_password("correct horse")
    owner.save()
    browser.force_login(owner)
    session = browser.session
    session[PROVED] = 0
    session.save()
    response = browser.post(f"{WS}/roles/", {"definition": "{}"}, headers={"Referer": "http://["})
    assert response.status_code == 302 and response.url.startswith("/account/confirm/")


@pytest.mark.parametrize("moment", ["'0001-01-01T00:00:00+14:00'", "'9999-12-31T23:59:59-14:00'", "9" * 20, "-1e30"])
def test_a_filter_refuses_a_time_that_utc_does_not_have(browser, moment):
    answer = browser.get(f"{WS}/jobs/", {"filter": f"start_time > {moment}"})
    text = answer.content.decode()
    assert answer.status_code == 400 and "is not a time" in text and "Errno" not in text


def test_a_password_that_is_not_base64_is_a_wrong_one(workspace):
    client, header = Client(raise_request_exception=False), {"HTTP_AUTHORIZATION": "Basic \xe9"}
    tracking = f"/mlflow/v1.0{workspace.arm_id}/api/2.0/mlflow/experiments/get"
    assert client.get(tracking, **header).status_code == 401
    sent = {"grant_type": "client_credentials", "client_id": "x"}
    assert client.post("/any/oauth2/v2.0/token", sent, **header).status_code == 401
    assert not User.objects.exists()


@pytest.mark.parametrize("pattern", ["*" * 299 + "z", "*e" * 149 + "*z", "*/" * 149 + "*z"])
def test_an_action_of_a_role_takes_few_steps(pattern):
    began = time.process_time()
    assert not matches(pattern, "Microsoft.MachineLearningServices/workspaces/experiments/runs/write")
    assert time.process_time() - began < 2
