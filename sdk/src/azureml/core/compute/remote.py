"""Attached compute: a machine of your own, which the studio attaches by SSH."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Dict, Optional, cast

from lazuli import computes
from lazuli.errors import NotAvailable

from azureml import _absent
from azureml.core.compute.compute import ComputeTarget, ComputeTargetAttachConfiguration
from azureml.exceptions import ComputeTargetException

if TYPE_CHECKING:
    from azureml.core.workspace import Workspace

Json = Dict[str, Any]


class RemoteComputeAttachConfiguration(ComputeTargetAttachConfiguration):
    """The address of a machine, and how to sign in there: by a password, or a private key without a passphrase."""

    def __init__(
        self,
        username: str,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        vm_name: Optional[str] = None,
        resource_id: Optional[str] = None,
        address: Optional[str] = None,
        ssh_port: int = 22,
        password: str = "",
        private_key_file: str = "",
        private_key_passphrase: str = "",
    ):
        super().__init__(RemoteCompute)
        self.username = username
        self.subscription_id = subscription_id
        self.resource_group = resource_group
        self.vm_name = vm_name
        self.resource_id = resource_id
        self.address = address
        self.ssh_port = ssh_port
        self.password = password
        self.private_key_file = private_key_file
        self.private_key_passphrase = private_key_passphrase

    def validate_configuration(self) -> None:
        """Raise ComputeTargetException if the machine cannot be attached with these settings."""
        if self.resource_id or self.vm_name:
            raise ComputeTargetException(
                f"{self.vm_name or self.resource_id} is a virtual machine of Azure, which the studio cannot look up. "
                "Give its address instead."
            )
        if not self.address:
            raise ComputeTargetException("address is missing: the host name or IP address of the machine.")
        if bool(self.password) == bool(self.private_key_file):
            raise ComputeTargetException("Give password or private_key_file: one of the two.")
        if self.private_key_passphrase:
            raise ComputeTargetException(
                "The studio cannot use a private key with a passphrase. Make a key without one for this machine: "
                "ssh-keygen -t ed25519 -N '' -f studio_key"
            )

    def _make_body(self, workspace: Workspace) -> Json:
        account = {"username": self.username, "password": self.password or None}
        if self.private_key_file:
            account["privateKeyData"] = _read_key(self.private_key_file)
        return computes.machine_body(
            location=workspace.location, address=self.address, ssh_port=self.ssh_port, account=account
        )


def _read_key(path: str) -> str:
    try:
        with open(os.path.expanduser(path), encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ComputeTargetException(f"private_key_file {path!r} cannot be read: {error}") from error


class MachineTarget(ComputeTarget):
    """A compute target on one machine."""

    def _set_from_dto(self, dto: Json) -> None:
        super()._set_from_dto(dto)
        inner = dto["properties"].get("properties") or {}
        self.vm_size = inner.get("virtualMachineSize")
        self.address = inner.get("address")
        self.ssh_port = inner.get("sshPort")


class RemoteCompute(MachineTarget):
    """A machine that the studio attached by SSH; jobs are sent to it by its name."""

    _compute_type = computes.MACHINE

    @staticmethod
    def attach_configuration(
        username: str,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        vm_name: Optional[str] = None,
        resource_id: Optional[str] = None,
        address: Optional[str] = None,
        ssh_port: int = 22,
        password: str = "",
        private_key_file: str = "",
        private_key_passphrase: str = "",
    ) -> RemoteComputeAttachConfiguration:
        """The settings for `ComputeTarget.attach`. Raises ComputeTargetException if they cannot be used."""
        config = RemoteComputeAttachConfiguration(
            username,
            subscription_id,
            resource_group,
            vm_name,
            resource_id,
            address,
            ssh_port,
            password,
            private_key_file,
            private_key_passphrase,
        )
        config.validate_configuration()
        return config

    @staticmethod
    def attach(  # type: ignore[override]
        workspace: Workspace,
        name: str,
        username: str,
        address: str,
        ssh_port: int = 22,
        password: str = "",
        private_key_file: str = "",
        private_key_passphrase: str = "",
    ) -> RemoteCompute:
        raise ComputeTargetException("DEPRECATED. Use ComputeTarget.attach with an attach configuration instead.")

    def get_credentials(self) -> Json:
        raise NotAvailable("stored credentials, which the studio never shows", "RemoteCompute.get_credentials")

    def detach(self) -> None:
        """Remove the target, and let the machine leave the studio after its current jobs."""
        computes.delete_compute(self.workspace._remote, self.name)
        self.provisioning_state = "Detaching"

    def delete(self) -> None:
        raise ComputeTargetException("Delete is not supported for an attached machine. Try to use detach instead.")

    def serialize(self) -> Json:
        return super().serialize()

    @staticmethod
    def deserialize(workspace: Workspace, object_dict: Json) -> RemoteCompute:
        return cast(RemoteCompute, ComputeTarget.deserialize(workspace, object_dict))

    def refresh_state(self) -> None:
        super().refresh_state()


__getattr__ = _absent.find_missing(__name__)
