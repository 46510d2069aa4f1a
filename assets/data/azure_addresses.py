"""Addresses of Azure's storage, such as abfss://container@account.dfs.core.windows.net/path: other names of what is in a
registered datastore."""

import re

from assets.data.models import Datastore
from studio.errors import Invalid
from workspaces.models import Workspace

ADDRESS = re.compile(
    r"(?P<scheme>abfss?|wasbs?)://(?P<container>[^/@]+)@(?P<account>[^./]+)\.(?P<host>[^/]+)(?:/(?P<path>.*))?"
)


def find_path(workspace: Workspace, uri: str) -> dict | None:
    """The path of a dataset, in the datastore that is this container; None for other addresses."""
    match = ADDRESS.fullmatch(uri)
    if match is None:
        return None
    path = (match["path"] or "").strip("/")
    kinds = [Datastore.Kind.BLOB, Datastore.Kind.LAKE]
    for row in Datastore.objects.of(workspace).filter(kind__in=kinds).order_by("name"):
        given, prefix = row.settings, row.settings.get("prefix", "")
        if (given.get("account_name"), given.get("container")) != (match["account"], match["container"]):
            continue
        if not prefix or path == prefix or path.startswith(f"{prefix}/"):
            return {"datastore": row.name, "path": path[len(prefix) :].strip("/")}
    text = f"No datastore of {workspace.name} is the container {match['container']} of the account {match['account']}"
    raise Invalid(f"{text}. Register it as a datastore first.", target="properties/dataUri")
