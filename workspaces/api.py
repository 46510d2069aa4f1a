"""Subscriptions, resource groups and workspaces over REST, in Azure's shapes."""

import uuid
from typing import Annotated

from django.http import Http404, HttpRequest, JsonResponse
from ninja import Router
from pydantic import BeforeValidator, ConfigDict, Field

from studio import names
from studio.api import W, paginate_described
from studio.errors import Conflict
from studio.request_body import Body
from studio.schemas import Nothing, documented
from workspaces import creation, deletion, lookup, schemas, serializers
from workspaces.access import require
from workspaces.models import ResourceGroup, Subscription, Workspace

router = Router(tags=["Workspaces"])
S = "/subscriptions/{subscription_id}"
G = S + "/resourceGroups/{resource_group}"
ML = "/providers/Microsoft.MachineLearningServices"


class SubscriptionBody(Body):
    displayName: str = ""


class GroupBody(Body):
    location: str = ""
    tags: dict | None = None


class WorkspaceProperties(Body):
    """What else Azure's clients send is accepted and has no meaning here."""

    model_config = ConfigDict(extra="ignore")
    friendlyName: str | None = None
    description: str | None = None
    storageAccount: str | None = None
    keyVault: str | None = None
    applicationInsights: str | None = None
    containerRegistry: str | None = None
    hbiWorkspace: bool | None = None


class Sku(Body):
    name: str | None = None


class WorkspaceBody(Body):
    location: str | None = None
    tags: dict | None = None
    # Azure's clients write {"name": "Basic"}; the word alone is taken too.
    sku: Annotated[Sku | None, BeforeValidator(lambda sku: {"name": sku} if isinstance(sku, str) else sku)] = None
    properties: WorkspaceProperties = Field(default_factory=WorkspaceProperties)

    def details(self) -> dict:
        """What was sent, under the names of the model's fields."""
        sent = self.properties
        named = {
            "location": self.location,
            "tags": self.tags,
            "sku": self.sku and self.sku.name,
            "friendly_name": sent.friendlyName,
            "description": sent.description,
            "storage_account": sent.storageAccount,
            "key_vault": sent.keyVault,
            "application_insights": sent.applicationInsights,
            "container_registry": sent.containerRegistry,
            "hbi_workspace": sent.hbiWorkspace,
        }
        return {name: value for name, value in named.items() if value is not None}


@router.get("/subscriptions", response=documented(schemas.SubscriptionListResult), summary="List subscriptions")
def list_subscriptions(request: HttpRequest):
    return paginate_described(request, Subscription.objects.visible_to(request.auth), serializers.subscription)


@router.get(S, response=documented(schemas.Subscription), summary="Get a subscription")
def get_subscription(request: HttpRequest, subscription_id: str):
    return serializers.subscription(lookup.find_subscription(request.auth, subscription_id))


@router.put(S, response=documented(schemas.Subscription), summary="Create a subscription (Owners of the site)")
def put_subscription(request: HttpRequest, subscription_id: str, body: SubscriptionBody):
    creation.ensure_subscription(request.auth, subscription_id, body.displayName)
    return serializers.subscription(lookup.find_subscription(request.auth, subscription_id))


@router.get(S + "/resourceGroups", response=documented(schemas.ResourceGroupListResult), summary="List resource groups")
def list_groups(request: HttpRequest, subscription_id: str):
    subscription = lookup.find_subscription(request.auth, subscription_id)
    groups = ResourceGroup.objects.visible_to(request.auth).filter(subscription=subscription)
    return paginate_described(request, groups.select_related("subscription"), serializers.group)


@router.get(G, response=documented(schemas.ResourceGroup), summary="Get a resource group")
def get_group(request: HttpRequest, subscription_id: str, resource_group: str):
    return serializers.group(lookup.find_resource_group(request.auth, subscription_id, resource_group))


@router.put(G, response=documented(schemas.ResourceGroup), summary="Create a resource group")
def put_group(request: HttpRequest, subscription_id: str, resource_group: str, body: GroupBody):
    subscription = lookup.find_subscription(request.auth, subscription_id)
    creation.ensure_group(request.auth, subscription, resource_group, body.location, body.tags)
    return serializers.group(lookup.find_resource_group(request.auth, subscription_id, resource_group))


@router.delete(G, response=documented(Nothing), summary="Delete a resource group with its workspaces")
def delete_group(request: HttpRequest, subscription_id: str, resource_group: str):
    deletion.delete_group(request.auth, lookup.find_resource_group(request.auth, subscription_id, resource_group))
    return {}


@router.get(
    S + ML + "/workspaces",
    response=documented(schemas.WorkspaceListResult),
    summary="List workspaces of a subscription",
)
def list_workspaces(request: HttpRequest, subscription_id: str):
    subscription = lookup.find_subscription(request.auth, subscription_id)
    return paginate_described(
        request, _visible(request).filter(resource_group__subscription=subscription), serializers.workspace
    )


@router.get(
    G + ML + "/workspaces",
    response=documented(schemas.WorkspaceListResult),
    summary="List workspaces of a resource group",
)
def list_workspaces_of_group(request: HttpRequest, subscription_id: str, resource_group: str):
    group = lookup.find_resource_group(request.auth, subscription_id, resource_group)
    return paginate_described(request, _visible(request).filter(resource_group=group), serializers.workspace)


def _visible(request):
    return Workspace.objects.visible_to(request.auth).with_path()


@router.get(W, response=documented(schemas.Workspace), summary="Get a workspace")
def get_workspace(request: HttpRequest, subscription_id: str, resource_group: str, workspace_name: str):
    return serializers.workspace(lookup.find_workspace(request.auth, subscription_id, resource_group, workspace_name))


@router.put(
    W,
    response={200: documented(schemas.Workspace), 201: documented(schemas.Workspace)},
    summary="Create a workspace, or change it if it is there",
)
def put_workspace(
    request: HttpRequest, subscription_id: str, resource_group: str, workspace_name: str, body: WorkspaceBody
):
    try:
        workspace = lookup.find_workspace(request.auth, subscription_id, resource_group, workspace_name)
    except Http404:
        made = creation.create_workspace(request.auth, subscription_id, resource_group, workspace_name, body.details())
        return JsonResponse(serializers.workspace(made), status=201)
    return serializers.workspace(_changed(request, workspace, body))


@router.patch(W, response=documented(schemas.Workspace), summary="Change a workspace")
def patch_workspace(
    request: HttpRequest, subscription_id: str, resource_group: str, workspace_name: str, body: WorkspaceBody
):
    workspace = lookup.find_workspace(request.auth, subscription_id, resource_group, workspace_name)
    return serializers.workspace(_changed(request, workspace, body))


def _changed(request, workspace: Workspace, body: WorkspaceBody) -> Workspace:
    require(request.auth, "edit_workspace", workspace)
    sent = body.details()
    fields = creation.check_details(sent)
    for name, value in fields.items():
        if name not in workspace.EDITABLE and value != getattr(workspace, name):
            raise Conflict(
                f"The {name.replace('_', ' ')} of a workspace cannot be changed once it is made.",
                target=names.wire_name(name.replace("_", " ")),
            )
    # An empty text takes away.
    cleared = {name: "" for name in ("friendly_name", "description") if sent.get(name) == ""}
    workspace.edit(**{name: value for name, value in {**fields, **cleared}.items() if name in workspace.EDITABLE})
    return workspace


@router.delete(
    W, response=documented(Nothing), summary="Delete a workspace: to the trash, or with forceToPurge permanently"
)
def delete_workspace(
    request: HttpRequest, subscription_id: str, resource_group: str, workspace_name: str, forceToPurge: bool = False
):
    words = (request.auth, subscription_id, resource_group, workspace_name)
    try:
        workspace = lookup.find_workspace(*words)
    except Http404:
        if not forceToPurge:
            raise
        job = deletion.purge_workspace(request.auth, lookup.find_deleted_workspace(*words))
    else:
        job = deletion.delete_workspace(request.auth, workspace, permanently=forceToPurge)
    return {"purgeId": job.pk} if job else {}


@router.get(
    S + ML + "/deletedWorkspaces",
    response=documented(schemas.DeletedWorkspaceListResult),
    summary="List workspaces of a subscription that are in the trash",
)
def list_deleted_workspaces(request: HttpRequest, subscription_id: str):
    asked = subscription_id.lower()
    rows = deletion.list_deleted(request.auth)
    found = [row for row in rows if row.resource_group.subscription.subscription_id.lower() == asked]
    return paginate_described(request, found, serializers.deleted_workspace)


@router.post(W + "/restore", response=documented(schemas.Workspace), summary="Bring a workspace back from the trash")
def restore_workspace(request: HttpRequest, subscription_id: str, resource_group: str, workspace_name: str):
    words = (request.auth, subscription_id, resource_group, workspace_name)
    deletion.restore_workspace(request.auth, lookup.find_deleted_workspace(*words))
    return serializers.workspace(lookup.find_workspace(*words))


@router.post(
    W + "/listKeys",
    response=documented(schemas.ListWorkspaceKeysResult),
    summary="List names and keys of the associated resources",
)
def list_keys(request: HttpRequest, subscription_id: str, resource_group: str, workspace_name: str):
    workspace = lookup.find_workspace(request.auth, subscription_id, resource_group, workspace_name)
    require(request.auth, "read_keys", workspace)
    return serializers.keys(workspace)


@router.get(
    "/discovery/workspaces/{workspace_id}",
    auth=None,
    response=documented(schemas.Discovery),
    summary="Find the addresses of the services",
)
def discovery(request: HttpRequest, workspace_id: uuid.UUID):
    # Without a token, and the same for every id: it tells only where this server is.
    return JsonResponse(serializers.discovery())
