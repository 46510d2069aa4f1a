"""What every compute target has in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Optional, Type, cast

from azureml import _html, _names
from azureml.exceptions import ComputeTargetException
from lazuli.client import quote_segment
from lazuli.errors import NotAvailable, NotFound, Refused

if TYPE_CHECKING:
    import builtins

    from azureml.core.workspace import Workspace

Json = Dict[str, Any]


class ComputeTarget:
    """A machine or cluster that runs can be sent to.

    `ComputeTarget(workspace, name)` finds one and is of the class that fits it, as `AmlCompute`.
    """

    _compute_type: Optional[str] = None

    def __new__(cls, workspace: Workspace, name: str) -> ComputeTarget:
        target = cls._from_dto(workspace, _fetch(workspace, name))
        if not isinstance(target, cls):
            raise ComputeTargetException(f"{name!r} is a {target.type}, not a {cls._compute_type}.")
        return target

    def __init__(self, workspace: Workspace, name: str):
        # `__new__` has filled the object already.
        self.workspace = workspace
        self.name = name

    @classmethod
    def _from_dto(cls, workspace: Workspace, dto: Json) -> ComputeTarget:
        kind = _class_for(dto["properties"]["computeType"])
        target = object.__new__(kind)
        target.workspace = workspace
        target._fill(dto)
        return target

    def _fill(self, dto: Json) -> None:
        properties = dto["properties"]
        self._dto = dto
        self.id = dto["id"]
        self.name = dto["name"]
        self.location = self.cluster_location = dto.get("location")
        self.tags = dict(dto.get("tags") or {})
        self.type = properties["computeType"]
        self.description = properties.get("description") or ""
        self.provisioning_state = properties.get("provisioningState")
        self.provisioning_errors = properties.get("provisioningErrors")
        self.created_on = properties.get("createdOn")
        self.modified_on = properties.get("modifiedOn")
        self.is_attached = bool(properties.get("isAttachedCompute"))
        self.cluster_resource_id = properties.get("resourceId")

    @property
    def _path(self) -> str:
        return _path(self.workspace, self.name)

    @staticmethod
    def create(
        workspace: Workspace, name: str, provisioning_configuration: ComputeTargetProvisioningConfiguration
    ) -> ComputeTarget:
        """Make a target. Returns at once; `wait_for_completion()` waits until it can be used."""
        _names.check_name("a compute target", name, 2, 32)
        provisioning_configuration.validate_configuration()
        body = provisioning_configuration._body(workspace)
        return _put(workspace, name, body)

    @staticmethod
    def attach(
        workspace: Workspace, name: str, attach_configuration: ComputeTargetAttachConfiguration
    ) -> ComputeTarget:
        raise NotAvailable("attached compute", "ComputeTarget.attach")

    @staticmethod
    def list(workspace: Workspace) -> builtins.list[ComputeTarget]:
        """All targets of the workspace."""
        dtos = workspace._client.items(workspace._path + "/computes")
        return [ComputeTarget._from_dto(workspace, dto) for dto in dtos]

    @staticmethod
    def deserialize(workspace: Workspace, object_dict: Json) -> ComputeTarget:
        """The object for what `serialize()` gave."""
        if not isinstance(object_dict, dict) or "computeType" not in (object_dict.get("properties") or {}):
            raise ComputeTargetException("This is no serialized compute target: it lacks properties.computeType.")
        return ComputeTarget._from_dto(workspace, object_dict)

    def serialize(self) -> Json:
        """The target as the server describes it."""
        return dict(self._dto)

    def refresh_state(self) -> None:
        """Ask the server how the target is now."""
        self._fill(_fetch(self.workspace, self.name))

    def get_status(self) -> Any:
        """The provisioning state, in one word."""
        self.refresh_state()
        return self.provisioning_state

    def delete(self) -> None:
        """Remove the target from the workspace."""
        self._change("DELETE")

    def detach(self) -> None:
        raise NotAvailable("attached compute", f"{type(self).__name__}.detach")

    def wait_for_completion(self, show_output: bool = False, is_delete_operation: bool = False) -> None:
        """Wait until the target is made, or, with `is_delete_operation`, gone."""
        from azureml.core.compute import _waiting

        _waiting.wait_for_provisioning(self, show_output, is_delete_operation)

    def _change(self, method: str, body: Optional[Json] = None) -> Json:
        try:
            answer = self.workspace._client.request(method, self._path, json=body)
        except NotFound as error:
            raise _not_found(self.name, error) from error
        except Refused as error:
            raise ComputeTargetException(error.message, inner_exception=error) from error
        return cast(Json, answer.json()) if answer.content else {}

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(workspace={self.workspace!r}, name={self.name}, id={self.id}, type={self.type}, "
            f"provisioning_state={self.provisioning_state}, location={self.location}, tags={self.tags})"
        )

    def _repr_html_(self) -> str:
        studio = self.workspace._studio_url
        link = f"{studio.rstrip('/')}/compute/{quote_segment(self.name)}" if studio else None
        return _html.table(
            {"Name": (self.name, link), "Type": str(self.type), "Provisioning state": str(self.provisioning_state)}
        )


class ComputeTargetProvisioningConfiguration:
    """How a new target shall be."""

    def __init__(self, type: Type[ComputeTarget], location: Optional[str]):
        self._compute_type = type
        self.location = location

    def validate_configuration(self) -> None:
        """Raise ComputeTargetException if the configuration is wrong. Each kind of compute checks its own."""

    def _body(self, workspace: Workspace) -> Json:
        raise NotAvailable(f"{self._compute_type.__name__} compute")


class ComputeTargetAttachConfiguration:
    """How an existing machine shall be attached."""

    def __init__(self, type: Type[ComputeTarget]):
        self._compute_type = type

    def validate_configuration(self) -> None:
        """Raise ComputeTargetException if the configuration is wrong. Each kind of compute checks its own."""


class ComputeTargetUpdateConfiguration:
    """What shall change about a target."""

    def __init__(self, type: Type[ComputeTarget]):
        self._compute_type = type

    def validate_configuration(self) -> None:
        """Raise ComputeTargetException if the configuration is wrong. Each kind of compute checks its own."""


def _path(workspace: Workspace, name: str) -> str:
    return f"{workspace._path}/computes/{quote_segment(name)}"


def _fetch(workspace: Workspace, name: str) -> Json:
    try:
        return cast(Json, workspace._client.get(_path(workspace, name)))
    except NotFound as error:
        raise _not_found(name, error) from error


def _put(workspace: Workspace, name: str, body: Json) -> ComputeTarget:
    try:
        answer = workspace._client.request("PUT", _path(workspace, name), json=body)
    except Refused as error:
        raise ComputeTargetException(error.message, inner_exception=error) from error
    return ComputeTarget._from_dto(workspace, answer.json())


def _not_found(name: str, cause: Exception) -> ComputeTargetException:
    return ComputeTargetException(
        f"ComputeTargetNotFound: Compute Target with name {name} not found in provided workspace",
        inner_exception=cause,
    )


def _class_for(compute_type: str) -> Type[ComputeTarget]:
    from azureml.core.compute.amlcompute import AmlCompute

    return AmlCompute if compute_type == AmlCompute._compute_type else ComputeTarget
