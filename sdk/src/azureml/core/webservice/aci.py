"""`AciWebservice`: a service on a machine of the studio, which SDK v1 calls a container instance."""

from __future__ import annotations

from typing import Any, Dict, Optional

from lazuli.errors import NotAvailable

from azureml import _absent
from azureml.core.webservice.webservice import KINDS, Webservice, WebserviceDeploymentConfiguration
from azureml.exceptions import WebserviceException

Json = Dict[str, Any]
# Settings that need a feature that the studio does not have.
REFUSED = {
    "ssl_enabled": "certificates of single services",
    "ssl_cert_pem_file": "certificates of single services",
    "ssl_key_pem_file": "certificates of single services",
    "ssl_cname": "certificates of single services",
    "dns_name_label": "host names of single services",
    "cmk_vault_base_url": "encryption by own keys",
    "cmk_key_name": "encryption by own keys",
    "cmk_key_version": "encryption by own keys",
    "vnet_name": "virtual networks",
    "subnet_name": "virtual networks",
}


class AciWebservice(Webservice):
    @staticmethod
    def deploy_configuration(
        cpu_cores: Optional[float] = None,
        memory_gb: Optional[float] = None,
        tags: Optional[Dict[str, str]] = None,
        properties: Optional[Dict[str, str]] = None,
        description: Optional[str] = None,
        location: Optional[str] = None,
        auth_enabled: Optional[bool] = None,
        ssl_enabled: Optional[bool] = None,
        enable_app_insights: Optional[bool] = None,
        ssl_cert_pem_file: Optional[str] = None,
        ssl_key_pem_file: Optional[str] = None,
        ssl_cname: Optional[str] = None,
        dns_name_label: Optional[str] = None,
        primary_key: Optional[str] = None,
        secondary_key: Optional[str] = None,
        collect_model_data: Optional[bool] = None,
        cmk_vault_base_url: Optional[str] = None,
        cmk_key_name: Optional[str] = None,
        cmk_key_version: Optional[str] = None,
        vnet_name: Optional[str] = None,
        subnet_name: Optional[str] = None,
    ) -> AciServiceDeploymentConfiguration:
        """Cores and memory are checked, but nothing is reserved, of which a deployment warns; without `auth_enabled` no key is needed."""
        return AciServiceDeploymentConfiguration(**locals())

    def get_token(self) -> Any:
        raise NotAvailable("tokens of a container instance (use get_keys, or AksWebservice)", "AciWebservice.get_token")

    def run(self, input_data: Any) -> Any:
        return super().run(input_data)

    def update(
        self,
        image: Any = None,
        tags: Optional[Dict[str, str]] = None,
        properties: Optional[Dict[str, str]] = None,
        description: Optional[str] = None,
        auth_enabled: Optional[bool] = None,
        ssl_enabled: Optional[bool] = None,
        ssl_cert_pem_file: Optional[str] = None,
        ssl_key_pem_file: Optional[str] = None,
        ssl_cname: Optional[str] = None,
        enable_app_insights: Optional[bool] = None,
        models: Any = None,
        inference_config: Any = None,
    ) -> None:
        """Change the given settings. Models and inference config create a new revision, which is used once it is ready."""
        if image is not None:
            raise NotAvailable("container images", "AciWebservice.update(image=…)")
        given = dict(locals())
        _refuse("AciWebservice.update", given)
        self._send_update(given)

    def add_tags(self, tags: Dict[str, str]) -> None:
        self.update(tags={**self.tags, **tags})

    def remove_tags(self, tags: Any) -> None:
        gone = {tags} if isinstance(tags, str) else set(tags)
        self.update(tags={name: value for name, value in self.tags.items() if name not in gone})

    def add_properties(self, properties: Dict[str, str]) -> None:
        self.update(properties={**self.properties, **properties})

    def serialize(self) -> Json:
        return super().serialize()


KINDS["ACI"] = AciWebservice


class AciServiceDeploymentConfiguration(WebserviceDeploymentConfiguration):
    def __init__(
        self,
        cpu_cores: Optional[float] = None,
        memory_gb: Optional[float] = None,
        tags: Optional[Dict[str, str]] = None,
        properties: Optional[Dict[str, str]] = None,
        description: Optional[str] = None,
        location: Optional[str] = None,
        auth_enabled: Optional[bool] = None,
        ssl_enabled: Optional[bool] = None,
        enable_app_insights: Optional[bool] = None,
        ssl_cert_pem_file: Optional[str] = None,
        ssl_key_pem_file: Optional[str] = None,
        ssl_cname: Optional[str] = None,
        dns_name_label: Optional[str] = None,
        primary_key: Optional[str] = None,
        secondary_key: Optional[str] = None,
        collect_model_data: Optional[bool] = None,
        cmk_vault_base_url: Optional[str] = None,
        cmk_key_name: Optional[str] = None,
        cmk_key_version: Optional[str] = None,
        vnet_name: Optional[str] = None,
        subnet_name: Optional[str] = None,
    ):
        super().__init__(AciWebservice, description, tags, properties, primary_key, secondary_key, location)
        self.cpu_cores = cpu_cores
        self.memory_gb = memory_gb
        self.auth_enabled = auth_enabled
        self.ssl_enabled = ssl_enabled
        self.enable_app_insights = enable_app_insights
        self.ssl_cert_pem_file = ssl_cert_pem_file
        self.ssl_key_pem_file = ssl_key_pem_file
        self.ssl_cname = ssl_cname
        self.dns_name_label = dns_name_label
        self.collect_model_data = collect_model_data
        self.cmk_vault_base_url = cmk_vault_base_url
        self.cmk_key_name = cmk_key_name
        self.cmk_key_version = cmk_key_version
        self.vnet_name = vnet_name
        self.subnet_name = subnet_name
        self.validate_configuration()

    def validate_configuration(self) -> None:
        for name in ("cpu_cores", "memory_gb"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise WebserviceException(f"Invalid configuration, {name} must be greater than zero.")
        _refuse("AciWebservice.deploy_configuration", vars(self))

    def print_deploy_configuration(self) -> None:
        super().print_deploy_configuration()

    def _describe(self) -> Json:
        body = {
            "description": self.description,
            "tags": self.tags,
            "properties": self.properties,
            "authEnabled": bool(self.auth_enabled),
            "appInsightsEnabled": self.enable_app_insights,
            "collectModelData": self.collect_model_data,
            "primaryKey": self.primary_key,
            "secondaryKey": self.secondary_key,
        }
        return {name: value for name, value in body.items() if value is not None}


def _refuse(member: str, given: Json) -> None:
    for name, service in REFUSED.items():
        if given.get(name):
            raise NotAvailable(service, f"{member}({name}=…)")


__getattr__ = _absent.find_missing(__name__)
