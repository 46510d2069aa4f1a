"""Collect the inputs and predictions of a deployed model from its entry script."""

from azureml import _absent
from azureml.monitoring.modeldatacollector import ModelDataCollector

__all__ = ["ModelDataCollector"]
__getattr__ = _absent.find_missing(__name__)
