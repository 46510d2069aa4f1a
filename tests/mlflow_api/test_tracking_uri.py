"""`manage.py tracking-uri` prints what a script needs."""

import base64
import io
import re
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command

from workspaces.models import Workspace


def printed(*arguments):
    out = io.StringIO()
    call_command("tracking-uri", *arguments, stdout=out)
    return out.getvalue().strip()


def experiment(client, path, authorization):
    headers = {"Authorization": authorization}
    answer = client.get(f"{path}/api/2.0/mlflow/experiments/get?experiment_id=0", headers=headers)
    return answer.json()["experiment"]["name"]


def test_the_address_opens_the_workspace_by_itself(workspace, owner, client):
    address = urlsplit(printed())
    assert address.path == f"/mlflow/v1.0{workspace.arm_id}"
    basic = base64.b64encode(f"{address.username}:{address.password}".encode()).decode()
    assert experiment(client, address.path, f"Basic {basic}") == "Default"


def test_a_shell_gets_address_and_token_apart(workspace, owner, client):
    found = dict(re.findall(r"export (\w+)=(\S+)", printed("--export")))
    path = urlsplit(found["MLFLOW_TRACKING_URI"]).path
    assert experiment(client, path, f"Bearer {found['MLFLOW_TRACKING_TOKEN']}") == "Default"


def test_a_new_workspace_is_made(workspace, owner):
    address = printed("--new-workspace")
    made = Workspace.objects.exclude(pk=workspace.pk).get()
    assert address.endswith(made.arm_id)


def test_what_is_missing_is_reported(workspace, owner):
    with pytest.raises(CommandError, match="There are: aml-workspace"):
        printed("--workspace", "nope")
    with pytest.raises(CommandError, match="nobody"):
        printed("--user", "nobody")
