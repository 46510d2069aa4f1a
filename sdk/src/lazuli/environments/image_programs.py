"""Programs in a container of an image: uv, which builds its environments, and questions to the image."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
import uuid
from typing import Dict, Iterator, List, Mapping, Sequence

from lazuli import processes
from lazuli.containers import Container, find_certificates
from lazuli.environments.cache import cache_folder
from lazuli.environments.images import MEMORY_SHARE, ImageProblem, ImageUse

ANSWERS = "images"
QUESTION_SECONDS = 60


@contextlib.contextmanager
def open_container(
    use: ImageUse,
    command: List[str],
    variables: Mapping[str, str],
    *,
    readable: Sequence[str] = (),
    writable: Sequence[str] = (),
    has_input: bool = False,
) -> Iterator[List[str]]:
    """The command line that runs a command in a container, which is removed afterwards."""
    os.makedirs(cache_folder(), exist_ok=True)
    temporary = tempfile.mkdtemp(prefix="build-", dir=cache_folder())
    found = {"PATH": use.image.path, "HOME": temporary, "TMPDIR": temporary, **variables}
    container = Container(
        use.engine,
        use.image,
        f"lazuli-build-{uuid.uuid4().hex[:16]}",
        use.work,
        list(readable),
        [temporary, *writable],
        {"/tmp": temporary},
        memory_gb=processes.read_machine_memory() * MEMORY_SHARE / 1024**3,
        has_input=has_input,
    )
    try:
        yield container.build_run(command, temporary, found, temporary)
    finally:
        use.engine.remove(container.name)
        shutil.rmtree(temporary, ignore_errors=True)


def read_output(use: ImageUse, command: List[str]) -> str:
    """Return what a command line of the engine prints. Raises ImageProblem."""
    try:
        done = subprocess.run(
            command,
            env=use.engine.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=QUESTION_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ImageProblem(f"a container of it does not end: {error}") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise ImageProblem(f"a container of it fails: {lines[-1][:300] if lines else f'status {done.returncode}'}")
    return done.stdout.strip()


def find_python(use: ImageUse, name: str) -> str:
    """The path of an interpreter in the image; empty if it has none of this name. Asked once for each image.

    Raises ImageProblem.
    """
    key = hashlib.sha256(f"{use.image.id} {name}".encode()).hexdigest()[:40]
    path = os.path.join(cache_folder(), ANSWERS, f"{key}.txt")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            return file.read()
    names = shlex.quote(name) if name else "python python3"
    script = f'for name in {names}; do command -v -- "$name" && break; done; true'
    with open_container(use, ["/bin/sh", "-c", script], {}) as command:
        found = read_output(use, command)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(f"{path}.{os.getpid()}", "w", encoding="utf-8") as file:
        file.write(found)
    os.replace(f"{path}.{os.getpid()}", path)
    return found


def select_variables(environ: Dict[str, str]) -> Dict[str, str]:
    """The settings of uv and pip, the proxies and the certificates of this machine."""
    found = {
        name: value
        for name, value in environ.items()
        if name.startswith(("UV_", "PIP_")) or name.lower() in ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
    }
    return {**found, **find_certificates(environ)}
