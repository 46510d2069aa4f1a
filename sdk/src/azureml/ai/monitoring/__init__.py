"""Collect the inputs and outputs of a deployed model, as scripts for Azure ML's v2 do."""

from azureml import _absent
from azureml.ai.monitoring.collector import Collector

__all__ = ["Collector"]
__getattr__ = _absent.find_missing(__name__)
