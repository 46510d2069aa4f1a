"""Build the environment that SDK v1's definition describes, or take it from the cache."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
import threading
import time
from typing import Any, Dict, List, Mapping, Optional

import lazuli
from lazuli.environments import interpreters, package_indexes, pruning, requirements
from lazuli.environments.cache import BuildFailed, CacheEntry, Cancelled, Log, Prepared
from lazuli.masking import masker_of_process
from lazuli.version import VERSION

SDK = "lazuli-sdk"
# Scripts expect them in every environment, because conda environments have them.
BASE_PACKAGES = ("pip", "setuptools")
ERROR_LINES = 12


def _never() -> bool:
    return False


def prepare_environment(
    definition: Mapping[str, Any], *, index_url: Optional[str], log: Log, cancelled: Cancelled = _never
) -> Prepared:
    """The environment of `definition`, from the cache or built now; `log` is called with the text of the build log.

    `cancelled` is asked several times a second whether to stop. Raises BuildFailed.
    """
    wanted = _read_requirements(definition)
    return _get_or_build(wanted, None, index_url, log, cancelled)


def install_sdk_for(interpreter: str, *, index_url: Optional[str], log: Log, cancelled: Cancelled = _never) -> str:
    """Install the SDK for an interpreter that the user manages; return the folder of its modules. Raises BuildFailed."""
    made = _get_or_build(requirements.Requirements(), interpreter, index_url, log, cancelled)
    command = [made.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildFailed(f"{made.python} does not start: {done.stderr.strip()}")
    return done.stdout.strip()


def _read_requirements(definition: Mapping[str, Any]) -> requirements.Requirements:
    python = definition.get("python") or {}
    wanted = requirements.requirements_from_conda(python.get("condaDependencies"))
    if (definition.get("docker") or {}).get("baseDockerfile"):
        wanted.warnings.append(
            "The Dockerfile is not built, because there are no containers here; only packages are installed."
        )
    return wanted


def _get_or_build(
    wanted: requirements.Requirements,
    interpreter: Optional[str],
    index_url: Optional[str],
    log: Log,
    cancelled: Cancelled,
) -> Prepared:
    constraints = _read_constraints()
    # The key differs without the studio's index, because SDK v1's packages then bring no further packages.
    entry = CacheEntry(_compute_key(wanted, interpreter, constraints, bool(index_url)))
    if entry.is_ready and entry.mark_in_use():
        return Prepared(entry.path, entry.python, built=False)
    with entry.lock_for_building(log, cancelled):
        if entry.is_ready and entry.mark_in_use():
            return Prepared(entry.path, entry.python, built=False)
        entry.remove()
        try:
            _Build(entry, wanted, log, cancelled).run(interpreter, index_url, constraints)
        except BaseException:
            entry.remove()
            raise
        entry.mark_in_use()
    _prune_cache(log)
    return Prepared(entry.path, entry.python, built=True)


def _prune_cache(log: Log) -> None:
    """After a build, remove environments that have not been used for long."""
    try:
        removed = pruning.prune()
    except (OSError, pruning.BadSetting) as error:
        log(f"Warning: old environments could not be removed from the cache: {error}\n")
        return
    if removed:
        freed = sum(each.size for each in removed) / pruning.GB
        log(f"Removed {len(removed)} environment(s) that had not been used for long ({freed:.1f} GB).\n")


def _read_constraints() -> Dict[str, str]:
    found = {}
    for path in package_indexes.find_constraint_files():
        try:
            with open(path, encoding="utf-8") as file:
                found[path] = file.read()
        except OSError as error:
            raise BuildFailed(f"the constraints file {path} cannot be read: {error.strerror}") from error
    return found


def _compute_key(
    wanted: requirements.Requirements, interpreter: Optional[str], constraints: Mapping[str, str], indexed: bool
) -> str:
    """The key of a content; the version of the SDK and the constraints are part of it."""
    content = {
        "python": interpreter or wanted.python,
        "lines": sorted(set(wanted.lines)),
        "options": wanted.options,
        "constraints": sorted(constraints.values()),
        "sdk": VERSION,
        "indexed": indexed,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:40]


class _Build:
    def __init__(self, entry: CacheEntry, wanted: requirements.Requirements, log: Log, cancelled: Cancelled):
        self._entry = entry
        self._wanted = wanted
        self._log = log
        self._cancelled = cancelled
        uv = interpreters.find_uv()
        if uv is None:
            raise BuildFailed("uv is not installed; install it with `pip install uv`")
        self._uv = uv
        self._last_lines: List[str] = []
        self._masker = masker_of_process()

    def run(self, interpreter: Optional[str], index_url: Optional[str], constraints: Mapping[str, str]) -> None:
        started = time.monotonic()
        with open(self._entry.log_path, "w", encoding="utf-8") as self._file:
            python = interpreter or self._choose_interpreter()
            lines = self._list_requirements(index_url)
            self._write_log("Packages:\n" + "".join(f"  {line}\n" for line in lines))
            for warning in self._wanted.warnings:
                self._write_log(f"Warning: {warning}\n")
            sources = package_indexes.build_arguments(index_url)
            self._run_uv("venv", "--quiet", "--python", python, self._entry.path)
            self._install(lines, sources, constraints)
            self._entry.mark_ready(json.dumps({"python": python, "lines": lines}, indent=1))
            self._write_log(f"Done in {time.monotonic() - started:.1f} s.\n")

    def _choose_interpreter(self) -> str:
        wanted = self._wanted.python
        installed = interpreters.list_interpreters(self._uv)
        chosen = interpreters.find_closest(interpreters.parse_version(wanted), installed)
        if chosen is None:
            raise BuildFailed("this machine has no Python 3.8 or newer")
        version = ".".join(map(str, chosen.version))
        self._write_log(f"Python {version} ({chosen.path})\n")
        if not (version + ".").startswith(wanted.rstrip("*.") + "."):
            self._wanted.warnings.insert(
                0, f"Python {wanted} is not installed on this machine; {version} is used instead."
            )
        return chosen.path

    def _list_requirements(self, index_url: Optional[str]) -> List[str]:
        """The lines to install. The studio's index resolves the packages of SDK v1; without it lazuli-sdk replaces them."""
        own = SDK if index_url else find_sdk_source()
        if index_url:
            return list(dict.fromkeys([*self._wanted.lines, own, *BASE_PACKAGES]))
        others = [line for line in self._wanted.lines if not requirements.is_sdk_v1(line)]
        return list(dict.fromkeys([*others, own, *BASE_PACKAGES]))

    def _install(self, lines: List[str], sources: List[str], constraints: Mapping[str, str]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            requirements = os.path.join(folder, "requirements.txt")
            with open(requirements, "w", encoding="utf-8") as file:
                file.write("\n".join([*self._wanted.options, *lines]) + "\n")
            limits = [argument for path in constraints for argument in ("--constraint", path)]
            self._run_uv("pip", "install", "--python", self._entry.python, *sources, *limits, "-r", requirements)

    def _run_uv(self, *arguments: str) -> None:
        environment = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "UV_CONSTRAINT")}
        environment.setdefault("UV_PYTHON_DOWNLOADS", "never")
        environment.update(UV_NO_PROGRESS="1", NO_COLOR="1")
        process = subprocess.Popen(
            [self._uv, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # Not the current folder, whose pyproject.toml or uv.toml uv would read.
            cwd=tempfile.gettempdir(),
        )
        status = self._wait_for(process)
        if status:
            raise BuildFailed(_summarize_error(self._last_lines))

    def _wait_for(self, process: "subprocess.Popen[str]") -> int:
        reader = threading.Thread(target=self._read_output, args=(process,), daemon=True)
        reader.start()
        while process.poll() is None:
            if self._cancelled():
                process.terminate()
                process.wait()
                raise BuildFailed("the build was cancelled")
            reader.join(0.1)
        reader.join()
        return process.returncode

    def _read_output(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._last_lines = [*self._last_lines[-ERROR_LINES:], self._masker.mask_text(line.rstrip())]
            self._write_log(line)

    def _write_log(self, text: str) -> None:
        text = self._masker.mask_text(text)
        self._file.write(text)
        self._file.flush()
        self._log(text)


def _summarize_error(lines: List[str]) -> str:
    """uv prints the reason at the end; leave out the marks that it draws."""
    words = [line.strip(" ×╰─▶├│·hint:") if line.startswith((" ", "×")) else line for line in lines]
    return " ".join(word for word in words if word) or "uv failed without a message"


def find_sdk_source() -> str:
    """The requirement line of the SDK's own source folder, for a build without the studio's index."""
    source = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(lazuli.__file__))))
    if not os.path.isfile(os.path.join(source, "pyproject.toml")):
        raise BuildFailed("the studio's package index is needed to install lazuli-sdk, and no index_url was given")
    return f"{SDK} @ file://{source}"
