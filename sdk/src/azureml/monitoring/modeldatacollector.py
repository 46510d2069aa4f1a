"""`ModelDataCollector`: rows of an entry script that the studio stores as a data asset, in a file for each day."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

from lazuli.scoring import telemetry

from azureml import _absent

SIMPLE = (str, int, float, bool, type(None))


class ModelDataCollector:
    """In `init()`: `inputs = ModelDataCollector("my-model", designation="inputs", feature_names=["age", "height"])`, and
    in `run()`: `inputs.collect(rows)`. Rows are stored while `collect_model_data` of the service is on; elsewhere, such
    as in a local service, they are not.
    """

    def __init__(
        self,
        model_name: str,
        designation: str = "default",
        feature_names: Optional[List[str]] = None,
        workspace: str = "default/default/default",
        webservice_name: str = "default",
        model_version: str = "default",
        identifier: str = "default",
        collection_name: str = "default",
    ):
        if not model_name or not designation:
            raise ValueError("ModelDataCollector needs model_name and designation.")
        # The studio knows workspace and service; the old identifier stood for the designation.
        self.model_name, self.model_version = model_name, str(model_version)
        self.designation = identifier if designation == "default" else designation
        self.feature_names = None if feature_names is None else [str(name) for name in feature_names]
        self.workspace, self.webservice_name, self.collection_name = workspace, webservice_name, collection_name

    def collect(self, input_data: Any, user_correlation_id: str = "") -> None:
        """Collect rows: a list, an array, a data frame, or the values of one row. It never waits for the studio."""
        if not telemetry.collects_rows():
            return
        columns, rows = _read_rows(input_data)
        columns = self.feature_names or columns or [str(number) for number in range(len(rows[0]) if rows else 0)]
        for row in rows:
            if len(row) != len(columns):
                raise ValueError(f"A row has {len(row)} values, but there are {len(columns)} feature_names: {columns}.")
        telemetry.collect_rows(
            {
                "model": self.model_name,
                "version": self.model_version,
                "designation": self.designation,
                "columns": columns,
                "rows": [[value if isinstance(value, SIMPLE) else str(value) for value in row] for row in rows],
                "correlationId": str(user_correlation_id)[:100],
            }
        )


def _read_rows(data: Any) -> Tuple[List[str], List[List[Any]]]:
    """The names of columns, if the data has some, and the rows."""
    if hasattr(data, "columns") and hasattr(data, "values"):
        return [str(name) for name in data.columns], _as_rows(data.values.tolist())
    if isinstance(data, dict):
        return [str(name) for name in data], [list(data.values())]
    return [], _as_rows(data.tolist() if hasattr(data, "tolist") else data)


def _as_rows(values: Any) -> List[List[Any]]:
    """A list of rows, from one or from a single row or value."""
    if not isinstance(values, (list, tuple)):
        return [[values]]
    if values and all(isinstance(row, (list, tuple)) for row in values):
        return [list(row) for row in values]
    return [list(values)] if values else []


__getattr__ = _absent.find_missing(__name__)
