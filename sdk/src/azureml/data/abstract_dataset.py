"""The base of datasets of files and of tables."""

from __future__ import annotations

import datetime as dt
import json
import random
import warnings
from importlib import import_module
from typing import Any, Dict, List, Mapping, Optional, Union, cast

from lazuli.data import datasets
from lazuli.data.definitions import add_step, find_step
from lazuli.errors import UserErrorException

from azureml import _absent
from azureml._unused import warn_of_unused

Json = Dict[str, Any]
CLASSES = {
    "file": ("azureml.data.file_dataset", "FileDataset"),
    "tabular": ("azureml.data.tabular_dataset", "TabularDataset"),
}
# As SDK v1 names the steps when a dataset is displayed.
SHOWN = {
    "read_delimited": "ParseDelimited",
    "read_parquet": "ReadParquetFile",
    "read_json_lines": "ParseJsonLines",
    "read_sql": "ReadSqlQuery",
    "keep_columns": "KeepColumns",
    "drop_columns": "DropColumns",
    "rename_columns": "RenameColumns",
    "take": "Take",
    "skip": "Skip",
    "sample": "TakeSample",
    "split": "RandomSplit",
    "filter": "Filter",
    "partition_format": "AddColumnsFromPartitionFormat",
    "to_files": "WriteFiles",
}


class AbstractDataset:
    """An immutable list of steps; nothing is read until the content is requested."""

    # Set by azureml.data.dataset_factory, whose classes make datasets.
    File: Any = None
    Tabular: Any = None

    def __init__(self) -> None:
        raise UserErrorException("Create a dataset with Dataset.File or Dataset.Tabular.")

    @classmethod
    def _create(cls, workspace: Any, definition: Mapping[str, Any], resource: Optional[Json] = None) -> Any:
        found = cls.__new__(cls)
        found._workspace, found._definition, found._resource = workspace, dict(definition), resource
        return found

    _workspace: Any
    _definition: Json
    _resource: Optional[Json]

    def __copy__(self) -> AbstractDataset:
        return self

    def __deepcopy__(self, memo: Any) -> AbstractDataset:
        """A dataset never changes, and its workspace has connections that cannot be copied."""
        return self

    # ---- finding

    @staticmethod
    def get_by_name(workspace: Any, name: str, version: Union[str, int] = "latest", **kwargs: Any) -> Any:
        """Raises UserErrorException if there is no such dataset."""
        warn_of_unused("Dataset.get_by_name", **kwargs)
        return from_resource(workspace, datasets.get_version(workspace._remote, name, str(version)))

    @staticmethod
    def get_by_id(workspace: Any, id: str, **kwargs: Any) -> Any:
        warn_of_unused("Dataset.get_by_id", **kwargs)
        return from_resource(workspace, datasets.get_dataset(workspace._remote, id))

    @staticmethod
    def get_all(workspace: Any) -> RegisteredDatasets:
        """The newest versions by name; each is read when it is used."""
        return RegisteredDatasets(workspace)

    # ---- registering

    def register(
        self,
        workspace: Any,
        name: str,
        description: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
        create_new_version: bool = False,
    ) -> Any:
        """Raises UserErrorException if the name is taken by another dataset, unless `create_new_version` is set."""
        resource = datasets.register_dataset(
            workspace._remote, name, self._definition, create_new_version, description=description, tags=tags
        )
        return from_resource(workspace, resource)

    def update(self, description: Optional[str] = None, tags: Optional[Dict[str, str]] = None) -> Any:
        fields = {"description": description, "tags": tags}
        return self._change({name: value for name, value in fields.items() if value is not None})

    def add_tags(self, tags: Optional[Dict[str, str]] = None) -> Any:
        return self._change({"tags": {**(self.tags or {}), **(tags or {})}})

    def remove_tags(self, tags: Union[str, List[str], None] = None) -> Any:
        removed = {tags} if isinstance(tags, str) else set(tags or [])
        return self._change({"tags": {key: value for key, value in (self.tags or {}).items() if key not in removed}})

    def _change(self, fields: Json) -> Any:
        resource = datasets.update_version(self._workspace._remote, self._registered("change"), **fields)
        self._resource = resource
        return self

    def unregister_all_versions(self) -> None:
        """The files stay."""
        datasets.delete_asset(self._workspace._remote, self._registered("unregister")["properties"]["assetName"])
        self._resource = None

    def deprecate(self, deprecate_by_dataset_id: Optional[str] = None) -> None:
        """All versions of its name can still be read, with a warning that names the other dataset."""
        name = self._registered("deprecate")["properties"]["assetName"]
        other = None
        if deprecate_by_dataset_id is not None:
            found = datasets.get_dataset(self._workspace._remote, deprecate_by_dataset_id)
            other = found["properties"]["assetName"]
            if not other:
                raise UserErrorException(f"The dataset {deprecate_by_dataset_id} is not registered.")
        datasets.deprecate_asset(self._workspace._remote, name, True, other)

    def archive(self) -> None:
        """All versions of its name leave the list of datasets."""
        name = self._registered("archive")["properties"]["assetName"]
        datasets.archive_asset(self._workspace._remote, name, True)

    def reactivate(self) -> None:
        """Undo `deprecate` and `archive`."""
        name = self._registered("reactivate")["properties"]["assetName"]
        datasets.archive_asset(self._workspace._remote, name, False)
        datasets.deprecate_asset(self._workspace._remote, name, False, None)

    def _registered(self, what: str) -> Json:
        if self._resource is None or not self._resource["properties"]["assetName"]:
            raise UserErrorException(f"The dataset is not registered, so there is nothing to {what}.")
        return self._resource

    # ---- properties

    @property
    def id(self) -> Optional[str]:
        """The id; None for a dataset that was neither registered nor submitted with a run."""
        return self._property("datasetId")

    @property
    def name(self) -> Optional[str]:
        return self._property("assetName")

    @property
    def version(self) -> Optional[int]:
        found = self._property("version")
        return int(found) if found is not None and found.isdigit() else cast(Any, found)

    @property
    def description(self) -> Optional[str]:
        return self._property("description")

    @property
    def tags(self) -> Optional[Dict[str, str]]:
        return dict(self._resource["properties"]["tags"]) if self._resource else None

    def _property(self, name: str) -> Optional[str]:
        return cast(Optional[str], self._resource["properties"][name]) if self._resource else None

    @property
    def partition_keys(self) -> List[str]:
        text = self._partition_format
        return [name for name, _ in import_module("lazuli.data.partitions").PartitionFormat(text).names] if text else []

    @property
    def _partition_format(self) -> Optional[str]:
        step = find_step(self._definition, "partition_format")
        first = self._definition["steps"][0] if self._definition["steps"] else {}
        return cast(Optional[str], step["format"] if step else first.get("partition_format"))

    def get_partition_key_values(self, partition_keys: Optional[List[str]] = None) -> List[Json]:
        """The combinations of partition values in the paths."""
        text = self._partition_format
        if not text:
            raise UserErrorException("The dataset has no partition_format, so it has no partition keys.")
        partition = import_module("lazuli.data.partitions").PartitionFormat(text)
        sources = import_module("lazuli.data.sources").find_sources(self._remote, self._definition)
        known = [name for name, _ in partition.names]
        wanted = partition_keys or known
        if unknown := [name for name in wanted if name not in known]:
            raise UserErrorException(f"There is no partition key {unknown[0]!r}; there are {', '.join(known)}.")
        found = (partition.read(source.remote.path) for source in sources)
        return [
            dict(zip(wanted, values)) for values in dict.fromkeys(tuple(row[name] for name in wanted) for row in found)
        ]

    @property
    def data_changed_time(self) -> Optional[dt.datetime]:
        """Unknown, because files are not watched."""
        return None

    # ---- in runs

    def as_named_input(self, name: str) -> Any:
        """The dataset as an input of a run: `run.input_datasets[name]`."""
        consumption = import_module("azureml.data.dataset_consumption_config")
        return consumption.DatasetConsumptionConfig(name, self)

    def _ensure_saved(self, workspace: Any) -> str:
        """Save the dataset in the workspace if necessary; return its id."""
        if self._resource is None:
            self._resource = datasets.save_dataset(workspace._remote, self._definition)
            self._workspace = self._workspace or workspace
        return cast(str, self.id)

    # ---- steps

    def _with_step(self, kind: str, **values: Any) -> Any:
        return type(self)._create(self._workspace, add_step(self._definition, kind, **values))

    def _sampled(self, probability: float, seed: Optional[int]) -> Any:
        return self._with_step("sample", probability=probability, seed=_seed(seed))

    def _split(self, percentage: float, seed: Optional[int]) -> Any:
        """Two datasets without common records; sizes are approximate."""
        if isinstance(percentage, bool) or not isinstance(percentage, (int, float)) or not 0 <= percentage <= 1:
            raise UserErrorException(f"percentage is {percentage!r}; use a number from 0 to 1.")
        chosen = _seed(seed)
        first = self._with_step("split", lower=0, upper=percentage, seed=chosen)
        return first, self._with_step("split", lower=percentage, upper=1, seed=chosen)

    @property
    def _remote(self) -> Any:
        return self._workspace._remote if self._workspace is not None else None

    # ---- display

    def __repr__(self) -> str:
        paths = [path.get("url") or str((path["datastore"], path["path"])) for path in self._definition["paths"]]
        start = "GetFiles" if "url" in self._definition["paths"][0] else "GetDatastoreFiles"
        shown: Json = {
            "source": paths,
            "definition": [
                start,
                *(SHOWN[step["type"]] for step in self._definition["steps"] if step["type"] in SHOWN),
            ],
        }
        if self._resource and self.name:
            names = ("id", "name", "version", "description", "tags")
            shown["registration"] = {name: getattr(self, name) for name in names}
            shown["registration"]["workspace"] = repr(self._workspace)
        return f"{type(self).__name__}\n{json.dumps(shown, indent=2)}"


class RegisteredDatasets(Mapping[str, Any]):
    """The registered datasets by name, as `ws.datasets`."""

    def __init__(self, workspace: Any):
        self._workspace = workspace
        self._names = [resource["name"] for resource in datasets.list_assets(workspace._remote)]

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return AbstractDataset.get_by_name(self._workspace, name)

    def __iter__(self) -> Any:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"RegisteredDatasets({', '.join(map(repr, self._names))})"


def from_resource(workspace: Any, resource: Json) -> Any:
    """A dataset of the class of its kind."""
    properties = resource["properties"]
    if text := properties.get("deprecation"):
        warnings.warn(text, stacklevel=4)
    module, name = CLASSES[properties["kind"]]
    return getattr(import_module(module), name)._create(workspace, properties["definition"], resource)


def _seed(seed: Optional[int]) -> int:
    # Chosen now, so that the dataset is the same each time it is read.
    return random.SystemRandom().randrange(2**31) if seed is None else int(seed)


__getattr__ = _absent.find_missing(__name__)

__all__ = ["AbstractDataset"]
