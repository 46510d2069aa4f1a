from azureml import _absent

_absent.install_finder()

__getattr__ = _absent.find_missing(__name__)
