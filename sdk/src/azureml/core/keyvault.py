"""`Keyvault`: the secrets of a workspace."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, cast

from lazuli import secrets as vault
from lazuli.errors import NotFound, UserErrorException

from azureml import _absent

__all__ = ["Keyvault"]


class Keyvault:
    """The key vault of a workspace, returned by `ws.get_default_keyvault()`."""

    def __init__(self, workspace: Any):
        self.workspace = workspace

    def set_secret(self, name: str, value: str, content_type: Any = "") -> None:
        """Store a new version of the secret, which is made if there is none of this name."""
        if not isinstance(value, str):
            raise UserErrorException(f"The value of the secret {name!r} must be a str, not {type(value).__name__}.")
        vault.set_secret(self.workspace._remote, name, value, str(getattr(content_type, "value", content_type) or ""))

    def set_secrets(self, secrets_batch: Mapping[str, str]) -> None:
        """Store several; those before one that is refused are stored."""
        for name, value in secrets_batch.items():
            self.set_secret(name, value)

    def get_secret(self, name: str) -> str:
        return cast(str, vault.get_secret(self.workspace._remote, name)["value"])

    def get_secrets(self, secrets: Iterable[str]) -> Dict[str, Optional[str]]:
        """The values by name; None for a name that is not there."""
        return {name: self._find(name) for name in secrets}

    def _find(self, name: str) -> Optional[str]:
        try:
            return self.get_secret(name)
        except NotFound:
            return None

    def get_secret_content_type(self, name: str) -> str:
        return cast(str, vault.get_secret(self.workspace._remote, name)["contentType"])

    def list_secrets(self) -> List[Dict[str, str]]:
        """Their names, as `[{"name": …}, …]`."""
        return [{"name": item["name"]} for item in vault.list_secrets(self.workspace._remote)]

    def delete_secret(self, name: str) -> None:
        """Delete the secret with all its versions."""
        vault.delete_secret(self.workspace._remote, name)

    def delete_secrets(self, secrets: Iterable[str]) -> None:
        for name in secrets:
            self.delete_secret(name)


__getattr__ = _absent.find_missing(__name__)
