"""The folder of `FileDataset.mount()`: the files are downloaded when it starts, and removed when it stops."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Any, Optional

from lazuli.data import sources

from azureml import _absent
from azureml._unused import warn_of_unused


class DatasetContextManager:
    """`config` is the dataset, or a pair of it and the folder."""

    def __init__(
        self, config: Any, ignore_already_mounted_error: bool = False, force_mount_with_allow_other: bool = False
    ):
        warn_of_unused(
            "DatasetContextManager",
            ignore_already_mounted_error=ignore_already_mounted_error,
            force_mount_with_allow_other=force_mount_with_allow_other,
        )
        self._dataset, self._mount_point = config if isinstance(config, tuple) else (config, None)
        self._made: Optional[str] = None

    @property
    def mount_point(self) -> str:
        """The folder in which the files are, once it has started."""
        if self._mount_point is None:
            self._mount_point = self._made = tempfile.mkdtemp(prefix="lazuli-mount-")
        return str(self._mount_point)

    def start(self) -> None:
        folder = self.mount_point
        os.makedirs(folder, exist_ok=True)
        found = sources.find_sources(self._dataset._remote, self._dataset._definition)
        sources.download_sources(self._dataset._remote, found, folder)

    def stop(self) -> None:
        shutil.rmtree(self.mount_point, ignore_errors=True)

    def __enter__(self) -> DatasetContextManager:
        self.start()
        return self

    def __exit__(self, *problem: Any) -> None:
        self.stop()


__all__ = ["DatasetContextManager"]

__getattr__ = _absent.find_missing(__name__)
