"""Old ways to name a compute target, and the documented module of ComputeTargetException."""

from __future__ import annotations

from typing import Any, Dict

from lazuli.errors import NotAvailable

from azureml import _absent
from azureml.exceptions import ComputeTargetException

__all__ = ["AbstractComputeTarget", "ComputeTargetException", "LocalTarget"]

_LEGACY = "the legacy compute service"


class AbstractComputeTarget:
    """A compute target that is known by its type and name only."""

    def __init__(self, compute_target_type: str, name: str):
        self._type = compute_target_type
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    @property
    def type(self) -> str:
        return self._type

    @staticmethod
    def deserialize_from_dict(compute_target_name: str, compute_target_dict: Dict[str, Any]) -> AbstractComputeTarget:
        kind = compute_target_dict.get("type")
        if not kind:
            raise ComputeTargetException(f"Compute target {compute_target_name!r} has no type.")
        return LocalTarget() if kind == "local" else AbstractComputeTarget(kind, compute_target_name)


class LocalTarget(AbstractComputeTarget):
    """The machine that submits the run."""

    def __init__(self) -> None:
        super().__init__("local", "local")


def prepare_compute_target(experiment: Any, source_directory: str, run_config: Any) -> Any:
    """Environments are prepared when a run starts."""
    raise NotAvailable(_LEGACY, "prepare_compute_target")


def is_compute_target_prepared(experiment: Any, source_directory: str, run_config: Any) -> bool:
    raise NotAvailable(_LEGACY, "is_compute_target_prepared")


def attach_legacy_compute_target(experiment: Any, source_directory: str, compute_target: Any) -> Any:
    raise NotAvailable(_LEGACY, "attach_legacy_compute_target")


def remove_legacy_compute_target(experiment: Any, source_directory: str, compute_target_name: str) -> Any:
    raise NotAvailable(_LEGACY, "remove_legacy_compute_target")


__getattr__ = _absent.find_missing(__name__)
