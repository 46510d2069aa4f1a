"""The registry of a base image: stored with an environment, without effect, because there are no containers here."""

from __future__ import annotations

from typing import Optional

from azureml import _absent
from azureml.core._config_element import ConfigElement


class RegistryIdentity(ConfigElement):
    _fields = ("resource_id", "client_id")

    def __init__(self) -> None:
        self.resource_id: Optional[str] = None
        self.client_id: Optional[str] = None


class ContainerRegistry(ConfigElement):
    _fields = ("address", "username", "password", "registry_identity")

    def __init__(self) -> None:
        self.address: Optional[str] = None
        self.username: Optional[str] = None
        self.password: Optional[str] = None
        self.registry_identity: Optional[RegistryIdentity] = None


__getattr__ = _absent.find_missing(__name__)
