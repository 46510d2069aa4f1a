"""`TabularDataset`: rows and columns, read from files by steps."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
import uuid
from typing import Any, Dict, List, Optional, Tuple, Union

from lazuli.data import datasets, engine, timestamps, transfer
from lazuli.data.definitions import check_definition
from lazuli.errors import DatasetTimestampMissingError, NotAvailable, UserErrorException

from azureml import _absent
from azureml._unused import warn_of_unused
from azureml.data._expressions import Expression, to_expression
from azureml.data.abstract_dataset import AbstractDataset
from azureml.data.file_dataset import FileDataset

Columns = Union[str, List[str]]


class TabularDataset(AbstractDataset):
    """Created by `Dataset.Tabular.from_delimited_files` and similar methods."""

    def __getitem__(self, column: str) -> Expression:
        """A column, for conditions."""
        return Expression({"column": column})

    # ---- reading

    def to_pandas_dataframe(self, on_error: str = "null", out_of_range_datetime: str = "null") -> Any:
        """The rows. A value that does not have the type of its column is empty, or with `fail` an error that names it."""
        for name, value in (("on_error", on_error), ("out_of_range_datetime", out_of_range_datetime)):
            if value not in ("null", "fail"):
                raise UserErrorException(f"{name} is {value!r}; use 'null' or 'fail'.")
        strict = "fail" in (on_error, out_of_range_datetime)
        return datasets.read_frame(self._remote, self._definition, strict)

    def to_dask_dataframe(
        self,
        sample_size: int = 10000,
        dtypes: Any = None,
        on_error: str = "null",
        out_of_range_datetime: str = "null",
    ) -> Any:
        raise NotAvailable("Dask", "TabularDataset.to_dask_dataframe")

    def to_spark_dataframe(self) -> Any:
        raise NotAvailable("Spark", "TabularDataset.to_spark_dataframe")

    def to_csv_files(self, separator: str = ",") -> Any:
        """The rows as a file dataset with one csv file, which the studio writes when it is downloaded or mounted."""
        return self._to_files(separator=separator)

    def to_parquet_files(self) -> Any:
        """The rows as a file dataset with one parquet file, which the studio writes when it is downloaded or mounted."""
        return self._to_files()

    def _to_files(self, **values: Any) -> Any:
        step = {"type": "to_files", "table_steps": self._definition["steps"], **values}
        definition = check_definition({"kind": "file", "paths": self._definition["paths"], "steps": [step]})
        return FileDataset._create(self._workspace, definition)

    def download(
        self,
        stream_column: str,
        target_path: Optional[str] = None,
        overwrite: bool = False,
        ignore_not_found: bool = True,
    ) -> List[str]:
        raise NotAvailable("columns of files", "TabularDataset.download")

    def mount(self, stream_column: str, mount_point: Optional[str] = None) -> Any:
        raise NotAvailable("columns of files", "TabularDataset.mount")

    # ---- steps

    def keep_columns(self, columns: Columns, validate: bool = False) -> TabularDataset:
        return self._choose("keep_columns", columns, validate)

    def drop_columns(self, columns: Columns) -> TabularDataset:
        return self._choose("drop_columns", columns, False)

    def _choose(self, kind: str, columns: Columns, validate: bool) -> TabularDataset:
        names = [columns] if isinstance(columns, str) else list(columns)
        found: TabularDataset = self._with_step(kind, columns=names)
        if validate:
            found.take(1).to_pandas_dataframe()
        return found

    def rename_columns(self, columns: Dict[str, str]) -> TabularDataset:
        """Other names by the old ones. SDK v1 has no such method."""
        return self._with_step("rename_columns", names=dict(columns))  # type: ignore[no-any-return]

    def take(self, count: int) -> TabularDataset:
        return self._with_step("take", count=count)  # type: ignore[no-any-return]

    def skip(self, count: int) -> TabularDataset:
        return self._with_step("skip", count=count)  # type: ignore[no-any-return]

    def take_sample(self, probability: float, seed: Optional[int] = None) -> TabularDataset:
        return self._sampled(probability, seed)  # type: ignore[no-any-return]

    def random_split(self, percentage: float, seed: Optional[int] = None) -> Tuple[TabularDataset, TabularDataset]:
        """Row by row, so the sizes are approximate."""
        return self._split(percentage, seed)  # type: ignore[no-any-return]

    def filter(self, expression: Any) -> TabularDataset:
        return self._with_step("filter", expression=to_expression(expression))  # type: ignore[no-any-return]

    # ---- time

    @property
    def timestamp_columns(self) -> Tuple[Optional[str], Optional[str]]:
        """The column of the time, and the one of the partition; None for one that a later step has dropped."""
        return timestamps.find_columns(self._definition)

    def with_timestamp_columns(
        self,
        timestamp: Optional[str] = None,
        partition_timestamp: Optional[str] = None,
        validate: bool = False,
        **kwargs: Any,
    ) -> TabularDataset:
        """Name the columns by which `time_before` and its neighbours filter; None for both takes them away."""
        timestamp = timestamp or kwargs.pop("fine_grain_timestamp", None)
        partition_timestamp = partition_timestamp or kwargs.pop("coarse_grain_timestamp", None)
        warn_of_unused("TabularDataset.with_timestamp_columns", **kwargs)
        if partition_timestamp and not timestamp:
            raise UserErrorException("partition_timestamp needs timestamp, too.")
        if timestamp and timestamp == partition_timestamp:
            raise UserErrorException("timestamp and partition_timestamp must be two columns.")
        for name in filter(None, (timestamp, partition_timestamp)):
            timestamps.check_column(self._definition, name)
        found: TabularDataset = self._with_step(
            "timestamp_columns", timestamp=timestamp, partition_timestamp=partition_timestamp
        )
        if validate:
            frame = found.take(1).to_pandas_dataframe()
            for name in filter(None, (timestamp, partition_timestamp)):
                if not str(frame[name].dtype).startswith("datetime64"):
                    raise UserErrorException(f"The column {name!r} is not a datetime; it is {frame[name].dtype}.")
        return found

    def time_before(
        self, end_time: dt.datetime, include_boundary: bool = True, validate: bool = True
    ) -> TabularDataset:
        return self._between(None, end_time, include_boundary)

    def time_after(
        self, start_time: dt.datetime, include_boundary: bool = True, validate: bool = True
    ) -> TabularDataset:
        return self._between(start_time, None, include_boundary)

    def time_between(
        self, start_time: dt.datetime, end_time: dt.datetime, include_boundary: bool = True, validate: bool = True
    ) -> TabularDataset:
        return self._between(start_time, end_time, include_boundary)

    def time_recent(
        self, time_delta: dt.timedelta, include_boundary: bool = True, validate: bool = True
    ) -> TabularDataset:
        start = dt.datetime.now(dt.timezone.utc).replace(tzinfo=None) - time_delta
        return self._between(start, None, include_boundary)

    def _between(self, start: Any, end: Any, include_boundary: bool) -> TabularDataset:
        name = self.timestamp_columns[0]
        if name is None:
            raise DatasetTimestampMissingError(
                "The dataset has no timestamp column, or a step has dropped it; see with_timestamp_columns."
            )
        for value in (start, end):
            if value is not None and not isinstance(value, dt.date):
                raise UserErrorException(f"Give a datetime, not a {type(value).__name__}.")
        column, found = self[name], self
        if start is not None:
            found = found.filter(column >= start if include_boundary else column > start)
        if end is not None:
            found = found.filter(column <= end if include_boundary else column < end)
        return found

    # ---- parts and profiles

    def partition_by(
        self,
        partition_keys: List[str],
        target: Any,
        name: Optional[str] = None,
        show_progress: bool = True,
        partition_as_file_dataset: bool = False,
    ) -> Any:
        """Write a parquet file for each combination of keys below `target`, and return the dataset that reads them."""
        frame = self.to_pandas_dataframe()
        if missing := [key for key in partition_keys if key not in frame.columns]:
            raise UserErrorException(f"There is no column {missing[0]!r}.")
        if len(set(partition_keys)) == len(frame.columns):
            raise UserErrorException("No columns are left for the files: all of them are partition keys.")
        datastore, base = _target_of(target)
        root = "/".join(part for part in (base, str(uuid.uuid4())) if part)
        with tempfile.TemporaryDirectory(prefix="lazuli-data-") as folder:
            pairs: List[Tuple[str, str]] = []
            for values, part in frame.groupby(list(partition_keys), sort=True, dropna=False):
                values = values if isinstance(values, tuple) else (values,)
                folders = [_as_folder(key, value) for key, value in zip(partition_keys, values)]
                inside = "/".join([root, *folders, "data.parquet"])
                local = os.path.join(folder, f"{len(pairs)}.parquet")
                engine.write_parquet(part.drop(columns=list(partition_keys)), local)
                pairs.append((local, inside))
            transfer.upload_files(datastore.workspace._remote, datastore.name, pairs)
        form = "/".join(["", *(f"{{{key}}}" for key in partition_keys), "data.parquet"])
        make = self.File.from_files if partition_as_file_dataset else self.Tabular.from_parquet_files
        made = make((datastore, f"{root}/**/*.parquet"), partition_format=form)
        return made.register(datastore.workspace, name, create_new_version=True) if name else made

    def submit_profile_run(
        self, compute_target: Any, experiment: Any, cache_datastore_name: Optional[str] = None
    ) -> Any:
        raise NotAvailable("profiles as runs", "TabularDataset.submit_profile_run")

    def get_profile(self, workspace: Any = None) -> Any:
        raise NotAvailable("profiles as runs", "TabularDataset.get_profile")

    def get_profile_runs(self, workspace: Any = None) -> Any:
        raise NotAvailable("profiles as runs", "TabularDataset.get_profile_runs")


def _target_of(target: Any) -> Tuple[Any, str]:
    if isinstance(target, tuple):
        return target[0], str(target[1]).strip("/")
    return getattr(target, "_datastore", target), str(getattr(target, "path_on_datastore", None) or "").strip("/")


def _as_folder(key: str, value: Any) -> str:
    """The value, which is read from the name of the folder again."""
    text = str(value)
    if text in ("", ".", "..") or any(letter in "/\\" or ord(letter) < 32 for letter in text):
        raise UserErrorException(f"{value!r}, a value of {key!r}, cannot be the name of a folder.")
    return text


__getattr__ = _absent.find_missing(__name__)

__all__ = ["TabularDataset"]
