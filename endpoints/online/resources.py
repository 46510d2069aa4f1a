"""Request and response classes of Azure's v2: online endpoints, and their deployments, which are versions of an endpoint."""

from typing import Annotated, Any, Literal, Self

import pydantic

from endpoints import rules
from endpoints.models import Endpoint, Revision
from studio.formats import utc_time
from studio.request_body import Body, LooseBody, Whole
from studio.rules import DESCRIPTION, TAGS
from studio.schemas import Open, Shape, SystemData

TYPE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
STATES = {
    Revision.State.TRANSITIONING: "Updating",
    Revision.State.HEALTHY: "Succeeded",
    Revision.State.FAILED: "Failed",
    Revision.State.STOPPED: "Canceled",
}
Shares = dict[str, Whole]


class OnlineSystemData(SystemData):
    lastModifiedAt: str

    @classmethod
    def of(cls, row: Endpoint) -> Self:
        label = row.created_by.label if row.created_by else None
        return cls(createdBy=label, createdAt=utc_time(row.created_at), lastModifiedAt=utc_time(row.updated_at) or "")


class OnlineIdentity(Shape):
    type: Literal["SystemAssigned"] = "SystemAssigned"


class OnlineEndpointProperties(Shape):
    authMode: str = pydantic.Field(
        description="`Key`, `AMLToken` (tokens that expire), or `None` if it answers everybody."
    )
    description: str
    properties: dict[str, str]
    traffic: dict[str, int]
    mirrorTraffic: dict[str, int]
    compute: str | None
    scoringUri: str
    swaggerUri: str
    provisioningState: Literal["Succeeded"] = "Succeeded"
    publicNetworkAccess: Literal["Enabled"] = "Enabled"


class OnlineEndpoint(Shape):
    id: str
    name: str
    type: str
    location: str
    kind: Literal["Managed", "K8S"]
    tags: dict[str, str]
    identity: OnlineIdentity
    properties: OnlineEndpointProperties
    systemData: OnlineSystemData

    @classmethod
    def of(cls, row: Endpoint) -> Self:
        return cls(
            id=id_of(row),
            name=row.name,
            type=TYPE,
            location=row.workspace.location,
            kind="K8S" if row.target else "Managed",
            tags=row.tags,
            identity=OnlineIdentity(),
            properties=OnlineEndpointProperties(
                authMode="AMLToken" if row.token_auth_enabled else "Key" if row.auth_enabled else "None",
                description=row.description,
                properties=row.properties,
                traffic={name: share for name, share in row.shares.items() if share},
                mirrorTraffic=row.mirrors,
                compute=f"{row.workspace.arm_id}/computes/{row.target.name}" if row.target else None,
                scoringUri=row.scoring_uri,
                swaggerUri=row.swagger_uri,
            ),
            systemData=OnlineSystemData.of(row),
        )


def id_of(row: Endpoint) -> str:
    name, _, version = row.name.partition(".")
    return f"{row.workspace.arm_id}/onlineEndpoints/{name}" + (f"/deployments/{version}" if version else "")


class OnlineSku(Shape):
    name: str
    capacity: int


class OnlineDeploymentProperties(Open):
    """Also has the settings as they were sent, such as `livenessProbe`."""

    endpointComputeType: Literal["Managed", "Kubernetes"]
    provisioningState: str
    description: str
    properties: dict[str, str]
    model: str | None
    codeConfiguration: dict[str, Any] | None
    environmentId: str | None
    environmentVariables: dict[str, str]
    appInsightsEnabled: bool
    instanceType: str | None
    scaleSettings: dict[str, Any]


class OnlineDeployment(Shape):
    id: str
    name: str
    type: str
    location: str
    tags: dict[str, str]
    sku: OnlineSku
    properties: OnlineDeploymentProperties
    systemData: OnlineSystemData

    @classmethod
    def of(cls, row: Endpoint) -> Self:
        newest = row.newest
        return cls(
            id=id_of(row),
            name=row.version_name,
            type=f"{TYPE}/deployments",
            location=row.workspace.location,
            tags=row.tags,
            sku=OnlineSku(name="Default", capacity=newest.min_replicas if newest else 0),
            properties=OnlineDeploymentProperties(**_describe_deployment(row)),
            systemData=OnlineSystemData.of(row),
        )


def _describe_deployment(row: Endpoint) -> dict[str, Any]:
    newest = row.newest
    sent = newest.settings.get("online", {}) if newest else {}
    model = next(iter(newest.model_versions.all()), None) if newest else None
    code = {"codeId": None, "scoringScript": newest.entry_script} if newest and newest.entry_script else None
    bounds = {"minInstances": newest.min_replicas, "maxInstances": newest.max_replicas} if newest else {}
    is_fixed = len(set(bounds.values())) < 2
    return {
        "codeConfiguration": code,
        "environmentId": None,
        "environmentVariables": {},
        "instanceType": None,
        **{name: value for name, value in sent.items() if value is not None},
        "endpointComputeType": "Kubernetes" if row.parent and row.parent.target_id else "Managed",
        "provisioningState": STATES[Revision.State(newest.stage)] if newest else "Failed",
        "description": row.description,
        "properties": row.properties,
        "model": model.arm_id if model else None,
        "appInsightsEnabled": row.has_insights,
        "scaleSettings": {"scaleType": "Default"} if is_fixed else {"scaleType": "TargetUtilization", **bounds},
    }


class OnlineOperation(Shape):
    id: str
    name: str
    status: Literal["InProgress", "Succeeded", "Failed", "Canceled"]
    error: dict[str, str] | None = None

    @classmethod
    def of(cls, row: Revision) -> Self:
        words: dict[Revision.State, Any] = {
            Revision.State.TRANSITIONING: "InProgress",
            Revision.State.FAILED: "Failed",
        }
        # A revision that a later one has replaced was deployed, unless it never was ready.
        gone = "Succeeded" if row.ready_at else "Canceled"
        words |= {Revision.State.HEALTHY: "Succeeded", Revision.State.STOPPED: gone}
        status = words[Revision.State(row.stage)]
        failed = status in ("Failed", "Canceled")
        error = {"code": "DeploymentFailed", "message": row.reason[-8000:]} if failed else None
        return cls(
            id=f"{id_of(row.endpoint)}/operations/{row.number}", name=str(row.number), status=status, error=error
        )


class OnlineKeys(Shape):
    primaryKey: str
    secondaryKey: str


class OnlineToken(Shape):
    accessToken: str
    tokenType: Literal["Bearer"] = "Bearer"
    refreshAfterTimeUtc: int = pydantic.Field(description="When to get the next one, in seconds since 1970.")
    expiryTimeUtc: int

    @classmethod
    def of(cls, row: Endpoint) -> Self:
        token = row.make_token()
        refresh_at, expires_at = token.refresh_at.timestamp(), token.expires_at.timestamp()
        return cls(accessToken=token.value, refreshAfterTimeUtc=int(refresh_at), expiryTimeUtc=int(expires_at))


class OnlineLogs(Shape):
    content: str


class OnlineLogsRequest(Body):
    containerType: Literal["StorageInitializer", "InferenceServer"] | None = None
    tail: Annotated[Whole, rules.LOG_LINES] | None = None


class OnlineKeyRegeneration(Body):
    keyType: str
    keyValue: str | None = None


class OnlineEndpointPropertiesUpdate(LooseBody):
    authMode: Annotated[str, rules.AUTH_MODE] = "Key"
    description: Annotated[str, DESCRIPTION] | None = None
    properties: Annotated[dict[str, str], rules.PROPERTIES] | None = None
    traffic: Shares | None = None
    mirrorTraffic: Shares | None = None
    compute: str | None = pydantic.Field(default=None, description="The cluster of a Kubernetes endpoint.")
    publicNetworkAccess: Literal["Enabled"] | None = None


class OnlineIdentityUpdate(LooseBody):
    type: Literal["SystemAssigned", "systemAssigned", "None"]


class OnlineEndpointUpdate(LooseBody):
    tags: Annotated[dict[str, str], TAGS] | None = None
    identity: OnlineIdentityUpdate | None = None
    properties: OnlineEndpointPropertiesUpdate


class OnlineCode(Body):
    codeId: str | None = None
    scoringScript: Annotated[str, rules.ENTRY_SCRIPT]


class OnlineRequestSettings(Body):
    maxConcurrentRequestsPerInstance: Annotated[Whole, rules.CONCURRENCY] | None = None
    requestTimeout: Annotated[str, rules.REQUEST_TIMEOUT] | None = pydantic.Field(
        default=None, description="A duration of ISO 8601, such as PT5S."
    )
    maxQueueWait: str | None = None


class OnlineScaleSettings(Body):
    scaleType: Literal["Default", "TargetUtilization"] = "Default"
    minInstances: Annotated[Whole, rules.MIN_REPLICAS] | None = None
    maxInstances: Annotated[Whole, rules.MAX_REPLICAS] | None = None
    pollingInterval: str | None = None
    targetUtilizationPercentage: Whole | None = None


class OnlineDeploymentPropertiesUpdate(LooseBody):
    endpointComputeType: Literal["Managed", "Kubernetes"] = "Managed"
    description: Annotated[str, DESCRIPTION] | None = None
    properties: Annotated[dict[str, str], rules.PROPERTIES] | None = None
    model: str | None = pydantic.Field(
        default=None, description="The ARM id of its version, or `azureml:NAME:VERSION`."
    )
    modelMountPath: str | None = None
    codeConfiguration: OnlineCode | None = None
    environmentId: str | None = None
    environmentVariables: dict[str, Any] | None = None
    appInsightsEnabled: bool | None = None
    instanceType: Annotated[str, rules.INSTANCE_TYPE] | None = None
    requestSettings: OnlineRequestSettings | None = None
    scaleSettings: OnlineScaleSettings | None = None
    livenessProbe: dict[str, Any] | None = None
    readinessProbe: dict[str, Any] | None = None
    startupProbe: dict[str, Any] | None = None
    dataCollector: dict[str, Any] | None = None
    containerResourceRequirements: dict[str, Any] | None = None
    egressPublicNetworkAccess: str | None = None
    privateNetworkConnection: bool | None = None


class OnlineSkuUpdate(LooseBody):
    capacity: Annotated[Whole, rules.MAX_REPLICAS] | None = None


class OnlineDeploymentUpdate(LooseBody):
    tags: Annotated[dict[str, str], TAGS] | None = None
    sku: OnlineSkuUpdate | None = None
    properties: OnlineDeploymentPropertiesUpdate
