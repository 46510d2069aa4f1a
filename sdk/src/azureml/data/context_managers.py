"""The folder of `FileDataset.mount()`: the files are downloaded when it starts, and removed when it stops."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Any

from lazuli.data import sources

from azureml import _absent
from azureml._unused import warn_of_unused
from azureml.exceptions import UserErrorException


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
        self._is_started = False
        # A folder of somebody else stays when it stops.
        self._is_own_folder = self._mount_point is None or not os.path.isdir(self._mount_point)

    @property
    def mount_point(self) -> str:
        """The folder in which the files are, once it has started."""
        if self._mount_point is None:
            self._mount_point = tempfile.mkdtemp(prefix="lazuli-mount-")
        return str(self._mount_point)

    def start(self) -> None:
        """Download the files into the folder, which must be empty or not there yet."""
        if self._is_started:
            return
        folder = self.mount_point
        os.makedirs(folder, exist_ok=True)
        if os.listdir(folder):
            raise UserErrorException(f"{folder} has files already. Name an empty folder as mount_point, or none.")
        self._is_started = True
        try:
            found = sources.find_sources(self._dataset._remote, self._dataset._definition)
            sources.download_sources(self._dataset._remote, found, folder)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Remove the files; nothing happens before it has started."""
        if not self._is_started:
            return
        self._is_started, folder = False, self.mount_point
        shutil.rmtree(folder, ignore_errors=True)
        if not self._is_own_folder:
            os.makedirs(folder, exist_ok=True)

    def __enter__(self) -> DatasetContextManager:
        self.start()
        return self

    def __exit__(self, *problem: Any) -> None:
        self.stop()


__all__ = ["DatasetContextManager"]

__getattr__ = _absent.find_missing(__name__)
