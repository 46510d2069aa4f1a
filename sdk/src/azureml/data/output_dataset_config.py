"""Outputs of a run that are stored in a datastore, and can be registered."""

from __future__ import annotations

import copy
import uuid
from typing import Any, Dict, List, Optional

from lazuli.errors import NotAvailable, UserErrorException

from azureml import _absent
from azureml._unused import warn_of_unused
from azureml.data.dataset_consumption_config import NAME

Json = Dict[str, Any]


class RegistrationConfiguration:
    def __init__(self, name: Optional[str] = None, description: Optional[str] = None, tags: Any = None):
        self.name = name
        self.description = description
        self.tags = tags


class UploadOptions:
    def __init__(self, overwrite: bool = False, source_globs: Any = None):
        self.overwrite = overwrite
        self.source_globs = source_globs


class MountOptions:
    """Without effect: files are written to a folder of the run, and stored at its end."""

    def __init__(self, disable_metadata_cache: bool = False):
        self.disable_metadata_cache = disable_metadata_cache


class OutputDatasetConfig:
    def __init__(self, mode: str, name: Optional[str] = None):
        self.mode = mode
        self.name = name or f"output_{uuid.uuid4().hex[:8]}"
        self._registration: Optional[RegistrationConfiguration] = None
        self._steps: List[Json] = []

    @property
    def name(self) -> str:
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise UserErrorException(
                f"The output name {name!r} is not allowed. Use letters, digits and underscores, starting with a letter."
            )
        self._name = name

    @property
    def arg_val(self) -> str:
        """The placeholder in the arguments, which the run replaces."""
        return f"DatasetOutputConfig:{self._name}"

    def __str__(self) -> str:
        return self.arg_val

    def register_on_complete(
        self, name: str, description: Optional[str] = None, tags: Optional[Dict[str, str]] = None
    ) -> Any:
        """Register the output as a dataset of this name once the run has completed."""
        found = copy.copy(self)
        found._registration = RegistrationConfiguration(name, description, tags)
        return found

    def as_input(self, name: Optional[str] = None) -> Any:
        raise NotAvailable("pipelines", f"{type(self).__name__}.as_input")


class TransformationMixin:
    _steps: List[Json]

    def read_delimited_files(
        self,
        include_path: bool = False,
        separator: str = ",",
        header: Any = True,
        partition_format: Optional[str] = None,
        path_glob: Optional[str] = None,
        set_column_types: Any = None,
    ) -> OutputTabularDatasetConfig:
        """Register the output as a table of text files."""
        number = (3 if header else 0) if isinstance(header, bool) else int(getattr(header, "value", header))
        step = {"type": "read_delimited", "separator": separator, "header": number}
        return self._as_table(step, include_path, partition_format, path_glob, set_column_types)

    def read_parquet_files(
        self,
        include_path: bool = False,
        partition_format: Optional[str] = None,
        path_glob: Optional[str] = None,
        set_column_types: Any = None,
    ) -> OutputTabularDatasetConfig:
        return self._as_table({"type": "read_parquet"}, include_path, partition_format, path_glob, set_column_types)

    def _as_table(
        self,
        step: Json,
        include_path: bool,
        partition_format: Optional[str],
        path_glob: Optional[str],
        set_column_types: Any,
    ) -> OutputTabularDatasetConfig:
        step = dict(step, include_path=include_path)
        if partition_format:
            step["partition_format"] = partition_format
        if set_column_types:
            step["column_types"] = {name: found._definition for name, found in set_column_types.items()}
        made = OutputTabularDatasetConfig(output_file_dataset_config=self)
        made._steps, made._glob = [step], path_glob
        return made


class OutputFileDatasetConfig(OutputDatasetConfig, TransformationMixin):
    """A folder of the run whose files are stored in a datastore, by default in `dataset/{run-id}/{output-name}`."""

    def __init__(
        self,
        name: Optional[str] = None,
        destination: Any = None,
        source: Optional[str] = None,
        partition_format: Optional[str] = None,
    ):
        super().__init__("mount", name)
        if destination is not None and not (isinstance(destination, tuple) and len(destination) == 2):
            raise UserErrorException("destination is a pair: (datastore, 'path/{run-id}/{output-name}').")
        self.destination = destination
        self.source = source
        self._partition_format = partition_format
        self._overwrite = False
        self._globs: Optional[List[str]] = None

    def as_mount(self, disable_metadata_cache: bool = False) -> OutputFileDatasetConfig:
        warn_of_unused("OutputFileDatasetConfig.as_mount", disable_metadata_cache=disable_metadata_cache)
        return self._with_mode("mount", False, None)

    def as_upload(self, overwrite: bool = False, source_globs: Any = None) -> OutputFileDatasetConfig:
        """Stored at the end of the run, unless it failed or was canceled."""
        globs = [source_globs] if isinstance(source_globs, str) else source_globs
        return self._with_mode("upload", overwrite, list(globs) if globs else None)

    def _with_mode(self, mode: str, overwrite: bool, globs: Optional[List[str]]) -> OutputFileDatasetConfig:
        found = copy.copy(self)
        found.mode, found._overwrite, found._globs = mode, overwrite, globs
        return found

    def __deepcopy__(self, memo: Any) -> OutputFileDatasetConfig:
        # Its datastore has a workspace with connections, which cannot be copied.
        return copy.copy(self)


class OutputTabularDatasetConfig(OutputDatasetConfig):
    """The output of an `OutputFileDatasetConfig`, registered as a table."""

    def __init__(self, **kwargs: Any):
        self._file: OutputFileDatasetConfig = kwargs.pop("output_file_dataset_config")
        warn_of_unused("OutputTabularDatasetConfig", **kwargs)
        super().__init__(self._file.mode, self._file.name)
        self._registration = self._file._registration
        self._glob: Optional[str] = None

    def as_mount(self) -> OutputTabularDatasetConfig:
        return self._with_file(self._file.as_mount())

    def as_upload(self, overwrite: bool = False, source_globs: Any = None) -> OutputTabularDatasetConfig:
        return self._with_file(self._file.as_upload(overwrite, source_globs))

    def _with_file(self, file: OutputFileDatasetConfig) -> OutputTabularDatasetConfig:
        found = copy.copy(self)
        found._file, found.mode = file, file.mode
        return found

    def keep_columns(self, columns: Any) -> OutputTabularDatasetConfig:
        return self._with_step("keep_columns", columns)

    def drop_columns(self, columns: Any) -> OutputTabularDatasetConfig:
        return self._with_step("drop_columns", columns)

    def _with_step(self, kind: str, columns: Any) -> OutputTabularDatasetConfig:
        found = copy.copy(self)
        names = [columns] if isinstance(columns, str) else list(columns)
        found._steps = [*self._steps, {"type": kind, "columns": names}]
        return found

    def random_split(self, percentage: float, seed: Optional[int] = None) -> Any:
        raise NotAvailable("pipelines", "OutputTabularDatasetConfig.random_split")

    def __deepcopy__(self, memo: Any) -> OutputTabularDatasetConfig:
        return copy.copy(self)


class _LinkOutputDatasetConfig(OutputDatasetConfig):
    """An output without files: the script links a dataset to it, `run.output_datasets[name].link(dataset)`."""

    # As in OutputFileDatasetConfig.
    destination = source = _globs = None
    _overwrite = False

    def __init__(self, name: Optional[str] = None):
        super().__init__("link", name)


class LinkFileOutputDatasetConfig(_LinkOutputDatasetConfig):
    """An output to which the script links a `FileDataset`."""


class LinkTabularOutputDatasetConfig(_LinkOutputDatasetConfig):
    """An output to which the script links a `TabularDataset`."""


__all__ = [
    "LinkFileOutputDatasetConfig",
    "LinkTabularOutputDatasetConfig",
    "MountOptions",
    "OutputDatasetConfig",
    "OutputFileDatasetConfig",
    "OutputTabularDatasetConfig",
    "RegistrationConfiguration",
    "TransformationMixin",
    "UploadOptions",
]

__getattr__ = _absent.find_missing(__name__)
