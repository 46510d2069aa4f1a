"""Addresses of Azure's storage in the paths of a dataset: a datastore of a workspace that the script has opened."""

from __future__ import annotations

from typing import Any, Tuple
from weakref import WeakValueDictionary

from lazuli.data.azure_addresses import find_inside, parse_address
from lazuli.data.datastores import list_datastores
from lazuli.data.errors import DatasetValidationError

# The workspaces of this process, by their addresses.
_opened: WeakValueDictionary[Tuple[str, str], Any] = WeakValueDictionary()


def remember_workspace(workspace: Any) -> None:
    _opened[workspace._remote.client.base_url, workspace._remote.path] = workspace


def find_pair(text: str) -> Tuple[Any, str]:
    """The datastore and the path in it. Raises DatasetValidationError."""
    address = parse_address(text)
    if address is None:
        raise DatasetValidationError(f"{text!r}: write abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH.")
    # The one that was opened last comes first.
    workspaces = list(_opened.values())[::-1]
    if not workspaces:
        text = f"{text!r} is found among the datastores of a workspace. Open it first, as by Workspace.from_config()."
        raise DatasetValidationError(text)
    for workspace in workspaces:
        for resource in list_datastores(workspace._remote):
            inside = find_inside(address, resource["properties"])
            if inside is not None:
                return workspace.datastores[resource["name"]], inside
    raise DatasetValidationError(f"{text!r} {address.missing_text}")
