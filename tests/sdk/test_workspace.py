"""Workspaces against the real application."""

from __future__ import annotations

import json

import pytest
from azureml.core import Workspace
from azureml.core.authentication import ArmTokenAuthentication
from azureml.exceptions import AuthenticationException, ServiceException, UserErrorException, WorkspaceException
from lazuli.errors import NotAvailable

from workspaces.models import Subscription


def test_create_as_it_is_written_everywhere(owner, capsys):
    ws = Workspace.create(
        name="aml-workspace",
        subscription_id="123456-abc-123...",
        resource_group="aml-resources",
        create_resource_group=True,
        location="eastus",
    )
    assert (ws.name, ws.subscription_id, ws.resource_group, ws.location) == (
        "aml-workspace",
        "123456-abc-123...",
        "aml-resources",
        "eastus",
    )
    said = capsys.readouterr().out
    assert "Deploying Workspace with name aml-workspace." in said
    assert "Deployed Workspace with name aml-workspace. Took " in said


def test_what_was_given_comes_back(owner):
    Workspace.create(
        "described",
        subscription_id="s",
        resource_group="g",
        location="westeurope",
        tags={"team": "vision"},
        friendly_name="Computer vision",
        storage_account="mystorage",
        show_output=False,
    )
    details = Workspace.get("described", subscription_id="s", resource_group="g").get_details()
    assert details["friendlyName"] == "Computer vision" and details["location"] == "westeurope"
    assert details["tags"] == {"team": "vision"} and "mystorage" in details["storageAccount"]
    assert details["keyVault"] and details["applicationInsights"]


def test_a_name_is_taken_once(ws):
    again = {"subscription_id": "sdk-tests", "resource_group": "aml-resources", "show_output": False}
    with pytest.raises(WorkspaceException, match="already exists"):
        Workspace.create("aml-workspace", **again)
    assert Workspace.create("aml-workspace", exist_ok=True, **again)._workspace_id == ws._workspace_id


def test_a_failed_creation_leaves_nothing(owner):
    for wrong in (
        {"name": "good", "tags": {"x" * 600: "1"}},
        {"name": "good", "friendly_name": "x" * 101},
    ):
        with pytest.raises(WorkspaceException):
            Workspace.create(**wrong, subscription_id="left-behind", resource_group="g", show_output=False)
    assert not Subscription.objects.filter(subscription_id="left-behind").exists()


def test_a_group_is_created_only_on_request(owner):
    with pytest.raises(WorkspaceException, match="'nowhere' does not exist"):
        Workspace.create("named", subscription_id="s", resource_group="nowhere", create_resource_group=False)


def test_the_only_subscription_need_not_be_named(ws):
    made = Workspace.create("second", resource_group="aml-resources", show_output=False)
    assert made.subscription_id == "sdk-tests"
    Workspace.create("elsewhere", subscription_id="other", resource_group="g", show_output=False)
    assert Workspace.create("third", resource_group="g", show_output=False).subscription_id == "other"
    with pytest.raises(UserErrorException, match=r"Pass subscription_id, .*\(one of: .*AZURE_SUBSCRIPTION_ID"):
        Workspace.create("fourth", resource_group="in-none")


def test_get_finds_by_name_alone_if_it_is_unique(ws):
    assert Workspace.get("AML-workspace").name == "aml-workspace"
    Workspace.create("aml-workspace", subscription_id="other", resource_group="g", show_output=False)
    with pytest.raises(WorkspaceException, match="More than one") as caught:
        Workspace.get("aml-workspace")
    assert caught.value.found_multiple
    assert Workspace.get("aml-workspace", subscription_id="other").resource_group == "g"
    with pytest.raises(WorkspaceException, match="WorkspaceNotFound"):
        Workspace.get("missing")


def test_list_is_by_name(ws):
    listed = Workspace.list("sdk-tests")
    assert list(listed) == ["aml-workspace"] and listed["aml-workspace"].location == "eastus"
    assert list(Workspace.list("sdk-tests", resource_group="aml-resources")) == ["aml-workspace"]
    with pytest.raises(WorkspaceException):
        Workspace.list("missing")


def test_a_missing_workspace_is_named(owner):
    with pytest.raises(WorkspaceException, match=r"WorkspaceNotFound: no workspace 'w' could be found in .* 'g'"):
        Workspace("s", "g", "w")


def test_from_config_with_three_keys(ws, tmp_path, monkeypatch):
    keys = {"subscription_id": "sdk-tests", "resource_group": "aml-resources", "workspace_name": "aml-workspace"}
    (tmp_path / "config.json").write_text(json.dumps(keys))
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    found = Workspace.from_config()
    assert found._workspace_id == ws._workspace_id
    assert found.name == "aml-workspace"


def test_from_config_with_the_file_it_wrote(ws, tmp_path, monkeypatch):
    ws.write_config(str(tmp_path))
    written = json.loads((tmp_path / ".azureml" / "config.json").read_text())
    assert written["Id"] is None and written["Scope"].endswith("/workspaces/aml-workspace")
    monkeypatch.delenv("LAZULI_URL")
    assert Workspace.from_config(str(tmp_path)).name == "aml-workspace"


def test_update_and_delete(ws):
    details = ws.update(friendly_name="Ours", description="All of it", tags={"a": "b"})
    assert (details["friendlyName"], details["description"], ws.tags) == ("Ours", "All of it", {"a": "b"})
    ws.delete()
    with pytest.raises(WorkspaceException, match="WorkspaceNotFound"):
        ws.get_details()
    assert Workspace.list("sdk-tests") == {}


def test_delete_permanently_from_the_trash_too(ws):
    ws.delete()
    with pytest.raises(WorkspaceException, match="in the trash and keeps its name"):
        Workspace.create(ws.name, subscription_id="sdk-tests", resource_group="aml-resources", show_output=False)
    ws.delete(delete_dependent_resources=True)
    with pytest.raises(WorkspaceException, match="is being deleted permanently"):
        Workspace.create(ws.name, subscription_id="sdk-tests", resource_group="aml-resources", show_output=False)


def test_addresses(ws):
    assert ws.get_mlflow_tracking_uri() == "azureml://testserver/mlflow/v1.0" + ws._path
    assert ws.discovery_url.startswith("http")
    assert ws._workspace_id in ws.discovery_url
    assert set(ws.list_keys())


def test_shows_itself(ws):
    assert repr(ws) == (
        "Workspace.create(name='aml-workspace', subscription_id='sdk-tests', resource_group='aml-resources')"
    )
    assert "aml-workspace" in ws._repr_html_() and "<a href=" in ws._repr_html_()


def test_collections_start_empty(ws):
    assert (ws.compute_targets, ws.experiments) == ({}, {})
    assert ws.get_default_compute_target("CPU") is None
    with pytest.raises(UserErrorException, match="'CPU' or 'GPU'"):
        ws.get_default_compute_target("TPU")


@pytest.mark.parametrize("name", ["images", "private_endpoints"])
def test_what_has_no_service_says_so(ws, name):
    with pytest.raises(NotAvailable, match=f"Workspace.{name} needs"):
        getattr(ws, name)


def test_a_stranger_finds_nothing(ws, stranger):
    with pytest.raises(WorkspaceException):
        Workspace.list("sdk-tests")
    with pytest.raises(WorkspaceException, match="WorkspaceNotFound"):
        Workspace("sdk-tests", "aml-resources", "aml-workspace")


def test_a_wrong_token_is_reported(ws):
    with pytest.raises(AuthenticationException) as caught:
        Workspace("sdk-tests", "aml-resources", "aml-workspace", auth=ArmTokenAuthentication("wrong"))
    assert isinstance(caught.value, ServiceException) and caught.value.status_code == 401


def test_default_compute_is_made_with_the_workspace(owner):
    ws = Workspace.create(
        "with-compute",
        subscription_id="s",
        resource_group="g",
        default_cpu_compute_target=Workspace.DEFAULT_CPU_CLUSTER_CONFIGURATION,
        show_output=False,
    )
    assert ws.get_default_compute_target("CPU").name == "cpu-cluster"
