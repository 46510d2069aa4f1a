from azureml import _absent

_absent.install_finder()
