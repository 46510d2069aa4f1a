"""`Dataset.File` and `Dataset.Tabular`: create datasets."""

from __future__ import annotations

import os
import tempfile
import uuid
from typing import Any, Dict, List, Optional, Tuple, Union

from lazuli.console import print_text
from lazuli.data import datasets, engine, sources, transfer
from lazuli.data.definitions import check_definition
from lazuli.data.errors import DatasetValidationError
from lazuli.errors import NotAvailable, UserErrorException
from lazuli.runs.glob_patterns import Glob

from azureml import _absent
from azureml.data import _azure_addresses
from azureml.data.abstract_dataset import AbstractDataset
from azureml.data.file_dataset import FileDataset
from azureml.data.tabular_dataset import TabularDataset, _target_of

Json = Dict[str, Any]
AZURE_SCHEMES = ("abfs://", "abfss://", "adl://", "wasb://", "wasbs://")


class DataType:
    """The type of a column, for `set_column_types`."""

    def __init__(self, definition: Json):
        self._definition = definition

    @staticmethod
    def to_string() -> DataType:
        return DataType({"type": "string"})

    @staticmethod
    def to_long() -> DataType:
        return DataType({"type": "long"})

    @staticmethod
    def to_float(decimal_mark: str = ".") -> DataType:
        return DataType({"type": "float", "decimal_mark": decimal_mark})

    @staticmethod
    def to_bool() -> DataType:
        return DataType({"type": "bool"})

    @staticmethod
    def to_datetime(formats: Union[str, List[str], None] = None) -> DataType:
        """`formats` are strptime's; without them the common ones are tried."""
        found = [formats] if isinstance(formats, str) else list(formats or [])
        return DataType({"type": "datetime", "formats": found} if found else {"type": "datetime"})

    @staticmethod
    def to_stream(workspace: Any, escaped: bool = False) -> DataType:
        raise NotAvailable("columns of files", "DataType.to_stream")


class FileDatasetFactory:
    @staticmethod
    def from_files(
        path: Any, validate: bool = True, partition_format: Optional[str] = None, is_file: bool = False
    ) -> FileDataset:
        """Files by their paths: web addresses, or pairs of a datastore and a path that may have `*` and `**`."""
        workspace, paths = read_paths(path)
        steps = [{"type": "partition_format", "format": partition_format}] if partition_format else []
        definition = check_definition({"kind": "file", "paths": paths, "steps": steps})
        if validate and workspace is not None:
            sources.find_sources(workspace._remote, definition)
        return FileDataset._create(workspace, definition)  # type: ignore[no-any-return]

    @staticmethod
    def upload_directory(
        src_dir: str, target: Any, pattern: Optional[str] = None, overwrite: bool = False, show_progress: bool = True
    ) -> FileDataset:
        """Upload a folder to a path of a datastore, and return the dataset of its files."""
        folder = os.path.abspath(os.path.expanduser(src_dir))
        if not os.path.isdir(folder):
            raise UserErrorException(f"{src_dir!r} is not a folder.")
        datastore, base = _target_of(target)
        pairs = []
        for where, _, names in sorted(os.walk(folder)):
            for name in sorted(names):
                local = os.path.join(where, name)
                inside = os.path.relpath(local, folder).replace(os.sep, "/")
                if pattern is None or Glob(pattern, anchored="/" in pattern).matches(inside):
                    pairs.append((local, f"{base}/{inside}" if base else inside))
        if not pairs:
            raise UserErrorException(f"{src_dir!r} has no files to upload.")
        remote = datastore.workspace._remote
        transfer.upload_files(
            remote, datastore.name, pairs, overwrite=overwrite, log=print_text if show_progress else None
        )
        return FileDatasetFactory.from_files((datastore, base), validate=False)


class TabularDatasetFactory:
    @staticmethod
    def from_delimited_files(
        path: Any,
        validate: bool = True,
        include_path: bool = False,
        infer_column_types: bool = True,
        set_column_types: Optional[Dict[str, DataType]] = None,
        separator: str = ",",
        header: Any = True,
        partition_format: Optional[str] = None,
        support_multi_line: bool = False,
        empty_as_string: bool = False,
        encoding: str = "utf8",
    ) -> TabularDataset:
        """Rows of text files. Types are inferred from the first 200 rows of the first file."""
        reader = {
            "separator": separator,
            "header": _header_number(header),
            "encoding": _name_encoding(encoding),
            "multi_line": bool(support_multi_line),
            "empty_as_string": bool(empty_as_string),
        }
        return _make_table("read_delimited", path, validate, infer_column_types, reader, **_given(locals()))

    @staticmethod
    def from_parquet_files(
        path: Any,
        validate: bool = True,
        include_path: bool = False,
        set_column_types: Optional[Dict[str, DataType]] = None,
        partition_format: Optional[str] = None,
    ) -> TabularDataset:
        return _make_table("read_parquet", path, validate, False, {}, **_given(locals()))

    @staticmethod
    def from_json_lines_files(
        path: Any,
        validate: bool = True,
        include_path: bool = False,
        set_column_types: Optional[Dict[str, DataType]] = None,
        partition_format: Optional[str] = None,
        invalid_lines: str = "error",
        encoding: str = "utf8",
    ) -> TabularDataset:
        reader = {"invalid_lines": invalid_lines, "encoding": _name_encoding(encoding)}
        return _make_table("read_json_lines", path, validate, False, reader, **_given(locals()))

    @staticmethod
    def from_sql_query(
        query: Any,
        validate: bool = True,
        set_column_types: Optional[Dict[str, DataType]] = None,
        query_timeout: int = 30,
    ) -> TabularDataset:
        """Rows of a query, as a pair of a datastore and the SQL. The studio runs it in a transaction that only reads."""
        datastore, sql = _split_pair(query)
        step: Json = {"type": "read_sql", "query": sql, "query_timeout": query_timeout}
        if set_column_types:
            step["column_types"] = {name: _type_definition(name, found) for name, found in set_column_types.items()}
        paths = [{"datastore": datastore.name, "path": ""}]
        definition = check_definition({"kind": "tabular", "paths": paths, "steps": [step]})
        made: TabularDataset = TabularDataset._create(datastore.workspace, definition)
        if validate:
            made.take(1).to_pandas_dataframe()
        return made

    @staticmethod
    def register_pandas_dataframe(
        dataframe: Any,
        target: Any,
        name: str,
        description: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
        show_progress: bool = True,
        row_group_size: Optional[int] = None,
        make_target_path_unique: bool = True,
    ) -> TabularDataset:
        """Write the frame as parquet below `target`, and register the dataset that reads it."""
        log = print_text if show_progress else None
        datastore, base = _target_of(target)
        inside = "/".join(part for part in (base, str(uuid.uuid4()) if make_target_path_unique else "") if part)
        if log:
            log("Validating arguments.\nArguments validated.")
            log(f"Uploading file to {inside}")
        with tempfile.TemporaryDirectory(prefix="lazuli-data-") as folder:
            local = os.path.join(folder, "data.parquet")
            engine.write_parquet(dataframe, local, row_group_size)
            path = f"{inside}/data.parquet" if inside else "data.parquet"
            remote = datastore.workspace._remote
            transfer.upload_files(remote, datastore.name, [(local, path)], overwrite=True)
        if log:
            log("Successfully uploaded file to datastore.\nCreating and registering a new dataset.")
        made = TabularDatasetFactory.from_parquet_files((datastore, path))
        found = made.register(datastore.workspace, name, description, tags, create_new_version=True)
        if log:
            log("Successfully created and registered a new dataset.")
        return found  # type: ignore[no-any-return]

    @staticmethod
    def register_dask_dataframe(
        dataframe: Any,
        target: Any,
        name: str,
        description: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
        show_progress: bool = True,
    ) -> TabularDataset:
        raise NotAvailable("Dask", "Dataset.Tabular.register_dask_dataframe")

    @staticmethod
    def register_spark_dataframe(
        dataframe: Any,
        target: Any,
        name: str,
        description: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
        show_progress: bool = True,
    ) -> TabularDataset:
        raise NotAvailable("Spark", "Dataset.Tabular.register_spark_dataframe")


def _given(values: Json) -> Json:
    return {name: values[name] for name in ("include_path", "set_column_types", "partition_format")}


def _make_table(
    kind: str,
    path: Any,
    validate: bool,
    infer: bool,
    reader: Json,
    *,
    include_path: bool,
    set_column_types: Optional[Dict[str, DataType]],
    partition_format: Optional[str],
) -> TabularDataset:
    workspace, paths = read_paths(path)
    step = {"type": kind, "include_path": bool(include_path), **reader}
    if partition_format:
        step["partition_format"] = partition_format
    if set_column_types:
        step["column_types"] = {name: _type_definition(name, found) for name, found in set_column_types.items()}
    definition = check_definition({"kind": "tabular", "paths": paths, "steps": [step]})
    remote = workspace._remote if workspace is not None else None
    if infer:
        definition = check_definition(datasets.add_inferred_types(remote, definition))
    elif validate and remote is not None:
        sources.find_sources(remote, definition)
    return TabularDataset._create(workspace, definition)  # type: ignore[no-any-return]


def _type_definition(name: str, found: Any) -> Json:
    if not isinstance(found, DataType):
        raise UserErrorException(f"The type of the column {name!r} must be a DataType, such as DataType.to_long().")
    return found._definition


def _name_encoding(encoding: Any) -> str:
    """`utf8` of `UTF-8`, or of the member of an enumeration."""
    return str(getattr(encoding, "name", encoding)).lower().replace("-", "").replace("_", "")


def _header_number(header: Any) -> int:
    """SDK v1 takes a bool or a PromoteHeadersBehavior."""
    if isinstance(header, bool):
        return 3 if header else 0
    return int(getattr(header, "value", header))


def read_paths(path: Any) -> Tuple[Any, List[Dict[str, str]]]:
    """The workspace and the paths of a definition, from all the ways in which SDK v1 writes paths."""
    items = path if isinstance(path, list) else [path]
    if not items:
        raise DatasetValidationError("The dataset has no path.")
    found, workspaces = [], []
    for item in items:
        if isinstance(item, str) and item.startswith(AZURE_SCHEMES):
            item = _azure_addresses.find_pair(item)
        if isinstance(item, str):
            if not item.startswith(("http://", "https://")):
                raise DatasetValidationError(
                    f"{item!r} is not a web address. Write files of a datastore as (datastore, 'path/*.csv')."
                )
            found.append({"url": item})
            continue
        datastore, inside = _split_pair(item)
        workspaces.append(datastore.workspace)
        for one in inside if isinstance(inside, list) else [inside]:
            found.append({"datastore": datastore.name, "path": _clean_path(str(one or ""))})
    if workspaces and len(workspaces) != len(items):
        raise DatasetValidationError("A dataset takes either web addresses or paths in datastores, not both.")
    return (workspaces[0] if workspaces else None), found


def _split_pair(item: Any) -> Tuple[Any, Any]:
    if isinstance(item, tuple) and len(item) == 2 and hasattr(item[0], "datastore_type"):
        return item
    if hasattr(item, "datastore_type"):
        return item, ""
    datastore = getattr(item, "_datastore", None) or getattr(item, "datastore", None)
    if datastore is not None and hasattr(item, "path_on_datastore"):
        return datastore, item.path_on_datastore or ""
    raise DatasetValidationError(
        f"A path is a web address, a DataPath or a pair (datastore, 'path'), not {type(item).__name__}."
    )


def _clean_path(text: str) -> str:
    path = text.replace("\\", "/")
    return (path[2:] if path.startswith("./") else path).lstrip("/")


AbstractDataset.File = FileDatasetFactory
AbstractDataset.Tabular = TabularDatasetFactory

__getattr__ = _absent.find_missing(__name__)

__all__ = ["DataType", "FileDatasetFactory", "TabularDatasetFactory"]
