"""Run uv: to install, with its output in a build log, or to find which version of a package fits."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import lazuli
from lazuli import isolation, processes
from lazuli.containers import find_certificates
from lazuli.environments.cache import BuildFailed, Cancelled, cache_folder
from lazuli.environments.image_programs import open_container, read_output, select_variables
from lazuli.environments.images import ImageUse

# Lines of output that are kept to explain a failure, and how long a question may take.
MAX_LINES, MAX_SECONDS = 300, 60
# Longer lines of output are cut into several.
MAX_LINE_LENGTH = 65536
MAX_BUILD_SECONDS = 30 * 60.0
# The limits of uv and all that it starts: processes, the share of the machine's memory, and what stays free of the disk.
MAX_PROCESSES, MAX_MEMORY_SHARE, MIN_FREE_BYTES = 500, 0.75, 512 * 1024 * 1024
CHECK_SECONDS = 1.0
# Settings that can name folders of this machine.
LINKS = ("UV_FIND_LINKS", "UV_INDEX", "UV_DEFAULT_INDEX", "PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")


# uv runs the code by which packages are built: it gets no token of the studio.
LEFT_OUT = frozenset(["VIRTUAL_ENV", "UV_CONSTRAINT", "LAZULI_TOKEN", "AZUREML_RUN_TOKEN"])


class UvFailed(Exception):
    """uv ended with an error; `lines` is the end of its output."""

    def __init__(self, lines: List[str]):
        super().__init__(lines[-1] if lines else "uv failed")
        self.lines = lines


class UvProgram:
    """The program uv; its output goes to `write`, which returns it with secrets masked."""

    def __init__(self, path: str, write: Callable[[str], str], cancelled: Cancelled, use: Optional[ImageUse] = None):
        """With `use` it runs in a container of an image."""
        self._path, self._use = path, use
        self._write = write
        self._cancelled = cancelled
        self._lines: List[str] = []
        self._deadline = time.monotonic() + MAX_BUILD_SECONDS

    def run(self, *arguments: str, variables: Optional[Mapping[str, str]] = None) -> None:
        """Raises UvFailed, or BuildFailed if it is cancelled or the build takes too long."""
        self._lines = []
        with self._prepare([self._path, *arguments], variables or {}) as (command, options):
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                **options,
            )
            status = self._wait_for(process)
        if status:
            raise UvFailed(self._lines)

    def _wait_for(self, process: "subprocess.Popen[str]") -> int:
        reader = threading.Thread(target=self._read_output, args=(process,), daemon=True)
        reader.start()
        next_check = 0.0
        while process.poll() is None:
            reason = "the build was cancelled" if self._cancelled() else ""
            if time.monotonic() > self._deadline:
                reason = f"it took longer than {MAX_BUILD_SECONDS / 60:g} minutes, the limit of a build"
            elif not reason and time.monotonic() > next_check:
                reason = _find_excess(process.pid)
                next_check = time.monotonic() + CHECK_SECONDS
            if reason:
                processes.stop_tree(process)
                raise BuildFailed(reason)
            reader.join(0.1)
        reader.join()
        return process.returncode

    def _read_output(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        output = process.stdout
        for line in iter(lambda: output.readline(MAX_LINE_LENGTH), ""):
            self._lines = [*self._lines[-MAX_LINES:], self._write(line).rstrip()]

    def resolve(self, lines: Sequence[str], *arguments: str) -> Optional[Dict[str, str]]:
        """The version of each package that uv would install for requirement lines; None if it finds none."""
        command = [self._path, "pip", "compile", "--quiet", "--no-header", "--no-annotate", *arguments, "-"]
        try:
            with self._prepare(command, {}, has_input=True) as (command, options):
                done = subprocess.run(
                    command,
                    input="\n".join(lines) + "\n",
                    capture_output=True,
                    text=True,
                    errors="replace",
                    timeout=MAX_SECONDS,
                    check=False,
                    **options,
                )
        except subprocess.TimeoutExpired:
            return None
        if done.returncode:
            return None
        pins = [line.split(";")[0].strip().partition("==") for line in done.stdout.splitlines()]
        return {name: version.strip() for name, equals, version in pins if equals}

    def list_interpreters_of_image(self, use: ImageUse) -> str:
        """The interpreters that uv finds in an image, as JSON. Raises ImageProblem."""
        command = [self._path, "python", "list", "--only-installed", "--output-format", "json", "--no-python-downloads"]
        with self._prepare(command, {}) as (command, _):
            return read_output(use, command)

    @contextlib.contextmanager
    def _prepare(
        self, command: List[str], variables: Mapping[str, str], has_input: bool = False
    ) -> Iterator[Tuple[List[str], Dict[str, Any]]]:
        """The command with the options to start it; in a container it can write to the same folders as outside."""
        if self._use is None:
            with _start_options() as options:
                options["env"].update(variables)
                yield command, options
            return
        wheels, pythons = _own_folders()
        own = {
            "UV_CACHE_DIR": wheels,
            "UV_PYTHON_INSTALL_DIR": os.environ.get("UV_PYTHON_INSTALL_DIR") or os.path.join(pythons, "python"),
            # A container cannot change the environment later, so its modules are compiled now.
            "UV_COMPILE_BYTECODE": "1",
            # The folders are mounted one by one, so there are no links between them.
            "UV_LINK_MODE": "copy",
        }
        with open_container(
            self._use,
            command,
            {**select_variables(_environment()), **own, **variables},
            readable=[
                self._path,
                *_sdk_source(),
                *find_certificates(os.environ).values(),
                *_find_named_paths(command, os.environ),
            ],
            writable=[cache_folder(), wheels, pythons],
            has_input=has_input,
        ) as words:
            yield words, {"env": self._use.engine.variables}


def _find_named_paths(command: Sequence[str], environ: Mapping[str, str]) -> List[str]:
    """Folders of packages and files of constraints that the command or the settings of this machine name, except hidden ones."""
    texts = [*command[1:], *(environ.get(name, "") for name in LINKS)]
    words = [word.split("file://")[-1] for text in texts for word in text.replace(",", " ").split()]
    # The files of an index are beside its pages.
    words = [os.path.dirname(word) if os.path.basename(word) == "simple" else word for word in words]
    return [
        word
        for word in words
        if os.path.isabs(word) and os.path.exists(word) and not isolation.is_hidden(word, environ)
    ]


def _sdk_source() -> List[str]:
    """The folder of the SDK's own source, from which it is built without the studio's index."""
    folder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(lazuli.__file__))))
    return [folder] if os.path.isfile(os.path.join(folder, "pyproject.toml")) else []


def _find_excess(pid: int) -> str:
    """Which limit uv and what it has started exceed; empty if none."""
    tree = processes.read_trees([pid]).get(pid)
    total = processes.read_machine_memory()
    if tree and len(tree.pids) > MAX_PROCESSES:
        return f"it started {len(tree.pids)} processes; {MAX_PROCESSES} are allowed"
    if tree and total and tree.memory > total * MAX_MEMORY_SHARE:
        return f"it used {tree.memory / 1e9:.1f} GB of memory; {total * MAX_MEMORY_SHARE / 1e9:.1f} GB are allowed"
    free = shutil.disk_usage(cache_folder() if os.path.isdir(cache_folder()) else tempfile.gettempdir()).free
    if free < MIN_FREE_BYTES:
        return f"only {free // 1024**2} MiB of the disk are free; a build leaves {MIN_FREE_BYTES // 1024**2} MiB"
    return ""


@contextlib.contextmanager
def _start_options() -> Iterator[Dict[str, Any]]:
    """The options for starting uv. On a node, the set-up script of a package is isolated like the user's script."""
    # Not the current folder, whose pyproject.toml or uv.toml uv would read.
    options: Dict[str, Any] = {"env": _environment(), "cwd": tempfile.gettempdir()}
    if not isolation.is_wanted(os.environ):
        yield options
        return
    os.makedirs(cache_folder(), exist_ok=True)
    temporary = tempfile.mkdtemp(prefix="build-", dir=cache_folder())
    fence = None
    try:
        fence = isolation.make_node_fence(os.environ, [], [cache_folder(), *_own_folders()])
        options.update(cwd=temporary, preexec_fn=fence.enter if fence else None)
        options["env"]["TMPDIR"] = temporary
        yield options
    except isolation.NotIsolated as error:
        raise BuildFailed(f"this node builds only in isolation (NODE_ISOLATION=required), but {error}") from error
    finally:
        if fence:
            fence.close()
        shutil.rmtree(temporary, ignore_errors=True)


def _own_folders() -> Iterator[str]:
    """The folders of uv's downloads and interpreters."""
    for folder in (wheel_cache_folder(), python_folder()):
        os.makedirs(folder, exist_ok=True)
        yield folder


def python_folder() -> str:
    """The folder of the interpreters that uv has fetched."""
    data = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.environ.get("UV_PYTHON_INSTALL_DIR") or os.path.join(data, "uv")


def wheel_cache_folder() -> str:
    """The folder of the packages that uv has downloaded and built."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.environ.get("UV_CACHE_DIR") or os.path.join(base, "uv")


def _environment() -> Dict[str, str]:
    found = {key: value for key, value in os.environ.items() if key not in LEFT_OUT}
    # Only the interpreters that are asked for.
    found.setdefault("UV_PYTHON_DOWNLOADS", "manual")
    found.update(UV_NO_PROGRESS="1", NO_COLOR="1")
    return found
