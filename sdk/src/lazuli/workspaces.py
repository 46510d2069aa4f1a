"""Workspaces on a server: list, find, create, change, delete and restore them."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Optional, cast

from lazuli import config, resource_ids
from lazuli.client import Client
from lazuli.errors import NotFound, Refused, UserErrorException, WorkspaceException

DEFAULT_LOCATION = "eastus"

Json = Dict[str, Any]


class WorkspaceClient:
    """One workspace of a server: the client to call, the paths of its resources, and what can be done with it.

    Creating the object sends nothing. A method raises WorkspaceException if the workspace does not exist.
    """

    def __init__(
        self,
        client: Client,
        subscription_id: str,
        resource_group: str,
        name: str,
        resource: Optional[Json] = None,
        workspace_id: Optional[str] = None,
    ):
        self.client = client
        self.subscription_id = subscription_id
        self.resource_group = resource_group
        self.name = name
        self.path = resource_ids.workspace_path(subscription_id, resource_group, name)
        self.history_path = "/history/v1.0" + self.path
        self.content_path = "/content/v1.0" + self.path
        self.uploads_path = self.path + "/uploads"
        self._resource = resource
        self._workspace_id = workspace_id

    @classmethod
    def from_resource(cls, client: Client, resource: Json) -> WorkspaceClient:
        """The workspace that the server described as `resource`."""
        return cls(client, *resource_ids.parse_workspace_id(resource["id"]), resource)

    @property
    def resource(self) -> Json:
        """The workspace as the server described it last."""
        return self._resource or self.refresh()

    @property
    def resource_id(self) -> str:
        """The ARM id, as a `config.json` has it in `Scope`."""
        group = f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
        return f"{group}/providers/{resource_ids.PROVIDER}/workspaces/{self.name}"

    @property
    def properties(self) -> Json:
        return cast(Json, self.resource.get("properties") or {})

    @property
    def workspace_id(self) -> str:
        """The id that the caller gave, else the server's; "" if the server names none."""
        return self._workspace_id or cast(str, self.properties.get("workspaceId", ""))

    def refresh(self) -> Json:
        """Ask the server for the present state of the workspace."""
        self._resource = cast(Json, self._send_request("GET"))
        return self._resource

    def update(self, body: Json) -> Json:
        self._resource = cast(Json, self._send_request("PATCH", json=body))
        return self._resource

    def delete(self, permanently: bool = False) -> None:
        """Move the workspace to the trash, or delete it permanently with its runs and files."""
        self._send_request("DELETE", params={"forceToPurge": "true"} if permanently else {}, timeout=300)

    def restore(self) -> None:
        """Bring the workspace back from the trash."""
        self.client.request("POST", self.path + "/restore")

    def describe(self) -> Json:
        """The current properties of the workspace in one flat dict: SDK v1's `Workspace.get_details()`."""
        resource = self.refresh()
        details = {name: resource.get(name) for name in ("id", "name", "type", "location", "tags", "identity")}
        details["sku"] = self.sku
        details["workspaceid"] = self.workspace_id
        details["studioEndpoint"] = self.properties.get("studioEndpoint")
        details.update((key, value) for key, value in self.properties.items() if key != "workspaceId")
        return details

    @property
    def sku(self) -> str:
        sku = self.resource.get("sku") or {}
        return str(sku.get("name", "Basic")) if isinstance(sku, dict) else str(sku)

    def _send_request(self, method: str, **options: Any) -> Any:
        try:
            answer = self.client.request(method, self.path, **options)
        except NotFound as error:
            raise WorkspaceException(
                f"WorkspaceNotFound: no workspace {self.name!r} could be found in resource group "
                f"{self.resource_group!r} of subscription {self.subscription_id!r} at {self.client.base_url}.",
                inner_exception=error,
            ) from error
        return answer.json() if answer.content else None


def list_subscriptions(client: Client) -> List[Json]:
    return list(client.items("/subscriptions"))


def list_workspaces(client: Client, subscription_id: Optional[str], resource_group: Optional[str]) -> List[Json]:
    """The workspaces that the caller may see, as resources; a subscription or group left out means all of them.

    Raises WorkspaceException if the subscription that was given has no such group.
    """
    found: List[Json] = []
    for subscription in _select_subscriptions(client, subscription_id):
        try:
            found.extend(client.items(resource_ids.workspaces_path(subscription, resource_group)))
        except NotFound as error:
            # Without a given subscription the group is looked for in each of them, and most do not have it.
            if subscription_id:
                raise WorkspaceException(error.message, inner_exception=error) from error
    return found


def list_deleted_workspaces(
    client: Client, subscription_id: Optional[str], resource_group: Optional[str], name: Optional[str] = None
) -> List[Json]:
    """The workspaces in the trash, as resources, which the caller may restore."""
    return [
        resource
        for subscription in _select_subscriptions(client, subscription_id)
        for resource in client.items(resource_ids.deleted_workspaces_path(subscription))
        if (not name or resource["name"].lower() == name.lower())
        and (not resource_group or _group_of(resource).lower() == resource_group.lower())
    ]


def find_workspace(
    client: Client,
    name: str,
    subscription_id: Optional[str] = None,
    resource_group: Optional[str] = None,
    location: Optional[str] = None,
) -> WorkspaceClient:
    """The workspace of this name; subscription and group may be left out if the name is unique.

    Of several, the one in the default subscription is taken. Raises WorkspaceException if none or several fit.
    """
    if subscription_id and resource_group:
        workspace = WorkspaceClient(client, subscription_id, resource_group, name)
        workspace.refresh()
        return workspace
    found = find_namesakes(client, name, subscription_id, resource_group, location)
    if not found:
        raise WorkspaceException(f"WorkspaceNotFound: no workspace named {name!r} could be found.")
    if len(found) > 1:
        ids = ", ".join(resource["id"] for resource in found)
        raise WorkspaceException(
            f"More than one workspace is named {name!r}: {ids}. Name the subscription (--subscription ID on the command "
            "line, subscription_id in Python), or set a default with `lazuli account set --subscription ID`.",
            found_multiple=True,
        )
    return WorkspaceClient.from_resource(client, found[0])


def find_namesakes(
    client: Client,
    name: str,
    subscription_id: Optional[str] = None,
    resource_group: Optional[str] = None,
    location: Optional[str] = None,
) -> List[Json]:
    """The workspaces of this name, as resources, the oldest first; only those in the default subscription if it has any."""
    found = [
        resource
        for resource in list_workspaces(client, subscription_id, resource_group)
        if resource["name"].lower() == name.lower() and (location is None or resource.get("location") == location)
    ]
    found.sort(key=lambda resource: str((resource.get("properties") or {}).get("creationTime")))
    default = config.default_subscription(client.base_url)
    return [each for each in found if _subscription_of(each) == default] or found


def candidate_subscriptions(client: Client, resource_group: str, workspace_name: Optional[str] = None) -> List[str]:
    """The ids of the subscriptions that a new workspace may go to if none is named.

    The default one if it is set; else those that have the workspace; else those that have the resource group; else all.
    """
    default = config.default_subscription(client.base_url)
    if default:
        return [default]
    known = [cast(str, subscription["subscriptionId"]) for subscription in list_subscriptions(client)]
    if len(known) < 2:
        return known
    groups = {each: resource_ids.resource_group_path(each, resource_group) for each in known}
    found = [each for each, path in groups.items() if _get_or_none(client, path) is not None]
    if workspace_name:
        namesakes = find_namesakes(client, workspace_name, None, resource_group)
        found = [_subscription_of(each) for each in namesakes] or found
    return found or known


def require_subscription(client: Client, resource_group: str) -> str:
    """The one subscription that a new workspace can go to. Raises UserErrorException if there are none or several."""
    candidates = candidate_subscriptions(client, resource_group)
    if len(candidates) == 1:
        return candidates[0]
    choice = f"one of: {', '.join(candidates)}" if candidates else "any text; a new one is created"
    raise UserErrorException(
        f"Pass subscription_id, the subscription of the workspace ({choice}), "
        "or set a default with `lazuli account set --subscription ID` or AZURE_SUBSCRIPTION_ID."
    )


def check_workspace_name(name: str) -> str:
    return resource_ids.check_name("a workspace", name, 3, 33)


def default_resource_group(workspace_name: str) -> str:
    return f"{workspace_name}-rg"


class WorkspaceCreation:
    """Creates one workspace, and the subscription and resource group that it needs."""

    def __init__(self, client: Client, name: str, subscription_id: Optional[str], resource_group: Optional[str]):
        """Raises UserErrorException if the subscription is not clear."""
        group = resource_group or default_resource_group(name)
        subscription_id = subscription_id or require_subscription(client, group)
        self._client = client
        self._group_path = resource_ids.resource_group_path(subscription_id, group)
        self.workspace = WorkspaceClient(client, subscription_id, group, name)

    def check_exists(self, exist_ok: bool) -> bool:
        """Whether the workspace exists. Raises WorkspaceException if it does and `exist_ok` is false."""
        exists = _get_or_none(self._client, self.workspace.path) is not None
        if exists and not exist_ok:
            raise WorkspaceException(
                f"Workspace with name '{self.workspace.name}' already exists under {self.workspace.resource_group}."
            )
        return exists

    def _find_location(self, create_group: bool) -> str:
        """The location of the group, or the default one if it will be created."""
        group = _get_or_none(self._client, self._group_path)
        if group is None and not create_group:
            raise WorkspaceException(
                f"Resource group {self.workspace.resource_group!r} does not exist. "
                "Create it, or pass create_resource_group=True."
            )
        return (group or {}).get("location") or DEFAULT_LOCATION

    def create(
        self,
        body: Json,
        location: Optional[str],
        create_resource_group: bool = True,
        report: Optional[Callable[[str], Any]] = None,
    ) -> WorkspaceClient:
        """Create the workspace, with its subscription and group if they are missing: all or nothing. `report` is called
        with each line of progress. Raises WorkspaceException."""
        body = {**body, "location": location or self._find_location(create_resource_group)}
        path = self.workspace.path + ("?createResourceGroup=true" if create_resource_group else "")
        name, report = self.workspace.name, report or (lambda line: None)
        report(f"Deploying Workspace with name {name}.")
        started = time.monotonic()
        try:
            resource = self._client.request("PUT", path, json=body, timeout=300).json()
        except Refused as error:
            raise WorkspaceException(error.message, inner_exception=error) from error
        report(f"Deployed Workspace with name {name}. Took {time.monotonic() - started:.2f} seconds.")
        return WorkspaceClient.from_resource(self._client, resource)


def _select_subscriptions(client: Client, subscription_id: Optional[str]) -> List[str]:
    if subscription_id:
        return [subscription_id]
    return [cast(str, subscription["subscriptionId"]) for subscription in list_subscriptions(client)]


def _subscription_of(resource: Json) -> str:
    return resource_ids.parse_workspace_id(resource["id"])[0]


def _group_of(resource: Json) -> str:
    return resource_ids.parse_workspace_id(resource["id"])[1]


def _get_or_none(client: Client, path: str) -> Optional[Json]:
    answer = client.request("GET", path, ok=(200, 404))
    return cast(Json, answer.json()) if answer.status_code == 200 else None
