"""This SDK sends no telemetry; the calls of old scripts are accepted."""

from typing import Any

from azureml import _absent

__getattr__ = _absent.find_missing(__name__)


def set_diagnostics_collection(send_diagnostics: bool = True, verbosity: Any = None) -> None:
    """Has no effect: nothing is collected."""
