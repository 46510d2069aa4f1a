"""Addresses of Azure's storage, such as abfss://container@account.dfs.core.windows.net/path: other names of what is in a
registered datastore."""

from __future__ import annotations

import re
from typing import Any, Mapping, NamedTuple, Optional

ADDRESS = re.compile(
    r"(?:abfss?|wasbs?)://(?P<container>[^/@]+)@(?P<account>[^./]+)\.[^/]+(?:/(?P<path>.*))?",
)
# The kinds of datastores that have such addresses.
KINDS = ("AzureBlob", "AzureDataLakeGen2")


class AzureAddress(NamedTuple):
    account: str
    container: str
    path: str

    def find_inside(self, account: str, container: str, prefix: str) -> Optional[str]:
        """The path in the datastore of this container, or of a folder of it; None if it is somewhere else."""
        if (account, container) != (self.account, self.container):
            return None
        is_inside = not prefix or self.path == prefix or self.path.startswith(prefix + "/")
        return self.path[len(prefix) :].strip("/") if is_inside else None

    @property
    def missing_text(self) -> str:
        container = f"the container {self.container} of the account {self.account}"
        return f"is {container}. Register it as a datastore first."


def parse_address(text: str) -> Optional[AzureAddress]:
    """None for other addresses."""
    match = ADDRESS.fullmatch(text)
    return AzureAddress(match["account"], match["container"], (match["path"] or "").strip("/")) if match else None


def find_inside(address: AzureAddress, properties: Mapping[str, Any]) -> Optional[str]:
    """The path in a datastore that the studio has described; None if the address is somewhere else."""
    if properties["kind"] not in KINDS:
        return None
    container = properties.get("containerName") or properties.get("filesystem") or ""
    return address.find_inside(properties.get("accountName") or "", container, properties.get("prefix") or "")
