"""What the routes of environments answer, under Azure's names."""

from typing import Any

from studio.schemas import Paged, Shape, SystemData


class EnvironmentVersionProperties(Shape):
    image: str | None
    condaFile: str | None
    description: str
    tags: dict[str, str]
    # SDK v1's whole environment.
    definition: dict[str, Any]
    isAnonymous: bool
    isArchived: bool
    environmentType: str


class EnvironmentContainerProperties(EnvironmentVersionProperties):
    latestVersion: str


class EnvironmentContainer(Shape):
    id: str
    name: str
    type: str
    properties: EnvironmentContainerProperties


class EnvironmentContainerList(Paged):
    value: list[EnvironmentContainer]


class EnvironmentVersion(Shape):
    id: str
    name: str
    type: str
    properties: EnvironmentVersionProperties
    systemData: SystemData


class EnvironmentVersionList(Paged):
    value: list[EnvironmentVersion]
