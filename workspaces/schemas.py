"""What the routes of subscriptions, groups and workspaces answer, under Azure's names."""

from pydantic import RootModel

from studio.schemas import Paged, Shape


class Subscription(Shape):
    id: str
    subscriptionId: str
    displayName: str
    state: str


class SubscriptionListResult(Paged):
    value: list[Subscription]


class ProvisioningState(Shape):
    provisioningState: str


class ResourceGroup(Shape):
    id: str
    name: str
    type: str
    location: str
    tags: dict[str, str]
    properties: ProvisioningState


class ResourceGroupListResult(Paged):
    value: list[ResourceGroup]


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


class WorkspaceListResult(Paged):
    value: list[Workspace]


class DeletedWorkspaceInformation(WorkspaceInformation):
    deletedTime: str
    purgeTime: str


class DeletedWorkspace(Workspace):
    properties: DeletedWorkspaceInformation


class DeletedWorkspaceListResult(Paged):
    value: list[DeletedWorkspace]


class RegistryPassword(Shape):
    name: str
    value: str


class RegistryListCredentialsResult(Shape):
    location: str
    username: str
    passwords: list[RegistryPassword]


class ListWorkspaceKeysResult(Shape):
    userStorageKey: str
    userStorageResourceId: str | None
    appInsightsInstrumentationKey: str
    containerRegistryCredentials: RegistryListCredentialsResult | None


class Discovery(RootModel[dict[str, str]]):
    """The base address of each service."""
