"""The container engine of a machine, podman or docker: which one works, and the command lines that it is called with.

The host agent finds it once and passes it on, so that all use it exactly as it was tested. A container has no
capabilities, a root folder that cannot be changed, and of the machine's files only what is given to it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import subprocess
import sys
from typing import Any, Dict, List, Mapping, Optional, Sequence

# What the host agent has found, as JSON; without it there are no containers.
VARIABLE = "LAZULI_CONTAINER_ENGINE"
# The engine itself gets the host agent's values of these, and no variable of a job.
ENGINE_VARIABLES = (
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
    "DBUS_SESSION_BUS_ADDRESS", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
    "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip
# Variables with a file of certificates.
CERTIFICATES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# The folder of the work to which a container belongs.
LABEL = "lazuli.work"
# Threads count as tasks: a job of many processes on a machine of many cores has thousands.
MAX_OPEN_FILES, MAX_TASKS = 65_536, 32_768
REMOVE_SECONDS, QUESTION_SECONDS = 30.0, 60.0
START_FILE = "start.sh"
# A container's first process gets no signal that it does not ask for. It passes SIGTERM on to all others, and ends with
# the status of the command; the others end with it.
WAIT = """
trap 'kill -s TERM -- -1 2>/dev/null' TERM
"$@" &
child=$!
wait "$child"
status=$?
while kill -0 "$child" 2>/dev/null; do wait "$child"; status=$?; done
exit "$status"
"""
# As in Azure; where the image has no bash, its own shell.
SHELL = 'if command -v bash >/dev/null 2>&1; then exec bash -c "$0"; else exec sh -c "$0"; fi'


@dataclasses.dataclass(frozen=True)
class Engine:
    """A container engine that has started a container on this machine."""

    program: str
    # With its version, as people write it: podman 4.3.1.
    name: str
    # Between the program and its command, such as another runtime.
    options: List[str] = dataclasses.field(default_factory=list)
    # Options with which this machine can start a container.
    run_options: List[str] = dataclasses.field(default_factory=list)
    # Whether a container can have limits of its own for memory and processes.
    has_limits: bool = False
    variables: Dict[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Optional[Engine]:
        text = environ.get(VARIABLE)
        return cls(**json.loads(text)) if text else None

    def to_variable(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @property
    def is_podman(self) -> bool:
        return self.name.startswith("podman")

    def build_command(self, *words: str) -> List[str]:
        return [self.program, *self.options, *words]

    def ask(self, *words: str, seconds: float = QUESTION_SECONDS) -> "subprocess.CompletedProcess[str]":
        """Raises subprocess.TimeoutExpired and OSError."""
        return subprocess.run(
            self.build_command(*words),
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )

    def build_removal(self, *names: str) -> List[str]:
        """The command that kills these containers and removes them; it does not matter whether they exist."""
        return self.build_command("rm", "--force", *(["--ignore", "--time", "0"] if self.is_podman else []), *names)

    def remove(self, *names: str) -> None:
        try:
            subprocess.run(
                self.build_removal(*names),
                env=self.variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=REMOVE_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            print(f"{self.name} could not remove {', '.join(names)}: {error}", file=sys.stderr)

    def list_containers(self) -> Dict[str, str]:
        """The folder of the work of each container that belongs to some, also if it has ended; empty if the engine does not
        answer."""
        label = f'index .Labels "{LABEL}"' if self.is_podman else f'.Label "{LABEL}"'
        words = ("ps", "--all", "--no-trunc", "--filter", f"label={LABEL}", "--format", "{{.ID}} {{" + label + "}}")
        try:
            done = self.ask(*words)
        except (OSError, subprocess.TimeoutExpired):
            return {}
        lines = [line.split(" ", 1) for line in done.stdout.splitlines()] if done.returncode == 0 else []
        return {line[0]: line[1].strip() for line in lines if len(line) == 2}


@dataclasses.dataclass(frozen=True)
class Image:
    """An image that this machine has."""

    id: str
    # As the environment names it.
    name: str
    digest: str
    variables: Dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def path(self) -> str:
        return self.variables.get("PATH") or "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclasses.dataclass
class Container:
    """A container that is about to start. `work` is the folder of the work that it belongs to."""

    engine: Engine
    image: Image
    name: str
    work: str
    readable: List[str] = dataclasses.field(default_factory=list)
    writable: List[str] = dataclasses.field(default_factory=list)
    # Folders of this machine at other places in the container.
    moved: Dict[str, str] = dataclasses.field(default_factory=dict)
    memory_gb: Optional[float] = None
    shm_size: str = ""
    # The UUIDs of the GPUs that it sees.
    gpus: List[str] = dataclasses.field(default_factory=list)
    has_input: bool = False

    def build_run(
        self, command: Any, folder: str, variables: Mapping[str, str], start_folder: str, mark: str = ""
    ) -> List[str]:
        """The engine's command line. Command and variables are in a file that the container removes when it starts, so that
        no token is on a command line, and no variable of a job is one of the engine's."""
        path = os.path.join(start_folder, START_FILE)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(build_start(command, variables, self.has_input))
        # The one variable that is known outside: all processes of a script have it (runner/script_process.py).
        marks = ["--env", mark] if mark else []
        start = ["--entrypoint", "/bin/sh", "--workdir", folder]
        return self.engine.build_command("run", *self._build_options(), *marks, *start, self.image.id, path)

    def _build_options(self) -> List[str]:
        options = ["--rm", "--name", self.name, "--label", f"{LABEL}={self.work}", "--pull", "never"]
        # The output goes to the log of the job, and to no other file.
        options += ["--log-driver", "none", "--no-healthcheck", "--ulimit", "core=0:0"]
        options += [*self.engine.run_options, "--network", "host", "--read-only"]
        options += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--security-opt", "label=disable"]
        options += ["--interactive"] if self.has_input else []
        options += list_user_options(self.engine)
        if self.engine.has_limits:
            options += ["--pids-limit", str(MAX_TASKS)]
            options += ["--memory", f"{int(self.memory_gb * 1024)}m"] if self.memory_gb else []
        options += ["--shm-size", self.shm_size] if self.shm_size else []
        options += list_gpu_options(self.engine, self.gpus)
        # The others may be below these.
        for inside, path in self.moved.items():
            options += ["--mount", f"type=bind,source={path},target={inside}"]
        for paths, ending in ((self.writable, ""), (self.readable, ",readonly")):
            for path in dict.fromkeys(paths):
                options += ["--mount", f"type=bind,source={path},target={path}{ending}"]
        return options


def find_certificates(environ: Mapping[str, str]) -> Dict[str, str]:
    """The variables that name files with the certificates that this machine trusts, which a container needs too."""
    return {name: environ[name] for name in CERTIFICATES if os.path.isfile(environ.get(name, ""))}


def list_user_options(engine: Engine) -> List[str]:
    """Files that a container writes belong to the account of the node."""
    if engine.is_podman and os.getuid() != 0:
        return ["--userns", "keep-id"]
    return ["--user", f"{os.getuid()}:{os.getgid()}"]


def list_gpu_options(engine: Engine, gpus: Sequence[str]) -> List[str]:
    if not gpus:
        return []
    if engine.is_podman:
        return [word for gpu in gpus for word in ("--device", f"nvidia.com/gpu={gpu}")]
    # The quotes are part of the value, which has commas.
    return ["--gpus", '"device=' + ",".join(gpus) + '"']


def build_start(command: Any, variables: Mapping[str, str], has_input: bool = False) -> str:
    """The script that a container starts with: sets the variables, removes itself and runs the command, which is a list or a
    text for a shell."""
    words = [command] if isinstance(command, str) else [str(word) for word in command]
    if isinstance(command, str):
        words = ["/bin/sh", "-c", SHELL, *words]
    named = {name: value for name, value in variables.items() if name.isidentifier() and name.isascii()}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in named.items()]
    # A shell cannot export these.
    odd = [f"{name}={value}" for name, value in variables.items() if name not in named]
    words = ["env", *odd, *words] if odd else words
    lines += ['rm -f -- "$0"', f"set -- {' '.join(map(shlex.quote, words))}"]
    return "\n".join(lines) + ('\nexec "$@"\n' if has_input else WAIT)
