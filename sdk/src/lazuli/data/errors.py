"""Errors of data, with file, line and column if they are known."""

from __future__ import annotations

from typing import Any

from lazuli.errors import UserErrorException


class DatasetValidationError(UserErrorException):
    """A dataset cannot be created, because its paths or steps are wrong. `path` is the position in its definition."""

    def __init__(self, message: Any = "", path: str = "", **kwargs: Any):
        super().__init__(message, **kwargs)
        self.path = path


class DatasetExecutionError(UserErrorException):
    """The data cannot be read with the steps of the dataset."""

    _error_code = "ScriptExecution"


class FilesNotFound(DatasetExecutionError):
    """Files that the paths of a dataset name are not there."""
