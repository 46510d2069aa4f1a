"""Request and response classes of models, with the names of Azure's v2 and of SDK v1."""

from typing import Annotated, Any, Self

import pydantic

from registry import lineage, models, rules, signatures, sources, version_files
from registry.signature_rules import INPUT_EXAMPLE, SIGNATURE
from studio.formats import utc_time
from studio.public_url import public_url
from studio.request_body import Body
from studio.rules import DESCRIPTION, TAGS
from studio.schemas import Shape, SystemData

TYPE = "Microsoft.MachineLearningServices/workspaces/models"
Texts = dict[str, str]


class ModelContainerProperties(Shape):
    description: str
    tags: Texts
    properties: Texts
    isArchived: bool
    latestVersion: str | None
    nextVersion: str
    aliases: dict[str, str] = pydantic.Field(description="The version of each alias.")


class ModelContainer(Shape):
    id: str
    name: str
    type: str
    properties: ModelContainerProperties
    systemData: SystemData

    @classmethod
    def of(cls, row: Any) -> Self:
        """The row is a model `with_newest()`."""
        return cls(
            id=row.arm_id,
            name=row.name,
            type=TYPE,
            properties=ModelContainerProperties(
                description=row.description,
                tags=row.tags,
                properties={},
                isArchived=row.archived_at is not None,
                latestVersion=str(row.newest_number) if row.newest_number else None,
                nextVersion=str(row.version_count + 1),
                aliases={alias: str(number) for alias, number in row.aliases.items()},
            ),
            systemData=SystemData.of(row),
        )


class DatasetReference(Shape):
    name: str = pydantic.Field(description="What it was used for, such as `training data`.")
    id: str


class ResourceRequirements(Shape):
    cpu: float | None = None
    memoryInGB: float | None = None
    gpu: int | None = None


class ModelVersionProperties(Shape):
    description: str
    tags: Texts
    properties: Texts
    isArchived: bool
    isAnonymous: bool
    modelType: str
    modelUri: str
    flavors: dict[str, Any]
    jobName: str | None
    experimentName: str | None
    stage: str
    aliases: list[str]
    framework: str
    frameworkVersion: str
    datasets: list[DatasetReference]
    sampleInputDatasetId: str
    sampleOutputDatasetId: str
    resourceRequirements: ResourceRequirements
    provisioningState: str
    portalUrl: str


class ModelVersion(Shape):
    id: str
    name: str
    type: str
    properties: ModelVersionProperties
    systemData: SystemData

    @classmethod
    def of(cls, row: models.ModelVersion) -> Self:
        return cls(
            id=row.arm_id,
            name=str(row.number),
            type=f"{TYPE}/versions",
            properties=_properties_of(row),
            systemData=SystemData.of(row),
        )


def _properties_of(row: models.ModelVersion) -> ModelVersionProperties:
    is_prompt = row.model_type == row.Type.PROMPT
    return ModelVersionProperties(
        description=row.description,
        tags=row.tags,
        properties=row.properties,
        isArchived=row.archived_at is not None,
        isAnonymous=False,
        modelType=row.Type.CUSTOM.value if is_prompt else row.model_type,
        modelUri=uri_of(row),
        flavors=row.flavors,
        jobName=row.source_run_id or None,
        experimentName=row.run.experiment.name if row.run else None,
        stage=row.stage,
        aliases=row.aliases,
        framework=row.framework,
        frameworkVersion=row.framework_version,
        datasets=[DatasetReference(name=one["name"], id=one["id"]) for one in row.datasets],
        sampleInputDatasetId=row.sample_input,
        sampleOutputDatasetId=row.sample_output,
        resourceRequirements=ResourceRequirements(**row.resources),
        provisioningState="Succeeded",
        portalUrl=public_url(row.get_absolute_url()),
    )


def uri_of(row: models.ModelVersion) -> str:
    """A path in the workspace's datastore of artifacts, with which Azure's clients find files."""
    source = sources.parse_source(row.source)
    store = f"azureml:/{row.model.workspace.arm_id}/datastores/workspaceartifactstore/paths"
    if row.own_folder:
        return f"{store}/{version_files.own_path(row)}"
    if source.kind == "run":
        return f"{store}/ExperimentRun/dcid.{source.run_id}/{source.path}"
    return f"{store}/{source.path}" if source.kind == "workspace" else row.source


class ModelVersionFile(Shape):
    path: str = pydantic.Field(description="Relative to the model.")
    size: int

    @classmethod
    def of(cls, found: tuple[str, Any]) -> Self:
        return cls(path=found[0], size=found[1].size)


class ModelSignature(Shape):
    signature: dict[str, list[dict[str, Any]]] = pydantic.Field(
        description="The columns of `inputs`, `outputs` and `params`, as in MLflow's file MLmodel."
    )
    inputExample: Any = pydantic.Field(description="Null without one, or if it is too long to be edited.")

    @classmethod
    def of(cls, row: models.ModelVersion) -> Self:
        files = version_files.files_of(row)
        about = signatures.read_description(files)
        return cls(signature=about.signature, inputExample=signatures.load_example(files, about))


class LineageKey(Shape):
    kind: str = pydantic.Field(description="`job`, `model`, `data` or `endpoint`.")
    id: str = pydantic.Field(
        description="The name of a job or endpoint, `name:version` of a model, `datasetId` or `name@digest` of data."
    )


class LineageNode(LineageKey):
    label: str
    detail: str
    url: str


class LineageEdge(Shape):
    source: LineageKey
    target: LineageKey
    label: str = pydantic.Field(description="How the target came from the source.")


class Lineage(Shape):
    start: LineageKey
    nodes: list[LineageNode]
    edges: list[LineageEdge]
    isCut: bool = pydantic.Field(description="Whether nodes are left out; the nearest ones are included.")

    @classmethod
    def of(cls, graph: lineage.Graph) -> Self:
        def key(one: lineage.GraphKey) -> LineageKey:
            return LineageKey(kind=one.kind, id=one.id)

        def node(one: lineage.GraphNode) -> LineageNode:
            url = public_url(one.url) if one.url else ""
            return LineageNode(kind=one.key.kind, id=one.key.id, label=one.label, detail=one.detail, url=url)

        return cls(
            start=key(graph.start),
            nodes=[node(one) for one in graph.nodes.values()],
            edges=[LineageEdge(source=key(e.source), target=key(e.target), label=e.label) for e in graph.edges],
            isCut=graph.is_cut,
        )


class PromotionRequest(Shape):
    id: int
    modelVersion: str = pydantic.Field(description="Such as `azureml:digits:3`.")
    kind: str
    name: str
    message: str
    state: str = pydantic.Field(description="`open`, `approved` or `declined`.")
    createdBy: str
    createdAt: str
    decidedBy: str
    decidedAt: str | None

    @classmethod
    def of(cls, row) -> Self:
        return cls(
            id=row.pk,
            modelVersion=row.version.asset_id,
            kind=row.kind,
            name=row.name,
            message=row.message,
            state=row.state,
            createdBy=row.created_by.username if row.created_by else "",
            createdAt=utc_time(row.created_at),
            decidedBy=row.decided_by.username if row.decided_by else "",
            decidedAt=utc_time(row.decided_at) if row.decided_at else None,
        )


class PromotionRequestBody(Body):
    kind: Annotated[str, rules.PROMOTED_KIND]
    name: str
    message: Annotated[str, rules.MESSAGE] = ""


class PromotionDecision(Body):
    state: Annotated[str, rules.DECISION]


class ModelContainerPropertiesUpdate(Body):
    description: Annotated[str, DESCRIPTION] | None = None
    tags: Annotated[dict[str, Any], TAGS] | None = None
    isArchived: bool | None = None


class ModelContainerUpdate(Body):
    properties: ModelContainerPropertiesUpdate


class DatasetReferenceUpdate(Body):
    name: Annotated[str, rules.DATASET_ID]
    id: Annotated[str, rules.DATASET_ID]


class ResourceRequirementsUpdate(Body):
    cpu: float | None = None
    memoryInGB: float | None = None
    gpu: int | None = None


class ModelVersionPropertiesUpdate(Body):
    modelUri: Annotated[str, rules.MODEL_URI]
    modelType: Annotated[str, rules.MODEL_TYPE] | None = None
    description: Annotated[str, DESCRIPTION] | None = None
    tags: Annotated[dict[str, Any], TAGS] | None = None
    properties: Annotated[dict[str, Any], rules.PROPERTIES] | None = None
    isArchived: bool | None = None
    stage: Annotated[str, rules.STAGE] | None = None
    flavors: dict[str, Any] | None = None
    framework: Annotated[str, rules.FRAMEWORK] | None = None
    frameworkVersion: Annotated[str, rules.FRAMEWORK_VERSION] | None = None
    datasets: list[DatasetReferenceUpdate] | None = None
    sampleInputDatasetId: Annotated[str, rules.DATASET_ID] | None = None
    sampleOutputDatasetId: Annotated[str, rules.DATASET_ID] | None = None
    resourceRequirements: ResourceRequirementsUpdate | None = None


class ModelVersionUpdate(Body):
    properties: ModelVersionPropertiesUpdate


class ModelVersionPropertiesPatch(Body):
    description: Annotated[str, DESCRIPTION] | None = None
    tags: Annotated[dict[str, Any], TAGS] | None = pydantic.Field(
        None, description="All tags; they replace the present ones."
    )
    properties: Annotated[dict[str, Any], rules.PROPERTIES] | None = None
    isArchived: bool | None = None
    stage: Annotated[str, rules.STAGE] | None = None
    addAliases: list[Annotated[str, rules.ALIAS]] = []
    removeAliases: list[Annotated[str, rules.ALIAS]] = []
    datasets: list[DatasetReferenceUpdate] | None = None
    sampleInputDatasetId: Annotated[str, rules.DATASET_ID] | None = None
    sampleOutputDatasetId: Annotated[str, rules.DATASET_ID] | None = None
    resourceRequirements: ResourceRequirementsUpdate | None = None


class ModelSignatureUpdate(Body):
    """The values to change: null removes one, and what is left out stays."""

    signature: Annotated[dict[str, Any], SIGNATURE] | None = None
    inputExample: Annotated[Any, INPUT_EXAMPLE] = None


class ModelVersionPatch(Body):
    properties: ModelVersionPropertiesPatch
