"""The base of all datastores."""

from __future__ import annotations

from typing import Any

from lazuli.data import datastores

from azureml import _absent


class AbstractDatastore:
    def __init__(self, workspace: Any, name: str, datastore_type: str):
        self._workspace = workspace
        self._name = name
        self._datastore_type = datastore_type

    @property
    def workspace(self) -> Any:
        return self._workspace

    @property
    def name(self) -> str:
        return self._name

    @property
    def datastore_type(self) -> str:
        return self._datastore_type

    def set_as_default(self) -> None:
        """Make it the default datastore of the workspace."""
        datastores.set_default(self._workspace._remote, self._name)

    def unregister(self) -> None:
        """Forget the datastore; its files stay where they are."""
        datastores.delete_datastore(self._workspace._remote, self._name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self._name!r}, workspace={self._workspace.name!r})"


__getattr__ = _absent.find_missing(__name__)

__all__ = ["AbstractDatastore"]
