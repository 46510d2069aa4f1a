"""The errors of datasets."""

from lazuli.data.errors import DatasetExecutionError, DatasetValidationError

__all__ = ["DatasetExecutionError", "DatasetValidationError"]

for _name in __all__:
    globals()[_name].__module__ = __name__
