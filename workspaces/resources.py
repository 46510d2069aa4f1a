"""Request and response classes of subscriptions, groups and workspaces, with Azure's names."""

import base64
from typing import Annotated, Any, Self

from django.conf import settings
from django.utils.crypto import salted_hmac
from pydantic import BeforeValidator, ConfigDict, Field, RootModel

from studio.formats import utc_time
from studio.public_url import public_url
from studio.request_body import Body
from studio.rules import DESCRIPTION, TAGS
from studio.schemas import Nothing, Shape
from studio.trash_days import purge_time
from workspaces import models, rules

TYPE = "Microsoft.MachineLearningServices/workspaces"
PROVIDERS = {
    "storage_account": "Microsoft.Storage/storageAccounts",
    "key_vault": "Microsoft.Keyvault/vaults",
    "application_insights": "Microsoft.Insights/components",
    "container_registry": "Microsoft.ContainerRegistry/registries",
}
# The services that SDKs look up; all of them are served here.
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


class Subscription(Shape):
    id: str
    subscriptionId: str
    displayName: str
    state: str

    @classmethod
    def of(cls, row: models.Subscription) -> Self:
        return cls(id=row.arm_id, subscriptionId=row.subscription_id, displayName=str(row), state="Enabled")


class SubscriptionUpdate(Body):
    displayName: Annotated[str, rules.DISPLAY_NAME] = ""


class GroupMove(Body):
    subscriptionId: Annotated[str, rules.SUBSCRIPTION]


class ProvisioningState(Shape):
    provisioningState: str


class ResourceGroup(Shape):
    id: str
    name: str
    type: str
    location: str
    tags: dict[str, str]
    properties: ProvisioningState

    @classmethod
    def of(cls, row: models.ResourceGroup) -> Self:
        return cls(
            id=row.arm_id,
            name=row.name,
            type="Microsoft.Resources/resourceGroups",
            location=row.location,
            tags=row.tags,
            properties=ProvisioningState(provisioningState="Succeeded"),
        )


class ResourceGroupUpdate(Body):
    location: Annotated[str, rules.LOCATION] = ""
    tags: Annotated[dict[str, Any], TAGS] | None = None


class SkuOfWorkspace(Shape):
    name: str
    tier: str


class Identity(Shape):
    type: str


class WorkspaceInformation(Shape):
    friendlyName: str
    description: str
    workspaceId: str
    discoveryUrl: str
    mlFlowTrackingUri: str
    studioEndpoint: str
    hbiWorkspace: bool
    creationTime: str
    provisioningState: str
    publicNetworkAccess: str
    storageAccount: str | None
    keyVault: str | None
    applicationInsights: str | None
    containerRegistry: str | None

    @classmethod
    def of(cls, row: models.Workspace, **more: Any) -> Self:
        """`more` are the fields of a subclass."""
        server = settings.PUBLIC_URL
        return cls(
            friendlyName=row.title,
            description=row.description,
            workspaceId=str(row.workspace_id),
            discoveryUrl=f"{server}/discovery/workspaces/{row.workspace_id}",
            mlFlowTrackingUri=f"{server}/mlflow/v1.0{row.arm_id}",
            studioEndpoint=public_url(row.get_absolute_url()),
            hbiWorkspace=row.hbi_workspace,
            creationTime=utc_time(row.created_at),
            provisioningState="Succeeded",
            publicNetworkAccess="Enabled",
            storageAccount=resource_id(row, "storage_account"),
            keyVault=resource_id(row, "key_vault"),
            applicationInsights=resource_id(row, "application_insights"),
            containerRegistry=resource_id(row, "container_registry"),
            **more,
        )


class Workspace(Shape):
    id: str
    name: str
    type: str
    location: str
    tags: dict[str, str]
    sku: SkuOfWorkspace
    kind: str
    identity: Identity
    properties: WorkspaceInformation

    @classmethod
    def of(cls, row: models.Workspace) -> Self:
        return cls(
            id=row.arm_id,
            name=row.name,
            type=TYPE,
            location=row.location,
            tags=row.tags,
            sku=SkuOfWorkspace(name=row.sku, tier=row.sku),
            kind="Default",
            identity=Identity(type="None"),
            properties=cls._information(row),
        )

    @classmethod
    def _information(cls, row: models.Workspace) -> WorkspaceInformation:
        return WorkspaceInformation.of(row)


class DeletedWorkspaceInformation(WorkspaceInformation):
    deletedTime: str
    purgeTime: str


class DeletedWorkspace(Workspace):
    properties: DeletedWorkspaceInformation

    @classmethod
    def _information(cls, row: models.Workspace) -> DeletedWorkspaceInformation:
        assert row.deleted_at, "It is in the trash."
        times = {"deletedTime": utc_time(row.deleted_at), "purgeTime": utc_time(purge_time(row.deleted_at))}
        return DeletedWorkspaceInformation.of(row, **times)


class SkuName(Body):
    name: Annotated[str, rules.SKU] | None = None


class WorkspacePropertiesUpdate(Body):
    """Other fields of Azure's clients are accepted and have no effect."""

    model_config = ConfigDict(extra="ignore")
    friendlyName: Annotated[str, rules.FRIENDLY_NAME] | None = None
    description: Annotated[str, DESCRIPTION] | None = None
    storageAccount: Annotated[str, rules.STORAGE_ACCOUNT] | None = None
    keyVault: Annotated[str, rules.KEY_VAULT] | None = None
    applicationInsights: Annotated[str, rules.APPLICATION_INSIGHTS] | None = None
    containerRegistry: Annotated[str, rules.CONTAINER_REGISTRY] | None = None
    hbiWorkspace: bool | None = None


class WorkspaceUpdate(Body):
    location: Annotated[str, rules.LOCATION] | None = None
    tags: Annotated[dict[str, Any], TAGS] | None = None
    # Azure's clients send {"name": "Basic"}; the word alone is accepted too.
    sku: Annotated[SkuName | None, BeforeValidator(lambda sku: {"name": sku} if isinstance(sku, str) else sku)] = None
    properties: WorkspacePropertiesUpdate = Field(default_factory=WorkspacePropertiesUpdate)

    def details(self) -> dict:
        """The given fields, by the names of the model's fields."""
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


class WorkspaceDeleted(Nothing):
    purgeId: int | None = Field(
        None, description="Absent unless it is deleted permanently.", exclude_if=lambda purge: purge is None
    )


class RegistryPassword(Shape):
    name: str
    value: str


class RegistryListCredentialsResult(Shape):
    location: str
    username: str
    passwords: list[RegistryPassword]

    @classmethod
    def of(cls, row: models.Workspace) -> Self | None:
        if not row.container_registry:
            return None
        password = RegistryPassword(name="password", value=secret_of(row, row.container_registry))
        return cls(location=row.location, username=row.container_registry, passwords=[password])


class ListWorkspaceKeysResult(Shape):
    """Azure's response. The studio stores all files itself, so a key is only a stable secret derived from the name."""

    userStorageKey: str
    userStorageResourceId: str | None
    appInsightsInstrumentationKey: str
    containerRegistryCredentials: RegistryListCredentialsResult | None

    @classmethod
    def of(cls, row: models.Workspace) -> Self:
        return cls(
            userStorageKey=secret_of(row, row.storage_account),
            userStorageResourceId=resource_id(row, "storage_account"),
            appInsightsInstrumentationKey=secret_of(row, row.application_insights)[:36],
            containerRegistryCredentials=RegistryListCredentialsResult.of(row),
        )


class Discovery(RootModel[dict[str, str]]):
    """The base URL of each service."""

    @classmethod
    def of_server(cls) -> Self:
        return cls(dict.fromkeys(SERVICES, settings.PUBLIC_URL))


class Cloud(Shape):
    """This studio as a cloud: where the clients of Azure's v2 find its services."""

    name: str
    portal: str
    resourceManager: str
    authentication: dict[str, str]
    suffixes: dict[str, str]


class CloudList(RootModel[list[Cloud]]):
    @classmethod
    def of_server(cls) -> Self:
        address = settings.PUBLIC_URL
        login, suffixes = {"loginEndpoint": address}, {"storage": address.partition("://")[2]}
        own = Cloud(name="Lazuli", portal=address, resourceManager=address, authentication=login, suffixes=suffixes)
        return cls([own])


def resource_id(row: models.Workspace, kind: str) -> str | None:
    name = getattr(row, kind)
    return f"{row.resource_group.arm_id}/providers/{PROVIDERS[kind]}/{name}" if name else None


def secret_of(row: models.Workspace, name: str) -> str:
    return base64.b64encode(
        salted_hmac("associated-resource", f"{row.workspace_id}/{name}", algorithm="sha512").digest()
    ).decode()
