"""Datastores whose files can be uploaded and downloaded. The files pass through the studio, which alone has the keys."""

from __future__ import annotations

import os
import warnings
from typing import Any, Callable, List, Optional, Tuple

from lazuli.console import print_text
from lazuli.data import datastores, transfer
from lazuli.errors import UserErrorException

from azureml import _absent
from azureml.data.abstract_datastore import AbstractDatastore
from azureml.data.data_reference import DataReference

DEPRECATED = "{} is deprecated after version 1.0.69. Please use Dataset.File.upload_directory instead."


class AbstractAzureStorageDatastore(AbstractDatastore):
    """The keys are None: they do not leave the studio."""

    def __init__(
        self,
        workspace: Any,
        name: str,
        datastore_type: str,
        container_name: Optional[str],
        account_name: Optional[str],
        sas_token: Optional[str] = None,
        account_key: Optional[str] = None,
        protocol: Optional[str] = "https",
        endpoint: Optional[str] = "core.windows.net",
    ):
        super().__init__(workspace, name, datastore_type)
        self.container_name = container_name
        self.account_name = account_name
        self.sas_token = sas_token
        self.account_key = account_key
        self.protocol = protocol
        self.endpoint = endpoint
        self.credential_type = "None"

    @property
    def is_sas(self) -> bool:
        return self.credential_type == "Sas"

    # ---- references

    def path(self, path: Optional[str] = None, data_reference_name: Optional[str] = None) -> DataReference:
        """A reference to a path of the datastore, for old scripts."""
        return DataReference(self, data_reference_name, path)

    def as_mount(self) -> DataReference:
        return self.path().as_mount()

    def as_download(self, path_on_compute: Optional[str] = None) -> DataReference:
        return self.path().as_download(path_on_compute)

    def as_upload(self, path_on_compute: Optional[str] = None) -> DataReference:
        return self.path().as_upload(path_on_compute)

    # ---- files

    def upload(
        self, src_dir: str, target_path: Optional[str] = None, overwrite: bool = False, show_progress: bool = True
    ) -> DataReference:
        """Upload a folder with all that is in it. Files that are there already are left, unless `overwrite`."""
        warnings.warn(DEPRECATED.format('"datastore.upload"'), DeprecationWarning, stacklevel=2)
        folder = os.path.abspath(os.path.expanduser(src_dir))
        if not os.path.isdir(folder):
            raise UserErrorException(f"{src_dir!r} is not a folder.")
        files = [os.path.join(where, name) for where, _, names in os.walk(folder) for name in names]
        return self._send(sorted(files), folder, target_path, overwrite, show_progress)

    def upload_files(
        self,
        files: List[str],
        relative_root: Optional[str] = None,
        target_path: Optional[str] = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> DataReference:
        """Upload files, below `target_path` as they are below `relative_root` (by default their common folder)."""
        warnings.warn(DEPRECATED.format('"datastore.upload_files"'), DeprecationWarning, stacklevel=2)
        paths = [os.path.abspath(os.path.expanduser(path)) for path in files]
        if not paths:
            raise UserErrorException("Give the files to upload.")
        for given, path in zip(files, paths):
            if not os.path.isfile(path):
                raise UserErrorException(f"{given!r} is not a file.")
        root = os.path.abspath(os.path.expanduser(relative_root)) if relative_root else _common_folder(paths)
        return self._send(paths, root, target_path, overwrite, show_progress)

    def _send(
        self, paths: List[str], root: str, target_path: Optional[str], overwrite: bool, show_progress: bool
    ) -> DataReference:
        target = (target_path or "").replace("\\", "/").strip("/")
        pairs: List[Tuple[str, str]] = []
        for path in paths:
            inside = os.path.relpath(path, root).replace(os.sep, "/")
            if inside.startswith("../"):
                raise UserErrorException(f"{path} is not below relative_root ({root}).")
            pairs.append((path, f"{target}/{inside}" if target else inside))
        log = print_text if show_progress else None
        transfer.upload_files(self._workspace._remote, self._name, pairs, overwrite=overwrite, log=log)
        return self.path(target_path or None)

    def download(
        self, target_path: str, prefix: Optional[str] = None, overwrite: bool = False, show_progress: bool = True
    ) -> int:
        """Download the files whose path begins with `prefix`, with their whole path below `target_path`; how many.

        Files that are there already are left, unless `overwrite`.
        """
        remote, folder = self._workspace._remote, os.path.abspath(os.path.expanduser(target_path))
        files = list(datastores.list_files(remote, self._name, prefix or ""))
        pairs = [(file, datastores.local_path(folder, file.path)) for file in files]
        log: Optional[Callable[[str], None]] = print_text if show_progress else None
        return len(transfer.download_files(remote, pairs, overwrite=overwrite, keep=True, log=log))


class AzureBlobDatastore(AbstractAzureStorageDatastore):
    """Also the class of folders of the server and of S3, which have the same methods."""

    def __init__(
        self,
        workspace: Any,
        name: str,
        container_name: Optional[str],
        account_name: Optional[str],
        sas_token: Optional[str] = None,
        account_key: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: Optional[str] = None,
        request_session: Any = None,
        workspace_msi_has_access: bool = False,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        service_data_access_auth_identity: Any = None,
    ):
        given = (container_name, account_name, sas_token, account_key, protocol, endpoint)
        super().__init__(workspace, name, "AzureBlob", *given)
        self.blob_service = None
        self.workspace_msi_has_access = workspace_msi_has_access
        self.subscription_id = subscription_id
        self.resource_group = resource_group
        self.service_data_access_auth_identity = service_data_access_auth_identity


class AzureFileDatastore(AbstractAzureStorageDatastore):
    def __init__(
        self,
        workspace: Any,
        name: str,
        container_name: Optional[str],
        account_name: Optional[str],
        sas_token: Optional[str] = None,
        account_key: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: Optional[str] = "core.windows.net",
        request_session: Any = None,
    ):
        given = (container_name, account_name, sas_token, account_key, protocol, endpoint)
        super().__init__(workspace, name, "AzureFile", *given)
        self.file_service = None


def _common_folder(paths: List[str]) -> str:
    return os.path.dirname(paths[0]) if len(paths) == 1 else os.path.commonpath([os.path.dirname(p) for p in paths])


__getattr__ = _absent.find_missing(__name__)

__all__ = ["AbstractAzureStorageDatastore", "AzureBlobDatastore", "AzureFileDatastore"]
