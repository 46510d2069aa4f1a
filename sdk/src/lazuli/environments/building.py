"""From SDK v1's environment to a folder with a Python in it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
import time
from typing import Any, Dict, List, Mapping, Optional

from lazuli.environments import conda, indexes, interpreters, pruning
from lazuli.environments.cache import BuildFailed, Cancelled, Log, Prepared, Slot
from lazuli.version import VERSION

SDK = "lazuli-sdk"
# Scripts expect them in any environment, as conda's have them.
SEED = ("pip", "setuptools")
REASON_LINES = 12


def _never() -> bool:
    return False


def prepare(
    definition: Mapping[str, Any], *, index_url: Optional[str], log: Log, cancelled: Cancelled = _never
) -> Prepared:
    """The environment that `definition` describes: from the cache, or built now, its log given to `log`."""
    wanted = _wanted(definition)
    return _get(wanted, None, index_url, log, cancelled)


def sdk_for(interpreter: str, *, index_url: Optional[str], log: Log, cancelled: Cancelled = _never) -> str:
    """The folder of modules that gives our SDK to an interpreter which the user manages."""
    made = _get(conda.Wanted(), interpreter, index_url, log, cancelled)
    command = [made.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildFailed(f"{made.python} does not start: {done.stderr.strip()}")
    return done.stdout.strip()


def _wanted(definition: Mapping[str, Any]) -> conda.Wanted:
    python = definition.get("python") or {}
    wanted = conda.wanted_by(python.get("condaDependencies"))
    if (definition.get("docker") or {}).get("baseDockerfile"):
        wanted.warnings.append(
            "There are no containers here: the Dockerfile is not built, only packages are installed."
        )
    return wanted


def _get(
    wanted: conda.Wanted, interpreter: Optional[str], index_url: Optional[str], log: Log, cancelled: Cancelled
) -> Prepared:
    constraints = _constraints()
    # Without the studio's index what SDK v1's names bring along is not there: another content.
    slot = Slot(_key(wanted, interpreter, constraints, bool(index_url)))
    if slot.is_ready and slot.hold():
        return Prepared(slot.path, slot.python, built=False)
    with slot.locked(log, cancelled):
        if slot.is_ready and slot.hold():
            return Prepared(slot.path, slot.python, built=False)
        slot.clear()
        try:
            _Build(slot, wanted, log, cancelled).run(interpreter, index_url, constraints)
        except BaseException:
            slot.clear()
            raise
        slot.hold()
    _tidy(log)
    return Prepared(slot.path, slot.python, built=True)


def _tidy(log: Log) -> None:
    """When one more was built, those make room that nobody has used for long."""
    try:
        removed = pruning.prune()
    except (OSError, pruning.BadSetting) as error:
        log(f"Warning: the cache of environments was not tidied: {error}\n")
        return
    if removed:
        freed = sum(each.size for each in removed) / pruning.GB
        log(f"Removed {len(removed)} environment(s) that were unused for long, {freed:.1f} GB.\n")


def _constraints() -> Dict[str, str]:
    found = {}
    for path in indexes.constraint_files():
        try:
            with open(path, encoding="utf-8") as file:
                found[path] = file.read()
        except OSError as error:
            raise BuildFailed(f"the constraints file {path} cannot be read: {error.strerror}") from error
    return found


def _key(wanted: conda.Wanted, interpreter: Optional[str], constraints: Mapping[str, str], indexed: bool) -> str:
    """The name of a content. A change of the SDK or of the constraints makes another environment."""
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
    def __init__(self, slot: Slot, wanted: conda.Wanted, log: Log, cancelled: Cancelled):
        self._slot = slot
        self._wanted = wanted
        self._log = log
        self._cancelled = cancelled
        uv = interpreters.uv_program()
        if uv is None:
            raise BuildFailed("uv is not there; install it with `pip install uv`")
        self._uv = uv
        self._last: List[str] = []

    def run(self, interpreter: Optional[str], index_url: Optional[str], constraints: Mapping[str, str]) -> None:
        started = time.monotonic()
        with open(self._slot.log_path, "w", encoding="utf-8") as self._file:
            python = interpreter or self._choose()
            lines = self._requirements(index_url)
            self._say("Packages:\n" + "".join(f"  {line}\n" for line in lines))
            for warning in self._wanted.warnings:
                self._say(f"Warning: {warning}\n")
            sources = indexes.arguments(index_url)
            self._call("venv", "--quiet", "--python", python, self._slot.path)
            self._install(lines, sources, constraints)
            self._slot.mark_ready(json.dumps({"python": python, "lines": lines}, indent=1))
            self._say(f"Done in {time.monotonic() - started:.1f} s.\n")

    def _choose(self) -> str:
        wish = self._wanted.python
        there = interpreters.installed(self._uv)
        chosen = interpreters.nearest(interpreters.parsed(wish), there)
        if chosen is None:
            raise BuildFailed("no Python from 3.8 on is on this machine")
        version = ".".join(map(str, chosen.version))
        self._say(f"Python {version} ({chosen.path})\n")
        if not (version + ".").startswith(wish.rstrip("*.") + "."):
            self._wanted.warnings.insert(0, f"Python {wish} is not on this machine; {version} is the nearest.")
        return chosen.path

    def _requirements(self, index_url: Optional[str]) -> List[str]:
        """With the studio's index the names of SDK v1 are resolved there; without it ours is put in their place."""
        own = SDK if index_url else sdk_source()
        if index_url:
            return list(dict.fromkeys([*self._wanted.lines, own, *SEED]))
        others = [line for line in self._wanted.lines if not conda.is_sdk(line)]
        return list(dict.fromkeys([*others, own, *SEED]))

    def _install(self, lines: List[str], sources: List[str], constraints: Mapping[str, str]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            requirements = os.path.join(folder, "requirements.txt")
            with open(requirements, "w", encoding="utf-8") as file:
                file.write("\n".join([*self._wanted.options, *lines]) + "\n")
            limits = [argument for path in constraints for argument in ("--constraint", path)]
            self._call("pip", "install", "--python", self._slot.python, *sources, *limits, "-r", requirements)

    def _call(self, *arguments: str) -> None:
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
            # Away from the pyproject.toml or uv.toml of whatever folder this process is in.
            cwd=tempfile.gettempdir(),
        )
        status = self._follow(process)
        if status:
            raise BuildFailed(_reason(self._last))

    def _follow(self, process: "subprocess.Popen[str]") -> int:
        import threading

        reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        reader.start()
        while process.poll() is None:
            if self._cancelled():
                process.terminate()
                process.wait()
                raise BuildFailed("it was cancelled while the environment was being built")
            reader.join(0.1)
        reader.join()
        return process.returncode

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._last = [*self._last[-REASON_LINES:], line.rstrip()]
            self._say(line)

    def _say(self, text: str) -> None:
        self._file.write(text)
        self._file.flush()
        self._log(text)


def _reason(lines: List[str]) -> str:
    """uv explains itself at the end; the marks that it draws are left out."""
    words = [line.strip(" ×╰─▶├│·hint:") if line.startswith((" ", "×")) else line for line in lines]
    return " ".join(word for word in words if word) or "uv failed without a word"


def sdk_source() -> str:
    """Our own source folder, for an environment that is built without the studio's index."""
    import lazuli

    source = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(lazuli.__file__))))
    if not os.path.isfile(os.path.join(source, "pyproject.toml")):
        raise BuildFailed("the studio's package index is needed to install lazuli-sdk, and no index_url was given")
    return f"{SDK} @ file://{source}"
