"""The result of `Run.get_context()` outside of a submitted run, which prints the logged values."""

from __future__ import annotations

import uuid
from typing import Any, Dict, List, Optional

from lazuli.console import print_text
from lazuli.runs import metric_values


class _OfflineRun:
    """Not a `Run` on purpose: scripts check `hasattr(run, "experiment")`, or how the id starts."""

    def __init__(self, run_id: Optional[str] = None):
        self._run_id = run_id or f"OfflineRun_{uuid.uuid4()}"

    @property
    def id(self) -> str:
        return self._run_id

    def __repr__(self) -> str:
        return f"Run(OfflineRun,\nId: {self._run_id})"

    def log(self, name: str, value: Any, description: str = "") -> None:
        metric_values.scalar_metric(name, value)
        self._print_metric("scalar", name, value)

    def log_list(self, name: str, value: Any, description: str = "") -> None:
        metric_values.list_metric(name, value)
        self._print_metric("list", name, list(value))

    def log_row(self, name: str, description: Optional[str] = None, **kwargs: Any) -> None:
        metric_values.row_metric(name, kwargs)
        self._print_metric("row", name, kwargs)

    def log_table(self, name: str, value: Dict[str, Any], description: str = "") -> None:
        metric_values.table_metric(name, value)
        self._print_metric("table", name, value)

    def log_image(self, name: str, path: Optional[str] = None, plot: Any = None, description: str = "") -> None:
        self._print_metric("image", name, path if plot is None else plot)

    def log_confusion_matrix(self, name: str, value: Any, description: str = "") -> None:
        self._print_metric("confusion matrix", name, metric_values.encode_json_text(value, "confusion matrix"))

    def log_residuals(self, name: str, value: Any, description: str = "") -> None:
        self._print_metric("residuals", name, metric_values.encode_json_text(value, "residuals"))

    def log_predictions(self, name: str, value: Any, description: str = "") -> None:
        self._print_metric("predictions", name, metric_values.encode_json_text(value, "predictions"))

    def log_accuracy_table(self, name: str, value: Any, description: str = "") -> None:
        self._print_metric("accuracy table", name, metric_values.encode_json_text(value, "accuracy table"))

    def tag(self, key: str, value: Optional[str] = None) -> None:
        print_text(f"Attempted to tag {key}: {value}")

    def set_tags(self, tags: Dict[str, Any]) -> None:
        """Accepted without effect: an offline run stores nothing."""

    def add_properties(self, properties: Dict[str, Any]) -> None:
        """Accepted without effect: an offline run stores nothing."""

    def upload_file(self, name: str, path_or_stream: Any, datastore_name: Optional[str] = None) -> None:
        print_text(f"Attempted to upload {name}")

    def upload_files(
        self,
        names: List[str],
        paths: List[str],
        return_artifacts: bool = False,
        timeout_seconds: Optional[int] = None,
        datastore_name: Optional[str] = None,
    ) -> None:
        print_text(f"Attempted to upload {', '.join(names)}")

    def upload_folder(self, name: str, path: str, datastore_name: Optional[str] = None) -> None:
        print_text(f"Attempted to upload the folder {path} as {name}")

    def child_run(self, name: Optional[str] = None, run_id: Optional[str] = None, outputs: Any = None) -> _OfflineRun:
        return _OfflineRun(f"{self._run_id}.{run_id or name or uuid.uuid4()}")

    def complete(self, _set_status: bool = True) -> None:
        """Nothing to do: an offline run is not on a server."""

    def fail(self, error_details: Any = None, error_code: Optional[str] = None, _set_status: bool = True) -> None:
        print_text(f"Run failed: {error_details}, code: {error_code}")

    def cancel(self) -> None:
        """Nothing to do: an offline run is not on a server."""

    def flush(self, timeout_seconds: float = 300) -> None:
        print("Flushed: an offline run has nothing to send.")

    def __enter__(self) -> _OfflineRun:
        print_text(f"Starting run {self._run_id}")
        return self

    def __exit__(self, exit_type: Any, value: Any, traceback: Any) -> None:
        print_text(f"Stopping run {self._run_id}")

    @staticmethod
    def _print_metric(kind: str, name: str, value: Any) -> None:
        print_text(f"Attempted to log {kind} metric {name}:\n{value}")
