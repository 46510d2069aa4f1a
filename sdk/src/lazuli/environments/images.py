"""The image of an environment: which one it asks for, and how a machine's container engine gets or builds it."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import hashlib
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from lazuli import processes
from lazuli.containers import Engine, Image
from lazuli.environments.cache import BuildFailed, Cancelled, Log
from lazuli.environments.package_indexes import expand_variables
from lazuli.masking import masker_of_process

# The image of SDK v1's default environment, of any date: nobody has chosen it.
DEFAULT_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
BUILT = "localhost/lazuli-environment"
PULL_SECONDS, BUILD_SECONDS = 15 * 60.0, 30 * 60.0
WAIT_SECONDS = 0.1
# What is kept of the output, to explain a failure.
MAX_LINES = 50
CONFIG = "config.json"
# A registry with a port, a path, a tag and a digest. Engines also read files of the machine: docker-archive:/file.
NAME = re.compile(r"[A-Za-z0-9][\w.-]*(:\d+(?=/))?(/[\w.-]+)*(:[\w.-]+)?(@sha256:[0-9a-f]{64})?", re.ASCII)
# The share of the machine's memory for a build.
MEMORY_SHARE = 0.75


class ImageProblem(Exception):
    """The image cannot be used on this machine; the text says why."""


@dataclasses.dataclass(frozen=True)
class WantedImage:
    name: str = ""
    # The text from which the image is built, in place of a name.
    dockerfile: str = ""
    registry: str = ""
    username: str = ""
    password: str = dataclasses.field(default="", repr=False)
    # The number of an ordered rebuild.
    build: int = 0

    @property
    def address(self) -> str:
        return f"{self.registry}/{self.name}" if self.registry else self.name

    def __str__(self) -> str:
        return "the image of its Dockerfile" if self.dockerfile else f"the image {self.address}"


def read_wanted_image(definition: Mapping[str, Any], use_docker: bool = False) -> Optional[WantedImage]:
    """The image that an environment asks for; None for SDK v1's own, unless the job asks for containers."""
    docker = definition.get("docker") or {}
    registry = docker.get("baseImageRegistry")
    registry = registry if isinstance(registry, Mapping) else {}
    address, username, password = (str(registry.get(key) or "") for key in ("address", "username", "password"))
    login: Dict[str, Any] = {
        "registry": address.split("://")[-1].strip("/"),
        "username": username,
        "password": password,
    }
    if docker.get("baseDockerfile"):
        wanted = WantedImage(dockerfile=str(docker["baseDockerfile"]), **login)
        return dataclasses.replace(wanted, build=int(definition.get("build") or 0))
    name = str(docker.get("baseImage") or "").strip()
    is_wanted = use_docker or docker.get("enabled") or not is_default_image(name)
    return WantedImage(name, **login) if name and is_wanted else None


def is_default_image(image: Any) -> bool:
    return isinstance(image, str) and image.split(":")[0] == DEFAULT_IMAGE


def get_image(engine: Engine, wanted: WantedImage, log: Log, cancelled: Cancelled) -> Image:
    """The image: found on this machine, pulled or built. Raises ImageProblem, or BuildFailed if it is cancelled."""
    try:
        return _get_image(engine, wanted, log, cancelled)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ImageProblem(f"{engine.name} does not answer: {error}") from error


def _get_image(engine: Engine, wanted: WantedImage, log: Log, cancelled: Cancelled) -> Image:
    if wanted.dockerfile:
        content = f"{wanted.build} {wanted.dockerfile}"
        tag = f"{BUILT}:{hashlib.sha256(content.encode()).hexdigest()[:24]}"
        return _find_image(engine, tag, tag) or _build_image(engine, wanted, tag, log, cancelled)
    if not NAME.fullmatch(wanted.address):
        raise ImageProblem(f"{wanted.address[:200]!r} is not the name of an image")
    return _find_image(engine, wanted.address, wanted.address) or _pull_image(engine, wanted, log, cancelled)


def _find_image(engine: Engine, address: str, name: str) -> Optional[Image]:
    done = engine.ask("image", "inspect", address)
    if done.returncode:
        return None
    try:
        found = json.loads(done.stdout)[0]
        config = found.get("Config") or {}
        variables = dict(text.split("=", 1) for text in config.get("Env") or [] if "=" in text)
        # Docker has a digest only of what comes from a registry.
        digest = found.get("Digest") or next((each.split("@")[1] for each in found.get("RepoDigests") or []), "")
        image_id = str(found["Id"])
        return Image(image_id, name, str(digest or f"sha256:{image_id.split(':')[-1]}"), variables)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ImageProblem(f"{engine.name} describes the image in a way that is not understood: {error!r}") from error


def _pull_image(engine: Engine, wanted: WantedImage, log: Log, cancelled: Cancelled) -> Image:
    address = qualify_name(wanted.address)
    log(f"The image {address} is not on this machine; {engine.name} pulls it.\n")
    with _login(wanted, address) as folder:
        status, lines = _run(engine, _with_login(engine, folder, "pull", address), PULL_SECONDS, log, cancelled)
    found = None if status else _find_image(engine, address, wanted.address)
    if found is None:
        raise ImageProblem(f"it could not be pulled: {_find_reason(lines)}")
    return found


def qualify_name(address: str) -> str:
    """The name with its registry, which is Docker Hub's if it has none, as docker does it."""
    first, slash, _ = address.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return address
    return f"docker.io/{address}" if slash else f"docker.io/library/{address}"


def _build_image(engine: Engine, wanted: WantedImage, tag: str, log: Log, cancelled: Cancelled) -> Image:
    log(f"The image is built from its Dockerfile by {engine.name}.\n")
    with tempfile.TemporaryDirectory(dir=_private_folder()) as folder, _login(wanted, wanted.registry) as config:
        context = os.path.join(folder, "context")
        os.mkdir(context)
        path = os.path.join(folder, "Dockerfile")
        with open(path, "w", encoding="utf-8") as file:
            file.write(wanted.dockerfile)
        limits = [*engine.run_options]
        if engine.has_limits:
            limits += ["--memory", str(int(processes.read_machine_memory() * MEMORY_SHARE))]
        again = ["--no-cache"] if wanted.build else []
        words = ["build", *again, "--network", "host", "--tag", tag, "--file", path, *limits, context]
        status, lines = _run(engine, _with_login(engine, config, *words), BUILD_SECONDS, log, cancelled)
    found = None if status else _find_image(engine, tag, tag)
    if found is None:
        raise BuildFailed(f"its Dockerfile could not be built: {_find_reason(lines)}")
    return found


def _private_folder() -> Optional[str]:
    """Scripts of other jobs do not see it, unlike the folder for temporary files."""
    return os.environ.get("LAZULI_WORK_DIR")


@contextlib.contextmanager
def _login(wanted: WantedImage, address: str) -> Iterator[str]:
    """A folder with the login for a registry, of the environment; empty for those of the machine's account.

    `${NAME}` in it is a variable of the machine, as in the addresses of package indexes.
    """
    if not wanted.username:
        yield ""
        return
    host = (wanted.registry or address).split("/")[0]
    text = f"{expand_variables(wanted.username)}:{expand_variables(wanted.password)}"
    with tempfile.TemporaryDirectory(dir=_private_folder()) as folder:
        descriptor = os.open(os.path.join(folder, CONFIG), os.O_WRONLY | os.O_CREAT, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump({"auths": {host: {"auth": base64.b64encode(text.encode()).decode()}}}, file)
        yield folder


def _with_login(engine: Engine, folder: str, command: str, *words: str) -> List[str]:
    if not folder:
        return engine.build_command(command, *words)
    if engine.is_podman:
        return engine.build_command(command, "--authfile", os.path.join(folder, CONFIG), *words)
    return engine.build_command("--config", folder, command, *words)


def _run(engine: Engine, command: List[str], seconds: float, log: Log, cancelled: Cancelled) -> Tuple[int, List[str]]:
    """The exit status and the end of the output, which goes to the log as it comes."""
    lines: List[str] = []
    mask = masker_of_process().mask_text

    def read_output(stream: Any) -> None:
        for line in iter(lambda: stream.readline(10_000), ""):
            lines[:] = [*lines[-MAX_LINES:], mask(line).rstrip()]
            log(mask(line))

    process = subprocess.Popen(
        command,
        env=engine.variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    reader = threading.Thread(target=read_output, args=(process.stdout,), daemon=True)
    reader.start()
    deadline = time.monotonic() + seconds
    while process.poll() is None:
        if cancelled() or time.monotonic() > deadline:
            _stop(process)
            if cancelled():
                raise BuildFailed("the build was cancelled")
            lines.append(f"it took longer than {seconds / 60:g} minutes")
            return 1, lines
        reader.join(WAIT_SECONDS)
    reader.join(5.0)
    return process.returncode, lines


def _stop(process: "subprocess.Popen[str]") -> None:
    """A build whose step is killed ends by itself and removes what it has made; one that is terminated leaves it."""
    tree = processes.read_trees([process.pid]).get(process.pid)
    for pid in tree.pids if tree else []:
        identity = processes.identify(pid) if pid != process.pid else None
        if identity is not None:
            processes.send_signal(identity, signal.SIGKILL)
    try:
        process.wait(processes.STOP_SECONDS if tree and len(tree.pids) > 1 else 0)
    except subprocess.TimeoutExpired:
        processes.stop_tree(process)


def _find_reason(lines: List[str]) -> str:
    """The line that says why; engines write it last, some in front of general advice."""
    errors = [line for line in lines if line.lower().startswith(("error", "failed"))]
    found = (errors or [line for line in lines if line.strip()] or ["it does not say why"])[-1]
    return found[:500]


@dataclasses.dataclass(frozen=True)
class ImageUse:
    """An image with the engine that runs it, and what containers of a build are named after."""

    engine: Engine
    image: Image
    work: str

    @property
    def description(self) -> str:
        return f"{self.image.name} ({self.image.digest[:19]}) by {self.engine.name}"

    @property
    def facts(self) -> Dict[str, str]:
        return {"image": self.image.name, "digest": self.image.digest, "engine": self.engine.name}
