"""Errors of data, with file, line and column if they are known."""

from __future__ import annotations

from typing import Any

from lazuli.errors import UserErrorException


class DatasetValidationError(UserErrorException):
    """A dataset cannot be made: its paths or its steps are wrong. `path` is where in its definition."""

    def __init__(self, message: Any = "", path: str = "", **kwargs: Any):
        super().__init__(message, **kwargs)
        self.path = path


class DatasetExecutionError(UserErrorException):
    """The data cannot be read as the dataset says."""

    _error_code = "ScriptExecution"
