"""The view of a run in a notebook."""

from azureml import _absent
from azureml.widgets.run_details import RunDetails

__all__ = ["ParallelRunStepDetails", "RunDetails"]

_absent.install_finder()

__getattr__ = _absent.find_missing(__name__)
