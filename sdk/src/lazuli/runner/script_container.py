"""A script in a container of its environment's image, on a machine with a container engine.

The container has the folders of the work at the same paths as this machine, and nothing else of it.
"""

from __future__ import annotations

import os
import uuid
from typing import Any, Dict, List, Mapping, Optional, Sequence

from lazuli import isolation
from lazuli.containers import Container, Engine, find_certificates
from lazuli.environments.cache import Cancelled, Log
from lazuli.environments.images import ImageProblem, ImageUse, get_image, read_wanted_image
from lazuli.environments.uv_program import python_folder
from lazuli.runner.gpu_variables import VARIABLE as GPUS
from lazuli.runner.interpreter import Interpreter
from lazuli.runner.script_process import KILL, MARK, ScriptProcess
from lazuli.runner.spec import PRIVATE, Spec
from lazuli.runner.work_folder import WorkFolder

# Variables of this machine that mean its own programs, folders and languages.
HOST_ONLY = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TMPDIR", "LD_LIBRARY_PATH", "XDG_CACHE_HOME",
    "PYENV_ROOT", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "LAZULI_CONSTRAINTS",
    "AZUREML_RUN_TOKEN",
)  # fmt: skip
HOST_ONLY_PREFIXES = ("LC_", "PIP_", "UV_")
NO_CONTAINER = "The script runs as a process of the machine itself, not in a container."
# A shell's status of a command that a signal has ended.
SIGNALLED = range(129, 160)


def find_image_use(spec: Spec, log: Log, cancelled: Cancelled) -> Optional[ImageUse]:
    """The image in which the script runs; None if it runs outside. Raises ImageProblem, or BuildFailed."""
    # What the submitter was told stays true, even if a machine has an engine by now.
    if not spec.container or spec.container.get("is_warned"):
        return None
    wanted = read_wanted_image(spec.environment, bool(spec.container.get("use_docker")))
    if wanted is None:
        return None
    engine = Engine.from_environment(os.environ)
    if engine is None:
        raise ImageProblem("this machine has no container engine")
    if os.environ.get(GPUS) and engine.is_podman and not _has_gpu_files():
        raise ImageProblem("podman shows no GPUs without their description: `nvidia-ctk cdi generate` writes it")
    image = get_image(engine, wanted, log, cancelled)
    return ImageUse(engine, image, os.environ.get("LAZULI_WORK_DIR", ""))


def describe_image(spec: Spec) -> str:
    wanted = read_wanted_image(spec.environment, bool(spec.container.get("use_docker")))
    text = str(wanted)
    return text[:1].upper() + text[1:]


def _has_gpu_files() -> bool:
    folders = ("/etc/cdi", "/var/run/cdi")
    return any("nvidia" in name for folder in folders if os.path.isdir(folder) for name in os.listdir(folder))


def find_link_targets(folder: str) -> List[str]:
    """The fewest folders of this machine with all to which links below a folder lead: those of mounted inputs."""
    found = set()
    for where, folders, names in os.walk(folder):
        for path in (os.path.join(where, name) for name in (*folders, *names)):
            if os.path.islink(path):
                target = os.path.realpath(path)
                found.add(target if os.path.isdir(target) else os.path.dirname(target))
    top = (
        [path for path in found if not any(path.startswith(f"{other}/") for other in found)] if len(found) < 100 else []
    )
    common = os.path.commonpath(found) if found and not top else ""
    return sorted(top) if top else [common] if common.strip("/") else sorted(found)


class ScriptContainer:
    """The container of a script, in place of its fence. `readable` folders are those of mounted inputs."""

    def __init__(
        self, use: ImageUse, spec: Spec, folder: WorkFolder, interpreter: Interpreter, readable: Sequence[str] = ()
    ):
        self._use, self._folder, self._interpreter = use, folder, interpreter
        environment = os.path.dirname(os.path.dirname(interpreter.python)) if interpreter.built else None
        certificates = find_certificates(os.environ).values()
        linked = [target for folder in readable for target in find_link_targets(folder)]
        given = [*readable, *linked, environment, interpreter.import_path, python_folder(), *certificates]
        shared = [
            path for path in os.environ.get(isolation.WRITABLE_VARIABLE, "").split(os.pathsep) if os.path.isdir(path)
        ]
        self._container = Container(
            use.engine,
            use.image,
            f"lazuli-{uuid.uuid4().hex[:16]}",
            use.work,
            [path for path in given if path and os.path.exists(path)],
            [folder.path, *shared],
            {"/tmp": folder.temporary, "/var/tmp": folder.make_folder("var_tmp")},
            memory_gb=spec.memory_gb,
            shm_size=str(spec.container.get("shm_size") or ""),
            gpus=[gpu for gpu in os.environ.get(GPUS, "").split(",") if gpu],
        )

    def inherit_variables(self, environ: Mapping[str, str]) -> Dict[str, str]:
        """The image's own variables stay, because its containers have them; of this machine's, what is not about it."""
        found = {
            name: value
            for name, value in environ.items()
            if name not in (*PRIVATE, *HOST_ONLY) and not name.startswith(HOST_ONLY_PREFIXES)
        }
        return {**found, "PATH": self._use.image.path}

    def change_variables(self, variables: Dict[str, str]) -> Dict[str, str]:
        """A home in the run's folder; what `pip install` in the script installs goes there too, not into the image."""
        packages = self._folder.make_folder("packages")
        before = variables.get("PYTHONPATH") or self._use.image.variables.get("PYTHONPATH")
        path = os.pathsep.join([packages, *filter(None, [before])])
        return {**variables, "HOME": self._folder.make_folder("home"), "PIP_TARGET": packages, "PYTHONPATH": path}

    def start(self, command: Any, variables: Mapping[str, str]) -> ContainerScript:
        return ContainerScript(self._container, command, self._folder, variables)


class ContainerScript(ScriptProcess):
    """The engine's program, which ends with the status of the script. The container is killed and removed with it."""

    def __init__(self, container: Container, command: Any, folder: WorkFolder, variables: Mapping[str, str]):
        mark = uuid.uuid4().hex
        words: List[str] = container.build_run(command, folder.code, variables, folder.path, f"{MARK}={mark}")
        self._container = container
        self.removal = container.engine.build_removal(container.name)
        self.removal_variables = container.engine.variables
        super().__init__(words, folder.path, container.engine.variables, folder.log, mark=mark)

    def wait(self, seconds: float) -> Optional[int]:
        status = super().wait(seconds)
        return None if status is None else _read_status(status)

    def stop(self, grace_seconds: float) -> int:
        return _read_status(super().stop(grace_seconds))

    def _signal(self, number: int) -> None:
        if number == KILL:
            self._container.engine.remove(self._container.name)
        super()._signal(number)


def _read_status(status: int) -> int:
    """A negative one for a signal, as that of a process."""
    return 128 - status if status in SIGNALLED else status
