"""Subscriptions, groups and workspaces in Azure's shapes."""

import base64
import datetime as dt

from django.conf import settings
from django.utils.crypto import salted_hmac

from studio.formats import utc_time
from workspaces.models import ResourceGroup, Subscription, Workspace

TYPE = "Microsoft.MachineLearningServices/workspaces"
PROVIDERS = {
    "storage_account": "Microsoft.Storage/storageAccounts",
    "key_vault": "Microsoft.Keyvault/vaults",
    "application_insights": "Microsoft.Insights/components",
    "container_registry": "Microsoft.ContainerRegistry/registries",
}
# What SDKs ask the discovery address for; all of it is served here.
SERVICES = [
    "api",
    "catalog",
    "experimentation",
    "gallery",
    "history",
    "hyperdrive",
    "labeling",
    "modelmanagement",
    "modelregistry",
    "pipelines",
    "studio",
]


def subscription(row: Subscription) -> dict:
    return {
        "id": row.arm_id,
        "subscriptionId": row.subscription_id,
        "displayName": str(row),
        "state": "Enabled",
    }


def group(row: ResourceGroup) -> dict:
    return {
        "id": row.arm_id,
        "name": row.name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": row.location,
        "tags": row.tags,
        "properties": {"provisioningState": "Succeeded"},
    }


def workspace(row: Workspace) -> dict:
    server = settings.PUBLIC_URL
    return {
        "id": row.arm_id,
        "name": row.name,
        "type": TYPE,
        "location": row.location,
        "tags": row.tags,
        "sku": {"name": row.sku, "tier": row.sku},
        "kind": "Default",
        "identity": {"type": "None"},
        "properties": {
            "friendlyName": row.title,
            "description": row.description,
            "workspaceId": str(row.workspace_id),
            "discoveryUrl": f"{server}/discovery/workspaces/{row.workspace_id}",
            "mlFlowTrackingUri": f"{server}/mlflow/v1.0{row.arm_id}",
            "studioEndpoint": server + row.get_absolute_url(),
            "hbiWorkspace": row.hbi_workspace,
            "creationTime": utc_time(row.created_at),
            "provisioningState": "Succeeded",
            "publicNetworkAccess": "Enabled",
            "storageAccount": resource_id(row, "storage_account"),
            "keyVault": resource_id(row, "key_vault"),
            "applicationInsights": resource_id(row, "application_insights"),
            "containerRegistry": resource_id(row, "container_registry"),
        },
    }


def deleted_workspace(row: Workspace) -> dict:
    assert row.deleted_at, "It is in the trash."
    freed = row.deleted_at + dt.timedelta(days=settings.TRASH_DAYS)
    answer = workspace(row)
    answer["properties"] |= {"deletedTime": utc_time(row.deleted_at), "purgeTime": utc_time(freed)}
    return answer


def resource_id(row: Workspace, kind: str) -> str | None:
    name = getattr(row, kind)
    return f"{row.resource_group.arm_id}/providers/{PROVIDERS[kind]}/{name}" if name else None


def keys(row: Workspace) -> dict:
    """Azure's answer. The bytes live with the studio itself, so that a key here is only a stable secret of its name."""
    return {
        "userStorageKey": _key(row, row.storage_account),
        "userStorageResourceId": resource_id(row, "storage_account"),
        "appInsightsInstrumentationKey": _key(row, row.application_insights)[:36],
        "containerRegistryCredentials": _registry(row),
    }


def _registry(row: Workspace) -> dict | None:
    if not row.container_registry:
        return None
    password = {"name": "password", "value": _key(row, row.container_registry)}
    return {"location": row.location, "username": row.container_registry, "passwords": [password]}


def _key(row: Workspace, name: str) -> str:
    return base64.b64encode(
        salted_hmac("associated-resource", f"{row.workspace_id}/{name}", algorithm="sha512").digest()
    ).decode()


def discovery() -> dict:
    return dict.fromkeys(SERVICES, settings.PUBLIC_URL)
