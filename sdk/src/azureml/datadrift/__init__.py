from azureml import _absent

_absent.install()

__getattr__ = _absent.missing(__name__)
