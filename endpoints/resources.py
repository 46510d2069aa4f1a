"""Request and response classes of services, for SDK v1's `Webservice`."""

from typing import Annotated, Any, Literal, Self

import pydantic

from endpoints import rules
from endpoints.models import Endpoint, Revision
from studio.formats import utc_time
from studio.public_url import public_url
from studio.request_body import Body, Whole
from studio.rules import DESCRIPTION, TAGS
from studio.schemas import Shape

Concurrency = Annotated[int, pydantic.Field(ge=1, le=64)]


class ServiceRevision(Shape):
    number: int
    state: str
    reason: str
    entryScript: str
    environmentName: str
    computeType: str
    computeName: str = pydantic.Field(description="The cluster; empty for a machine of the studio.")
    models: list[str] = pydantic.Field(description="Each as `name:version`.")
    replicas: int = pydantic.Field(description="The number of replicas that it should have now.")
    readyReplicas: int
    minReplicas: int
    maxReplicas: int
    createdTime: str

    @classmethod
    def of(cls, row: Revision) -> Self:
        return cls(
            number=row.number,
            state=row.state,
            reason=row.state_reason,
            entryScript=row.entry_script,
            environmentName=row.environment_name,
            computeType=row.compute_type,
            computeName=row.target.name if row.target and row.target.is_cluster else "",
            models=[f"{version.model.name}:{version.number}" for version in row.model_versions.all()],
            replicas=row.wanted,
            readyReplicas=len(row.addresses),
            minReplicas=row.min_replicas,
            maxReplicas=row.max_replicas,
            createdTime=utc_time(row.created_at) or "",
        )


class ServiceVersion(Shape):
    """A service, or a version of one."""

    id: str
    name: str
    description: str
    tags: dict[str, str]
    properties: dict[str, str]
    state: str
    error: str = pydantic.Field(description="Why the latest revision is not ready; empty if it is.")
    operationState: str = pydantic.Field(description="The state of the latest revision: Running, Succeeded or Failed.")
    computeType: str
    authEnabled: bool
    tokenAuthEnabled: bool
    appInsightsEnabled: bool
    collectModelData: bool
    scoringUri: str
    swaggerUri: str
    newest: ServiceRevision | None
    currentRevision: int | None
    hasVersions: bool = pydantic.Field(
        description="Whether its requests are answered by versions instead of its own revisions."
    )
    versionName: str = pydantic.Field(description="Of a version; else empty.")
    trafficPercentile: int | None = pydantic.Field(
        description="For a version: the percentage of requests that it gets."
    )
    isDefault: bool = pydantic.Field(
        description="Whether this version also gets the requests that no version is assigned."
    )
    isControl: bool
    createdBy: str
    createdTime: str
    updatedTime: str
    portalUrl: str

    @classmethod
    def of(cls, row: Endpoint) -> Self:
        return cls(**_describe(row))


class Service(ServiceVersion):
    versions: list[ServiceVersion]

    @classmethod
    def of(cls, row: Endpoint) -> Self:
        versions = [ServiceVersion.of(version) for version in row.versions.all()] if row.has_versions else []
        return cls(**_describe(row), versions=versions)


def _describe(row: Endpoint) -> dict[str, Any]:
    newest = row.newest
    return {
        "id": row.arm_id,
        "name": row.name,
        "description": row.description,
        "tags": row.tags,
        "properties": row.properties,
        "state": row.state,
        "error": row.failure,
        "operationState": _find_operation(row),
        "computeType": newest.compute_type if newest else "AKS" if row.has_versions else "ACI",
        "authEnabled": row.auth_enabled,
        "tokenAuthEnabled": row.token_auth_enabled,
        "appInsightsEnabled": row.has_insights,
        "collectModelData": row.collects_data,
        "scoringUri": row.scoring_uri,
        "swaggerUri": row.swagger_uri,
        "newest": ServiceRevision.of(newest) if newest else None,
        "currentRevision": row.current.number if row.current else None,
        "hasVersions": row.has_versions,
        "versionName": row.version_name,
        "trafficPercentile": row.traffic_percentile if row.parent_id else None,
        "isDefault": row.is_default,
        "isControl": row.is_control,
        "createdBy": row.created_by.label if row.created_by else "",
        "createdTime": utc_time(row.created_at) or "",
        "updatedTime": utc_time(row.updated_at) or "",
        "portalUrl": public_url(row.get_absolute_url()),
    }


def _find_operation(row: Endpoint) -> str:
    """The operation of an endpoint: with versions it is Running while one of them starts, Failed if one has failed."""
    if row.has_versions:
        found = {_find_operation(version) for version in row.versions.all()}
        return next((state for state in ("Running", "Failed") if state in found), "Succeeded")
    return OPERATIONS.get(Revision.State(row.newest.stage), "Failed") if row.newest else "Failed"


OPERATIONS = {
    Revision.State.TRANSITIONING: "Running",
    Revision.State.HEALTHY: "Succeeded",
    Revision.State.FAILED: "Failed",
    Revision.State.STOPPED: "Failed",
}


class DeploymentUpdate(Body):
    """The parts of a revision."""

    models: list[str] = pydantic.Field(default=[], max_length=1000, description="Each as `name:version`.")
    entryScript: Annotated[str, rules.ENTRY_SCRIPT] | None = pydantic.Field(
        default=None, description="Without it, the only model is an MLflow model, which is loaded by mlflow.pyfunc."
    )
    codeId: str | None = pydantic.Field(default=None, description="The id of a snapshot, which has the entry script.")
    environmentId: str | None = pydantic.Field(
        default=None, description="Without an environment: that of an MLflow model, or the default one."
    )
    environmentDefinition: dict | None = None
    computeName: str | None = pydantic.Field(
        default=None, description="A compute cluster; without one, a machine of the studio."
    )
    concurrency: Concurrency = 1
    timeoutSeconds: Annotated[float, pydantic.Field(gt=0, le=300)] = 60.0
    cores: Annotated[Whole, rules.CORES] | None = pydantic.Field(
        default=None, description="What each replica reserves of its node; without it, replicas share the node."
    )
    memoryGB: Annotated[float, rules.MEMORY] | None = pydantic.Field(
        default=None, description="The same of the memory; a replica that uses more is started again."
    )
    minReplicas: Annotated[Whole, rules.MIN_REPLICAS] = pydantic.Field(
        default=1,
        description="With 0, no process runs while there are no requests; the next one waits until one has started.",
    )
    maxReplicas: Annotated[Whole, rules.MAX_REPLICAS] = 1
    idleSeconds: Annotated[int, pydantic.Field(ge=5, le=86_400)] = 300
    computeType: Literal["", "AKS"] = pydantic.Field(default="", description="The class of SDK v1 that reads it.")


class ServiceUpdate(Body):
    description: Annotated[str, DESCRIPTION] | None = None
    tags: Annotated[dict[str, str], TAGS] | None = None
    properties: Annotated[dict[str, str], rules.PROPERTIES] | None = None
    authEnabled: bool | None = pydantic.Field(default=None, description="Whether requests need a key.")
    tokenAuthEnabled: bool | None = pydantic.Field(
        default=None, description="Whether requests need a token that expires, instead of a key."
    )
    appInsightsEnabled: bool | None = pydantic.Field(
        default=None, description="Whether requests are stored with their durations and what run() prints."
    )
    collectModelData: bool | None = pydantic.Field(
        default=None, description="Whether the bodies of requests and answers are stored too."
    )
    minReplicas: Annotated[Whole, rules.MIN_REPLICAS] | None = pydantic.Field(
        default=None, description="With maxReplicas: changes what is already deployed."
    )
    maxReplicas: Annotated[Whole, rules.MAX_REPLICAS] | None = None
    deployment: DeploymentUpdate | None = None
    trafficPercentile: Annotated[Whole, rules.TRAFFIC] | None = pydantic.Field(
        default=None, description="For a version, ENDPOINT.VERSION: the percentage of requests that it gets."
    )
    isDefault: bool | None = pydantic.Field(
        default=None, description="For a version: whether it also gets the requests that no version is assigned."
    )
    isControl: bool | None = None


class ServiceCreate(ServiceUpdate):
    overwrite: bool = False
    hasVersions: bool = pydantic.Field(
        default=False, description="Create it without a deployment, to add versions later."
    )
    primaryKey: str = ""
    secondaryKey: str = ""


class ServiceKeys(Shape):
    primaryKey: str
    secondaryKey: str


class ServiceToken(Shape):
    accessToken: str
    tokenType: Literal["Bearer"] = "Bearer"
    refreshAfter: str = pydantic.Field(description="When to get the next one.")
    expiryOn: str

    @classmethod
    def of(cls, row: Endpoint) -> Self:
        token = row.make_token()
        refresh_after, expiry_on = utc_time(token.refresh_at), utc_time(token.expires_at)
        return cls(accessToken=token.value, refreshAfter=refresh_after, expiryOn=expiry_on)


class KeyRegeneration(Body):
    keyType: str
    keyValue: str = ""


class ServiceLogs(Shape):
    revision: int
    content: str
