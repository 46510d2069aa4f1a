"""The fence of a run's script (isolation.py), with a separate home and folder for packages."""

from __future__ import annotations

import os
import subprocess
from typing import Callable, Dict, Mapping, Optional, Sequence

from lazuli import isolation
from lazuli.runner.interpreter import Interpreter
from lazuli.runner.spec import PRIVATE
from lazuli.runner.work_folder import WorkFolder

# Caches of the host that a fenced script could not write to.
CACHE_VARIABLES = ("XDG_CACHE_HOME", "PIP_CACHE_DIR", "UV_CACHE_DIR")
COMPILED = "compiled"
# Compiles all modules of an environment and leaves a mark. It imports nothing of what it compiles.
COMPILE = """
import compileall, os, sys
os.nice(19)
compileall.compile_dir(sys.argv[1], quiet=2)
open(sys.argv[2], "w").close()
"""


class ScriptFence:
    """Without a hidden path among the variables of the runner, as on a person's own machine, it changes nothing.

    Raises NotIsolated if the host requires isolation and this machine has none.
    """

    def __init__(
        self,
        folder: WorkFolder,
        interpreter: Interpreter,
        environ: Mapping[str, str],
        readable: Sequence[str] = (),
        writable: Sequence[str] = (),
        home: Optional[str] = None,
    ):
        """`readable` and `writable` folders besides its own; `home`: a folder that stays, with what is installed."""
        self._folder, self._home = folder, home
        self._interpreter = interpreter
        self._environment = os.path.dirname(os.path.dirname(interpreter.python)) if interpreter.built else None
        readable = [*readable, *(path for path in (self._environment, interpreter.import_path) if path)]
        self._fence = isolation.make_node_fence(environ, readable, [folder.path, *writable])

    @property
    def enter(self) -> Optional[Callable[[], None]]:
        return self._fence.enter if self._fence else None

    @property
    def ruleset(self) -> Optional[int]:
        """The descriptor by which a process that this one does not start enters the fence."""
        return self._fence.ruleset if self._fence else None

    def close(self) -> None:
        if self._fence:
            self._fence.close()

    @staticmethod
    def inherit_variables(environ: Mapping[str, str]) -> Dict[str, str]:
        return {name: value for name, value in environ.items() if name not in PRIVATE}

    def change_variables(self, variables: Dict[str, str]) -> Dict[str, str]:
        """A home in the run's folder; what `pip install` in the script installs goes there too, not into the environment."""
        if self._fence is None:
            return variables
        changed = {name: value for name, value in variables.items() if name not in CACHE_VARIABLES}
        home = self._home or self._folder.make_folder("home")
        packages = os.path.join(self._home, ".packages") if self._home else self._folder.make_folder("packages")
        if self._environment:
            changed["PIP_TARGET"] = packages
            changed["PYTHONPATH"] = os.pathsep.join([packages, *filter(None, [changed.get("PYTHONPATH")])])
        else:
            # Packages that the host's own user installed for a Python of the machine.
            changed.setdefault("PYTHONUSERBASE", os.path.join(os.path.expanduser("~"), ".local"))
        changed["HOME"] = home
        return changed

    def compile_modules(self) -> None:
        """Compile the environment's modules while the script runs, because the script cannot store compiled modules.

        The modules that are left when the script ends are compiled by a later run.
        """
        if self._fence is None or self._environment is None:
            return
        mark = os.path.join(self._environment, COMPILED)
        if not os.path.exists(mark):
            subprocess.Popen(
                [self._interpreter.python, "-I", "-S", "-c", COMPILE, os.path.join(self._environment, "lib"), mark],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
