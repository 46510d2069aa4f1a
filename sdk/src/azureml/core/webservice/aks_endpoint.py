"""`AksEndpoint`: a service whose requests are divided between versions, each a service of its own."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from lazuli import services
from lazuli.errors import NotAvailable, ServiceException

from azureml import _absent
from azureml.core.webservice.aks import (
    AksServiceDeploymentConfiguration,
    AksWebservice,
    VersionType,
    describe_deployment,
    refuse_settings,
)
from azureml.core.webservice.webservice import KINDS, VERSIONED, list_models
from azureml.exceptions import WebserviceException

Json = Dict[str, Any]
# Settings of a version that are those of its service, and not of one revision.
OWN = ("tags", "properties", "description")


class AksEndpoint(AksWebservice):
    VersionType = VersionType

    def _update_from(self, found: Json) -> None:
        super()._update_from(found)
        self.compute_type = VERSIONED
        self.versions: Dict[str, AksWebservice] = {}
        for described in found["versions"]:
            version: AksWebservice = object.__new__(AksWebservice)
            version.workspace, version.name = self.workspace, described["versionName"]
            version._update_from(described)
            self.versions[version.name] = version

    @staticmethod
    def deploy_configuration(  # type: ignore[override]
        autoscale_enabled: Optional[bool] = None,
        autoscale_min_replicas: Optional[int] = None,
        autoscale_max_replicas: Optional[int] = None,
        autoscale_refresh_seconds: Optional[int] = None,
        autoscale_target_utilization: Optional[int] = None,
        collect_model_data: Optional[bool] = None,
        auth_enabled: Optional[bool] = None,
        cpu_cores: Optional[float] = None,
        memory_gb: Optional[float] = None,
        enable_app_insights: Optional[bool] = None,
        scoring_timeout_ms: Optional[int] = None,
        replica_max_concurrent_requests: Optional[int] = None,
        max_request_wait_time: Optional[int] = None,
        num_replicas: Optional[int] = None,
        primary_key: Optional[str] = None,
        secondary_key: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
        properties: Optional[Dict[str, str]] = None,
        description: Optional[str] = None,
        gpu_cores: Optional[int] = None,
        period_seconds: Optional[int] = None,
        initial_delay_seconds: Optional[int] = None,
        timeout_seconds: Optional[int] = None,
        success_threshold: Optional[int] = None,
        failure_threshold: Optional[int] = None,
        namespace: Optional[str] = None,
        token_auth_enabled: Optional[bool] = None,
        version_name: Optional[str] = None,
        traffic_percentile: Optional[int] = None,
        compute_target_name: Optional[str] = None,
        cpu_cores_limit: Optional[float] = None,
        memory_gb_limit: Optional[float] = None,
    ) -> AksEndpointDeploymentConfiguration:
        """A service with a first version, which is the default one: it gets the requests that no version has."""
        return AksEndpointDeploymentConfiguration(**locals())

    def create_version(
        self,
        version_name: str,
        autoscale_enabled: Optional[bool] = None,
        autoscale_min_replicas: Optional[int] = None,
        autoscale_max_replicas: Optional[int] = None,
        autoscale_refresh_seconds: Optional[int] = None,
        autoscale_target_utilization: Optional[int] = None,
        collect_model_data: Optional[bool] = None,
        cpu_cores: Optional[float] = None,
        memory_gb: Optional[float] = None,
        scoring_timeout_ms: Optional[int] = None,
        replica_max_concurrent_requests: Optional[int] = None,
        max_request_wait_time: Optional[int] = None,
        num_replicas: Optional[int] = None,
        tags: Optional[Dict[str, str]] = None,
        properties: Optional[Dict[str, str]] = None,
        description: Optional[str] = None,
        models: Any = None,
        inference_config: Any = None,
        gpu_cores: Optional[int] = None,
        period_seconds: Optional[int] = None,
        initial_delay_seconds: Optional[int] = None,
        timeout_seconds: Optional[int] = None,
        success_threshold: Optional[int] = None,
        failure_threshold: Optional[int] = None,
        traffic_percentile: Optional[int] = None,
        is_default: Optional[bool] = None,
        is_control_version_type: Optional[bool] = None,
        cpu_cores_limit: Optional[float] = None,
        memory_gb_limit: Optional[float] = None,
    ) -> None:
        """Deploy a further version: it gets `traffic_percentile` of 100 requests once it is ready."""
        given = {name: value for name, value in locals().items() if name != "self"}
        _refuse_collection("AksEndpoint.create_version", given)
        refuse_settings("AksEndpoint.create_version", given)
        code = self._describe_code(inference_config, list_models(self.workspace, models))
        newest = next((version._found["newest"] for version in self.versions.values()), None)
        target = {"computeName": newest["computeName"]} if newest and newest["computeName"] else {}
        deployment = {**code, **describe_deployment(given, is_new=True), **target}
        self._send_version(version_name, {**_describe_version(given), "deployment": deployment}, is_new=True)

    def update_version(
        self,
        version_name: str,
        autoscale_enabled: Optional[bool] = None,
        autoscale_min_replicas: Optional[int] = None,
        autoscale_max_replicas: Optional[int] = None,
        autoscale_refresh_seconds: Optional[int] = None,
        autoscale_target_utilization: Optional[int] = None,
        collect_model_data: Optional[bool] = None,
        cpu_cores: Optional[float] = None,
        memory_gb: Optional[float] = None,
        scoring_timeout_ms: Optional[int] = None,
        replica_max_concurrent_requests: Optional[int] = None,
        max_request_wait_time: Optional[int] = None,
        num_replicas: Optional[int] = None,
        tags: Optional[Dict[str, str]] = None,
        properties: Optional[Dict[str, str]] = None,
        description: Optional[str] = None,
        models: Any = None,
        inference_config: Any = None,
        gpu_cores: Optional[int] = None,
        period_seconds: Optional[int] = None,
        initial_delay_seconds: Optional[int] = None,
        timeout_seconds: Optional[int] = None,
        success_threshold: Optional[int] = None,
        failure_threshold: Optional[int] = None,
        traffic_percentile: Optional[int] = None,
        is_default: Optional[bool] = None,
        is_control_version_type: Optional[bool] = None,
        cpu_cores_limit: Optional[float] = None,
        memory_gb_limit: Optional[float] = None,
    ) -> None:
        """Change a version. Models and inference config create a new revision of it."""
        given = {name: value for name, value in locals().items() if name != "self"}
        _refuse_collection("AksEndpoint.update_version", given)
        refuse_settings("AksEndpoint.update_version", given)
        version = self._find_version(version_name)
        sent = _describe_version(given)
        scale = describe_deployment(given, is_new=False)
        if models is not None or inference_config is not None:
            references = version.models if models is None else list_models(self.workspace, models)
            kept = {name: version._found["newest"][name] for name in ("minReplicas", "maxReplicas")}
            sent["deployment"] = {**kept, **self._describe_code(inference_config, references), **scale}
        else:
            if scoring_timeout_ms or replica_max_concurrent_requests:
                raise WebserviceException(
                    "Error, scoring_timeout_ms and replica_max_concurrent_requests belong to a revision: give "
                    "inference_config too."
                )
            sent.update({name: scale[name] for name in ("minReplicas", "maxReplicas") if name in scale})
        if not sent:
            raise WebserviceException("Error, one of the parameters of update_version must be provided.")
        self._send_version(version_name, sent, is_new=False)

    def delete_version(self, version_name: str) -> None:
        """Stop a version and delete it; its share goes to the default version."""
        self._find_version(version_name)
        try:
            services.delete_service(self.workspace._remote, f"{self.name}.{version_name}")
        except ServiceException as error:
            raise WebserviceException(error.message, inner_exception=error) from error
        self.update_deployment_state()

    def _describe_code(self, inference_config: Any, references: List[str]) -> Json:
        """The models of a revision, and its script and environment if they are given."""
        code = inference_config.build_create_payload(self.workspace, self.name, references) if inference_config else {}
        return {**code, "models": references}

    def _find_version(self, version_name: str) -> AksWebservice:
        self.update_deployment_state()
        if version_name not in self.versions:
            raise WebserviceException(
                f"Error, {self.name} has no version {version_name!r}. Its versions: {', '.join(self.versions) or 'none'}."
            )
        return self.versions[version_name]

    def _send_version(self, version_name: str, body: Json, is_new: bool) -> None:
        send = services.create_service if is_new else services.change_service
        try:
            send(self.workspace._remote, f"{self.name}.{version_name}", body)
        except ServiceException as error:
            raise WebserviceException(error.message, inner_exception=error) from error
        self.update_deployment_state()

    def get_logs(self, num_lines: int = 5000, init: bool = False) -> str:
        """The last lines of the logs of all versions."""
        if init:
            raise NotAvailable("a log of the start of containers", "AksEndpoint.get_logs(init=True)")
        parts = []
        for name in self.versions:
            lines = services.read_log(self.workspace._remote, f"{self.name}.{name}").splitlines()
            parts.append("\n".join([f"Version {name}:", *lines[-num_lines:]]))
        return "\n".join(parts)

    def update(  # type: ignore[override]
        self,
        auth_enabled: Optional[bool] = None,
        token_auth_enabled: Optional[bool] = None,
        enable_app_insights: Optional[bool] = None,
        description: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
        properties: Optional[Dict[str, str]] = None,
    ) -> None:
        """Change what all versions share."""
        given = {name: value for name, value in locals().items() if name != "self"}
        refuse_settings("AksEndpoint.update", given)
        self._send_update({**given, "models": None, "inference_config": None})

    def serialize(self) -> Json:
        return {**super().serialize(), "versions": {name: one.serialize() for name, one in self.versions.items()}}


KINDS[VERSIONED] = AksEndpoint


class AksEndpointDeploymentConfiguration(AksServiceDeploymentConfiguration):
    def __init__(
        self,
        autoscale_enabled: Optional[bool] = None,
        autoscale_min_replicas: Optional[int] = None,
        autoscale_max_replicas: Optional[int] = None,
        autoscale_refresh_seconds: Optional[int] = None,
        autoscale_target_utilization: Optional[int] = None,
        collect_model_data: Optional[bool] = None,
        auth_enabled: Optional[bool] = None,
        cpu_cores: Optional[float] = None,
        memory_gb: Optional[float] = None,
        enable_app_insights: Optional[bool] = None,
        scoring_timeout_ms: Optional[int] = None,
        replica_max_concurrent_requests: Optional[int] = None,
        max_request_wait_time: Optional[int] = None,
        num_replicas: Optional[int] = None,
        primary_key: Optional[str] = None,
        secondary_key: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
        properties: Optional[Dict[str, str]] = None,
        description: Optional[str] = None,
        gpu_cores: Optional[int] = None,
        period_seconds: Optional[int] = None,
        initial_delay_seconds: Optional[int] = None,
        timeout_seconds: Optional[int] = None,
        success_threshold: Optional[int] = None,
        failure_threshold: Optional[int] = None,
        namespace: Optional[str] = None,
        token_auth_enabled: Optional[bool] = None,
        version_name: Optional[str] = None,
        traffic_percentile: Optional[int] = None,
        compute_target_name: Optional[str] = None,
        cpu_cores_limit: Optional[float] = None,
        memory_gb_limit: Optional[float] = None,
    ):
        given = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        version, share = given.pop("version_name"), given.pop("traffic_percentile")
        super().__init__(**given)
        self.version_name: Optional[str] = version
        self.traffic_percentile: Optional[int] = share
        self.validate_endpoint_configuration()

    def validate_endpoint_configuration(self) -> None:
        share = self.traffic_percentile
        if share is not None and not 0 <= share <= 100:
            raise WebserviceException("Invalid configuration, traffic_percentile must be between 0 and 100.")

    def print_deploy_configuration(self) -> None:
        super().print_deploy_configuration()

    def _create(self, workspace: Any, name: str, body: Json) -> Json:
        """Create the service, then its first version. With `overwrite` both may be there already."""
        deployment = body.pop("deployment")
        is_new = not (
            body["overwrite"] and any(one["name"] == name for one in services.list_services(workspace._remote))
        )
        services.create_service(workspace._remote, name, {**body, "hasVersions": True})
        version: Json = {"deployment": deployment, "overwrite": body["overwrite"]}
        if self.traffic_percentile is not None:
            version["trafficPercentile"] = self.traffic_percentile
        try:
            services.create_service(workspace._remote, f"{name}.{self.version_name or f'{name}-v1'}", version)
        except ServiceException:
            if is_new:
                services.delete_service(workspace._remote, name)
            raise
        return services.get_service(workspace._remote, name)


def _refuse_collection(member: str, given: Json) -> None:
    if given["collect_model_data"]:
        raise NotAvailable("the collection of data of single versions: it is a setting of the endpoint", member)


def _describe_version(given: Json) -> Json:
    body = {name: given[name] for name in OWN}
    body.update(trafficPercentile=given["traffic_percentile"], isDefault=given["is_default"])
    body.update(isControl=given["is_control_version_type"])
    return {name: value for name, value in body.items() if value is not None}


__getattr__ = _absent.find_missing(__name__)
