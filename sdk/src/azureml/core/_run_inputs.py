"""The inputs and outputs of a script, by name."""

from __future__ import annotations

import os
from typing import Any, Dict, Optional

from lazuli import errors


class InputDatasets(Dict[str, Any]):
    """The inputs of a script by name."""

    def __init__(self, workspace: Any):
        super().__init__()
        self._workspace = workspace

    def __missing__(self, name: str) -> Any:
        # The runner sets a variable with the path of each input.
        path = os.environ.get(f"AZURE_ML_INPUT_{name}") or os.environ.get(name)
        if path is None:
            raise KeyError(f"The run has no input named {name!r}.")
        return path


class OutputDatasets(Dict[str, Any]):
    """The outputs of a script by name."""

    def __init__(self, workspace: Any):
        super().__init__()
        self._workspace = workspace

    def __missing__(self, name: str) -> Any:
        path = os.environ.get(f"AZURE_ML_OUTPUT_{name}")
        if path is None:
            raise KeyError(f"The run has no output named {name!r}.")
        return path


class LinkOutput:
    def __init__(self, workspace: Any, name: Optional[str] = None):
        self._workspace = workspace
        self._name = name

    def link(self, dataset: Any, run: Any = None) -> None:
        raise errors.NotAvailable("the service for data assets", "LinkOutput.link")
