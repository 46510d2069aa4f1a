"""Data assets over REST: v2's format, with SDK v1's definition in addition."""

from collections.abc import Iterable
from typing import Annotated, Any, Self

from assets.data import models
from assets.data.work import DataWork
from studio.formats import utc_time
from studio.request_body import Body, LooseBody
from studio.rules import DESCRIPTION, TAGS
from studio.schemas import Shape, SystemData

TYPE = "Microsoft.MachineLearningServices/workspaces/data"
# SDK v1's kinds in the terms of v2.
V2_KINDS = {"file": "mltable", "tabular": "mltable"}


class DataWarning(Shape):
    message: str


class DataVersionProperties(Shape):
    dataUri: str
    dataType: str
    # SDK v1's: file or tabular, the steps, and the id of the saved dataset.
    kind: str
    definition: dict[str, Any]
    datasetId: str
    assetName: str | None
    version: str | None
    description: str
    tags: dict[str, str]
    properties: dict[str, Any]
    isAnonymous: bool
    isArchived: bool
    # That its asset is deprecated, and what to read instead; empty if it is not.
    deprecation: str
    # What was noticed at the registration; other requests have none.
    warnings: list[DataWarning] = []


class DataVersionBase(Shape):
    id: str
    name: str
    type: str
    properties: DataVersionProperties
    systemData: SystemData

    @classmethod
    def of(cls, row: models.DataVersion, warnings: Iterable[str] = ()) -> Self:
        return cls(
            id=row.arm_id,
            name=row.version or str(row.dataset_id),
            type=f"{TYPE}/versions",
            properties=DataVersionProperties(
                dataUri=row.uri or make_uri(row),
                dataType=V2_KINDS.get(row.kind, row.kind),
                kind=row.definition["kind"],
                definition=row.definition,
                datasetId=str(row.dataset_id),
                assetName=row.asset.name if row.asset else None,
                version=row.version if row.asset else None,
                description=row.description,
                tags=row.tags,
                properties=row.properties,
                isAnonymous=row.asset_id is None,
                isArchived=bool(row.archived_at),
                deprecation=row.asset.deprecation if row.asset else "",
                warnings=[DataWarning(message=text) for text in warnings],
            ),
            systemData=SystemData.of(row),
        )


def make_uri(row: models.DataVersion) -> str:
    """The address of the first path."""
    path = row.definition["paths"][0]
    return path.get("url") or f"azureml://datastores/{path['datastore']}/paths/{path['path']}"


class DataContainerProperties(Shape):
    dataType: str
    description: str
    tags: dict[str, str]
    properties: dict[str, Any]
    latestVersion: str
    nextVersion: str
    isArchived: bool
    isDeprecated: bool
    replacedBy: str | None
    qualityRules: list[dict[str, Any]]


class DataContainer(Shape):
    id: str
    name: str
    type: str
    properties: DataContainerProperties
    systemData: SystemData

    @classmethod
    def of(cls, asset: models.DataAsset) -> Self:
        """`asset.newest` is its newest version."""
        newest = asset.newest
        made_by = newest.created_by.label if newest.created_by else None
        return cls(
            id=asset.arm_id,
            name=asset.name,
            type=TYPE,
            properties=DataContainerProperties(
                dataType=V2_KINDS.get(newest.kind, newest.kind),
                description=newest.description,
                tags=newest.tags,
                properties={},
                latestVersion=newest.version,
                nextVersion=str(asset.last_number + 1),
                isArchived=bool(asset.archived_at),
                isDeprecated=bool(asset.deprecated_at),
                replacedBy=asset.replaced_by.name if asset.replaced_by else None,
                qualityRules=asset.quality_rules,
            ),
            systemData=SystemData(createdBy=made_by, createdAt=utc_time(asset.created_at)),
        )


class DataVersionPropertiesUpdate(LooseBody):
    dataType: str | None = None
    dataUri: str | None = None
    definition: dict[str, Any] | None = None
    description: Annotated[str, DESCRIPTION] | None = None
    tags: Annotated[dict[str, Any], TAGS] | None = None
    properties: Annotated[dict[str, Any], TAGS] | None = None
    isArchived: bool | None = None
    createNewVersion: bool = True


class DataVersionUpdate(LooseBody):
    properties: DataVersionPropertiesUpdate


class DataContainerPropertiesUpdate(LooseBody):
    isArchived: bool | None = None
    isDeprecated: bool | None = None
    # The name of the data asset to use instead, with isDeprecated.
    replacedBy: str | None = None
    qualityRules: list[dict[str, Any]] | None = None


class QualityResult(Shape):
    rule: dict[str, Any]
    state: str
    failing: int
    examples: list[list[str | None]]
    problem: str


class QualityCheck(Shape):
    """The last check of a version; `state` is None if there was none."""

    state: str | None
    problem: str
    checkedAt: str | None
    columns: list[str]
    rules: list[QualityResult]

    @classmethod
    def of(cls, check: DataWork | None) -> Self:
        if check is None:
            return cls(state=None, problem="", checkedAt=None, columns=[], rules=[])
        found = check.result
        return cls(
            state=check.state,
            problem=check.problem,
            checkedAt=utc_time(check.ended_at),
            columns=found.get("columns", []),
            rules=[QualityResult(**one) for one in found.get("rules", [])],
        )


class DataContainerUpdate(LooseBody):
    properties: DataContainerPropertiesUpdate


class DatasetUpdate(Body):
    definition: dict[str, Any]


class DatasetRowsRequest(DatasetUpdate):
    # Refuse values that do not have the type of their column, instead of leaving them out.
    strict: bool = False
    # The rows as delimited text with a header, instead of parquet.
    separator: str | None = None
