"""`DataPath`: a path in a datastore, and how a compute target sees it."""

from __future__ import annotations

from typing import Any, Optional

from azureml import _absent
from azureml.data.data_reference import DataReference


class DataPath:
    def __init__(self, datastore: Any = None, path_on_datastore: Optional[str] = None, name: Optional[str] = None):
        self._datastore = datastore
        self._path = path_on_datastore
        self._name = name

    @property
    def datastore_name(self) -> Optional[str]:
        return getattr(self._datastore, "name", None)

    @property
    def path_on_datastore(self) -> Optional[str]:
        return self._path

    def create_data_reference(
        self, data_reference_name: Optional[str] = None, datapath_compute_binding: Any = None
    ) -> DataReference:
        return DataReference.create(data_reference_name, self, datapath_compute_binding)

    @staticmethod
    def create_from_data_reference(data_reference: DataReference) -> DataPath:
        reference = data_reference
        return DataPath(reference.datastore, reference.path_on_datastore, reference.data_reference_name)


class DataPathComputeBinding:
    def __init__(self, mode: str = "mount", path_on_compute: Optional[str] = None, overwrite: bool = False):
        self.mode = mode
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite

    def create_data_reference(
        self, data_reference_name: Optional[str] = None, datapath: Optional[DataPath] = None
    ) -> DataReference:
        return DataReference.create(data_reference_name, datapath, self)

    @staticmethod
    def create_from_data_reference(data_reference: DataReference) -> DataPathComputeBinding:
        reference = data_reference
        return DataPathComputeBinding(reference.mode, reference.path_on_compute, reference.overwrite)


__getattr__ = _absent.find_missing(__name__)

__all__ = ["DataPath", "DataPathComputeBinding"]
