"""The namespace of SDK v1; other distributions may add modules to it."""

from pkgutil import extend_path

from azureml import _absent

__path__ = extend_path(__path__, __name__)

_absent.install_finder()
