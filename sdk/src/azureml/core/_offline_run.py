"""What `Run.get_context()` gives outside a submitted run: it prints what would have been logged."""

from __future__ import annotations

import uuid
from typing import Any, Dict, List, Optional

from azureml.core import _metrics


class OfflineRun:
    """Deliberately no `Run`: scripts ask `hasattr(run, "experiment")`, or look at the id's start."""

    def __init__(self, run_id: Optional[str] = None):
        self._id = run_id or f"OfflineRun_{uuid.uuid4()}"

    @property
    def id(self) -> str:
        return self._id

    def __repr__(self) -> str:
        return f"Run(OfflineRun,\nId: {self._id})"

    def log(self, name: str, value: Any, description: str = "") -> None:
        _metrics.scalar(name, value)
        self._show("scalar", name, value)

    def log_list(self, name: str, value: Any, description: str = "") -> None:
        _metrics.value_list(name, value)
        self._show("list", name, list(value))

    def log_row(self, name: str, description: Optional[str] = None, **kwargs: Any) -> None:
        _metrics.row(name, kwargs)
        self._show("row", name, kwargs)

    def log_table(self, name: str, value: Dict[str, Any], description: str = "") -> None:
        _metrics.table(name, value)
        self._show("table", name, value)

    def log_image(self, name: str, path: Optional[str] = None, plot: Any = None, description: str = "") -> None:
        self._show("image", name, path if plot is None else plot)

    def log_confusion_matrix(self, name: str, value: Any, description: str = "") -> None:
        self._show("confusion matrix", name, _metrics.json_text(value, "confusion matrix"))

    def log_residuals(self, name: str, value: Any, description: str = "") -> None:
        self._show("residuals", name, _metrics.json_text(value, "residuals"))

    def log_predictions(self, name: str, value: Any, description: str = "") -> None:
        self._show("predictions", name, _metrics.json_text(value, "predictions"))

    def log_accuracy_table(self, name: str, value: Any, description: str = "") -> None:
        self._show("accuracy table", name, _metrics.json_text(value, "accuracy table"))

    def tag(self, key: str, value: Optional[str] = None) -> None:
        print(f"Attempted to tag {key}: {value}")

    def set_tags(self, tags: Dict[str, Any]) -> None:
        """Accepted; there is nothing to keep them in."""

    def add_properties(self, properties: Dict[str, Any]) -> None:
        """Accepted; there is nothing to keep them in."""

    def upload_file(self, name: str, path_or_stream: Any, datastore_name: Optional[str] = None) -> None:
        print(f"Attempted to upload {name}")

    def upload_files(
        self,
        names: List[str],
        paths: List[str],
        return_artifacts: bool = False,
        timeout_seconds: Optional[int] = None,
        datastore_name: Optional[str] = None,
    ) -> None:
        print(f"Attempted to upload {', '.join(names)}")

    def upload_folder(self, name: str, path: str, datastore_name: Optional[str] = None) -> None:
        print(f"Attempted to upload the folder {path} as {name}")

    def child_run(self, name: Optional[str] = None, run_id: Optional[str] = None, outputs: Any = None) -> OfflineRun:
        return OfflineRun(f"{self._id}.{run_id or name or uuid.uuid4()}")

    def complete(self, _set_status: bool = True) -> None:
        """There is nothing to end."""

    def fail(self, error_details: Any = None, error_code: Optional[str] = None, _set_status: bool = True) -> None:
        print(f"Run failed: {error_details}, code: {error_code}")

    def cancel(self) -> None:
        """There is nothing to cancel."""

    def flush(self, timeout_seconds: float = 300) -> None:
        print("Flushed: an offline run keeps nothing back.")

    def __enter__(self) -> OfflineRun:
        print(f"Starting run {self._id}")
        return self

    def __exit__(self, exit_type: Any, value: Any, traceback: Any) -> None:
        print(f"Stopping run {self._id}")

    @staticmethod
    def _show(kind: str, name: str, value: Any) -> None:
        print(f"Attempted to log {kind} metric {name}:\n{value}")
