"""`AksWebservice`: a service with keys and several replicas, on a compute cluster or a machine of the studio."""

from __future__ import annotations

from typing import Any, Dict, Optional

from lazuli import services
from lazuli.errors import NotAvailable, ServiceException

from azureml import _absent
from azureml.core.webservice.webservice import (
    KINDS,
    Webservice,
    WebServiceAccessToken,
    WebserviceDeploymentConfiguration,
)
from azureml.exceptions import WebserviceException

Json = Dict[str, Any]
KIND = "AKS"
DEFAULT_MAX = 10
# Settings that need a feature that the studio does not have, or that it sets itself.
REFUSED = {
    "image": "container images",
    "autoscale_refresh_seconds": "an interval of scaling: it is one second",
    "autoscale_target_utilization": "a target of utilization: it is 70",
    "max_request_wait_time": "a limit of the time in the queue: it is the scoring timeout",
    "cpu_cores_limit": "limits of cores of single services",
    "memory_gb_limit": "limits of memory of single services",
    "gpu_cores": "GPUs of single services",
    "period_seconds": "settings of the health check",
    "initial_delay_seconds": "settings of the health check",
    "timeout_seconds": "settings of the health check",
    "success_threshold": "settings of the health check",
    "failure_threshold": "settings of the health check",
    "namespace": "namespaces",
    "compute_target_name": "a second name of the target: give deployment_target",
    "blobfuse_enabled": "mounts of single services",
}


class VersionType:
    """The types of versions of an `AksEndpoint`."""

    control = "Control"
    treatment = "Treatment"


class AksWebservice(Webservice):
    def _update_from(self, found: Json) -> None:
        super()._update_from(found)
        newest = found["newest"] or {}
        minimum, maximum = newest.get("minReplicas"), newest.get("maxReplicas")
        self.num_replicas: Optional[int] = newest.get("replicas")
        self.autoscaler: Any = None if minimum == maximum else {"minReplicas": minimum, "maxReplicas": maximum}
        self.compute_name: Any = None
        is_version = found["trafficPercentile"] is not None
        self.is_default: Optional[bool] = found["isDefault"] if is_version else None
        self.traffic_percentile: Optional[int] = found["trafficPercentile"]
        self.version_type: Optional[str] = None
        if is_version:
            self.version_type = VersionType.control if found["isControl"] else VersionType.treatment
        self.namespace: Any = None

    @staticmethod
    def deploy_configuration(
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
        compute_target_name: Optional[str] = None,
        cpu_cores_limit: Optional[float] = None,
        memory_gb_limit: Optional[float] = None,
        blobfuse_enabled: Optional[bool] = None,
    ) -> AksServiceDeploymentConfiguration:
        """A service with keys, and 1 to 10 replicas depending on the load. `autoscale_min_replicas=0` lets all of them
        end after five minutes
        without a request. Cores and memory are checked, but nothing is reserved, of which a deployment warns.
        """
        return AksServiceDeploymentConfiguration(**locals())

    def get_token(self) -> Any:
        """A token, and the time after which to get the next one."""
        found = self.get_access_token()
        return found.access_token, found.refresh_after

    def get_access_token(self) -> WebServiceAccessToken:
        try:
            found = services.get_token(self.workspace._remote, self.name)
        except ServiceException as error:
            raise WebserviceException(error.message, inner_exception=error) from error
        return WebServiceAccessToken.deserialize(found)

    def run(self, input_data: Any) -> Any:
        return super().run(input_data)

    def update(
        self,
        image: Any = None,
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
        namespace: Optional[str] = None,
        token_auth_enabled: Optional[bool] = None,
        cpu_cores_limit: Optional[float] = None,
        memory_gb_limit: Optional[float] = None,
        **kwargs: Any,
    ) -> None:
        """Change the given settings. Models and inference config create a new revision, which is used once it is ready."""
        given = dict(locals())
        refuse_settings("AksWebservice.update", given)
        if kwargs:
            raise TypeError(f"update() got unexpected keyword arguments: {', '.join(kwargs)}")
        if inference_config is None and (scoring_timeout_ms or replica_max_concurrent_requests):
            raise WebserviceException(
                "Error, scoring_timeout_ms and replica_max_concurrent_requests belong to a revision: give inference_config too."
            )
        scale = _describe_scale(given, is_new=False)
        if inference_config is None and models is None:
            self._send_update(given, body=scale)
            return
        newest = self._found["newest"] or {}
        kept = {name: newest[name] for name in ("minReplicas", "maxReplicas") if name in newest}
        self._send_update(given, deployment={**kept, **scale, **_describe_limits(given)})

    def add_tags(self, tags: Dict[str, str]) -> None:
        self.update(tags={**self.tags, **tags})

    def remove_tags(self, tags: Any) -> None:
        gone = {tags} if isinstance(tags, str) else set(tags)
        self.update(tags={name: value for name, value in self.tags.items() if name not in gone})

    def add_properties(self, properties: Dict[str, str]) -> None:
        self.update(properties={**self.properties, **properties})

    def serialize(self) -> Json:
        return {**super().serialize(), "numReplicas": self.num_replicas, "autoScaler": self.autoscaler}


KINDS[KIND] = AksWebservice


class AksServiceDeploymentConfiguration(WebserviceDeploymentConfiguration):
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
        compute_target_name: Optional[str] = None,
        cpu_cores_limit: Optional[float] = None,
        memory_gb_limit: Optional[float] = None,
        blobfuse_enabled: Optional[bool] = None,
    ):
        given = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        super().__init__(AksWebservice, description, tags, properties, primary_key, secondary_key)
        for name, value in given.items():
            setattr(self, name, value)
        self.auth_enabled = not token_auth_enabled if auth_enabled is None else auth_enabled
        self.validate_configuration()

    def validate_configuration(self) -> None:
        given = vars(self)
        for name in ("cpu_cores", "memory_gb", "scoring_timeout_ms", "replica_max_concurrent_requests", "num_replicas"):
            if given[name] is not None and not given[name] > 0:
                raise WebserviceException(f"Invalid configuration, {name} must be greater than zero.")
        if given["auth_enabled"] and given["token_auth_enabled"]:
            raise WebserviceException("Invalid configuration, give auth_enabled or token_auth_enabled, not both.")
        refuse_settings("AksWebservice.deploy_configuration", given)
        _describe_scale(given, is_new=True)

    def print_deploy_configuration(self) -> None:
        super().print_deploy_configuration()

    def _describe(self) -> Json:
        body = {
            "description": self.description,
            "tags": self.tags,
            "properties": self.properties,
            "authEnabled": self.auth_enabled,
            "tokenAuthEnabled": vars(self)["token_auth_enabled"],
            "appInsightsEnabled": vars(self).get("enable_app_insights"),
            "collectModelData": vars(self).get("collect_model_data"),
            "primaryKey": self.primary_key,
            "secondaryKey": self.secondary_key,
        }
        return {name: value for name, value in body.items() if value is not None}

    def _describe_deployment(self) -> Json:
        return describe_deployment(vars(self), is_new=True)


def _describe_scale(given: Json, is_new: bool) -> Json:
    """The minimum and maximum number of replicas. Raises WebserviceException for contradictory settings."""
    count, minimum, maximum = given["num_replicas"], given["autoscale_min_replicas"], given["autoscale_max_replicas"]
    if given["autoscale_enabled"] and count is not None:
        raise WebserviceException("Invalid configuration, give num_replicas or autoscale_enabled=True, not both.")
    if (given["autoscale_enabled"] is False or count is not None) and (minimum is not None or maximum is not None):
        raise WebserviceException(
            "Invalid configuration, autoscale_min_replicas and autoscale_max_replicas need autoscale."
        )
    if count is not None or (is_new and given["autoscale_enabled"] is False):
        return {"minReplicas": count or 1, "maxReplicas": count or 1}
    if is_new:
        minimum, maximum = (
            1 if minimum is None else minimum,
            max(DEFAULT_MAX, minimum or 0) if maximum is None else maximum,
        )
    if minimum is not None and maximum is not None and minimum > maximum:
        raise WebserviceException("Invalid configuration, autoscale_min_replicas is more than autoscale_max_replicas.")
    found = {"minReplicas": minimum, "maxReplicas": maximum}
    return {name: value for name, value in found.items() if value is not None}


def describe_deployment(given: Json, is_new: bool) -> Json:
    return {**_describe_scale(given, is_new), **_describe_limits(given)}


def _describe_limits(given: Json) -> Json:
    body: Json = {"computeType": KIND}
    if given["scoring_timeout_ms"] is not None:
        body["timeoutSeconds"] = given["scoring_timeout_ms"] / 1000
    if given["replica_max_concurrent_requests"] is not None:
        body["concurrency"] = given["replica_max_concurrent_requests"]
    return body


def refuse_settings(member: str, given: Json) -> None:
    for name, service in REFUSED.items():
        if given.get(name) and (name, given[name]) != ("autoscale_target_utilization", 70):
            raise NotAvailable(service, f"{member}({name}=…)")


__getattr__ = _absent.find_missing(__name__)
