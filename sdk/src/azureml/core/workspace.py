"""A workspace with its experiments, runs and computes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Dict, Optional, cast

from lazuli import config, mlflow_plugin, workspace_config, workspaces
from lazuli.client import ATTEMPTS, JOB_ATTEMPTS, Client
from lazuli.console import print_text
from lazuli.data.datastores import list_datastores, set_default
from lazuli.errors import NotAvailable
from lazuli.workspaces import WorkspaceClient, WorkspaceCreation

from azureml import _absent, _html_table
from azureml._unused import warn_of_unused
from azureml.core.authentication import (
    AbstractAuthentication,
    AzureMLTokenAuthentication,
    InteractiveLoginAuthentication,
)
from azureml.core.compute import ComputeTarget
from azureml.core.compute.amlcompute import AmlComputeProvisioningConfiguration
from azureml.core.datastore import Datastore, from_resource
from azureml.core.environment import Environment
from azureml.core.experiment import Experiment
from azureml.core.keyvault import Keyvault
from azureml.core.model import Model
from azureml.core.run import Run
from azureml.data import _azure_addresses
from azureml.data.abstract_dataset import RegisteredDatasets
from azureml.exceptions import UserErrorException

WORKSPACE_DEFAULT_BLOB_STORE_NAME = "workspaceblobstore"

Json = Dict[str, Any]


class Workspace:
    """One workspace on a server. Creating the object reads it. Raises WorkspaceException if it does not exist."""

    DEFAULT_CPU_CLUSTER_NAME = "cpu-cluster"
    DEFAULT_CPU_CLUSTER_CONFIGURATION = AmlComputeProvisioningConfiguration(vm_size="STANDARD_DS2_V2", max_nodes=2)
    DEFAULT_GPU_CLUSTER_NAME = "gpu-cluster"
    DEFAULT_GPU_CLUSTER_CONFIGURATION = AmlComputeProvisioningConfiguration(vm_size="STANDARD_NC6", max_nodes=2)

    def __init__(
        self,
        subscription_id: str,
        resource_group: str,
        workspace_name: str,
        auth: Optional[AbstractAuthentication] = None,
        _location: Optional[str] = None,
        _disable_service_check: bool = False,
        _workspace_id: Optional[str] = None,
        sku: str = "basic",
        tags: Optional[Dict[str, str]] = None,
        _cloud: str = "AzureCloud",
        _url: Optional[str] = None,
    ):
        self._given_location = _location
        self._auth = auth or InteractiveLoginAuthentication()
        client = _connect(self._auth, _url)
        self._bind_client(WorkspaceClient(client, subscription_id, resource_group, workspace_name, None, _workspace_id))
        if not _disable_service_check:
            self._remote.refresh()

    def _bind_client(self, remote: WorkspaceClient) -> None:
        self._remote = remote
        # Scripts written for SDK v1 read these, too.
        self._subscription_id = remote.subscription_id
        self._resource_group = remote.resource_group
        self._workspace_name = remote.name
        self._client = remote.client
        self._path = remote.path
        self._history = remote.history_path
        self._content = remote.content_path
        _azure_addresses.remember_workspace(self)

    # ---- finding and creating

    @staticmethod
    def from_config(
        path: Optional[str] = None,
        auth: Optional[AbstractAuthentication] = None,
        _logger: Any = None,
        _file_name: Optional[str] = None,
    ) -> Workspace:
        """The workspace that a config.json names: the file `path`, or one in the folder `path` or above it.

        Raises UserErrorException if there is no such file, WorkspaceException if the workspace does not exist.
        """
        found = workspace_config.read_config_file(workspace_config.find_config_file(path, _file_name))
        return Workspace(
            found.subscription_id, found.resource_group, found.workspace_name, auth, _url=config.server_url(found.url)
        )

    @staticmethod
    def get(
        name: str,
        auth: Optional[AbstractAuthentication] = None,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        location: Optional[str] = None,
        cloud: str = "AzureCloud",
        id: Optional[str] = None,
    ) -> Workspace:
        """The workspace of this name; the subscription and resource group may be left out if the name is unique.

        Raises WorkspaceException if none or several workspaces match.
        """
        warn_of_unused("Workspace.get", id=id)
        client = _connect(auth)
        return Workspace._from_remote(
            workspaces.find_workspace(client, name, subscription_id, resource_group, location), auth
        )

    @staticmethod
    def list(
        subscription_id: str, auth: Optional[AbstractAuthentication] = None, resource_group: Optional[str] = None
    ) -> Dict[str, Workspace]:
        """The workspaces of a subscription (and resource group), by name."""
        client = _connect(auth)
        return {
            resource["name"]: Workspace._from_remote(WorkspaceClient.from_resource(client, resource), auth)
            for resource in workspaces.list_workspaces(client, subscription_id, resource_group)
        }

    @staticmethod
    def create(
        name: str,
        auth: Optional[AbstractAuthentication] = None,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        location: Optional[str] = None,
        create_resource_group: bool = True,
        sku: str = "basic",
        tags: Optional[Dict[str, str]] = None,
        friendly_name: Optional[str] = None,
        storage_account: Optional[str] = None,
        key_vault: Optional[str] = None,
        app_insights: Optional[str] = None,
        container_registry: Optional[str] = None,
        adb_workspace: Any = None,
        primary_user_assigned_identity: Optional[str] = None,
        cmk_keyvault: Optional[str] = None,
        resource_cmk_uri: Optional[str] = None,
        hbi_workspace: bool = False,
        default_cpu_compute_target: Optional[AmlComputeProvisioningConfiguration] = None,
        default_gpu_compute_target: Optional[AmlComputeProvisioningConfiguration] = None,
        private_endpoint_config: Any = None,
        private_endpoint_auto_approval: bool = True,
        exist_ok: bool = False,
        show_output: bool = True,
        user_assigned_identity_for_cmk_encryption: Optional[str] = None,
        system_datastores_auth_mode: str = "accessKey",
        v1_legacy_mode: Optional[bool] = None,
    ) -> Workspace:
        """Create a workspace, and the resource group and subscription that it needs.

        Any text can name a subscription. The associated accounts are recorded by name; the server names those that
        are left out as Azure does. Raises WorkspaceException if the workspace exists and `exist_ok` is false.
        """
        identity = primary_user_assigned_identity or user_assigned_identity_for_cmk_encryption
        _refuse_unavailable(Databricks=adb_workspace, private_endpoints=private_endpoint_config)
        _refuse_unavailable(managed_identities=identity, customer_managed_keys=cmk_keyvault or resource_cmk_uri)
        mode = system_datastores_auth_mode.lower() != "accesskey"
        warn_of_unused("Workspace.create", system_datastores_auth_mode=mode, v1_legacy_mode=v1_legacy_mode is not None)
        workspaces.check_workspace_name(name)
        creation = WorkspaceCreation(_connect(auth), name, subscription_id, resource_group)
        if creation.check_exists(exist_ok):
            return Workspace._from_remote(creation.workspace, auth)
        accounts = {"storageAccount": storage_account, "keyVault": key_vault, "containerRegistry": container_registry}
        named = {"friendlyName": friendly_name or name, "applicationInsights": app_insights}
        properties = _drop_none(**accounts, **named, hbiWorkspace=hbi_workspace)
        body = {"tags": tags or {}, "sku": {"name": sku}, "properties": properties}
        report = print_text if show_output else None
        workspace = Workspace._from_remote(creation.create(body, location, create_resource_group, report), auth)
        workspace._create_default_computes(default_cpu_compute_target, default_gpu_compute_target, show_output)
        return workspace

    @staticmethod
    def setup() -> None:
        """Azure's guided setup of a new account, which this server does not have."""
        raise NotAvailable("guided account set-up", "Workspace.setup")

    @classmethod
    def _from_remote(cls, remote: WorkspaceClient, auth: Optional[AbstractAuthentication]) -> Workspace:
        given = (remote.subscription_id, remote.resource_group, remote.name, auth)
        workspace = cls(*given, _disable_service_check=True, _url=remote.client.base_url)
        workspace._bind_client(remote)
        return workspace

    # ---- properties

    @property
    def name(self) -> str:
        return self._remote.name

    @property
    def subscription_id(self) -> str:
        return self._remote.subscription_id

    @property
    def resource_group(self) -> str:
        return self._remote.resource_group

    @property
    def location(self) -> str:
        return self._given_location or cast(str, self._remote.resource["location"])

    @property
    def sku(self) -> str:
        return self._remote.sku

    @property
    def tags(self) -> Dict[str, str]:
        return dict(self._remote.resource.get("tags") or {})

    @property
    def discovery_url(self) -> str:
        return cast(str, self._remote.properties["discoveryUrl"])

    @property
    def service_context(self) -> SimpleNamespace:
        """The coordinates of the workspace in one object."""
        return SimpleNamespace(
            subscription_id=self.subscription_id,
            resource_group_name=self.resource_group,
            workspace_name=self.name,
            workspace_id=self._workspace_id,
            get_auth=lambda: self._auth,
        )

    def get_details(self) -> Json:
        """All details of the workspace as a dict."""
        return self._remote.describe()

    def get_mlflow_tracking_uri(self, _with_auth: bool = False) -> str:
        """The address for `mlflow.set_tracking_uri`; mlflow then sends this workspace's token with its requests."""
        mlflow_plugin.save_credential(self._client.base_url, self._client.token)
        uri = mlflow_plugin.tracking_uri(self._client.base_url, self._path)
        mlflow_plugin.save_workspace(uri, self)
        return uri

    def get_run(self, run_id: str) -> Run:
        """Raises UserErrorException if the workspace has no such run."""
        return Run.get(self, run_id)

    def write_config(self, path: Optional[str] = None, file_name: Optional[str] = None) -> None:
        """Write .azureml/config.json for `Workspace.from_config()`."""
        workspace_config.write_config_file(self._remote.resource_id, self._client.base_url, path, file_name)

    # ---- changing it

    def update(
        self,
        friendly_name: Optional[str] = None,
        description: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
        image_build_compute: Optional[str] = None,
        service_managed_resources_settings: Any = None,
        primary_user_assigned_identity: Optional[str] = None,
        allow_public_access_when_behind_vnet: Optional[bool] = None,
        v1_legacy_mode: Optional[bool] = None,
    ) -> Json:
        """Change the given properties and return the new details."""
        _refuse_unavailable(
            image_builds=image_build_compute,
            managed_resources=service_managed_resources_settings,
            managed_identities=primary_user_assigned_identity,
            virtual_networks=allow_public_access_when_behind_vnet,
        )
        warn_of_unused("Workspace.update", v1_legacy_mode=v1_legacy_mode is not None)
        body = _drop_none(tags=tags, properties=_drop_none(friendlyName=friendly_name, description=description) or None)
        self._remote.update(body)
        return self.get_details()

    def update_dependencies(self, container_registry: Optional[str] = None, force: bool = False) -> Workspace:
        """Record another container registry; `force=True` allows replacing the present one."""
        present = self._remote.properties.get("containerRegistry")
        if present and container_registry and present != container_registry and not force:
            raise UserErrorException(
                f"The workspace already has the container registry {present}; pass force=True to replace it."
            )
        self._remote.update({"properties": _drop_none(containerRegistry=container_registry)})
        return self

    def delete(self, delete_dependent_resources: bool = False, no_wait: bool = False) -> None:
        """Move the workspace to the trash, from where it can be restored and where it keeps its name.

        With `delete_dependent_resources=True` it is deleted permanently with its runs and files, even if it is in the
        trash already.
        """
        self._remote.delete(permanently=delete_dependent_resources)

    def list_keys(self) -> Json:
        """The names and keys of the associated resources."""
        return cast(Json, self._client.request("POST", self._path + "/listKeys", repeatable=True).json())

    def sync_keys(self, no_wait: bool = False) -> None:
        """Nothing to do: keys are read from the server whenever they are used."""

    # ---- what is in it

    @property
    def compute_targets(self) -> Dict[str, ComputeTarget]:
        return {target.name: target for target in ComputeTarget.list(self)}

    @property
    def experiments(self) -> Dict[str, Experiment]:
        return {experiment.name: experiment for experiment in Experiment.list(self)}

    @property
    def environments(self) -> Dict[str, Environment]:
        return Environment.list(self)

    def get_default_compute_target(self, type: str) -> Optional[ComputeTarget]:
        """The default cluster for 'CPU' or 'GPU', if the workspace has one."""
        names = {"CPU": self.DEFAULT_CPU_CLUSTER_NAME, "GPU": self.DEFAULT_GPU_CLUSTER_NAME}
        if type.upper() not in names:
            raise UserErrorException(f"type is {type!r}; use 'CPU' or 'GPU'.")
        return self.compute_targets.get(names[type.upper()])

    @property
    def datasets(self) -> RegisteredDatasets:
        """The registered datasets by name."""
        return RegisteredDatasets(self)

    @property
    def datastores(self) -> Dict[str, Any]:
        """The datastores by name."""
        return {resource["name"]: from_resource(self, resource) for resource in list_datastores(self._remote)}

    def get_default_datastore(self) -> Any:
        return Datastore.get_default(self)

    def set_default_datastore(self, name: str) -> None:
        set_default(self._remote, name)

    @property
    def models(self) -> Dict[str, Model]:
        """The newest version of each model, by name."""
        return {model.name: model for model in Model.list(self, latest=True)}

    @property
    def images(self) -> Any:
        raise NotAvailable("the image service", "Workspace.images")

    @property
    def webservices(self) -> Any:
        """The services, by name."""
        from azureml.core.webservice import Webservice  # start-up time: most programs use no services

        return {service.name: service for service in Webservice.list(self)}

    @property
    def linked_services(self) -> Any:
        raise NotAvailable("the linked service registry", "Workspace.linked_services")

    @property
    def private_endpoints(self) -> Any:
        raise NotAvailable("private endpoints", "Workspace.private_endpoints")

    def get_default_keyvault(self) -> Keyvault:
        return Keyvault(self)

    def add_private_endpoint(
        self,
        private_endpoint_config: Any,
        private_endpoint_auto_approval: bool = True,
        location: Optional[str] = None,
        show_output: bool = True,
        tags: Optional[Dict[str, str]] = None,
    ) -> Any:
        raise NotAvailable("private endpoints", "Workspace.add_private_endpoint")

    def delete_private_endpoint_connection(self, private_endpoint_connection_name: str) -> None:
        raise NotAvailable("private endpoints", "Workspace.delete_private_endpoint_connection")

    def get_connection(self, name: str) -> Any:
        raise NotAvailable("the connection registry", "Workspace.get_connection")

    def set_connection(self, name: str, category: str, target: str, authType: str, value: str) -> Any:
        raise NotAvailable("the connection registry", "Workspace.set_connection")

    def list_connections(self, category: Optional[str] = None, target: Optional[str] = None) -> Any:
        raise NotAvailable("the connection registry", "Workspace.list_connections")

    def delete_connection(self, name: str) -> None:
        raise NotAvailable("the connection registry", "Workspace.delete_connection")

    def diagnose_workspace(self, diagnose_parameters: Json) -> Any:
        raise NotAvailable("network diagnosis", "Workspace.diagnose_workspace")

    # ---- display

    def __repr__(self) -> str:
        return (
            f"Workspace.create(name={self.name!r}, subscription_id={self.subscription_id!r}, "
            f"resource_group={self.resource_group!r})"
        )

    def _repr_html_(self) -> str:
        return _html_table.render_table(
            {
                "Name": (self.name, self._studio_url),
                "Subscription": self.subscription_id,
                "Resource group": self.resource_group,
                "Location": self.location,
            }
        )

    # ---- for the other modules

    @property
    def _workspace_id(self) -> str:
        return self._remote.workspace_id

    @property
    def _studio_url(self) -> Optional[str]:
        return cast(Optional[str], self._remote.properties.get("studioEndpoint"))

    def _experiment(self, name: str, **known: Any) -> Experiment:
        """An experiment that is known to exist, without asking the server."""
        return Experiment(self, name, _skip_name_validation=True, _create_in_cloud=False, **known)

    def _create_default_computes(self, cpu: Any, gpu: Any, show_output: bool) -> None:
        wanted = [(self.DEFAULT_CPU_CLUSTER_NAME, cpu), (self.DEFAULT_GPU_CLUSTER_NAME, gpu)]
        for name, configuration in wanted:
            if configuration is not None:
                ComputeTarget.create(self, name, configuration).wait_for_completion(show_output=show_output)


def _connect(auth: Optional[AbstractAuthentication], url: Optional[str] = None) -> Client:
    auth = auth or InteractiveLoginAuthentication()
    server = url or auth._server_url()
    auth._bind_server(server)
    attempts = JOB_ATTEMPTS if isinstance(auth, AzureMLTokenAuthentication) else ATTEMPTS
    return Client(server, lambda: auth._token_for(server), attempts=attempts)


def _refuse_unavailable(**services: Any) -> None:
    for service, value in services.items():
        if value is not None:
            raise NotAvailable(service.replace("_", " "))


def _drop_none(**values: Any) -> Json:
    return {name: value for name, value in values.items() if value is not None}


__getattr__ = _absent.find_missing(__name__)

__all__ = ["WORKSPACE_DEFAULT_BLOB_STORE_NAME", "Workspace"]
