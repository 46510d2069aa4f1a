"""`DataReference`: a path in a datastore, for old scripts and pipelines."""

from __future__ import annotations

import os
import uuid
from typing import Any, Dict, Optional

from azureml import _absent
from azureml.exceptions import UserErrorException

MODES = ("mount", "download", "upload")


class DataReference:
    """Its text is the variable that the run replaces by a local path."""

    def __init__(
        self,
        datastore: Any,
        data_reference_name: Optional[str] = None,
        path_on_datastore: Optional[str] = None,
        mode: str = "mount",
        path_on_compute: Optional[str] = None,
        overwrite: bool = False,
    ):
        if mode not in MODES:
            raise UserErrorException(f"mode is {mode!r}; use {' or '.join(MODES)}.")
        self.datastore = datastore
        self.data_reference_name = data_reference_name or uuid.uuid4().hex
        self.path_on_datastore = path_on_datastore
        self.mode = mode
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite

    @staticmethod
    def create(
        data_reference_name: Optional[str] = None, datapath: Any = None, datapath_compute_binding: Any = None
    ) -> DataReference:
        """Make a reference of a `DataPath` and a `DataPathComputeBinding`."""
        if datapath is None:
            raise UserErrorException("Give the datapath of the reference.")
        binding = datapath_compute_binding
        return DataReference(
            datapath._datastore,
            data_reference_name or datapath._name,
            datapath.path_on_datastore,
            getattr(binding, "mode", "mount"),
            getattr(binding, "path_on_compute", None),
            getattr(binding, "overwrite", False),
        )

    def path(self, path: Optional[str] = None, data_reference_name: Optional[str] = None) -> DataReference:
        """A reference to a path below this one."""
        joined = "/".join(part.strip("/") for part in (self.path_on_datastore, path) if part)
        return DataReference(self.datastore, data_reference_name, joined or None, self.mode)

    def as_mount(self) -> DataReference:
        return self._with_mode("mount", self.path_on_compute, False)

    def as_download(self, path_on_compute: Optional[str] = None, overwrite: bool = False) -> DataReference:
        return self._with_mode("download", path_on_compute, overwrite)

    def as_upload(self, path_on_compute: Optional[str] = None, overwrite: bool = False) -> DataReference:
        return self._with_mode("upload", path_on_compute, overwrite)

    def _with_mode(self, mode: str, path_on_compute: Optional[str], overwrite: bool) -> DataReference:
        name = self.data_reference_name
        return DataReference(self.datastore, name, self.path_on_datastore, mode, path_on_compute, overwrite)

    def to_config(self) -> Dict[str, Any]:
        """The reference for a run configuration."""
        return {
            "dataStoreName": self.datastore.name,
            "pathOnDataStore": self.path_on_datastore,
            "mode": self.mode,
            "pathOnCompute": self.path_on_compute,
            "overwrite": self.overwrite,
        }

    def __str__(self) -> str:
        text = f"$AZUREML_DATAREFERENCE_{self.data_reference_name}"
        return os.path.join(text, self.path_on_compute) if self.mode == "upload" and self.path_on_compute else text

    __repr__ = __str__


__getattr__ = _absent.find_missing(__name__)

__all__ = ["DataReference"]
