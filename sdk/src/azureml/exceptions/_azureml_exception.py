"""The module in which SDK v1 defines its errors, and from which scripts import them."""

from azureml.exceptions import *  # noqa: F403
