"""TensorBoard on the logs of runs."""

from azureml.tensorboard.tensorboard import Tensorboard

__all__ = ["Tensorboard"]
