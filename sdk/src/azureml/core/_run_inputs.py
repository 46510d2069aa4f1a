"""The inputs and outputs of a script, by name."""

from __future__ import annotations

import os
from typing import Any, Dict, Iterator, Mapping, Optional

from lazuli import errors

from azureml.data.abstract_dataset import AbstractDataset

# `name:mode` pairs with commas.
MODES = "AZUREML_DATASET_ENVIRONMENT_VARS"


def read_input_modes(environ: Mapping[str, str]) -> Dict[str, str]:
    pairs = (pair.partition(":") for pair in environ.get(MODES, "").split(",") if pair)
    return {name: mode for name, _, mode in pairs}


class InputDatasets(Dict[str, Any]):
    """The inputs of a script by name."""

    def __init__(self, workspace: Any):
        super().__init__()
        self._workspace = workspace

    def __missing__(self, name: str) -> Any:
        """The dataset of a direct input, the path of another one, as the runner's variables have them."""
        value = os.environ.get(f"AZURE_ML_INPUT_{name}") or os.environ.get(name)
        modes = read_input_modes(os.environ)
        if value is None or (modes and name not in modes):
            there = f" It has {', '.join(modes)}." if modes else ""
            raise KeyError(f"The run has no input named {name!r}.{there}")
        if modes.get(name) == "direct":
            value = AbstractDataset.get_by_id(self._workspace, value)
        self[name] = value
        return value

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in read_input_modes(os.environ)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*super().__iter__(), *read_input_modes(os.environ)]))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def keys(self) -> Any:
        return list(self)

    def items(self) -> Any:
        return [(name, self[name]) for name in self]

    def values(self) -> Any:
        return [self[name] for name in self]


class OutputDatasets(Dict[str, Any]):
    """The outputs of a script by name."""

    def __init__(self, workspace: Any):
        super().__init__()
        self._workspace = workspace

    def __missing__(self, name: str) -> Any:
        path = os.environ.get(f"AZURE_ML_OUTPUT_{name}") or os.environ.get(name)
        if path is None:
            raise KeyError(f"The run has no output named {name!r}.")
        return path


class LinkOutput:
    def __init__(self, workspace: Any, name: Optional[str] = None):
        self._workspace = workspace
        self._name = name

    def link(self, dataset: Any, run: Any = None) -> None:
        raise errors.NotAvailable("the service for data assets", "LinkOutput.link")
