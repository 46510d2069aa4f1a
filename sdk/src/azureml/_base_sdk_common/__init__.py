"""The part of SDK v1's private base that other libraries call."""

from azureml import _absent

__getattr__ = _absent.find_missing(__name__)
