"""Inference clusters: nodes for services. SDK v1 names them after Azure's Kubernetes service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Optional, cast

from lazuli import computes
from lazuli.errors import NotAvailable

from azureml import _absent
from azureml.core.compute.compute import (
    ComputeTarget,
    ComputeTargetAttachConfiguration,
    ComputeTargetProvisioningConfiguration,
    ComputeTargetUpdateConfiguration,
)
from azureml.exceptions import ComputeTargetException

if TYPE_CHECKING:
    from azureml.core.workspace import Workspace

Json = Dict[str, Any]

# TLS ends in front of the studio.
CERTIFICATES = "certificates of single clusters"


class _ClusterPurpose:
    """The purpose of a cluster: tests on a single node, or production on three or more."""

    FAST_PROD = "FastProd"
    DEV_TEST = "DevTest"


_PURPOSES = (_ClusterPurpose.FAST_PROD, _ClusterPurpose.DEV_TEST)


def _check_purpose(purpose: Optional[str]) -> None:
    if purpose is not None and purpose not in _PURPOSES:
        raise ComputeTargetException(f"cluster_purpose={purpose!r}: write {' or '.join(_PURPOSES)}.")


class SslConfiguration:
    """The certificate of a cluster, as SDK v1 describes it; clusters here have none."""

    def __init__(
        self,
        status: Optional[str] = None,
        cert: Optional[str] = None,
        key: Optional[str] = None,
        cname: Optional[str] = None,
        leaf_domain_label: Optional[str] = None,
        overwrite_existing_domain: bool = False,
        renew: bool = False,
    ):
        self.status = status
        self.cert = cert
        self.key = key
        self.cname = cname
        self.leaf_domain_label = leaf_domain_label
        self.overwrite_existing_domain = overwrite_existing_domain
        self.renew = renew

    def serialize(self) -> Json:
        return {name: getattr(self, field) for name, field in _SSL_FIELDS.items()}

    @staticmethod
    def deserialize(object_dict: Optional[Json]) -> Optional[SslConfiguration]:
        if not object_dict:
            return None
        given: Dict[str, Any] = {field: object_dict[name] for name, field in _SSL_FIELDS.items() if name in object_dict}
        return SslConfiguration(**given)


_SSL_FIELDS = {
    "status": "status",
    "cert": "cert",
    "key": "key",
    "cname": "cname",
    "leafDomainLabel": "leaf_domain_label",
    "overwriteExistingDomain": "overwrite_existing_domain",
    "renew": "renew",
}


class SystemService:
    """A program that Azure runs on each cluster."""

    def __init__(self, service_type: str, version: str, public_ip_address: str):
        self.service_type = service_type
        self.version = version
        self.public_ip_address = public_ip_address

    def serialize(self) -> Json:
        return {
            "serviceType": self.service_type,
            "version": self.version,
            "publicIpAddress": self.public_ip_address,
        }

    @staticmethod
    def deserialize(object_dict: Json) -> SystemService:
        names = ("systemServiceType", "version", "publicIpAddress")
        service_type, version, address = (object_dict.get(name) or "" for name in names)
        return SystemService(object_dict.get("serviceType") or service_type, version, address)


class AksProvisioningConfiguration(ComputeTargetProvisioningConfiguration):
    """The settings of a new inference cluster. Networks and load balancers are accepted and not used."""

    def __init__(
        self,
        agent_count: Optional[int],
        vm_size: Optional[str],
        ssl_cname: Optional[str],
        ssl_cert_pem_file: Optional[str],
        ssl_key_pem_file: Optional[str],
        location: Optional[str],
        vnet_resourcegroup_name: Optional[str],
        vnet_name: Optional[str],
        subnet_name: Optional[str],
        service_cidr: Optional[str],
        dns_service_ip: Optional[str],
        docker_bridge_cidr: Optional[str],
        cluster_purpose: Optional[str],
        load_balancer_type: Optional[str],
        load_balancer_subnet: Optional[str],
    ):
        super().__init__(AksCompute, location)
        self.agent_count = agent_count
        self.vm_size = vm_size
        self.ssl_cname = ssl_cname
        self.ssl_cert_pem_file = ssl_cert_pem_file
        self.ssl_key_pem_file = ssl_key_pem_file
        self.vnet_resourcegroup_name = vnet_resourcegroup_name
        self.vnet_name = vnet_name
        self.subnet_name = subnet_name
        self.service_cidr = service_cidr
        self.dns_service_ip = dns_service_ip
        self.docker_bridge_cidr = docker_bridge_cidr
        self.cluster_purpose = cluster_purpose
        self.load_balancer_type = load_balancer_type
        self.load_balancer_subnet = load_balancer_subnet

    def validate_configuration(self) -> None:
        """Raise ComputeTargetException if a cluster cannot have these settings."""
        _check_purpose(self.cluster_purpose)
        if self.agent_count is not None and self.agent_count < 1:
            raise ComputeTargetException(f"agent_count={self.agent_count}: an inference cluster has at least one node.")
        if self.ssl_cname or self.ssl_cert_pem_file or self.ssl_key_pem_file:
            raise NotAvailable(CERTIFICATES, "AksCompute.provisioning_configuration(ssl_cname)")

    def enable_ssl(
        self,
        ssl_cname: Optional[str] = None,
        ssl_cert_pem_file: Optional[str] = None,
        ssl_key_pem_file: Optional[str] = None,
        leaf_domain_label: Optional[str] = None,
        overwrite_existing_domain: bool = False,
    ) -> None:
        raise NotAvailable(CERTIFICATES, "AksProvisioningConfiguration.enable_ssl")

    def _make_body(self, workspace: Workspace) -> Json:
        return computes.inference_body(
            location=self.location or workspace.location,
            vm_size=self.vm_size or "",
            agent_count=self.agent_count,
            purpose=self.cluster_purpose,
        )


class AksUpdateConfiguration(ComputeTargetUpdateConfiguration):
    """Certificates and load balancers, which inference clusters do not have here."""

    def __init__(
        self,
        ssl_configuration: Optional[SslConfiguration] = None,
        load_balancer_type: Optional[str] = None,
        load_balancer_subnet: Optional[str] = None,
    ):
        super().__init__(AksCompute)
        self.ssl_configuration = ssl_configuration
        self.load_balancer_type = load_balancer_type
        self.load_balancer_subnet = load_balancer_subnet

    def validate_configuration(self) -> None:
        """Does nothing: no value can be wrong here."""


class AksAttachConfiguration(ComputeTargetAttachConfiguration):
    """An existing cluster of Azure's Kubernetes service, which is refused before anything is attached."""

    def __init__(
        self,
        resource_group: Optional[str] = None,
        cluster_name: Optional[str] = None,
        resource_id: Optional[str] = None,
        cluster_purpose: Optional[str] = None,
        load_balancer_type: Optional[str] = None,
        load_balancer_subnet: Optional[str] = None,
    ):
        super().__init__(AksCompute)
        self.resource_group = resource_group
        self.cluster_name = cluster_name
        self.resource_id = resource_id
        self.cluster_purpose = cluster_purpose
        self.load_balancer_type = load_balancer_type
        self.load_balancer_subnet = load_balancer_subnet

    def enable_ssl(
        self,
        ssl_cname: Optional[str] = None,
        ssl_cert_pem_file: Optional[str] = None,
        ssl_key_pem_file: Optional[str] = None,
        leaf_domain_label: Optional[str] = None,
        overwrite_existing_domain: bool = False,
    ) -> None:
        raise NotAvailable(CERTIFICATES, "AksAttachConfiguration.enable_ssl")

    def validate_configuration(self) -> None:
        raise ComputeTargetException(
            f"{self.cluster_name or self.resource_id or 'A cluster'} of Azure's Kubernetes service cannot be attached "
            "here. Create an inference cluster instead, with AksCompute.provisioning_configuration()."
        )


class AksCompute(ComputeTarget):
    """An inference cluster: a fixed number of nodes that services run on."""

    _compute_type = computes.INFERENCE
    ClusterPurpose = _ClusterPurpose

    def _set_from_dto(self, dto: Json) -> None:
        super()._set_from_dto(dto)
        inner = dto["properties"].get("properties") or {}
        self.agent_count = inner.get("agentCount")
        self.agent_vm_size = inner.get("agentVmSize")
        self.cluster_purpose = inner.get("clusterPurpose")
        self.cluster_fqdn = inner.get("clusterFqdn")
        self.system_services = inner.get("systemServices") or []
        self.ssl_configuration = None
        self.load_balancer_type = inner.get("loadBalancerType")
        self.load_balancer_subnet = inner.get("loadBalancerSubnet")

    @staticmethod
    def provisioning_configuration(
        agent_count: Optional[int] = None,
        vm_size: Optional[str] = None,
        ssl_cname: Optional[str] = None,
        ssl_cert_pem_file: Optional[str] = None,
        ssl_key_pem_file: Optional[str] = None,
        location: Optional[str] = None,
        vnet_resourcegroup_name: Optional[str] = None,
        vnet_name: Optional[str] = None,
        subnet_name: Optional[str] = None,
        service_cidr: Optional[str] = None,
        dns_service_ip: Optional[str] = None,
        docker_bridge_cidr: Optional[str] = None,
        cluster_purpose: Optional[str] = None,
        load_balancer_type: Optional[str] = None,
        load_balancer_subnet: Optional[str] = None,
    ) -> AksProvisioningConfiguration:
        """A configuration of three nodes for production (`ClusterPurpose.FAST_PROD`), or of one for tests (`DEV_TEST`)."""
        config = AksProvisioningConfiguration(
            agent_count,
            vm_size,
            ssl_cname,
            ssl_cert_pem_file,
            ssl_key_pem_file,
            location,
            vnet_resourcegroup_name,
            vnet_name,
            subnet_name,
            service_cidr,
            dns_service_ip,
            docker_bridge_cidr,
            cluster_purpose,
            load_balancer_type,
            load_balancer_subnet,
        )
        config.validate_configuration()
        return config

    @staticmethod
    def attach_configuration(
        resource_group: Optional[str] = None,
        cluster_name: Optional[str] = None,
        resource_id: Optional[str] = None,
        cluster_purpose: Optional[str] = None,
        load_balancer_type: Optional[str] = None,
        load_balancer_subnet: Optional[str] = None,
    ) -> AksAttachConfiguration:
        config = AksAttachConfiguration(
            resource_group, cluster_name, resource_id, cluster_purpose, load_balancer_type, load_balancer_subnet
        )
        config.validate_configuration()
        return config

    @staticmethod
    def attach(workspace: Workspace, name: str, resource_id: str) -> AksCompute:  # type: ignore[override]
        raise ComputeTargetException("DEPRECATED. Use ComputeTarget.attach with an attach configuration instead.")

    def get_credentials(self) -> Json:
        raise NotAvailable("Kubernetes", "AksCompute.get_credentials")

    def update(self, update_configuration: AksUpdateConfiguration) -> None:
        raise NotAvailable(CERTIFICATES, "AksCompute.update")

    def detach(self) -> None:
        raise ComputeTargetException("Only an attached cluster can be detached. Try to use delete instead")

    def delete(self) -> None:
        """Delete the cluster; the services on it end."""
        super().delete()
        self.provisioning_state = "Deleting"

    def serialize(self) -> Json:
        return super().serialize()

    @staticmethod
    def deserialize(workspace: Workspace, object_dict: Json) -> AksCompute:
        return cast(AksCompute, ComputeTarget.deserialize(workspace, object_dict))

    def refresh_state(self) -> None:
        super().refresh_state()


__getattr__ = _absent.find_missing(__name__)
