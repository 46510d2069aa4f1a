"""Addresses of Azure's storage, which stand for what is in a registered datastore."""

from lazuli.data.azure_addresses import KINDS, parse_address

from assets.data.models import Datastore
from studio.errors import Invalid
from workspaces.models import Workspace


def find_path(workspace: Workspace, uri: str) -> dict | None:
    """The path of a dataset, in the datastore that is this container; None for other addresses."""
    address = parse_address(uri)
    if address is None:
        return None
    for row in Datastore.objects.of(workspace).filter(kind__in=KINDS).order_by("name"):
        given = row.settings
        inside = address.find_inside(given.get("account_name"), given.get("container"), given.get("prefix", ""))
        if inside is not None:
            return {"datastore": row.name, "path": inside}
    raise Invalid(f"No datastore of {workspace.name} {address.missing_text}", target="properties/dataUri")
