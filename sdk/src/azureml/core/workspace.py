"""A workspace: where experiments, runs and computes live."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, TypeVar, cast

from azureml import _html, _names
from azureml.core import _config_file
from azureml.core.authentication import AbstractAuthentication, InteractiveLoginAuthentication
from azureml.core.compute.amlcompute import AmlComputeProvisioningConfiguration
from azureml.exceptions import UserErrorException, WorkspaceException
from lazuli import config, mlflow_plugin
from lazuli.client import Client
from lazuli.errors import NotAvailable, NotFound, Refused

if TYPE_CHECKING:
    from azureml.core.compute.compute import ComputeTarget
    from azureml.core.environment import Environment
    from azureml.core.experiment import Experiment
    from azureml.core.run import Run

WORKSPACE_DEFAULT_BLOB_STORE_NAME = "workspaceblobstore"
DEFAULT_LOCATION = "eastus"

Json = Dict[str, Any]
Result = TypeVar("Result")


class Workspace:
    """One workspace on a server. It is looked up when the object is made."""

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
        self._subscription_id = subscription_id
        self._resource_group = resource_group
        self._workspace_name = workspace_name
        self._given_location = _location
        self._given_id = _workspace_id
        self._auth = auth or InteractiveLoginAuthentication()
        self._client = _connect(self._auth, _url)
        self._path = _names.workspace_path(subscription_id, resource_group, workspace_name)
        self._history = "/history/v1.0" + self._path
        self._content = "/content/v1.0" + self._path
        self._loaded: Optional[Json] = None
        if not _disable_service_check:
            self._load()

    # ---- finding and making

    @staticmethod
    def from_config(
        path: Optional[str] = None,
        auth: Optional[AbstractAuthentication] = None,
        _logger: Any = None,
        _file_name: Optional[str] = None,
    ) -> Workspace:
        """The workspace that config.json names, looked for from `path` (or here) up to the root."""
        found = _config_file.read(_config_file.find(path, _file_name))
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
        """The workspace of this name; the subscription and resource group may be left out if the name is unique."""
        if subscription_id and resource_group:
            return Workspace(subscription_id, resource_group, name, auth)
        found = [
            dto
            for dto in _all_workspaces(_connect(auth), subscription_id, resource_group)
            if dto["name"].lower() == name.lower() and (location is None or dto.get("location") == location)
        ]
        if not found:
            raise WorkspaceException(f"WorkspaceNotFound: no workspace named {name!r} could be found.")
        if len(found) > 1:
            found = [dto for dto in found if _is_in(dto, config.subscription_of(_connect(auth).base_url))] or found
        if len(found) > 1:
            places = ", ".join(dto["id"] for dto in found)
            raise WorkspaceException(f"More than one workspace is named {name!r}: {places}", found_multiple=True)
        return Workspace._from_dto(found[0], auth)

    @staticmethod
    def list(
        subscription_id: str, auth: Optional[AbstractAuthentication] = None, resource_group: Optional[str] = None
    ) -> Dict[str, Workspace]:
        """The workspaces of a subscription (and resource group), by name."""
        found = _all_workspaces(_connect(auth), subscription_id, resource_group)
        return {dto["name"]: Workspace._from_dto(dto, auth) for dto in found}

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
        """Make a workspace, and the resource group and subscription that it needs.

        Any text names a subscription. The accounts that belong to a workspace are recorded by name; left out, the
        server names them as Azure does.
        """
        _refuse(
            Databricks=adb_workspace,
            managed_identities=primary_user_assigned_identity or user_assigned_identity_for_cmk_encryption,
            customer_managed_keys=cmk_keyvault or resource_cmk_uri,
            private_endpoints=private_endpoint_config,
        )
        place = _Place.of_new(name, auth, subscription_id, resource_group)
        if place.exists(exist_ok):
            return Workspace(place.subscription_id, place.group, name, auth)
        properties = _present(
            friendlyName=friendly_name or name,
            storageAccount=storage_account,
            keyVault=key_vault,
            applicationInsights=app_insights,
            containerRegistry=container_registry,
            hbiWorkspace=hbi_workspace,
        )
        body = {"tags": tags or {}, "sku": {"name": sku}, "properties": properties}
        dto = place.make(dict(body, location=place.prepare(location, create_resource_group)), show_output)
        workspace = Workspace._from_dto(dto, auth)
        workspace._make_default_computes(default_cpu_compute_target, default_gpu_compute_target, show_output)
        return workspace

    @staticmethod
    def setup() -> None:
        """Azure's guided set-up of a new account, which a server of one's own does not need."""
        raise NotAvailable("guided account set-up", "Workspace.setup")

    @classmethod
    def _from_dto(cls, dto: Json, auth: Optional[AbstractAuthentication]) -> Workspace:
        workspace = cls(*_names.parse_scope(dto["id"]), auth, _disable_service_check=True)
        workspace._loaded = dto
        return workspace

    # ---- what it is

    @property
    def name(self) -> str:
        return self._workspace_name

    @property
    def subscription_id(self) -> str:
        return self._subscription_id

    @property
    def resource_group(self) -> str:
        return self._resource_group

    @property
    def location(self) -> str:
        return self._given_location or cast(str, self._dto["location"])

    @property
    def sku(self) -> str:
        sku = self._dto.get("sku") or {}
        return str(sku.get("name", "Basic")) if isinstance(sku, dict) else str(sku)

    @property
    def tags(self) -> Dict[str, str]:
        return dict(self._dto.get("tags") or {})

    @property
    def discovery_url(self) -> str:
        return cast(str, self._properties["discoveryUrl"])

    @property
    def service_context(self) -> SimpleNamespace:
        """The coordinates of the workspace in one object."""
        return SimpleNamespace(
            subscription_id=self._subscription_id,
            resource_group_name=self._resource_group,
            workspace_name=self._workspace_name,
            workspace_id=self._workspace_id,
            get_auth=lambda: self._auth,
        )

    def get_details(self) -> Json:
        """Everything that the server tells about the workspace, in one dict."""
        dto, properties = self._load(), self._properties
        details = {name: dto.get(name) for name in ("id", "name", "type", "location", "tags")}
        details["identity"] = dto.get("identity")
        details["sku"] = self.sku
        details["workspaceid"] = self._workspace_id
        details["studioEndpoint"] = self._studio_url
        details.update((key, value) for key, value in properties.items() if key != "workspaceId")
        return details

    def get_mlflow_tracking_uri(self, _with_auth: bool = False) -> str:
        """The address for `mlflow.set_tracking_uri`; mlflow's requests to it are signed as this workspace's are."""
        mlflow_plugin.know(self._client.base_url, self._client.token)
        return mlflow_plugin.tracking_uri(self._client.base_url, self._path)

    def get_run(self, run_id: str) -> Run:
        from azureml.core.run import Run

        return Run.get(self, run_id)

    def write_config(self, path: Optional[str] = None, file_name: Optional[str] = None) -> None:
        """Write .azureml/config.json for `Workspace.from_config()`."""
        scope = (
            f"/subscriptions/{self._subscription_id}/resourceGroups/{self._resource_group}"
            f"/providers/{_names.PROVIDER}/workspaces/{self._workspace_name}"
        )
        _config_file.write(scope, self._client.base_url, path, file_name)

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
        """Change what is given; returns the details as they are then."""
        _refuse(
            image_builds=image_build_compute,
            managed_resources=service_managed_resources_settings,
            managed_identities=primary_user_assigned_identity,
            virtual_networks=allow_public_access_when_behind_vnet,
        )
        body = _present(tags=tags, properties=_present(friendlyName=friendly_name, description=description) or None)
        self._patch(body)
        return self.get_details()

    def update_dependencies(self, container_registry: Optional[str] = None, force: bool = False) -> Workspace:
        """Record another container registry; `force` says that the present one may be replaced."""
        present = self._properties.get("containerRegistry")
        if present and container_registry and present != container_registry and not force:
            raise UserErrorException(f"The workspace has the container registry {present}; force=True replaces it.")
        self._patch({"properties": _present(containerRegistry=container_registry)})
        return self

    def delete(self, delete_dependent_resources: bool = False, no_wait: bool = False) -> None:
        """Put the workspace into the trash, from where it can be restored and where it keeps its name.

        With `delete_dependent_resources=True` its storage goes too: it is freed for ever with its runs and files, also
        if it is in the trash already.
        """
        params = {"forceToPurge": "true"} if delete_dependent_resources else {}
        self._translate(lambda: self._client.request("DELETE", self._path, params=params, timeout=300))

    def list_keys(self) -> Json:
        """The names and keys of the associated resources."""
        return cast(Json, self._client.request("POST", self._path + "/listKeys", repeatable=True).json())

    def sync_keys(self, no_wait: bool = False) -> None:
        """Keys are read afresh whenever they are used, so that there is nothing to bring up to date."""

    # ---- what is in it

    @property
    def compute_targets(self) -> Dict[str, ComputeTarget]:
        from azureml.core.compute import ComputeTarget

        return {target.name: target for target in ComputeTarget.list(self)}

    @property
    def experiments(self) -> Dict[str, Experiment]:
        from azureml.core.experiment import Experiment

        return {experiment.name: experiment for experiment in Experiment.list(self)}

    @property
    def environments(self) -> Dict[str, Environment]:
        from azureml.core.environment import Environment

        return Environment.list(self)

    def get_default_compute_target(self, type: str) -> Optional[ComputeTarget]:
        """The default cluster for 'CPU' or 'GPU', if the workspace has one."""
        names = {"CPU": self.DEFAULT_CPU_CLUSTER_NAME, "GPU": self.DEFAULT_GPU_CLUSTER_NAME}
        if type.upper() not in names:
            raise UserErrorException(f"type is {type!r}; it may be 'CPU' or 'GPU'.")
        return self.compute_targets.get(names[type.upper()])

    @property
    def datasets(self) -> Any:
        raise NotAvailable("the dataset service", "Workspace.datasets")

    @property
    def datastores(self) -> Any:
        raise NotAvailable("the datastore service", "Workspace.datastores")

    def get_default_datastore(self) -> Any:
        raise NotAvailable("the datastore service", "Workspace.get_default_datastore")

    def set_default_datastore(self, name: str) -> None:
        raise NotAvailable("the datastore service", "Workspace.set_default_datastore")

    @property
    def models(self) -> Any:
        raise NotAvailable("the model registry", "Workspace.models")

    @property
    def images(self) -> Any:
        raise NotAvailable("the image service", "Workspace.images")

    @property
    def webservices(self) -> Any:
        raise NotAvailable("the endpoint service", "Workspace.webservices")

    @property
    def linked_services(self) -> Any:
        raise NotAvailable("the linked service registry", "Workspace.linked_services")

    @property
    def private_endpoints(self) -> Any:
        raise NotAvailable("private endpoints", "Workspace.private_endpoints")

    def get_default_keyvault(self) -> Any:
        raise NotAvailable("the key vault", "Workspace.get_default_keyvault")

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

    # ---- how it shows itself

    def __repr__(self) -> str:
        return (
            f"Workspace.create(name={self._workspace_name!r}, subscription_id={self._subscription_id!r}, "
            f"resource_group={self._resource_group!r})"
        )

    def _repr_html_(self) -> str:
        return _html.table(
            {
                "Name": (self.name, self._studio_url),
                "Subscription": self._subscription_id,
                "Resource group": self._resource_group,
                "Location": self.location,
            }
        )

    # ---- the server's view of it

    @property
    def _dto(self) -> Json:
        return self._loaded or self._load()

    @property
    def _properties(self) -> Json:
        return cast(Json, self._dto.get("properties") or {})

    @property
    def _workspace_id(self) -> str:
        return self._given_id or cast(str, self._properties.get("workspaceId", ""))

    @property
    def _studio_url(self) -> Optional[str]:
        return cast(Optional[str], self._properties.get("studioEndpoint"))

    def _load(self) -> Json:
        self._loaded = self._translate(lambda: self._client.get(self._path))
        return self._loaded

    def _patch(self, body: Json) -> None:
        self._loaded = self._translate(lambda: self._client.request("PATCH", self._path, json=body).json())

    def _translate(self, ask: Callable[[], Result]) -> Result:
        try:
            return ask()
        except NotFound as error:
            raise WorkspaceException(
                f"WorkspaceNotFound: no workspace {self._workspace_name!r} could be found in resource group "
                f"{self._resource_group!r} of subscription {self._subscription_id!r} at {self._client.base_url}.",
                inner_exception=error,
            ) from error

    def _make_default_computes(self, cpu: Any, gpu: Any, show_output: bool) -> None:
        from azureml.core.compute import ComputeTarget

        wanted = [(self.DEFAULT_CPU_CLUSTER_NAME, cpu), (self.DEFAULT_GPU_CLUSTER_NAME, gpu)]
        for name, configuration in wanted:
            if configuration is not None:
                ComputeTarget.create(self, name, configuration).wait_for_completion(show_output=show_output)


class _Place:
    """Where a new workspace shall stand, and what must be there before it."""

    def __init__(self, client: Client, subscription_id: str, resource_group: str, name: str):
        self._client = client
        self._subscription = _names.subscription_path(subscription_id)
        self._group = _names.group_path(subscription_id, resource_group)
        self._workspace = _names.workspace_path(subscription_id, resource_group, name)
        self._name = name
        self.subscription_id = subscription_id
        self.group = resource_group

    @classmethod
    def of_new(
        cls,
        name: str,
        auth: Optional[AbstractAuthentication],
        subscription_id: Optional[str],
        resource_group: Optional[str],
    ) -> _Place:
        """Checks the name, and chooses what was left out."""
        _names.check_name("a workspace", name, 3, 33)
        client = _connect(auth)
        group = resource_group or f"{name}-rg"
        return cls(client, subscription_id or _meant_subscription(client, group), group, name)

    def exists(self, exist_ok: bool) -> bool:
        found = self._find(self._workspace) is not None
        if found and not exist_ok:
            raise WorkspaceException(f"Workspace with name '{self._name}' already exists under {self.group}.")
        return found

    def prepare(self, location: Optional[str], create_group: bool) -> str:
        """Make the subscription and the group if need be; returns the location to use."""
        if self._find(self._subscription) is None:
            self._client.request("PUT", self._subscription, json={"displayName": self.subscription_id})
        group = self._find(self._group)
        if group is None and not create_group:
            raise WorkspaceException(
                f"Resource group {self.group!r} does not exist. Create it, or pass create_resource_group=True."
            )
        if group is None:
            body = {"location": location or DEFAULT_LOCATION, "tags": {}}
            group = self._client.request("PUT", self._group, json=body).json()
        return location or group.get("location") or DEFAULT_LOCATION

    def make(self, body: Json, show_output: bool) -> Json:
        say = print if show_output else _silent
        say(f"Deploying Workspace with name {self._name}.")
        started = time.monotonic()
        try:
            dto = self._client.request("PUT", self._workspace, json=body, timeout=300).json()
        except Refused as error:
            raise WorkspaceException(error.message, inner_exception=error) from error
        say(f"Deployed Workspace with name {self._name}. Took {time.monotonic() - started:.2f} seconds.")
        return cast(Json, dto)

    def _find(self, path: str) -> Optional[Json]:
        answer = self._client.request("GET", path, ok=(200, 404))
        return cast(Json, answer.json()) if answer.status_code == 200 else None


def _connect(auth: Optional[AbstractAuthentication], url: Optional[str] = None) -> Client:
    auth = auth or InteractiveLoginAuthentication()
    server = url or auth._server()
    auth._bind(server)
    return Client(server, lambda: auth._token_for(server))


def _all_workspaces(client: Client, subscription_id: Optional[str], resource_group: Optional[str]) -> List[Json]:
    subscriptions = [subscription_id] if subscription_id else [dto["subscriptionId"] for dto in _subscriptions(client)]
    found: List[Json] = []
    for subscription in subscriptions:
        try:
            found.extend(client.items(_names.workspaces_path(subscription, resource_group)))
        except NotFound as error:
            # Without a subscription given, a group is looked for in each: most do not have it.
            if subscription_id:
                raise WorkspaceException(error.message, inner_exception=error) from error
    return found


def _subscriptions(client: Client) -> List[Json]:
    return list(client.items("/subscriptions"))


def _meant_subscription(client: Client, group: str) -> str:
    fitting = _fitting_subscriptions(client, group)
    if len(fitting) == 1:
        return fitting[0]
    choice = f"one of: {', '.join(fitting)}" if fitting else "any text; a new one is made"
    raise UserErrorException(
        f"Say which subscription the workspace belongs to with subscription_id ({choice}), "
        "or choose one for good with `lazuli account set --subscription ID` or AZURE_SUBSCRIPTION_ID."
    )


def _fitting_subscriptions(client: Client, group: str) -> List[str]:
    """The one that was chosen; else those that have the group; else all."""
    chosen = config.subscription_of(client.base_url)
    if chosen:
        return [chosen]
    known = [cast(str, dto["subscriptionId"]) for dto in _subscriptions(client)]
    if len(known) < 2:
        return known
    answers = {each: client.request("GET", _names.group_path(each, group), ok=(200, 404)) for each in known}
    return [each for each, answer in answers.items() if answer.status_code == 200] or known


def _is_in(dto: Json, subscription_id: Optional[str]) -> bool:
    return subscription_id is not None and _names.parse_scope(dto["id"])[0] == subscription_id


def _refuse(**wishes: Any) -> None:
    for service, value in wishes.items():
        if value is not None:
            raise NotAvailable(service.replace("_", " "))


def _present(**values: Any) -> Json:
    return {name: value for name, value in values.items() if value is not None}


def _silent(text: str) -> None:
    """Print nothing."""


__all__ = ["WORKSPACE_DEFAULT_BLOB_STORE_NAME", "Workspace"]
