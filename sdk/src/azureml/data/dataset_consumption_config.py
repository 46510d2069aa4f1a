"""`DatasetConsumptionConfig`: how a run gets a dataset."""

from __future__ import annotations

import re
from typing import Any, Optional

from azureml import _absent
from azureml.exceptions import UserErrorException

MODES = ("direct", "mount", "download", "hdfs")
NAME = re.compile(r"[a-zA-Z_]\w*", re.ASCII)


class DatasetConsumptionConfig:
    """`direct` gives the script the dataset itself, `mount` and `download` a folder with its files."""

    def __init__(self, name: str, dataset: Any, mode: str = "direct", path_on_compute: Optional[str] = None):
        if mode not in MODES:
            raise UserErrorException(f"mode is {mode!r}; use {' or '.join(MODES)}.")
        self.name = name
        self.dataset = dataset
        self.mode = mode
        self.path_on_compute = path_on_compute

    @property
    def name(self) -> str:
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise UserErrorException(
                f"The input name {name!r} is not allowed. Use letters, digits and underscores, starting with a letter."
            )
        self._name = name

    def as_mount(self, path_on_compute: Optional[str] = None) -> DatasetConsumptionConfig:
        return self._with_mode("mount", path_on_compute)

    def as_download(self, path_on_compute: Optional[str] = None) -> DatasetConsumptionConfig:
        return self._with_mode("download", path_on_compute)

    def as_hdfs(self) -> DatasetConsumptionConfig:
        return self._with_mode("hdfs", None)

    def _with_mode(self, mode: str, path_on_compute: Optional[str]) -> DatasetConsumptionConfig:
        if getattr(self.dataset, "_definition", {}).get("kind") == "tabular":
            raise UserErrorException("Only a FileDataset can be mounted or downloaded. A table is read by the script.")
        return DatasetConsumptionConfig(self._name, self.dataset, mode, path_on_compute)

    def __deepcopy__(self, memo: Any) -> DatasetConsumptionConfig:
        return DatasetConsumptionConfig(self._name, self.dataset, self.mode, self.path_on_compute)

    @property
    def arg_val(self) -> str:
        """The placeholder in the arguments, which the run replaces."""
        return f"DatasetConsumptionConfig:{self._name}"

    def __str__(self) -> str:
        return self.arg_val


__getattr__ = _absent.find_missing(__name__)

__all__ = ["DatasetConsumptionConfig"]
