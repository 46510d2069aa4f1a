"""Request and response classes of compute, with Azure's names; those of nodes and hosts are in compute/node_resources.py."""

import json
from typing import Annotated, Any, Self

from compute import models, rules
from compute.instances.resources import IDLE_TIME as INSTANCE_IDLE_TIME
from compute.instances.resources import ComputeInstanceProperties, PersonalComputeInstanceSettings
from compute.instances.schedule_resources import ComputeSchedules
from studio.errors import Invalid
from studio.request_body import LooseBody, Whole
from studio.rules import DESCRIPTION, TAGS
from studio.schemas import Open, Shape
from workspaces.rules import LOCATION

# Recorded and returned; they have no effect here.
MAX_KEPT = 16_000
KEPT = {"subnet", "remoteLoginPortPublicAccess", "enableNodePublicIp", "isolatedNetwork", "virtualMachineImage"}


class ScaleSettingsInformation(Shape):
    minNodeCount: int
    maxNodeCount: int
    nodeIdleTimeBeforeScaleDown: str

    @classmethod
    def of(cls, row: models.ComputeTarget) -> Self:
        return cls(
            minNodeCount=row.scale_settings.min_nodes,
            maxNodeCount=row.scale_settings.max_nodes,
            nodeIdleTimeBeforeScaleDown=f"PT{row.scale_settings.idle_seconds}S",
        )


class NodeStateCounts(Shape):
    preparingNodeCount: int
    idleNodeCount: int
    runningNodeCount: int
    leavingNodeCount: int
    unusableNodeCount: int
    preemptedNodeCount: int

    @classmethod
    def of(cls, row: models.ComputeTarget) -> Self:
        return cls(**{f"{state}NodeCount": count for state, count in row.node_counts.items()})


class AmlComputeProperties(Open):
    vmSize: str
    vmPriority: str
    osType: str
    scaleSettings: ScaleSettingsInformation
    allocationState: str
    allocationStateTransitionTime: str
    currentNodeCount: int
    targetNodeCount: int
    nodeStateCounts: NodeStateCounts
    errors: list[dict[str, Any]] | None

    @classmethod
    def of(cls, row: models.ComputeTarget) -> Self:
        """The row needs `with_counts()`."""
        return cls(
            **row.settings,
            vmSize=row.vm_size,
            vmPriority=row.cluster.vm_priority,
            osType="Linux",
            scaleSettings=ScaleSettingsInformation.of(row),
            allocationState=row.allocation_state,
            allocationStateTransitionTime=row.resized_at.isoformat(),
            currentNodeCount=row.current_node_count,
            targetNodeCount=row.target_node_count,
            nodeStateCounts=NodeStateCounts.of(row),
            errors=None,
        )


class AKSProperties(Shape):
    agentCount: int
    agentVmSize: str
    clusterPurpose: str
    clusterFqdn: str | None
    systemServices: list[dict[str, Any]]
    loadBalancerType: str | None
    # The number of running nodes.
    currentNodeCount: int

    @classmethod
    def of(cls, row: models.ComputeTarget) -> Self:
        """The row needs `with_counts()`."""
        return cls(
            agentCount=row.cluster.max_nodes,
            agentVmSize=row.vm_size,
            clusterPurpose=row.cluster.purpose,
            clusterFqdn=None,
            systemServices=[],
            loadBalancerType=None,
            currentNodeCount=row.usable_count,
        )


class AdministratorAccount(Shape):
    username: str


class VirtualMachineProperties(Shape):
    virtualMachineSize: str
    address: str
    sshPort: int
    administratorAccount: AdministratorAccount
    isNotebookInstanceCompute: bool
    # What the machine waits for, or why it has none; empty when jobs can run.
    stateReason: str

    @classmethod
    def of(cls, row: models.AttachedMachine) -> Self:
        return cls(
            virtualMachineSize=row.target.vm_size,
            address=row.address or (row.host.address if row.host else ""),
            sshPort=row.port,
            administratorAccount=AdministratorAccount(username=row.username),
            isNotebookInstanceCompute=False,
            stateReason=row.state_reason,
        )


Properties = AmlComputeProperties | ComputeInstanceProperties | AKSProperties | VirtualMachineProperties


def _properties_of(row: models.ComputeTarget) -> Properties:
    if row.kind == models.ComputeTarget.Kind.INSTANCE:
        return ComputeInstanceProperties.of(row.instance)
    if row.is_attached:
        return VirtualMachineProperties.of(row.attached)
    return AKSProperties.of(row) if row.is_inference else AmlComputeProperties.of(row)


def _errors_of(row: models.ComputeTarget) -> list[dict[str, Any]] | None:
    if row.state != models.ComputeTarget.State.FAILED or not row.is_attached:
        return None
    return [{"error": {"code": "MachineNotAttached", "message": row.attached.state_reason}}]


class AmlCompute(Shape):
    computeType: str
    computeLocation: str
    description: str
    provisioningState: str
    provisioningErrors: list[dict[str, Any]] | None
    createdOn: str
    modifiedOn: str
    isAttachedCompute: bool
    resourceId: str | None
    properties: Properties

    @classmethod
    def of(cls, row: models.ComputeTarget) -> Self:
        return cls(
            computeType=row.kind,
            computeLocation=row.location,
            description=row.description,
            provisioningState=row.state,
            provisioningErrors=_errors_of(row),
            createdOn=row.created_at.isoformat(),
            modifiedOn=row.resized_at.isoformat(),
            isAttachedCompute=row.is_attached and bool(row.attached.address),
            resourceId=None,
            properties=_properties_of(row),
        )


class ComputeResource(Shape):
    id: str
    name: str
    type: str
    location: str
    tags: dict[str, str]
    properties: AmlCompute

    @classmethod
    def of(cls, row: models.ComputeTarget) -> Self:
        return cls(
            id=row.arm_id,
            name=row.name,
            type="Microsoft.MachineLearningServices/workspaces/computes",
            location=row.location,
            tags=row.tags,
            properties=AmlCompute.of(row),
        )


class ScaleSettingsUpdate(LooseBody):
    minNodeCount: Annotated[Whole, rules.MIN_NODES] | None = None
    maxNodeCount: Annotated[Whole, rules.MAX_NODES] | None = None
    nodeIdleTimeBeforeScaleDown: Annotated[Any, rules.IDLE_TIME] | None = None


class AdministratorAccountUpdate(LooseBody):
    username: Annotated[str, rules.USERNAME]
    password: str | None = None
    privateKeyData: str | None = None


class AmlComputePropertiesUpdate(LooseBody):
    vmSize: Annotated[str, rules.VM_SIZE] | None = None
    vmPriority: Annotated[str, rules.VM_PRIORITY] | None = None
    # The fields from here are those of an inference cluster.
    agentCount: Annotated[Whole, rules.AGENT_COUNT] | None = None
    agentVmSize: Annotated[str, rules.VM_SIZE] | None = None
    clusterPurpose: Annotated[str, rules.PURPOSE] | None = None
    scaleSettings: ScaleSettingsUpdate | None = None
    # The fields from here are those of a compute instance. `state` is Stopped for one that is not started yet.
    personalComputeInstanceSettings: PersonalComputeInstanceSettings | None = None
    idleTimeBeforeShutdown: Annotated[Any, INSTANCE_IDLE_TIME] | None = None
    schedules: ComputeSchedules | None = None
    state: str | None = None
    # The fields from here are those of an attached machine; without an address it is a free one that has joined.
    address: Annotated[str, rules.ADDRESS] | None = None
    sshPort: Annotated[Whole, rules.SSH_PORT] | None = None
    administratorAccount: AdministratorAccountUpdate | None = None
    # The fingerprint of its host key, if it is known; else a site admin confirms it.
    hostKey: Annotated[str, rules.FINGERPRINT] | None = None

    @property
    def size(self) -> str | None:
        return self.vmSize or self.agentVmSize

    def machine_settings(self) -> dict:
        """How to sign in to the machine to attach."""
        account = self.administratorAccount
        if account is None:
            raise Invalid(
                "administratorAccount is missing: username, and password or privateKeyData.", target="username"
            )
        if bool(account.password) == bool(account.privateKeyData):
            raise Invalid("Give a password or privateKeyData: one of the two.", target="password")
        return {
            "address": self.address,
            "port": self.sshPort or 22,
            "username": account.username,
            "credential": account.password or account.privateKeyData,
            "host_key": self.hostKey or "",
        }

    def kept_settings(self) -> dict:
        """The settings that are only recorded. Only the name of an administrator's account is stored, never passwords
        and keys."""
        given = self.model_extra or {}
        kept = {key: value for key, value in given.items() if key in KEPT and value is not None}
        account = given.get("userAccountCredentials")
        if isinstance(account, dict) and account.get("adminUserName"):
            kept["userAccountCredentials"] = {"adminUserName": str(account["adminUserName"])}
        if len(json.dumps(kept)) > MAX_KEPT:
            raise Invalid(
                f"{', '.join(kept)}: these settings are larger than {MAX_KEPT // 1000} kB.", target="properties"
            )
        return kept


class AmlComputeUpdate(LooseBody):
    computeType: str | None = None
    description: Annotated[str, DESCRIPTION] | None = None
    properties: AmlComputePropertiesUpdate | None = None


class ComputeResourceUpdate(LooseBody):
    location: Annotated[str, LOCATION] | None = None
    tags: Annotated[dict[str, Any], TAGS] | None = None
    properties: AmlComputeUpdate | None = None

    @property
    def compute_type(self) -> str:
        return (self.properties and self.properties.computeType) or models.ComputeTarget.Kind.CLUSTER

    @property
    def cluster(self) -> AmlComputePropertiesUpdate:
        return (self.properties and self.properties.properties) or AmlComputePropertiesUpdate()

    @property
    def recorded_settings(self) -> dict:
        """The given values of fields that are only recorded."""
        given = {
            "location": self.location or None,
            "tags": self.tags,
            "description": self.properties.description if self.properties else None,
            "vm_priority": self.cluster.vmPriority,
            "settings": self.cluster.kept_settings() or None,
        }
        return {name: value for name, value in given.items() if value is not None}

    def scale(self, present: models.Scale) -> models.Scale:
        """The requested limits; missing ones stay unchanged."""
        if count := self.cluster.agentCount:
            return models.Scale(count, count, present.idle_seconds)
        given = self.cluster.scaleSettings or ScaleSettingsUpdate()
        idle = given.nodeIdleTimeBeforeScaleDown
        return models.Scale(
            present.min_nodes if given.minNodeCount is None else given.minNodeCount,
            present.max_nodes if given.maxNodeCount is None else given.maxNodeCount,
            present.idle_seconds if idle is None else idle,
        )


class AmlComputeNodeInformation(Shape):
    nodeId: str
    nodeState: str
    runId: str | None
    privateIpAddress: str | None
    publicIpAddress: str | None
    port: int | None
    message: str

    @classmethod
    def of(cls, row: models.Node) -> Self:
        """The row needs `with_work()`."""
        return cls(
            nodeId=row.name,
            nodeState=row.state,
            runId=row.current_work[0].subject if row.current_work else None,
            privateIpAddress=row.host.address if row.host else None,
            publicIpAddress=None,
            port=None,
            message=row.message,
        )


class AmlComputeNodesInformation(Shape):
    nodes: list[AmlComputeNodeInformation]


class EstimatedVMPrice(Shape):
    retailPrice: float
    osType: str
    vmTier: str


class EstimatedVMPrices(Shape):
    billingCurrency: str
    unitOfMeasure: str
    # Named `values` by Azure.
    values: list[EstimatedVMPrice]

    @classmethod
    def of(cls, price: float) -> Self:
        values = [EstimatedVMPrice(retailPrice=price, osType="Linux", vmTier="Standard")]
        return cls(billingCurrency="USD", unitOfMeasure="OneHour", values=values)


class VirtualMachineSize(Shape):
    name: str
    family: str
    vCPUs: int
    gpus: int
    memoryGB: int | float
    maxResourceVolumeMB: int
    osVhdSizeMB: int
    lowPriorityCapable: bool
    premiumIO: bool
    supportedComputeTypes: list[str]
    # None unless the administrator set a price.
    estimatedVMPrices: EstimatedVMPrices | None

    @classmethod
    def of(cls, size: models.VmSize) -> Self:
        return cls(
            name=size.name,
            family=size.family,
            vCPUs=size.vcpus,
            gpus=size.gpus,
            memoryGB=size.memory_gb,
            maxResourceVolumeMB=size.storage_gb * 1024,
            osVhdSizeMB=1047552,
            lowPriorityCapable=True,
            premiumIO=False,
            supportedComputeTypes=["AmlCompute"],
            estimatedVMPrices=None if size.price is None else EstimatedVMPrices.of(size.price),
        )


class UsageName(Shape):
    value: str
    localizedValue: str


class ComputeUsage(Shape):
    id: str
    type: str
    unit: str
    currentValue: int
    limit: int
    name: UsageName

    @classmethod
    def of(cls, path: str, family: str, used: int, limit: int) -> Self:
        return cls(
            id=f"{path}/{family}",
            type="Microsoft.MachineLearningServices/vmFamily/dedicatedCores/usages",
            unit="Count",
            currentValue=used,
            limit=limit,
            name=UsageName(value=family, localizedValue=family),
        )
