"""This SDK sends no telemetry; the calls of old scripts are accepted."""

from typing import Any


def set_diagnostics_collection(send_diagnostics: bool = True, verbosity: Any = None) -> None:
    """Has no effect: nothing is collected."""
