"""Subscriptions, resource groups and workspaces over REST, in Azure's format."""

import uuid

from django.db import transaction
from django.http import Http404, HttpRequest
from ninja import Router, Status

from accounts import activity
from studio import names
from studio.api import W, paginate
from studio.errors import Conflict
from studio.schemas import Nothing, list_of
from workspaces import creation, deletion, lookup, resources, subscriptions
from workspaces.access import require
from workspaces.models import ResourceGroup, Subscription, Workspace

router = Router(tags=["Workspaces"])
S = "/subscriptions/{subscription_id}"
G = S + "/resourceGroups/{resource_group}"
ML = "/providers/Microsoft.MachineLearningServices"


@router.get("/subscriptions", response=list_of(resources.Subscription), summary="List subscriptions")
def list_subscriptions(request: HttpRequest):
    return paginate(request, Subscription.objects.visible_to(request.auth), resources.Subscription)


@router.get(S, response=resources.Subscription, summary="Get a subscription")
def get_subscription(request: HttpRequest, subscription_id: str):
    return resources.Subscription.of(lookup.find_subscription(request.auth, subscription_id))


@router.put(S, response=resources.Subscription, summary="Create a subscription (site admins only)")
def put_subscription(request: HttpRequest, subscription_id: str, body: resources.SubscriptionUpdate):
    creation.ensure_subscription(request.auth, subscription_id, body.displayName)
    return resources.Subscription.of(lookup.find_subscription(request.auth, subscription_id))


@router.patch(S, response=resources.Subscription, summary="Rename a subscription")
def patch_subscription(request: HttpRequest, subscription_id: str, body: resources.SubscriptionUpdate):
    found = lookup.find_subscription(request.auth, subscription_id)
    subscriptions.rename_subscription(request.auth, found, body.displayName)
    return resources.Subscription.of(found)


@router.delete(S, response=Nothing, summary="Delete a subscription without resource groups")
def delete_subscription(request: HttpRequest, subscription_id: str):
    subscriptions.delete_subscription(request.auth, lookup.find_subscription(request.auth, subscription_id))
    return {}


@router.get(S + "/resourceGroups", response=list_of(resources.ResourceGroup), summary="List resource groups")
def list_groups(request: HttpRequest, subscription_id: str):
    subscription = lookup.find_subscription(request.auth, subscription_id)
    groups = ResourceGroup.objects.visible_to(request.auth).filter(subscription=subscription)
    return paginate(request, groups.select_related("subscription"), resources.ResourceGroup)


@router.get(G, response=resources.ResourceGroup, summary="Get a resource group")
def get_group(request: HttpRequest, subscription_id: str, resource_group: str):
    return resources.ResourceGroup.of(lookup.find_resource_group(request.auth, subscription_id, resource_group))


@router.put(G, response=resources.ResourceGroup, summary="Create a resource group")
def put_group(request: HttpRequest, subscription_id: str, resource_group: str, body: resources.ResourceGroupUpdate):
    subscription = lookup.find_subscription(request.auth, subscription_id)
    creation.ensure_group(request.auth, subscription, resource_group, body.location, body.tags)
    return resources.ResourceGroup.of(lookup.find_resource_group(request.auth, subscription_id, resource_group))


@router.delete(G, response=Nothing, summary="Delete a resource group with its workspaces")
def delete_group(request: HttpRequest, subscription_id: str, resource_group: str):
    deletion.delete_group(request.auth, lookup.find_resource_group(request.auth, subscription_id, resource_group))
    return {}


@router.post(G + "/move", response=resources.ResourceGroup, summary="Move a resource group to another subscription")
def move_group(request: HttpRequest, subscription_id: str, resource_group: str, body: resources.GroupMove):
    group = lookup.find_resource_group(request.auth, subscription_id, resource_group)
    require(request.auth, "delete_workspace", group)
    subscriptions.move_group(request.auth, group, lookup.find_subscription(request.auth, body.subscriptionId))
    return resources.ResourceGroup.of(group)


@router.get(
    S + ML + "/workspaces",
    response=list_of(resources.Workspace),
    summary="List workspaces of a subscription",
)
def list_workspaces(request: HttpRequest, subscription_id: str):
    subscription = lookup.find_subscription(request.auth, subscription_id)
    return paginate(request, _visible(request).filter(resource_group__subscription=subscription), resources.Workspace)


@router.get(
    G + ML + "/workspaces",
    response=list_of(resources.Workspace),
    summary="List workspaces of a resource group",
)
def list_workspaces_of_group(request: HttpRequest, subscription_id: str, resource_group: str):
    group = lookup.find_resource_group(request.auth, subscription_id, resource_group)
    return paginate(request, _visible(request).filter(resource_group=group), resources.Workspace)


def _visible(request):
    return Workspace.objects.visible_to(request.auth).with_path()


@router.get(W, response=resources.Workspace, summary="Get a workspace")
def get_workspace(request: HttpRequest, subscription_id: str, resource_group: str, workspace_name: str):
    return resources.Workspace.of(lookup.find_workspace(request.auth, subscription_id, resource_group, workspace_name))


@router.put(
    W,
    response={200: resources.Workspace, 201: resources.Workspace},
    summary="Create or change a workspace",
)
def put_workspace(
    request: HttpRequest,
    subscription_id: str,
    resource_group: str,
    workspace_name: str,
    body: resources.WorkspaceUpdate,
    createResourceGroup: bool = False,
):
    """With `createResourceGroup`, a missing group is created with it; if the workspace cannot be created, nothing is."""
    try:
        workspace = lookup.find_workspace(request.auth, subscription_id, resource_group, workspace_name)
    except Http404:
        where = (subscription_id, resource_group, workspace_name)
        made = creation.create_workspace(request.auth, *where, body.details(), createResourceGroup)
        return Status(201, resources.Workspace.of(made))
    return resources.Workspace.of(_changed(request, workspace, body))


@router.patch(W, response=resources.Workspace, summary="Change a workspace")
def patch_workspace(
    request: HttpRequest,
    subscription_id: str,
    resource_group: str,
    workspace_name: str,
    body: resources.WorkspaceUpdate,
):
    workspace = lookup.find_workspace(request.auth, subscription_id, resource_group, workspace_name)
    return resources.Workspace.of(_changed(request, workspace, body))


def _changed(request, workspace: Workspace, body: resources.WorkspaceUpdate) -> Workspace:
    require(request.auth, "edit_workspace", workspace)
    sent = body.details()
    fields = creation.check_details(sent)
    for name, value in fields.items():
        if name not in workspace.EDITABLE and value != getattr(workspace, name):
            raise Conflict(
                f"The {name.replace('_', ' ')} of a workspace cannot be changed after creation.",
                target=names.wire_name(name.replace("_", " ")),
            )
    # An empty text removes the value.
    cleared = {name: "" for name in ("friendly_name", "description") if sent.get(name) == ""}
    workspace.edit(**{name: value for name, value in {**fields, **cleared}.items() if name in workspace.EDITABLE})
    return workspace


@router.delete(
    W,
    response=resources.WorkspaceDeleted,
    summary="Move a workspace to the trash, or delete it permanently with forceToPurge",
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
    return resources.WorkspaceDeleted(purgeId=job.pk if job else None)


@router.get(
    S + ML + "/deletedWorkspaces",
    response=list_of(resources.DeletedWorkspace),
    summary="List workspaces of a subscription that are in the trash",
)
def list_deleted_workspaces(request: HttpRequest, subscription_id: str):
    wanted = subscription_id.lower()
    rows = deletion.list_deleted(request.auth)
    found = [row for row in rows if row.resource_group.subscription.subscription_id.lower() == wanted]
    return paginate(request, found, resources.DeletedWorkspace)


@router.post(W + "/restore", response=resources.Workspace, summary="Restore a workspace from the trash")
def restore_workspace(request: HttpRequest, subscription_id: str, resource_group: str, workspace_name: str):
    words = (request.auth, subscription_id, resource_group, workspace_name)
    deletion.restore_workspace(request.auth, lookup.find_deleted_workspace(*words))
    return resources.Workspace.of(lookup.find_workspace(*words))


@router.post(
    W + "/listKeys",
    response=resources.ListWorkspaceKeysResult,
    summary="List names and keys of the associated resources",
)
def list_keys(request: HttpRequest, subscription_id: str, resource_group: str, workspace_name: str):
    workspace = lookup.find_workspace(request.auth, subscription_id, resource_group, workspace_name)
    require(request.auth, "read_keys", workspace)
    with transaction.atomic():
        activity.record("keys.read", workspace, actor=request.auth, scope=workspace)
    return resources.ListWorkspaceKeysResult.of(workspace)


@router.get(
    "/discovery/workspaces/{workspace_id}",
    auth=None,
    response=resources.Discovery,
    summary="Get the URLs of the services",
)
def discovery(request: HttpRequest, workspace_id: uuid.UUID):
    # Open without a token: the answer is the same for every id and contains only this server's URL.
    return resources.Discovery.of_server()


@router.get(
    "/metadata/endpoints",
    auth=None,
    response=resources.CloudList,
    summary="Get this studio as a cloud, for ARM_CLOUD_METADATA_URL of Azure's v2 clients",
)
def cloud_metadata(request: HttpRequest):
    # Open without a token, as discovery is.
    return resources.CloudList.of_server()
