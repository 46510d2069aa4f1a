"""Find the container engine of this machine that works: one that has just started a container.

    nodes/container_engine.json    what was found, for the runners that start from now on
    nodes/container_engine.txt     why there is none

The container has an image without content and the programs of this machine, so it needs no registry.
"""

from __future__ import annotations

import dataclasses
import io
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import uuid
from collections.abc import Iterator, Mapping

from lazuli.containers import ENGINE_VARIABLES, MAX_OPEN_FILES, MAX_TASKS, VARIABLE, Container, Engine, Image

# `auto` (the first of both that works), one of them, or `none`.
SETTING = "NODE_CONTAINER_ENGINE"
ENGINES = ("podman", "docker")
CHOICES = ("auto", *ENGINES, "none")
FILE, PROBLEM_FILE = "container_engine.json", "container_engine.txt"
PROBE = "lazuli-probe:1"
SECONDS = 30.0
# Links to folders in /usr on most systems, and folders on others.
SYSTEM_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64")
MAX_PROBLEM = 300


class NoEngine(Exception):
    """The engine does not work here; the text says why."""


class WrongEngine(Exception):
    """NODE_CONTAINER_ENGINE is none of the choices."""


def read_setting(environ: Mapping[str, str]) -> str:
    wish = environ.get(SETTING, "").strip().lower() or "auto"
    if wish not in CHOICES:
        raise WrongEngine(f"{SETTING} is {wish!r}; set {', '.join(CHOICES[:-1])} or {CHOICES[-1]}")
    return wish


class EngineSearch:
    """Finds the engine in a process of its own, so that the agent does not wait; until then the machine has none."""

    def __init__(self, data_dir: pathlib.Path):
        self._data_dir = data_dir
        self._process: subprocess.Popen[bytes] | None = None
        self._found = {"containerEngine": "", "containerProblem": ""}

    @property
    def pids(self) -> list[int]:
        return [self._process.pid] if self._process else []

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lazuli.agent.container_engine", str(self._data_dir)], stdin=subprocess.DEVNULL
        )

    def describe(self) -> dict[str, str]:
        """Return what to report: the engine, or why there is none."""
        if self._process is not None and self._process.poll() is not None:
            self._process = None
            engine, problem = (
                Engine.from_environment({VARIABLE: read_found(self._data_dir)}),
                read_problem(self._data_dir),
            )
            self._found = {"containerEngine": engine.name if engine else "", "containerProblem": problem}
        return self._found


def main(data_dir: pathlib.Path) -> None:
    engine, problem = find_engine(os.environ)
    nodes = data_dir / "nodes"
    _write(nodes / FILE, engine.to_variable() if engine else "")
    _write(nodes / PROBLEM_FILE, problem)
    if engine is not None:
        remove_abandoned(engine, str(nodes))


def _write(path: pathlib.Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(text)
    temporary.replace(path)


def read_problem(data_dir: pathlib.Path) -> str:
    try:
        return (data_dir / "nodes" / PROBLEM_FILE).read_text()
    except OSError:
        return ""


def read_found(data_dir: pathlib.Path) -> str:
    """The variable for runners; empty without an engine."""
    try:
        return (data_dir / "nodes" / FILE).read_text()
    except OSError:
        return ""


def remove_containers_of(data_dir: pathlib.Path, folder: pathlib.Path) -> None:
    """Remove what a killed runner of this work left."""
    engine = Engine.from_environment({VARIABLE: read_found(data_dir)})
    if engine is not None:
        left = [name for name, work in engine.list_containers().items() if work == str(folder)]
        if left:
            engine.remove(*left)


def remove_abandoned(engine: Engine, nodes: str) -> None:
    """Remove containers of work of this data folder whose files are gone: they were left when the machine stopped."""
    found = engine.list_containers()
    left = [name for name, work in found.items() if work.startswith(nodes + os.sep) and not os.path.isdir(work)]
    if left:
        engine.remove(*left)


def find_engine(environ: Mapping[str, str]) -> tuple[Engine | None, str]:
    """The engine, and why there is none."""
    wish = read_setting(environ)
    if wish == "none":
        return None, f"{SETTING} is none"
    problems = []
    for name in ENGINES if wish == "auto" else (wish,):
        try:
            return _try_engine(name, environ), ""
        except (NoEngine, OSError, subprocess.TimeoutExpired) as error:
            problems.append(f"{name}: {error}")
    return None, "; ".join(problems)[:MAX_PROBLEM]


def _try_engine(name: str, environ: Mapping[str, str]) -> Engine:
    program = shutil.which(name, path=environ.get("PATH", os.defpath))
    if program is None:
        raise NoEngine("not installed")
    variables = {key: environ[key] for key in ENGINE_VARIABLES if environ.get(key)}
    plain = Engine(program, name, variables=variables)
    version = "{{.Client.Version}}" if plain.is_podman else "{{.Server.Version}}"
    done = plain.ask("version", "--format", version, seconds=SECONDS)
    if done.returncode:
        raise NoEngine(_last_line(done.stderr))
    named = dataclasses.replace(plain, name=f"{name} {done.stdout.strip()}"[:80])
    image, problems = _make_probe_image(named), []
    for candidate in _list_candidates(named):
        problem = _start_container(candidate, image)
        if not problem:
            return candidate
        problems.append(problem)
    # That of the engine as it is.
    raise NoEngine(problems[0])


def _list_candidates(engine: Engine) -> Iterator[Engine]:
    """The engine as it is; then without limits, and with the other runtime. A node without the right to raise limits cannot
    start a container with those that the engine would set."""
    files, tasks = _read_limits()
    limits = ["--ulimit", f"nofile={files}:{files}", "--ulimit", f"nproc={tasks}:{tasks}"]
    path = engine.variables.get("PATH", os.defpath) + os.pathsep + "/usr/sbin"
    runtimes = [[], *(["--runtime", each] for each in ("runc", "crun") if shutil.which(each, path=path))]
    for options in runtimes if engine.is_podman else [[]]:
        for has_limits in (True, False):
            yield dataclasses.replace(engine, options=options, run_options=limits, has_limits=has_limits)


def _read_limits() -> tuple[int, int]:
    import resource  # platform: not Windows

    def cut(kind: int, max_value: int) -> int:
        hard = resource.getrlimit(kind)[1]
        return max_value if hard == resource.RLIM_INFINITY else min(hard, max_value)

    return cut(resource.RLIMIT_NOFILE, MAX_OPEN_FILES), cut(resource.RLIMIT_NPROC, MAX_TASKS)


def _make_probe_image(engine: Engine) -> Image:
    """An image with the links of this machine to folders of /usr, and nothing else."""
    done = engine.ask("image", "inspect", "--format", "{{.Id}}", PROBE, seconds=SECONDS)
    if done.returncode:
        with tempfile.NamedTemporaryFile(suffix=".tar") as file:
            file.write(_make_tar())
            file.flush()
            done = engine.ask("import", file.name, PROBE, seconds=SECONDS)
        if done.returncode:
            raise NoEngine(_last_line(done.stderr))
    found = done.stdout.strip().splitlines()
    return Image(found[-1] if found else PROBE, PROBE, "")


def _make_tar() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name in ("usr", "tmp", *SYSTEM_FOLDERS):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            if os.path.islink(f"/{name}"):
                entry.type, entry.linkname = tarfile.SYMTYPE, os.readlink(f"/{name}")
            archive.addfile(entry)
    return content.getvalue()


def _start_container(engine: Engine, image: Image) -> str:
    """Why no container starts; empty if one does."""
    folder = tempfile.mkdtemp(prefix="lazuli-probe-")
    readable = ["/usr", *(f"/{name}" for name in SYSTEM_FOLDERS if _is_folder(f"/{name}"))]
    container = Container(
        engine, image, f"lazuli-probe-{uuid.uuid4().hex[:12]}", folder, readable, [folder], memory_gb=0.25
    )
    try:
        command = container.build_run(["echo", "it works"], folder, {}, folder)
        done = engine.ask(*command[1 + len(engine.options) :], seconds=SECONDS)
        return "" if done.stdout.strip() == "it works" else _last_line(done.stderr)
    except subprocess.TimeoutExpired:
        engine.remove(container.name)
        return f"no container starts within {SECONDS:g} seconds"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_folder(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip()[:200] if lines else "it does not say why"


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
