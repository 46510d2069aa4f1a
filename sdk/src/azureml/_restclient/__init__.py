"""Parts of SDK v1's private REST client that scripts use: constants, and the limits of snapshots."""

from azureml import _absent

__getattr__ = _absent.find_missing(__name__)
