"""The Python interpreter of a script: from an environment that is built for it, or managed by the user."""

from __future__ import annotations

import dataclasses
import os
import shlex
import shutil
import sys
from typing import Any, Callable, Dict, List, Optional, Union

from lazuli.environments.building import install_sdk_for, prepare_environment
from lazuli.environments.cache import BuildFailed
from lazuli.environments.image_programs import find_python
from lazuli.environments.images import ImageProblem, ImageUse
from lazuli.runner.installed_sdk import has_sdk
from lazuli.runner.spec import Spec

# With these the script would use the runner's own packages.
RUNNER_VARIABLES = (
    "PYTHONHOME",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
    "CONDA_PREFIX",
    "CONDA_DEFAULT_ENV",
)


@dataclasses.dataclass
class Interpreter:
    """An interpreter, and the command that starts a script with it."""

    python: str
    # A folder of modules to add to PYTHONPATH.
    import_path: Optional[str] = None
    built: bool = True
    # What the environment leaves out or changes.
    warnings: List[str] = dataclasses.field(default_factory=list)

    def build_command(self, spec: Spec) -> Union[str, List[str]]:
        if spec.argv:
            first, *rest = spec.argv
            named = first in ("python", "python3") or (not self.built and first == self.python)
            return [self.python if named else first, *rest]
        return str(spec.command)

    def build_variables(self, inherited: Dict[str, str], tools: str) -> Dict[str, str]:
        """The variables with which the script finds the interpreter; `tools` is a folder for a command `python`."""
        found = dict(inherited)
        if self.built:
            for name in RUNNER_VARIABLES:
                found.pop(name, None)
            found["VIRTUAL_ENV"] = os.path.dirname(os.path.dirname(self.python))
        folders = [os.path.dirname(self.python), found.get("PATH", os.defpath)]
        if os.name != "nt" and os.path.basename(self.python) != "python":
            folders.insert(0, self._name_python(tools))
        found["PATH"] = os.pathsep.join(folders)
        if self.import_path:
            given = found.get("PYTHONPATH")
            found["PYTHONPATH"] = os.pathsep.join([self.import_path, given] if given else [self.import_path])
        return found

    def _name_python(self, folder: str) -> str:
        """A command line that begins with `python` means this interpreter, also where it is called python3."""
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, "python")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nexec {shlex.quote(self.python)} "$@"\n')
        os.chmod(path, 0o755)
        return folder


def find_interpreter(
    spec: Spec, log: Callable[[str], None], cancelled: Callable[[], bool], use: Optional[ImageUse] = None
) -> Interpreter:
    """Build or find the interpreter that the spec asks for, in an image if there is one. Raises BuildFailed, or
    ImageProblem."""
    python = spec.environment.get("python") or {}
    if use and (python.get("userManagedDependencies") or not _names_packages(python)):
        return _find_in_image(spec, python, use, log, cancelled)
    if not spec.environment or python.get("userManagedDependencies"):
        return _find_user_managed(spec, python, log, cancelled)
    built = prepare_environment(spec.environment, index_url=spec.index_url, log=log, cancelled=cancelled, use=use)
    return Interpreter(built.python, warnings=built.warnings)


def _names_packages(python: Dict[str, Any]) -> bool:
    """An environment of v2 that has an image and no conda file means the packages of the image."""
    return bool((python.get("condaDependencies") or {}).get("dependencies"))


def _find_in_image(
    spec: Spec, python: Dict[str, Any], use: ImageUse, log: Callable[[str], None], cancelled: Callable[[], bool]
) -> Interpreter:
    """The image's own interpreter, with the SDK on its path; a command that needs neither runs without them."""
    named = str(python.get("interpreterPath") or "")
    path = find_python(use, "" if named == "python" else named)
    if not path:
        if spec.argv and spec.argv[0] in ("python", "python3", named):
            raise BuildFailed(f"the image {use.image.name} has no {named or 'python'}")
        return Interpreter("/usr/bin/python", built=False, warnings=["The image has no Python, and no SDK."])
    try:
        added = install_sdk_for(path, index_url=spec.index_url, log=log, cancelled=cancelled, use=use)
    except (BuildFailed, ImageProblem) as error:
        if cancelled():
            raise
        warning = f"The SDK could not be installed for {path} of the image, so the script has none: {error}"
        return Interpreter(path, built=False, warnings=[warning])
    return Interpreter(path, import_path=added, built=False)


def _find_user_managed(
    spec: Spec, python: Dict[str, Any], log: Callable[[str], None], cancelled: Callable[[], bool]
) -> Interpreter:
    path = _resolve_path(python.get("interpreterPath")) or _find_default(spec)
    if has_sdk(path):
        return Interpreter(path, built=False)
    added = install_sdk_for(path, index_url=spec.index_url, log=log, cancelled=cancelled)
    return Interpreter(path, import_path=added, built=False)


def _resolve_path(path: Optional[str]) -> Optional[str]:
    if not path or path == "python":
        return None
    found = shutil.which(os.path.expanduser(path))
    if found is None:
        raise BuildFailed(f"the interpreter {path!r} is not on this machine")
    return found


def _find_default(spec: Spec) -> str:
    """On the user's machine the one that submitted the run; on a node the first on the PATH that is not the studio's."""
    if spec.node is None:
        return sys.executable
    own = {os.path.realpath(os.path.join(sys.prefix, "bin")), os.path.realpath(os.path.join(sys.prefix, "Scripts"))}
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    path = os.pathsep.join(folder for folder in folders if os.path.realpath(folder) not in own)
    found = shutil.which("python3", path=path) or shutil.which("python", path=path)
    if found is None:
        raise BuildFailed("this node has no python3 on its PATH; set python.interpreter_path")
    return found
