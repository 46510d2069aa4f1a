"""The errors of datasets."""

from lazuli.data.errors import DatasetExecutionError, DatasetValidationError

from azureml import _absent

__all__ = ["DatasetExecutionError", "DatasetValidationError"]

for _name in __all__:
    globals()[_name].__module__ = __name__


__getattr__ = _absent.find_missing(__name__)
