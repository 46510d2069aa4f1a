"""Stand-ins for what this version does not have, so that old scripts can be imported and fail only where they use it."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from types import ModuleType
from typing import Any, Callable, Optional, Sequence

from azureml._absent_table import TABLE
from lazuli.errors import NotAvailable


class _Absent(type):
    """The class of the stand-ins: any use of one, but its import, says which service is missing."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        raise NotAvailable(cls._service, cls.__name__)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotAvailable(cls._service, f"{cls.__name__}.{name}")

    _service: str


def stand_in(module: str, name: str, service: str) -> type:
    return _Absent(name, (), {"__module__": module, "_service": service, "__doc__": f"Needs {service}."})


def missing(module: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module: its names in the table, and those of the modules below a package."""

    def find(name: str) -> Any:
        service = _service_of(module, name)
        if service is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        found = stand_in(module, name, service)
        setattr(sys.modules[module], name, found)
        return found

    return find


def _service_of(module: str, name: str) -> Optional[str]:
    below = module + "."
    for path, (service, names) in TABLE.items():
        if (path == module or path.startswith(below)) and name in names.split():
            return service
    return None


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Makes the modules of the table. It stands last, so that a real module always wins."""

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[ModuleType] = None
    ) -> Optional[importlib.machinery.ModuleSpec]:
        if not fullname.startswith("azureml.") or not _known(fullname):
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Optional[ModuleType]:
        return None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        module.__dict__["__all__"] = TABLE.get(name, ("", ""))[1].split()
        module.__dict__["__getattr__"] = missing(name)


def _known(module: str) -> bool:
    return module in TABLE or any(path.startswith(module + ".") for path in TABLE)


def install() -> None:
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())


def is_stand_in(thing: object) -> bool:
    return isinstance(thing, _Absent)
