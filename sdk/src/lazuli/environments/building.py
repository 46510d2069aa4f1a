"""Build the environment that SDK v1's definition describes, or take it from the cache."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import tempfile
import time
from typing import Any, Dict, List, Mapping, Optional

import lazuli
from lazuli.environments import failures, interpreters, package_indexes, pruning, requirements
from lazuli.environments.cache import IS_CACHED, BuildFailed, CacheEntry, Cancelled, Log, Prepared, cache_folder
from lazuli.environments.conda_names import normalize_name
from lazuli.environments.images import ImageProblem, ImageUse
from lazuli.environments.pip_lines import is_sdk_v1
from lazuli.environments.uv_program import UvFailed, UvProgram
from lazuli.masking import masker_of_process
from lazuli.version import VERSION

SDK = "lazuli-sdk"
# Scripts expect them in every environment, because conda environments have them.
BASE_PACKAGES = ("pip", "setuptools")
# Its newest release for an old Python may have no wheel, and is compiled for half an hour; an older one has a wheel.
ENGINE = ("--only-binary", "duckdb")
# uv gives up soon where there is no internet, and puts no commands on the account's path.
FETCHING = {"UV_HTTP_TIMEOUT": "15", "UV_HTTP_RETRIES": "1", "UV_PYTHON_INSTALL_BIN": "0"}
# Conda packages that turn out to be on no package index.
MAX_LEFT_OUT = 10


def _is_never_cancelled() -> bool:
    return False


def prepare_environment(
    definition: Mapping[str, Any],
    *,
    index_url: Optional[str],
    log: Log,
    cancelled: Cancelled = _is_never_cancelled,
    use: Optional[ImageUse] = None,
) -> Prepared:
    """The environment of `definition`, from the cache or built now; `log` is called with the text of the build log.

    `cancelled` is called several times a second and returns whether to stop; `use` is the image with whose Python it is
    built. Raises BuildFailed, or ImageProblem.
    """
    wanted = _read_requirements(definition, use is not None)
    return _get_or_build(wanted, None, index_url, log, cancelled, definition.get("build"), use)


def install_sdk_for(
    interpreter: str,
    *,
    index_url: Optional[str],
    log: Log,
    cancelled: Cancelled = _is_never_cancelled,
    use: Optional[ImageUse] = None,
) -> str:
    """Install the SDK for an interpreter that the user manages; return the folder of its modules. Raises BuildFailed."""
    made = _get_or_build(requirements.Requirements(), interpreter, index_url, log, cancelled, use=use)
    # Without asking the interpreter, which takes as long as the rest of a start.
    library = os.path.join(glob.escape(made.path), *(["Lib"] if os.name == "nt" else ["lib", "*"]), "site-packages")
    found = glob.glob(library)
    if not found:
        raise BuildFailed(f"{made.path} has no folder of packages")
    return found[0]


def _read_requirements(definition: Mapping[str, Any], is_in_image: bool = False) -> requirements.Requirements:
    python = definition.get("python") or {}
    wanted = requirements.requirements_from_conda(python.get("condaDependencies"))
    if (definition.get("docker") or {}).get("baseDockerfile") and not is_in_image:
        wanted.warnings.append("The Dockerfile is not built; only packages are installed.")
    return wanted


def _get_or_build(
    wanted: requirements.Requirements,
    interpreter: Optional[str],
    index_url: Optional[str],
    log: Log,
    cancelled: Cancelled,
    build_number: Optional[int] = None,
    use: Optional[ImageUse] = None,
) -> Prepared:
    constraints = _read_constraints()
    image = use.image.id if use else ""
    # The key differs without the studio's index, because SDK v1's packages then bring no further packages.
    key = _compute_key(wanted, interpreter, constraints, bool(index_url), build_number, image)
    entry = CacheEntry(key, is_in_image=bool(image))
    # What the file itself leaves out; a build adds what this machine changes.
    said = list(wanted.warnings)
    if entry.is_ready and entry.mark_in_use():
        return _take_cached(entry, said, log)
    with entry.lock_for_building(log, cancelled):
        if entry.is_ready and entry.mark_in_use():
            return _take_cached(entry, said, log)
        entry.remove()
        try:
            found = _Build(entry, wanted, log, cancelled, use).run(interpreter, index_url, constraints)
        except BaseException:
            entry.remove()
            raise
        entry.mark_in_use()
    _prune_cache(log)
    return Prepared(entry.path, entry.python, built=True, warnings=[*found, *said])


def _take_cached(entry: CacheEntry, said: List[str], log: Log) -> Prepared:
    """Log what is left out each time, also when nothing is built."""
    warnings = [*entry.read_warnings(), *said]
    if warnings:
        mask = masker_of_process().mask_text
        log(f"{IS_CACHED}.\n" + "".join(mask(f"Warning: {each}\n") for each in warnings))
    return Prepared(entry.path, entry.python, built=False, warnings=warnings)


def _prune_cache(log: Log) -> None:
    """After a build, remove environments that have not been used for long."""
    try:
        removed = pruning.prune()
    except (OSError, pruning.BadSetting) as error:
        log(f"Warning: old environments could not be removed from the cache: {error}\n")
        return
    if removed:
        freed = sum(each.size for each in removed) / pruning.GB
        log(f"Removed {len(removed)} environment(s) that had not been used for a long time ({freed:.1f} GB).\n")


def _read_constraints() -> Dict[str, str]:
    found = {}
    for path in package_indexes.find_constraint_files():
        try:
            with open(path, encoding="utf-8") as file:
                found[path] = file.read()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise BuildFailed(f"the constraints file {path} cannot be read: {reason}") from error
    return found


def _compute_key(
    wanted: requirements.Requirements,
    interpreter: Optional[str],
    constraints: Mapping[str, str],
    indexed: bool,
    build_number: Optional[int] = None,
    image: str = "",
) -> str:
    """The key of a content; the version of the SDK, the constraints and the number of an ordered rebuild are part of it."""
    content: Dict[str, Any] = {
        "python": interpreter or [wanted.python, wanted.python_bounds],
        "lines": sorted(set(wanted.lines)),
        # A conda package that no index has is left out, one of pip's fails.
        "conda": [sorted(wanted.conda_lines), sorted(wanted.guessed)],
        "options": [wanted.options, wanted.indexes, wanted.default_indexes, wanted.find_links, wanted.overrides],
        "limits": sorted(wanted.constraints),
        "constraints": sorted(constraints.values()),
        "sdk": VERSION,
        "indexed": indexed,
    }
    if build_number:
        content["build"] = build_number
    if image:
        content["image"] = image
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:40]


class _Build:
    def __init__(
        self,
        entry: CacheEntry,
        wanted: requirements.Requirements,
        log: Log,
        cancelled: Cancelled,
        use: Optional[ImageUse] = None,
    ):
        self._entry, self._use = entry, use
        self._wanted = wanted
        self._log = log
        self._masker = masker_of_process()
        path = interpreters.find_uv()
        if path is None:
            raise BuildFailed("uv is not installed; install it with `pip install uv`")
        self._uv_path = path
        self._uv = UvProgram(path, self._write_log, cancelled, use)
        self._where = f"in the image {use.image.name}" if use else "on this machine"
        # What this machine changes: logged again when the environment comes from the cache.
        self._warnings: List[str] = []
        self._python = ""
        self._wished_python = ""
        self._installed: List[interpreters.Python] = []

    def run(self, interpreter: Optional[str], index_url: Optional[str], constraints: Mapping[str, str]) -> List[str]:
        """Build it; return the warnings that were found while building."""
        started = time.monotonic()
        with open(self._entry.log_path, "w", encoding="utf-8") as self._file:
            python = interpreter or self._choose_interpreter()
            self._write_log("Packages:\n" + "".join(f"  {line}\n" for line in self._list_requirements(index_url)))
            for warning in [*self._warnings, *self._wanted.warnings]:
                self._write_log(f"Warning: {warning}\n")
            try:
                self._uv.run("venv", "--quiet", "--python", python, self._entry.path)
            except UvFailed as error:
                raise BuildFailed(failures.explain_failure(error.lines, self._make_failure_context([]))) from error
            self._install_packages(index_url, list(constraints))
            lines = self._list_requirements(index_url)
            self._entry.mark_ready(json.dumps({"python": python, "lines": lines, "warnings": self._warnings}, indent=1))
            self._write_log(f"Done in {time.monotonic() - started:.1f} s.\n")
        return self._warnings

    def _choose_interpreter(self) -> str:
        wanted = self._wanted
        chosen = self._find_interpreter()
        is_allowed = chosen is not None and interpreters.is_allowed(chosen, wanted.python, wanted.python_bounds)
        if not is_allowed and self._fetch_interpreter():
            chosen = self._find_interpreter()
        if chosen is None:
            if self._use:
                raise ImageProblem("it has no Python 3.8 or newer")
            raise BuildFailed("this machine has no Python 3.8 or newer")
        self._python = ".".join(map(str, chosen.version))
        self._write_log(f"Python {self._python} ({chosen.path})\n")
        if not interpreters.is_allowed(chosen, wanted.python, wanted.python_bounds):
            wish = self._wished_python = wanted.python_wish
            is_old = wish[:1].isdigit() and interpreters.parse_version(wish)[:2] < interpreters.OLDEST
            why = "is too old for the SDK, which needs 3.8" if is_old else f"is not installed {self._where}"
            self._warn(f"Python {wish} {why}; {self._python} is used instead.")
        return chosen.path

    def _find_interpreter(self) -> Optional[interpreters.Python]:
        if self._use:
            self._installed = sorted(interpreters.read_list(self._uv.list_interpreters_of_image(self._use)))
        else:
            self._installed = interpreters.list_interpreters(self._uv_path)
        installed = [python for python in self._installed if python.version[:2] >= interpreters.OLDEST]
        return interpreters.choose_interpreter(self._wanted.python, self._wanted.python_bounds, installed)

    def _fetch_interpreter(self) -> bool:
        """Let uv fetch an interpreter that the file asks for, where it can reach one and may."""
        version = interpreters.choose_to_fetch(self._wanted.python_bounds, self._installed)
        if not version or os.environ.get("UV_PYTHON_DOWNLOADS") == "never":
            return False
        self._write_log(f"Python {version} is not installed {self._where}; uv fetches it.\n")
        try:
            self._uv.run("python", "install", version, variables=FETCHING)
        except UvFailed:
            self._write_log(f"Python {version} could not be fetched.\n")
            return False
        return True

    def _warn(self, warning: str) -> None:
        self._warnings.append(warning)

    def _list_requirements(self, index_url: Optional[str]) -> List[str]:
        """The lines to install. The studio's index resolves the packages of SDK v1; without it lazuli-sdk replaces them."""
        own = SDK if index_url else find_sdk_source()
        lines = self._wanted.lines
        if not index_url:
            lines = [line for line in lines if not is_sdk_v1(line)]
        return list(dict.fromkeys([*lines, own, *BASE_PACKAGES]))

    def _install_packages(self, index_url: Optional[str], constraints: List[str]) -> None:
        """Install the packages; a conda package that no index has is left out and the rest tried again."""
        for _ in range(MAX_LEFT_OUT):
            try:
                self._install_once(index_url, constraints)
            except UvFailed as error:
                if not self._leave_out(*failures.find_failing_package(error.lines)):
                    context = self._make_failure_context(package_indexes.build_arguments(index_url, self._wanted))
                    raise BuildFailed(failures.explain_failure(error.lines, context)) from error
            else:
                return
        raise BuildFailed(
            f"More than {MAX_LEFT_OUT} conda packages are not in any package index: {'; '.join(self._warnings)}"
        )

    def _leave_out(self, name: str, is_nowhere: bool) -> bool:
        """Leave out a conda package that no index has, or a guessed one without a version that fits; False if it is neither."""
        wanted = self._wanted
        among = wanted.conda_lines if is_nowhere else wanted.guessed
        lines = {requirements.read_name(line): line for line in among if line in wanted.lines}
        line = lines.get(normalize_name(name)) if name else None
        if line is None:
            return False
        wanted.lines.remove(line)
        why = f"no package index has {name}" if is_nowhere else f"no package index has {name} in a version that fits"
        warning = f"{wanted.conda_lines[line]!r} is left out: {why}."
        self._warn(warning)
        self._write_log(f"Warning: {warning}\n")
        return True

    def _install_once(self, index_url: Optional[str], constraints: List[str]) -> None:
        lines, wanted = self._list_requirements(index_url), self._wanted
        sources = package_indexes.build_arguments(index_url, wanted)
        into = ("pip", "install", "--python", self._entry.python)
        if index_url and wanted.names_indexes:
            self._install_own(lines, index_url)
        # In the cache, which a container can read.
        with tempfile.TemporaryDirectory(dir=cache_folder() if self._use else None) as folder:
            files = {
                "requirements.txt": lines,
                "constraints.txt": wanted.constraints,
                "overrides.txt": wanted.overrides,
            }
            for name, content in files.items():
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write("".join(f"{line}\n" for line in content))
            limits = [argument for path in constraints for argument in ("--constraint", path)]
            for option, name in (("--constraint", "constraints.txt"), ("--override", "overrides.txt")):
                limits += [option, os.path.join(folder, name)] if files[name] else []
            self._uv.run(
                *into, *sources, *ENGINE, *wanted.options, *limits, "-r", os.path.join(folder, "requirements.txt")
            )

    def _install_own(self, lines: List[str], index_url: str) -> None:
        """With several indexes, install our own packages first, so that they come from no other index."""
        own = [line for line in lines if is_sdk_v1(line) or line.startswith(SDK)]
        index_options = ("--default-index", index_url)
        found = self._uv.resolve(own, "--python", self._entry.python, *index_options) or {}
        pins = [f"{name}=={version}" for name, version in found.items() if is_sdk_v1(name) or name == SDK]
        into = ("pip", "install", "--python", self._entry.python, *index_options)
        if pins:
            self._uv.run(*into, "--no-deps", *pins)
        if self._wanted.default_indexes:
            # That index may have nothing but the user's packages.
            self._uv.run(*into, SDK, *BASE_PACKAGES)

    def _make_failure_context(self, sources: List[str]) -> failures.Context:
        def find_version(requirement: str, oldest: bool) -> str:
            how = ("--resolution", "lowest-direct" if oldest else "highest", "--no-deps", "--only-binary", ":all:")
            return failures.choose_first(
                self._uv.resolve([requirement], "--python", self._entry.python, *how, *sources)
            )

        wanted = self._wanted
        return failures.Context(wanted.lines, wanted.conda_lines, self._python, self._wished_python, find_version)

    def _write_log(self, text: str) -> str:
        text = self._masker.mask_text(text)
        self._file.write(text)
        self._file.flush()
        self._log(text)
        return text


def find_sdk_source() -> str:
    """The requirement line of the SDK's own source folder, for a build without the studio's index."""
    source = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(lazuli.__file__))))
    if not os.path.isfile(os.path.join(source, "pyproject.toml")):
        raise BuildFailed("the studio's package index is needed to install lazuli-sdk, and no index_url was given")
    return f"{SDK} @ file://{source}"
