"""`FileDataset`: files of datastores or of the web."""

from __future__ import annotations

import os
import tempfile
import uuid
import warnings
from typing import Any, List, Optional, Tuple

from lazuli.data import datasets, sources
from lazuli.data.errors import FilesNotFound
from lazuli.errors import NotAvailable

from azureml import _absent
from azureml._unused import warn_of_unused
from azureml.data._expressions import Expression, to_expression
from azureml.data.abstract_dataset import AbstractDataset
from azureml.data.context_managers import DatasetContextManager
from azureml.data.dataset_consumption_config import DatasetConsumptionConfig


class FileDataset(AbstractDataset):
    """Created by `Dataset.File.from_files`."""

    def to_path(self) -> List[str]:
        """The paths of the files, without the folder that they have in common."""
        return datasets.list_inside(self._remote, self._definition)

    def download(
        self, target_path: Optional[str] = None, overwrite: bool = False, ignore_not_found: bool = False
    ) -> List[str]:
        """Download the files and return their local paths; a new temporary folder unless `target_path` names one.

        With `ignore_not_found`, a file that is not there is a warning, not an error.
        """
        folder = os.path.abspath(os.path.expanduser(target_path)) if target_path else tempfile.mkdtemp()
        try:
            found = sources.find_sources(self._remote, self._definition)
        except FilesNotFound as error:
            if not ignore_not_found:
                raise
            warnings.warn(error.message, stacklevel=2)
            return []
        return sources.download_sources(self._remote, found, folder, overwrite, ignore_not_found)

    def mount(self, mount_point: Optional[str] = None, **kwargs: Any) -> DatasetContextManager:
        """A context manager whose `mount_point` has the files. They are downloaded when it starts."""
        warn_of_unused("FileDataset.mount", **kwargs)
        return DatasetContextManager((self, mount_point))

    # ---- in runs

    def as_mount(self, path_on_compute: Optional[str] = None) -> DatasetConsumptionConfig:
        """A read-only folder with the files, for a run."""
        return DatasetConsumptionConfig(_make_name(), self, "mount", path_on_compute)

    def as_download(self, path_on_compute: Optional[str] = None) -> DatasetConsumptionConfig:
        return DatasetConsumptionConfig(_make_name(), self, "download", path_on_compute)

    def as_hdfs(self) -> DatasetConsumptionConfig:
        raise NotAvailable("Spark", "FileDataset.as_hdfs")

    def as_cache(self, datacache_store: Any) -> Any:
        raise NotAvailable("the data cache", "FileDataset.as_cache")

    def hydrate(self, datacache_store: Any, replica_count: Optional[int] = None) -> Any:
        raise NotAvailable("the data cache", "FileDataset.hydrate")

    # ---- steps

    def skip(self, count: int) -> FileDataset:
        return self._with_step("skip", count=count)  # type: ignore[no-any-return]

    def take(self, count: int) -> FileDataset:
        return self._with_step("take", count=count)  # type: ignore[no-any-return]

    def take_sample(self, probability: float, seed: Optional[int] = None) -> FileDataset:
        return self._sampled(probability, seed)  # type: ignore[no-any-return]

    def random_split(self, percentage: float, seed: Optional[int] = None) -> Tuple[FileDataset, FileDataset]:
        return self._split(percentage, seed)  # type: ignore[no-any-return]

    def file_metadata(self, col: str) -> Expression:
        """A property of a file to filter by: Size, Path or CanSeek."""
        return Expression({"column": col})

    def filter(self, expression: Any) -> FileDataset:
        return self._with_step("filter", expression=to_expression(expression))  # type: ignore[no-any-return]


def _make_name() -> str:
    return f"input_{uuid.uuid4().hex[:8]}"


__getattr__ = _absent.find_missing(__name__)

__all__ = ["FileDataset"]
