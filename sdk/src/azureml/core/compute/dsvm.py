"""A machine of the studio for yourself: SDK v1 named it after Azure's Data Science Virtual Machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Optional, cast

from lazuli import computes
from lazuli.errors import NotAvailable

from azureml import _absent
from azureml._unused import warn_of_unused
from azureml.core.compute.compute import ComputeTarget, ComputeTargetProvisioningConfiguration
from azureml.core.compute.remote import MachineTarget

if TYPE_CHECKING:
    from azureml.core.workspace import Workspace

Json = Dict[str, Any]


class DsvmProvisioningConfiguration(ComputeTargetProvisioningConfiguration):
    """The settings of a new target. Size and port have no effect: the machine is one that has joined the studio."""

    def __init__(self, vm_size: str = "", ssh_port: Optional[int] = None, location: Optional[str] = None):
        super().__init__(DsvmCompute, location)
        self.vm_size = vm_size
        self.ssh_port = ssh_port

    def validate_configuration(self) -> None:
        """Does nothing: no value can be wrong here."""

    def _make_body(self, workspace: Workspace) -> Json:
        return computes.machine_body(location=self.location or workspace.location)


class DsvmCompute(MachineTarget):
    """A target on a machine that has joined the studio and that no other target has."""

    _compute_type = computes.CREATED_MACHINE

    @staticmethod
    def provisioning_configuration(
        vm_size: str = "", ssh_port: Optional[int] = None, location: Optional[str] = None
    ) -> DsvmProvisioningConfiguration:
        """The settings for `ComputeTarget.create`, which raises ComputeTargetException if no machine is free."""
        warn_of_unused("DsvmCompute.provisioning_configuration", vm_size=vm_size, ssh_port=ssh_port)
        return DsvmProvisioningConfiguration(vm_size, ssh_port, location)

    def get_credentials(self) -> Json:
        raise NotAvailable("stored credentials, which the studio never shows", "DsvmCompute.get_credentials")

    def detach(self) -> None:
        """Remove the target, and let the machine leave the studio after its current jobs."""
        self.delete()

    def delete(self) -> None:
        """Remove the target, and let the machine leave the studio after its current jobs."""
        super().delete()
        self.provisioning_state = "Deleting"

    def serialize(self) -> Json:
        return super().serialize()

    @staticmethod
    def deserialize(workspace: Workspace, object_dict: Json) -> DsvmCompute:
        return cast(DsvmCompute, ComputeTarget.deserialize(workspace, object_dict))

    def refresh_state(self) -> None:
        super().refresh_state()


__getattr__ = _absent.find_missing(__name__)
