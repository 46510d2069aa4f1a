"""The `azureml.core` of SDK v1. Names are imported at their first use, so that importing the package is quick."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, List, Optional

from lazuli.version import VERSION

from azureml import _absent
from azureml.core import _registry

if TYPE_CHECKING:
    from azureml.core.authentication import AbstractAuthentication
    from azureml.core.workspace import Workspace

__version__ = VERSION

_MODULES = {
    "ComputeTarget": "azureml.core.compute",
    "ContainerRegistry": "azureml.core.container_registry",
    "Dataset": "azureml.core.dataset",
    "Datastore": "azureml.core.datastore",
    "Environment": "azureml.core.environment",
    "Experiment": "azureml.core.experiment",
    "Image": "azureml.core.image",
    "Keyvault": "azureml.core.keyvault",
    "LinkedService": "azureml.core.linked_service",
    "Model": "azureml.core.model",
    "PrivateEndPoint": "azureml.core.private_endpoint",
    "PrivateEndPointConfig": "azureml.core.private_endpoint",
    "Run": "azureml.core.run",
    "RunConfiguration": "azureml.core.runconfig",
    "ScriptRun": "azureml.core.script_run",
    "ScriptRunConfig": "azureml.core.script_run_config",
    "SynapseWorkspaceLinkedServiceConfiguration": "azureml.core.linked_service",
    "Webservice": "azureml.core.webservice",
    "Workspace": "azureml.core.workspace",
    "attach_legacy_compute_target": "azureml.core.compute_target",
    "diagnostic_log": "azureml.core._diagnostics",
    "get_run": "azureml.core.run",
    "is_compute_target_prepared": "azureml.core.compute_target",
    "prepare_compute_target": "azureml.core.compute_target",
    "remove_legacy_compute_target": "azureml.core.compute_target",
}

__all__ = sorted(_MODULES)

_absent.install_finder()


def _find_run_context(allow_offline: bool) -> Any:
    from azureml.core import _run_context  # start-up time

    return _run_context.find_run_context(allow_offline)


def _load_workspace(path: str, auth: Optional[AbstractAuthentication]) -> Workspace:
    from azureml.core.workspace import Workspace  # start-up time

    return Workspace.from_config(path, auth)


def _register_model(run: Any, *arguments: Any) -> Any:
    from azureml.core.model import register_from_run  # start-up time

    return register_from_run(run, *arguments)


_registry.register_model = _register_model
_registry.find_run_context = _find_run_context
_registry.load_workspace = _load_workspace


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is not None:
        found = getattr(import_module(module), name)
        globals()[name] = found
        return found
    # Scripts write `import azureml.core` and then use `azureml.core.runconfig`.
    if not name.startswith("_") and find_spec(f"{__name__}.{name}") is not None:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> List[str]:
    return sorted([*globals(), *__all__])
