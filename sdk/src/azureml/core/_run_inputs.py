"""The inputs and outputs of a script, by name."""

from __future__ import annotations

import os
from typing import Any, Dict, Iterator, List, Mapping, Optional

from lazuli.errors import UserErrorException

from azureml.data.abstract_dataset import AbstractDataset

# `name:mode` pairs with commas.
MODES = "AZUREML_DATASET_ENVIRONMENT_VARS"
# Names with semicolons.
OUTPUTS = "AZUREML_DATASET_FILE_OUTPUTS"
# Those of them that are datasets, and the file in which the script leaves the id of one.
LINKS, LINK_FILE = "AZUREML_DATASET_LINK_OUTPUTS", "dataset-id.txt"


def read_input_modes(environ: Mapping[str, str]) -> Dict[str, str]:
    pairs = (pair.partition(":") for pair in environ.get(MODES, "").split(",") if pair)
    return {name: mode for name, _, mode in pairs}


class _NamedValues(Dict[str, Any]):
    """A dictionary whose names are those that the runner lists, and whose values are looked up when they are used."""

    def __init__(self, workspace: Any):
        super().__init__()
        self._workspace = workspace

    def _list_names(self) -> List[str]:
        raise NotImplementedError

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self._list_names()

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*super().__iter__(), *self._list_names()]))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __repr__(self) -> str:
        return repr(dict(self.items()))

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default

    def keys(self) -> Any:
        return list(self)

    def items(self) -> Any:
        return [(name, self[name]) for name in self]

    def values(self) -> Any:
        return [self[name] for name in self]


class InputDatasets(_NamedValues):
    """The inputs of a script by name."""

    def _list_names(self) -> List[str]:
        return list(read_input_modes(os.environ))

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


class OutputDatasets(_NamedValues):
    """The folders of a script's outputs by name; for linked outputs the objects that link a dataset."""

    def _list_names(self) -> List[str]:
        return [name for name in os.environ.get(OUTPUTS, "").split(";") if name]

    def __missing__(self, name: str) -> Any:
        path = os.environ.get(f"AZURE_ML_OUTPUT_{name}") or os.environ.get(name)
        names = self._list_names()
        if path is None or (names and name not in names):
            there = f" It has {', '.join(names)}." if names else ""
            raise KeyError(f"The run has no output named {name!r}.{there}")
        return LinkOutput(self._workspace, name) if name in os.environ.get(LINKS, "").split(";") else path


class LinkOutput:
    """An output of a script that is a dataset, which it saves or registers itself."""

    def __init__(self, workspace: Any, name: Optional[str] = None):
        self._workspace = workspace
        self._name = name

    def link(self, dataset: Any, run: Any = None) -> None:
        """Make a dataset this output; once the run has completed, it is registered as the output says."""
        if not hasattr(dataset, "_ensure_saved"):
            raise UserErrorException(f"Only a dataset can be linked, not a {type(dataset).__name__}.")
        name = self._name or ""
        folder = os.environ.get(f"AZURE_ML_OUTPUT_{name}") or os.environ.get(name)
        if not folder or name not in os.environ.get(LINKS, "").split(";"):
            raise UserErrorException(f"The run has no output {name!r} to which a dataset can be linked.")
        with open(os.path.join(folder, LINK_FILE), "w", encoding="utf-8") as file:
            file.write(dataset._ensure_saved(self._workspace))
