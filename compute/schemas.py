"""What the routes of compute answer, under Azure's names."""

from typing import Any

import pydantic

from studio.schemas import Open, Paged, Shape


class ScaleSettingsInformation(Shape):
    minNodeCount: int
    maxNodeCount: int
    nodeIdleTimeBeforeScaleDown: str


class NodeStateCounts(Shape):
    preparingNodeCount: int
    idleNodeCount: int
    runningNodeCount: int
    leavingNodeCount: int
    unusableNodeCount: int
    preemptedNodeCount: int


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
    properties: AmlComputeProperties


class ComputeResource(Shape):
    id: str
    name: str
    type: str
    location: str
    tags: dict[str, str]
    properties: AmlCompute


class PaginatedComputeResourcesList(Paged):
    value: list[ComputeResource]


class AmlComputeNodeInformation(Shape):
    nodeId: str
    nodeState: str
    runId: str | None
    privateIpAddress: str | None
    publicIpAddress: str | None
    port: int | None
    message: str


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


class VirtualMachineSize(Shape):
    name: str
    family: str
    vCPUs: int
    gpus: int
    memoryGB: float
    maxResourceVolumeMB: int
    osVhdSizeMB: int
    lowPriorityCapable: bool
    premiumIO: bool
    supportedComputeTypes: list[str]
    estimatedVMPrices: EstimatedVMPrices


class VirtualMachineSizeListResult(Shape):
    value: list[VirtualMachineSize]


class UsageName(Shape):
    value: str
    localizedValue: str


class Usage(Shape):
    id: str
    type: str
    unit: str
    currentValue: int
    limit: int
    name: UsageName


class ListUsagesResult(Shape):
    value: list[Usage]


class NodeOrders(Shape):
    """What a node hears at its heartbeat."""

    waiting: bool
    leaving: bool


class ClaimedWork(Shape):
    id: str
    attempt: int
    scope: str
    token: str = pydantic.Field(description="A run token, good for this attempt.")
    spec: dict[str, Any] = pydantic.Field(description="What the runner does; see the page Architecture.")


class NodeOrder(Shape):
    name: str
    key: str
    queue: str
    state: str


class HostOrders(Shape):
    nodes: list[NodeOrder]
