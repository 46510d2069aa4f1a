"""What a notebook shows of a run while it goes on."""

from azureml import _absent
from azureml.widgets.run_details import RunDetails

__all__ = ["ParallelRunStepDetails", "RunDetails"]

_absent.install()

__getattr__ = _absent.missing(__name__)
