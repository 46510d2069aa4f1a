"""Request and response classes of environments, with Azure's names."""

from typing import Annotated, Any, Self

import pydantic

from assets import environments, models
from assets.rules import IMAGE
from studio.request_body import Body
from studio.rules import DESCRIPTION, TAGS
from studio.schemas import Shape, SystemData
from workspaces.models import Workspace

TYPE = "Microsoft.MachineLearningServices/workspaces/environments"


class EnvironmentVersionProperties(Shape):
    image: str | None
    condaFile: str | None
    description: str
    tags: dict[str, str]
    definition: dict[str, Any] = pydantic.Field(description="SDK v1's whole environment.")
    isAnonymous: bool
    isArchived: bool
    environmentType: str

    @classmethod
    def of(cls, row: models.EnvironmentVersion, **more: Any) -> Self:
        """`more` are the fields that a subclass adds."""
        return cls(
            image=environments.read_image(row.definition),
            condaFile=environments.format_conda(row.definition),
            description=row.description,
            tags=row.tags,
            definition={**row.definition, "version": row.version},
            isAnonymous=False,
            isArchived=False,
            environmentType="UserCreated" if row.pk else "Curated",
            **more,
        )


class EnvironmentContainerProperties(EnvironmentVersionProperties):
    latestVersion: str


class EnvironmentContainer(Shape):
    id: str
    name: str
    type: str
    properties: EnvironmentContainerProperties

    @classmethod
    def of(cls, row: models.EnvironmentVersion, workspace: Workspace) -> Self:
        """The container of this row, its newest version, which may be a curated one that no workspace has."""
        return cls(
            id=version_id(row, workspace),
            name=row.environment.name,
            type=TYPE,
            properties=EnvironmentContainerProperties.of(row, latestVersion=row.version),
        )


class EnvironmentVersion(Shape):
    id: str
    name: str
    type: str
    properties: EnvironmentVersionProperties
    systemData: SystemData

    @classmethod
    def of(cls, row: models.EnvironmentVersion, workspace: Workspace) -> Self:
        return cls(
            id=version_id(row, workspace),
            name=row.version,
            type=f"{TYPE}/versions",
            properties=EnvironmentVersionProperties.of(row),
            systemData=SystemData.of(row),
        )


def version_id(row: models.EnvironmentVersion, workspace: Workspace) -> str:
    return f"{workspace.arm_id}/environments/{row.environment.name}/versions/{row.version}"


class EnvironmentPropertiesUpdate(Body):
    """Either `definition`, or `condaFile` and `image`."""

    image: Annotated[str, IMAGE] | None = None
    condaFile: str | None = pydantic.Field(None, description="The text of a conda file.")
    description: Annotated[str, DESCRIPTION] | None = None
    tags: Annotated[dict[str, Any], TAGS] | None = None
    definition: dict[str, Any] | None = pydantic.Field(None, description="SDK v1's whole environment.")
    build: dict[str, Any] | None = pydantic.Field(None, description="A folder for building an image, which is refused.")


class EnvironmentVersionUpdate(Body):
    properties: EnvironmentPropertiesUpdate
