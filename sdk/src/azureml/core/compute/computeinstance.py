"""Compute instances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Tuple, cast

from lazuli import computes
from lazuli.errors import NotAvailable
from lazuli.resource_ids import location_path

from azureml import _absent
from azureml.core.compute.amlcompute import ACTIVE
from azureml.core.compute.compute import ComputeTarget, ComputeTargetProvisioningConfiguration, ProvisioningProgress
from azureml.core.run import Run
from azureml.exceptions import ComputeTargetException

if TYPE_CHECKING:
    from azureml.core.workspace import Workspace

Json = Dict[str, Any]

FINISHED = 'Provisioning operation finished, operation "Succeeded"'


class ComputeInstanceStatus:
    """The state of an instance at one moment."""

    def __init__(
        self,
        creation_time: Optional[str],
        created_by_user_name: Optional[str],
        created_by_user_id: Optional[str],
        created_by_user_org: Optional[str],
        errors: Any,
        modified_time: Optional[str],
        state: Optional[str],
        vm_size: Optional[str],
    ):
        self.creation_time = creation_time
        self.created_by_user_name = created_by_user_name
        self.created_by_user_id = created_by_user_id
        self.created_by_user_org = created_by_user_org
        self.errors = errors
        self.modified_time = modified_time
        self.state = state
        self.vm_size = vm_size

    def serialize(self) -> Json:
        return {
            "errors": self.errors,
            "creationTime": self.creation_time,
            "createdBy": {
                "userObjectId": self.created_by_user_id,
                "userTenantId": self.created_by_user_org,
                "userName": self.created_by_user_name,
            },
            "modifiedTime": self.modified_time,
            "state": self.state,
            "vmSize": self.vm_size,
        }

    @staticmethod
    def deserialize(object_dict: Optional[Json]) -> Optional[ComputeInstanceStatus]:
        if not object_dict:
            return None
        created_by = object_dict.get("createdBy") or {}
        return ComputeInstanceStatus(
            object_dict.get("creationTime"),
            created_by.get("userName"),
            created_by.get("userObjectId", created_by.get("userId")),
            created_by.get("userTenantId", created_by.get("userOrgId")),
            object_dict.get("errors"),
            object_dict.get("modifiedTime"),
            object_dict.get("state"),
            object_dict.get("vmSize"),
        )


class ComputeInstanceProvisioningConfiguration(ComputeTargetProvisioningConfiguration):
    """The settings of a new instance. Networks and SSH are accepted and not used: an instance is opened by the browser."""

    def __init__(
        self,
        vm_size: str = "",
        ssh_public_access: bool = False,
        admin_user_ssh_public_key: Optional[str] = None,
        vnet_resourcegroup_name: Optional[str] = None,
        vnet_name: Optional[str] = None,
        subnet_name: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
        description: Optional[str] = None,
        assigned_user_object_id: Optional[str] = None,
        assigned_user_tenant_id: Optional[str] = None,
    ):
        super().__init__(ComputeInstance, None)
        self.vm_size = vm_size
        self.ssh_public_access = ssh_public_access
        self.admin_user_ssh_public_key = admin_user_ssh_public_key
        self.vnet_resourcegroup_name = vnet_resourcegroup_name
        self.vnet_name = vnet_name
        self.subnet_name = subnet_name
        self.tags = tags
        self.description = description
        self.assigned_user_object_id = assigned_user_object_id
        self.assigned_user_tenant_id = assigned_user_tenant_id

    def validate_configuration(self) -> None:
        """Raise ComputeTargetException if an instance cannot have these settings."""
        if self.ssh_public_access and not self.admin_user_ssh_public_key:
            raise ComputeTargetException("With ssh_public_access, give admin_user_ssh_public_key too.")
        given = [self.vnet_resourcegroup_name, self.vnet_name, self.subnet_name]
        if any(given) and not all(given):
            raise ComputeTargetException("Give vnet_resourcegroup_name, vnet_name and subnet_name, or none of them.")

    def _make_body(self, workspace: Workspace) -> Json:
        return computes.instance_body(
            location=self.location or workspace.location,
            vm_size=self.vm_size,
            description=self.description,
            tags=self.tags,
            assigned_user=self.assigned_user_object_id,
        )


class ComputeInstance(ComputeTarget):
    """The workstation of one person: JupyterLab and terminals with the files of the workspace's share."""

    _compute_type = computes.INSTANCE

    def _set_from_dto(self, dto: Json) -> None:
        super()._set_from_dto(dto)
        inner = dto["properties"].get("properties") or {}
        ssh, network = inner.get("sshSettings") or {}, inner.get("connectivityEndpoints") or {}
        personal = (inner.get("personalComputeInstanceSettings") or {}).get("assignedUser") or {}
        self.vm_size = inner.get("vmSize")
        self.applications = inner.get("applications") or []
        self.errors = inner.get("errors") or []
        self.ssh_public_access = ssh.get("sshPublicAccess")
        self.admin_username = ssh.get("adminUserName")
        self.admin_user_ssh_public_key = ssh.get("adminPublicKey")
        self.ssh_port = ssh.get("sshPort")
        self.public_ip_address = network.get("publicIpAddress")
        self.private_ip_address = network.get("privateIpAddress")
        self.subnet_id = (inner.get("subnet") or {}).get("id")
        self.vnet_resourcegroup_name = self.vnet_name = self.subnet_name = None
        self.assigned_user_object_id = personal.get("objectId")
        self.assigned_user_tenant_id = personal.get("tenantId")
        times = {"creationTime": self.created_on, "modifiedTime": self.modified_on}
        self.status = ComputeInstanceStatus.deserialize({**inner, **times})

    @staticmethod
    def provisioning_configuration(
        vm_size: str = "",
        ssh_public_access: bool = False,
        admin_user_ssh_public_key: Optional[str] = None,
        vnet_resourcegroup_name: Optional[str] = None,
        vnet_name: Optional[str] = None,
        subnet_name: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
        description: Optional[str] = None,
        assigned_user_object_id: Optional[str] = None,
        assigned_user_tenant_id: Optional[str] = None,
    ) -> ComputeInstanceProvisioningConfiguration:
        config = ComputeInstanceProvisioningConfiguration(
            vm_size,
            ssh_public_access,
            admin_user_ssh_public_key,
            vnet_resourcegroup_name,
            vnet_name,
            subnet_name,
            tags,
            description,
            assigned_user_object_id,
            assigned_user_tenant_id,
        )
        config.validate_configuration()
        return config

    @staticmethod
    def supported_vmsizes(workspace: Workspace, location: Optional[str] = None) -> List[Json]:
        """The sizes that an instance can have: name, vCPUs, gpus, memoryGB, maxResourceVolumeMB."""
        path = location_path(workspace.subscription_id, location or workspace.location)
        return list(workspace._client.items(f"{path}/vmSizes"))

    def get(self) -> Json:
        """The instance as the server describes it now."""
        self.refresh_state()
        return self.serialize()

    def get_status(self) -> Optional[ComputeInstanceStatus]:
        self.refresh_state()
        return self.status

    def get_active_runs(
        self, type: Optional[str] = None, tags: Any = None, properties: Any = None, status: Optional[str] = None
    ) -> Iterator[Run]:
        """The runs of its jobs that have not ended (or have the given status), newest first."""
        wanted = (status,) if status else ACTIVE
        for run in Run.list_by_compute(self, type, tags, properties, status):
            if run.status in wanted:
                yield run

    def start(self, wait_for_completion: bool = False, show_output: bool = False) -> None:
        """Start a stopped instance. Raises ComputeTargetException while it runs."""
        self._operate("start", ("Stopped",), "Running", wait_for_completion, show_output)

    def stop(self, wait_for_completion: bool = False, show_output: bool = False) -> None:
        """Stop it: kernels and terminals end, files stay."""
        self._operate(
            "stop", ("Running", "Starting", "Restarting", "Creating"), "Stopped", wait_for_completion, show_output
        )

    def restart(self, wait_for_completion: bool = False, show_output: bool = False) -> None:
        """Stop and start a running instance."""
        self._operate("restart", ("Running",), "Running", wait_for_completion, show_output)

    def _operate(self, operation: str, allowed: Tuple[str, ...], wanted: str, waits: bool, shows: bool) -> None:
        status = self.get_status()
        state = status.state if status else None
        if state not in allowed:
            raise ComputeTargetException(f"current state ({state}) does not support {operation} operation")
        computes.operate_instance(self.workspace._remote, self.name, operation)
        if waits:
            progress = ProvisioningProgress(shows)
            self._set_from_dto(
                computes.wait_for_instance(
                    self.workspace._remote, self.name, (wanted, "CreateFailed"), progress.print_state
                )
            )
            progress.print_end(FINISHED)

    def delete(self, wait_for_completion: bool = False, show_output: bool = False) -> None:
        """Remove the instance. The files of its person stay in the workspace's file share."""
        super().delete()
        if wait_for_completion:
            self.wait_for_completion(show_output=show_output, is_delete_operation=True)

    def detach(self) -> None:
        raise ComputeTargetException("An instance cannot be detached. Try to use delete instead")

    def wait_for_completion(self, show_output: bool = False, is_delete_operation: bool = False) -> None:
        """Wait until the instance runs or has failed or, with `is_delete_operation`, is deleted."""
        if is_delete_operation:
            super().wait_for_completion(show_output, is_delete_operation=True)
            return
        progress = ProvisioningProgress(show_output)
        states = ("Running", "Stopped", "CreateFailed")
        self._set_from_dto(computes.wait_for_instance(self.workspace._remote, self.name, states, progress.print_state))
        progress.print_end(FINISHED)

    def update_sso_settings(self, value: bool) -> None:
        raise NotAvailable("single sign-on of instances", "ComputeInstance.update_sso_settings")

    @classmethod
    def get_docs_url(cls) -> str:
        """Links to documentation about instances."""
        return "https://learn.microsoft.com/azure/machine-learning/concept-compute-instance"

    def serialize(self) -> Json:
        return dict(super().serialize(), status=self.status.serialize() if self.status else None)

    @staticmethod
    def deserialize(workspace: Workspace, object_dict: Json) -> ComputeInstance:
        return cast(ComputeInstance, ComputeTarget.deserialize(workspace, object_dict))

    def refresh_state(self) -> None:
        super().refresh_state()


__getattr__ = _absent.find_missing(__name__)
