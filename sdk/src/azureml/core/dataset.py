"""`Dataset`: `Dataset.File`, `Dataset.Tabular`, and finding registered datasets.

The rest of the class is SDK v1's first kind of dataset, deprecated in 2019; its methods raise NotAvailable.
"""

from __future__ import annotations

from typing import Any, Optional, Union

from lazuli.errors import NotAvailable

from azureml import _absent
from azureml._unused import warn_of_unused
from azureml.data.abstract_dataset import AbstractDataset, RegisteredDatasets
from azureml.data.dataset_factory import FileDatasetFactory, TabularDatasetFactory

OLD = "the deprecated first kind of datasets (use Dataset.File and Dataset.Tabular)"


class Dataset:
    File = FileDatasetFactory
    Tabular = TabularDatasetFactory

    def __init__(self, definition: Any, workspace: Any = None, name: Optional[str] = None, id: Optional[str] = None):
        raise NotAvailable(OLD, "Dataset")

    @staticmethod
    def get_by_name(workspace: Any, name: str, version: Union[str, int] = "latest", **kwargs: Any) -> Any:
        """Raises UserErrorException if there is no such dataset."""
        warn_of_unused("Dataset.get_by_name", **kwargs)
        return AbstractDataset.get_by_name(workspace, name, version)

    @staticmethod
    def get_by_id(workspace: Any, id: str, **kwargs: Any) -> Any:
        warn_of_unused("Dataset.get_by_id", **kwargs)
        return AbstractDataset.get_by_id(workspace, id)

    @staticmethod
    def get_all(workspace: Any) -> RegisteredDatasets:
        return AbstractDataset.get_all(workspace)

    # ---- the deprecated kind

    def archive(self) -> Any:
        raise NotAvailable(OLD, "Dataset.archive")

    @staticmethod
    def auto_read_files(path: Any = None, include_path: Any = None, partition_format: Any = None) -> Any:
        raise NotAvailable(OLD, "Dataset.auto_read_files")

    def compare_profiles(
        self,
        rhs_dataset: Any = None,
        profile_arguments: Any = None,
        include_columns: Any = None,
        exclude_columns: Any = None,
        histogram_compare_method: Any = None,
    ) -> Any:
        raise NotAvailable(OLD, "Dataset.compare_profiles")

    def create_snapshot(
        self,
        snapshot_name: Any = None,
        compute_target: Any = None,
        create_data_snapshot: Any = None,
        target_datastore: Any = None,
    ) -> Any:
        raise NotAvailable(OLD, "Dataset.create_snapshot")

    @property
    def definition(self) -> Any:
        raise NotAvailable(OLD, "Dataset.definition")

    @property
    def definition_version(self) -> Any:
        raise NotAvailable(OLD, "Dataset.definition_version")

    def delete_snapshot(self, snapshot_name: Any = None) -> Any:
        raise NotAvailable(OLD, "Dataset.delete_snapshot")

    def deprecate(self, deprecate_by_dataset_id: Any = None) -> Any:
        raise NotAvailable(OLD, "Dataset.deprecate")

    @property
    def description(self) -> Any:
        raise NotAvailable(OLD, "Dataset.description")

    def diff(self, rhs_dataset: Any = None, compute_target: Any = None, columns: Any = None) -> Any:
        raise NotAvailable(OLD, "Dataset.diff")

    @staticmethod
    def from_binary_files(path: Any = None) -> Any:
        raise NotAvailable(OLD, "Dataset.from_binary_files")

    @staticmethod
    def from_delimited_files(
        path: Any = None,
        separator: Any = None,
        header: Any = None,
        encoding: Any = None,
        quoting: Any = None,
        infer_column_types: Any = None,
        skip_rows: Any = None,
        skip_mode: Any = None,
        comment: Any = None,
        include_path: Any = None,
        archive_options: Any = None,
        partition_format: Any = None,
    ) -> Any:
        raise NotAvailable(OLD, "Dataset.from_delimited_files")

    @staticmethod
    def from_excel_files(
        path: Any = None,
        sheet_name: Any = None,
        use_column_headers: Any = None,
        skip_rows: Any = None,
        include_path: Any = None,
        infer_column_types: Any = None,
        partition_format: Any = None,
    ) -> Any:
        raise NotAvailable(OLD, "Dataset.from_excel_files")

    @staticmethod
    def from_json_files(
        path: Any = None,
        encoding: Any = None,
        flatten_nested_arrays: Any = None,
        include_path: Any = None,
        partition_format: Any = None,
    ) -> Any:
        raise NotAvailable(OLD, "Dataset.from_json_files")

    @staticmethod
    def from_pandas_dataframe(dataframe: Any = None, path: Any = None, in_memory: Any = None) -> Any:
        raise NotAvailable(OLD, "Dataset.from_pandas_dataframe")

    @staticmethod
    def from_parquet_files(path: Any = None, include_path: Any = None, partition_format: Any = None) -> Any:
        raise NotAvailable(OLD, "Dataset.from_parquet_files")

    @staticmethod
    def from_sql_query(data_source: Any = None, query: Any = None) -> Any:
        raise NotAvailable(OLD, "Dataset.from_sql_query")

    def generate_profile(self, compute_target: Any = None, workspace: Any = None, arguments: Any = None) -> Any:
        raise NotAvailable(OLD, "Dataset.generate_profile")

    @staticmethod
    def get(workspace: Any = None, name: Any = None, id: Any = None) -> Any:
        raise NotAvailable(OLD, "Dataset.get")

    def get_all_snapshots(self) -> Any:
        raise NotAvailable(OLD, "Dataset.get_all_snapshots")

    def get_definition(self, version_id: Any = None) -> Any:
        raise NotAvailable(OLD, "Dataset.get_definition")

    def get_definitions(self) -> Any:
        raise NotAvailable(OLD, "Dataset.get_definitions")

    def get_profile(
        self,
        arguments: Any = None,
        generate_if_not_exist: Any = None,
        workspace: Any = None,
        compute_target: Any = None,
    ) -> Any:
        raise NotAvailable(OLD, "Dataset.get_profile")

    def get_snapshot(self, snapshot_name: Any = None) -> Any:
        raise NotAvailable(OLD, "Dataset.get_snapshot")

    def head(self, count: Any = None) -> Any:
        raise NotAvailable(OLD, "Dataset.head")

    @property
    def id(self) -> Any:
        raise NotAvailable(OLD, "Dataset.id")

    @property
    def is_visible(self) -> Any:
        raise NotAvailable(OLD, "Dataset.is_visible")

    @staticmethod
    def list(workspace: Any = None) -> Any:
        raise NotAvailable(OLD, "Dataset.list")

    @property
    def name(self) -> Any:
        raise NotAvailable(OLD, "Dataset.name")

    def reactivate(self) -> Any:
        raise NotAvailable(OLD, "Dataset.reactivate")

    def register(
        self,
        workspace: Any = None,
        name: Any = None,
        description: Any = None,
        tags: Any = None,
        visible: Any = None,
        exist_ok: Any = None,
        update_if_exist: Any = None,
    ) -> Any:
        raise NotAvailable(OLD, "Dataset.register")

    def sample(self, sample_strategy: Any = None, arguments: Any = None) -> Any:
        raise NotAvailable(OLD, "Dataset.sample")

    @property
    def state(self) -> Any:
        raise NotAvailable(OLD, "Dataset.state")

    @property
    def tags(self) -> Any:
        raise NotAvailable(OLD, "Dataset.tags")

    def to_pandas_dataframe(self) -> Any:
        raise NotAvailable(OLD, "Dataset.to_pandas_dataframe")

    def to_spark_dataframe(self) -> Any:
        raise NotAvailable(OLD, "Dataset.to_spark_dataframe")

    def update(self, name: Any = None, description: Any = None, tags: Any = None, visible: Any = None) -> Any:
        raise NotAvailable(OLD, "Dataset.update")

    def update_definition(self, definition: Any = None, definition_update_message: Any = None) -> Any:
        raise NotAvailable(OLD, "Dataset.update_definition")

    @property
    def workspace(self) -> Any:
        raise NotAvailable(OLD, "Dataset.workspace")


__getattr__ = _absent.find_missing(__name__)

__all__ = ["Dataset"]
