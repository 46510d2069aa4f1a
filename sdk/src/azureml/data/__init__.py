"""The `azureml.data` of SDK v1. Names are imported at their first use."""

from importlib import import_module
from typing import Any

from azureml import _absent

_MODULES = {
    "DataType": "azureml.data.dataset_factory",
    "FileDataset": "azureml.data.file_dataset",
    "LinkFileOutputDatasetConfig": "azureml.data.output_dataset_config",
    "LinkTabularOutputDatasetConfig": "azureml.data.output_dataset_config",
    "OutputFileDatasetConfig": "azureml.data.output_dataset_config",
    "TabularDataset": "azureml.data.tabular_dataset",
}

_absent.install_finder()

_find_missing = _absent.find_missing(__name__)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        found = getattr(import_module(_MODULES[name]), name)
        globals()[name] = found
        return found
    return _find_missing(name)
