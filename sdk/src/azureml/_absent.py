"""Placeholders for classes that this version does not have: old scripts can import them, and fail only on use."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from types import ModuleType
from typing import Any, Callable, Optional, Sequence, Tuple, cast

from lazuli import errors
from lazuli.errors import NotAvailable

from azureml._absent_table import INSTEAD, OPEN, PRIVATE, SHARED, TABLE

# The errors of Azure's REST clients, which are the server's refusals here.
_ERRORS = {"ErrorResponseException": "ServiceException", "HttpOperationError": "ServiceException"}


class _Absent(type):
    """The class of the placeholders: any use of one, except its import, raises NotAvailable with the service that it needs."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        raise _make_error(cls._service, cls.__name__)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise _make_error(cls._service, f"{cls.__name__}.{name}")

    _service: str


def _make_error(service: str, member: str) -> NotAvailable:
    if service in INSTEAD:
        return errors.ComputeNotAvailable(service, member, INSTEAD[service])
    return NotAvailable(service, member)


def make_placeholder(module: str, name: str, service: str) -> type:
    bases: Tuple[type, ...] = ()
    if name.endswith(("Exception", "Error")):
        # Scripts write `except` with it. Azure's own names of an error are one class, wherever they are imported from.
        real = getattr(errors, _ERRORS.get(name, name), None)
        if real is not None:
            return cast(type, real)
        bases = (errors.AzureMLException,)
    return _Absent(name, bases, {"__module__": module, "_service": service, "__doc__": f"Needs {service}."})


def find_missing(module: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module: finds its names and those of its submodules in the table, and those of other modules."""

    def find(name: str) -> Any:
        found = _find_shared(module, name)
        if found is None:
            service = _find_service(module, name)
            if service is None:
                raise AttributeError(f"module {module!r} has no attribute {name!r}")
            found = make_placeholder(module, name, service)
        setattr(sys.modules[module], name, found)
        return found

    return find


def _find_shared(module: str, name: str) -> Any:
    """A class that another module defines, which scripts import from this one as well; None if there is none."""
    if not module.startswith(("azureml.core", "azureml.data")):
        return None
    if name.endswith(("Exception", "Error")):
        return getattr(errors, name, None)
    home = next((path for path, names in SHARED.items() if name in names.split()), module)
    return getattr(importlib.import_module(home), name) if home != module else None


def _find_service(module: str, name: str) -> Optional[str]:
    below = module + "."
    for path, (service, names) in TABLE.items():
        if (path == module or path.startswith(below)) and name in names.split():
            return service
    # What Python and notebooks look for by themselves is not a name of SDK v1.
    if name.startswith(("__", "_repr_", "_ipython_")) or _is_submodule(module, name):
        return None
    return PRIVATE if name.startswith("_") else find_open_service(module)


def _is_submodule(module: str, name: str) -> bool:
    """Whether there is a real one, which `from module import name` imports once the module itself has no such name."""
    path = getattr(sys.modules.get(module), "__path__", None)
    return bool(path) and importlib.machinery.PathFinder.find_spec(f"{module}.{name}", path) is not None


def find_open_service(module: str) -> Optional[str]:
    """The service of a module whose names are not listed: each name of it is a placeholder."""
    for path, service in OPEN.items():
        if module == path or module.startswith(path + "."):
            return service
    # Scripts import many private modules, so any name is accepted.
    return PRIVATE if any(part.startswith("_") and part[1:2] != "_" for part in module.split(".")) else None


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Creates the modules of the table. It is the last finder, so a real module always takes precedence."""

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[ModuleType] = None
    ) -> Optional[importlib.machinery.ModuleSpec]:
        if not fullname.startswith("azureml.") or not _is_known(fullname):
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Optional[ModuleType]:
        return None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        module.__dict__["__all__"] = TABLE.get(name, ("", ""))[1].split()
        module.__dict__["__getattr__"] = find_missing(name)


def _is_known(module: str) -> bool:
    if module in TABLE or find_open_service(module) is not None:
        return True
    return any(path.startswith(module + ".") for path in (*TABLE, *OPEN))


def install_finder() -> None:
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())


def is_placeholder(thing: object) -> bool:
    return isinstance(thing, _Absent)
