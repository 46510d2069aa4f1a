"""config.json: what is found where, and what is written."""

from __future__ import annotations

import json

import pytest
from azureml.exceptions import UserErrorException
from lazuli import resource_ids, workspace_config
from lazuli.errors import NotAvailable

KEYS = {"subscription_id": "s", "resource_group": "g", "workspace_name": "w"}


def put(folder, name, **content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def test_each_path_is_searched_to_the_root_before_the_next(tmp_path):
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    for name in ("project.json", "config.json", "aml_config/config.json", ".azureml/project.json"):
        expected = put(deep, name, **KEYS)
        assert workspace_config.find_config_file(str(deep)) == expected
    expected = put(tmp_path, ".azureml/config.json", **KEYS)
    assert workspace_config.find_config_file(str(deep)) == expected


def test_a_file_is_taken_as_it_is(tmp_path):
    path = put(tmp_path, "mine.json", **KEYS)
    assert workspace_config.find_config_file(str(path)) == path


def test_a_missing_path_is_reported_and_parents_are_not_searched(tmp_path):
    put(tmp_path, "config.json", **KEYS)
    with pytest.raises(UserErrorException, match="does not exist"):
        workspace_config.find_config_file(str(tmp_path / "mine.json"))


def test_another_file_name_can_be_given(tmp_path):
    put(tmp_path, "config.json", **KEYS)
    path = put(tmp_path, ".azureml/other.json", **KEYS)
    assert workspace_config.find_config_file(str(tmp_path), "other.json") == path


def test_three_keys_and_scope_are_read(tmp_path):
    assert workspace_config.read_config_file(put(tmp_path, "a", **KEYS)) == ("s", "g", "w", None)
    scope = "/subscriptions/S/resourceGroups/G/providers/Microsoft.MachineLearningServices/workspaces/W"
    assert workspace_config.read_config_file(put(tmp_path, "b", Scope=scope, Id=None, url="http://x", **KEYS)) == (
        "S",
        "G",
        "W",
        "http://x",
    )


def test_what_is_written_is_read_back(tmp_path):
    scope = "/subscriptions/S p/resourceGroups/G/providers/Microsoft.MachineLearningServices/workspaces/W"
    path = workspace_config.write_config_file(scope, "http://x", str(tmp_path), None)
    assert path == tmp_path / ".azureml" / "config.json"
    assert workspace_config.read_config_file(workspace_config.find_config_file(str(tmp_path))) == (
        "S p",
        "G",
        "W",
        "http://x",
    )


def test_the_old_folder_is_used_where_it_is(tmp_path):
    (tmp_path / "aml_config").mkdir()
    assert (
        workspace_config.write_config_file("/x", "http://x", str(tmp_path), "c.json")
        == tmp_path / "aml_config" / "c.json"
    )


def test_missing_wrong_and_broken_files_are_distinguished(tmp_path):
    with pytest.raises(UserErrorException, match=r"config\.json could not be found"):
        workspace_config.find_config_file(str(tmp_path))
    with pytest.raises(UserErrorException, match="lacks resource_group, workspace_name"):
        workspace_config.read_config_file(put(tmp_path, "a", subscription_id="s"))
    with pytest.raises(UserErrorException, match="not the id of a workspace"):
        workspace_config.read_config_file(put(tmp_path, "b", Scope="/nonsense"))
    broken = tmp_path / "c"
    broken.write_text("{")
    with pytest.raises(json.JSONDecodeError):
        workspace_config.read_config_file(broken)


def test_any_text_names_a_subscription():
    path = resource_ids.workspace_path("123456-abc-123...", "my group/é", "w")
    assert path.startswith("/subscriptions/123456-abc-123.../resourceGroups/my%20group%2F%C3%A9/providers/")


@pytest.mark.parametrize("name", ["", "-a", "a b", "ab", "x" * 34, "wörkspace", "name\n", None])
def test_bad_names_are_refused_before_any_request(name):
    from azureml.core import Workspace

    with pytest.raises(UserErrorException, match="use 3 to 33 letters"):
        Workspace.create(name, subscription_id="s", resource_group="g")


def test_wishes_without_a_service_are_refused_by_name():
    from azureml.core import Workspace

    with pytest.raises(NotAvailable, match="private endpoints"):
        Workspace.create("good-name", subscription_id="s", resource_group="g", private_endpoint_config=object())
