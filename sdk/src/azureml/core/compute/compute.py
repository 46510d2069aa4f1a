"""The base of all compute targets."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Dict, Optional, Type

from lazuli import computes
from lazuli.client import quote_segment
from lazuli.console import print_text
from lazuli.errors import NotAvailable

from azureml import _absent, _html_table
from azureml.exceptions import ComputeTargetException

if TYPE_CHECKING:
    import builtins

    from azureml.core.workspace import Workspace

Json = Dict[str, Any]


class ComputeTarget:
    """A machine or cluster that runs can be submitted to.

    `ComputeTarget(workspace, name)` finds one and returns an object of its class, as `AmlCompute`. Raises
    ComputeTargetException if the workspace has no such target.
    """

    _compute_type: Optional[str] = None
    _classes: Dict[str, Type[ComputeTarget]] = {}

    def __init_subclass__(cls) -> None:
        if cls._compute_type is not None:
            ComputeTarget._classes[cls._compute_type] = cls

    def __new__(cls, workspace: Workspace, name: str) -> ComputeTarget:
        target = cls._from_dto(workspace, computes.get_compute(workspace._remote, name))
        if not isinstance(target, cls):
            raise ComputeTargetException(f"{name!r} is a {target.type}, not a {cls._compute_type}.")
        return target

    def __init__(self, workspace: Workspace, name: str):
        # `__new__` has filled the object already.
        self.workspace = workspace
        self.name = name

    @classmethod
    def _from_dto(cls, workspace: Workspace, dto: Json) -> ComputeTarget:
        properties = dto["properties"]
        name = properties["computeType"]
        if name == computes.MACHINE and not properties.get("isAttachedCompute"):
            name = computes.CREATED_MACHINE
        kind = ComputeTarget._classes.get(name, ComputeTarget)
        target = object.__new__(kind)
        target.workspace = workspace
        target._set_from_dto(dto)
        return target

    def _set_from_dto(self, dto: Json) -> None:
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

    @staticmethod
    def create(
        workspace: Workspace, name: str, provisioning_configuration: ComputeTargetProvisioningConfiguration
    ) -> ComputeTarget:
        """Create a target and return without waiting; `wait_for_completion()` waits until it can be used.

        Raises ComputeTargetException if the configuration is wrong or the server refuses it.
        """
        computes.check_compute_name(name)
        provisioning_configuration.validate_configuration()
        body = provisioning_configuration._make_body(workspace)
        return ComputeTarget._from_dto(workspace, computes.create_compute(workspace._remote, name, body))

    @staticmethod
    def attach(
        workspace: Workspace, name: str, attach_configuration: ComputeTargetAttachConfiguration
    ) -> ComputeTarget:
        """Attach a machine and return without waiting; `wait_for_completion()` waits until it can be used.

        Raises ComputeTargetException if the configuration is wrong or the server refuses it.
        """
        computes.check_compute_name(name)
        attach_configuration.validate_configuration()
        body = attach_configuration._make_body(workspace)
        return ComputeTarget._from_dto(workspace, computes.create_compute(workspace._remote, name, body))

    @staticmethod
    def list(workspace: Workspace) -> builtins.list[ComputeTarget]:
        """All targets of the workspace."""
        return [ComputeTarget._from_dto(workspace, dto) for dto in computes.list_computes(workspace._remote)]

    @staticmethod
    def deserialize(workspace: Workspace, object_dict: Json) -> ComputeTarget:
        """The object for what `serialize()` returned."""
        if not isinstance(object_dict, dict) or "computeType" not in (object_dict.get("properties") or {}):
            raise ComputeTargetException("This is not a serialized compute target: it lacks properties.computeType.")
        return ComputeTarget._from_dto(workspace, object_dict)

    def serialize(self) -> Json:
        """The target as the server describes it."""
        return dict(self._dto)

    def refresh_state(self) -> None:
        """Read the present state of the target from the server."""
        self._set_from_dto(computes.get_compute(self.workspace._remote, self.name))

    def get_status(self) -> Any:
        """The provisioning state, as "Succeeded"."""
        self.refresh_state()
        return self.provisioning_state

    def delete(self) -> None:
        """Remove the target from the workspace."""
        computes.delete_compute(self.workspace._remote, self.name)

    def detach(self) -> None:
        raise NotAvailable("attached compute", f"{type(self).__name__}.detach")

    def wait_for_completion(self, show_output: bool = False, is_delete_operation: bool = False) -> None:
        """Wait until the target is provisioned, or, with `is_delete_operation`, deleted.

        Raises ComputeTargetException if provisioning fails.
        """
        progress = ProvisioningProgress(show_output)
        if is_delete_operation:
            computes.wait_for_deletion(self.workspace._remote, self.name, progress.print_state)
            progress.print_end('Provisioning operation finished, operation "Succeeded"')
            return
        self._set_from_dto(computes.wait_for_provisioning(self.workspace._remote, self.name, progress.print_state))
        progress.print_end(f"{self.type} wait for completion finished\n")
        computes.check_provisioned(self._dto)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(workspace={self.workspace!r}, name={self.name}, id={self.id}, type={self.type}, "
            f"provisioning_state={self.provisioning_state}, location={self.location}, tags={self.tags})"
        )

    def _repr_html_(self) -> str:
        studio = self.workspace._studio_url
        link = f"{studio.rstrip('/')}/compute/{quote_segment(self.name)}" if studio else None
        return _html_table.render_table(
            {"Name": (self.name, link), "Type": str(self.type), "Provisioning state": str(self.provisioning_state)}
        )


class ComputeTargetProvisioningConfiguration:
    """The settings of a new target."""

    def __init__(self, type: Type[ComputeTarget], location: Optional[str]):
        self._compute_type = type
        self.location = location

    def validate_configuration(self) -> None:
        """Raise ComputeTargetException if the configuration is wrong. Each kind of compute checks its own."""

    def _make_body(self, workspace: Workspace) -> Json:
        raise NotAvailable(f"{self._compute_type.__name__} compute")


class ComputeTargetAttachConfiguration:
    """The settings for attaching an existing machine."""

    def __init__(self, type: Type[ComputeTarget]):
        self._compute_type = type

    def validate_configuration(self) -> None:
        """Raise ComputeTargetException if the configuration is wrong. Each kind of compute checks its own."""

    def _make_body(self, workspace: Workspace) -> Json:
        raise NotAvailable("attached compute", f"{self._compute_type.__name__}.attach_configuration")


class ComputeTargetUpdateConfiguration:
    """The settings of a target that change."""

    def __init__(self, type: Type[ComputeTarget]):
        self._compute_type = type

    def validate_configuration(self) -> None:
        """Raise ComputeTargetException if the configuration is wrong. Each kind of compute checks its own."""


class ProvisioningProgress:
    """Prints a state once, and a dot each time that it is read again unchanged."""

    def __init__(self, enabled: bool):
        self._enabled = enabled
        self._last: Optional[str] = None

    def print_state(self, state: str) -> None:
        if not self._enabled:
            return
        if state == self._last:
            sys.stdout.write(".")
        else:
            sys.stdout.write(("\n" if self._last else "") + state)
        sys.stdout.flush()
        self._last = state

    def print_end(self, text: str) -> None:
        if self._enabled:
            print_text(("\n" if self._last else "") + text)


__getattr__ = _absent.find_missing(__name__)
