"""Translate a conda specification to a Python version and the packages for uv to install."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

from lazuli.environments import match_spec, pip_lines
from lazuli.environments.cache import BuildFailed
from lazuli.environments.conda_names import CONDA_ONLY, PARTS_OF_PYTHON, find_index_name, normalize_name
from lazuli.environments.match_spec import BadSpec, MatchSpec
from lazuli.environments.pip_lines import is_sdk_v1

DEFAULT_PYTHON = "3.8"
# As the server allows.
MAX_LINES, MAX_LINE_LENGTH = 1_000, 1_000
# The most alternatives of a Python version.
MAX_ALTERNATIVES = 20
# Lists of other tools than pip that are named in warnings.
MAX_SECTIONS = 10
_SECTIONS = frozenset(["name", "channels", "dependencies", "variables", "prefix"])
# Before it, mlflow was one distribution.
FIRST_MLFLOW_SKINNY = (1, 14)
# One version, or an address.
_PIN = re.compile(r"(?<![<>!~=])={2,3}[^=*,]+$|@")
# Names that stand for a variant of a package, whatever is in their builds.
_VARIANTS = frozenset(["tensorflow-gpu", "tensorflow-cpu", "keras-gpu", "pytorch-gpu", "pytorch-cpu"])
# Each release has a fourth number on a package index, which conda's lacks.
_FOUR_PART = frozenset(["opencv-python-headless"])


@dataclasses.dataclass
class Requirements:
    """The Python version, packages and options of an environment, and warnings about what is left out or changed."""

    python: str = DEFAULT_PYTHON
    # Where the file gives bounds: the alternatives, of which the interpreter has to meet one.
    python_bounds: List[str] = dataclasses.field(default_factory=list)
    lines: List[str] = dataclasses.field(default_factory=list)
    constraints: List[str] = dataclasses.field(default_factory=list)
    indexes: List[str] = dataclasses.field(default_factory=list)
    default_indexes: List[str] = dataclasses.field(default_factory=list)
    find_links: List[str] = dataclasses.field(default_factory=list)
    # Arguments of uv.
    options: List[str] = dataclasses.field(default_factory=list)
    warnings: List[str] = dataclasses.field(default_factory=list)
    # The lines that were made of conda packages, with conda's text.
    conda_lines: Dict[str, str] = dataclasses.field(default_factory=dict)
    # Those of them that are taken for Python packages only because of their builds.
    guessed: List[str] = dataclasses.field(default_factory=list)
    # Lines that replace the requirements of all packages on the same name.
    overrides: List[str] = dataclasses.field(default_factory=list)

    @property
    def names_indexes(self) -> bool:
        return bool(self.indexes or self.default_indexes or self.find_links)

    @property
    def python_wish(self) -> str:
        """The Python version as the file gives it."""
        return " or ".join(self.python_bounds).replace("==", "").replace(".*", "") or self.python


def requirements_from_conda(structure: Optional[Mapping[str, Any]]) -> Requirements:
    """Raises BuildFailed if a line under `pip:` cannot be read, or for too many or too long lines."""
    requirements = Requirements()
    _warn_of_sections(requirements, structure or {})
    lines = _list_lines((structure or {}).get("dependencies") or [])
    for number, (line, is_pip) in enumerate(lines):
        if number == MAX_LINES:
            raise BuildFailed(f"The environment lists more than {MAX_LINES} packages.")
        if len(line) > MAX_LINE_LENGTH:
            raise BuildFailed(f"{line[:60]!r}… in the environment is longer than {MAX_LINE_LENGTH} characters.")
        if is_pip:
            pip_lines.add_pip_line(requirements, line)
        else:
            _add_conda_line(requirements, line)
    _prefer_pins_of_pip(requirements)
    _match_mlflow(requirements)
    return requirements


def _warn_of_sections(requirements: Requirements, structure: Mapping[str, Any]) -> None:
    """Warn about sections of a conda file that have no effect, and about one that has no packages."""
    if not structure.get("dependencies"):
        requirements.warnings.append("The environment lists no packages, so it has only Python and the SDK.")
    if structure.get("variables"):
        requirements.warnings.append(
            "`variables` of the conda file are left out: set environment_variables of the environment instead."
        )
    if structure.get("prefix"):
        requirements.warnings.append("`prefix:` of the conda file is left out: the studio chooses the folder.")
    for name in sorted({str(name)[:100] for name in structure} - _SECTIONS)[:MAX_SECTIONS]:
        requirements.warnings.append(f"`{name}:` of the conda file is left out: a conda file has no such section.")
    sections = [item for item in structure.get("dependencies") or [] if isinstance(item, Mapping)]
    for name in sorted({str(name)[:100] for section in sections for name in section} - {"pip"})[:MAX_SECTIONS]:
        requirements.warnings.append(f"`{name}:` among the dependencies is left out: only `pip:` is known.")


def _list_lines(items: Iterable[Any]) -> Iterator[Tuple[str, bool]]:
    """Each package or requirement, and whether it is one of pip's."""
    for item in items:
        if isinstance(item, Mapping):
            listed = item.get("pip") or []
            lines = [listed] if isinstance(listed, str) else listed
            yield from ((str(line).strip(), True) for line in lines if line is not None)
        elif item is not None:
            yield str(item).strip(), False


def _add_conda_line(requirements: Requirements, line: str) -> None:
    try:
        spec = match_spec.parse_match_spec(line)
    except BadSpec as error:
        requirements.warnings.append(f"{line!r} is not a valid conda package and is left out: {error}.")
        return
    name = normalize_name(spec.name)
    if name == "python":
        _set_python(requirements, spec.version)
    elif name == "pip":
        # Every environment has one that works with its interpreter.
        if spec.version:
            requirements.warnings.append(f"{line!r} is left out: uv installs the packages, not pip.")
    elif pip_lines.is_classic(name):
        pip_lines.warn_of_classic(requirements, line)
    elif name in PARTS_OF_PYTHON:
        requirements.warnings.append(f"{line!r} is left out: it is a part of Python.")
    else:
        _add_conda_package(requirements, spec, line)


def _add_conda_package(requirements: Requirements, spec: MatchSpec, line: str) -> None:
    known = spec.name if is_sdk_v1(spec.name) else find_index_name(spec.name)
    if spec.is_other_build and normalize_name(spec.name) not in _VARIANTS:
        requirements.warnings.append(
            f"{line!r} is left out: its build {spec.build} shows that it is not a Python package."
        )
        return
    if not known and (not spec.is_python_build or normalize_name(spec.name) in CONDA_ONLY):
        requirements.warnings.append(
            f"{spec.name} is not known to be a Python package and is left out. If it is one, list it under `pip:`."
        )
        return
    renamed = known or normalize_name(spec.name)
    if renamed != normalize_name(spec.name):
        requirements.warnings.append(f"{spec.name} is called {renamed} on a Python package index.")
    elif not known:
        requirements.warnings.append(
            f"{spec.name} is taken from the package index by the same name, because its build {spec.build} is for Python."
        )
    requirement = renamed + (f"[{spec.extras}]" if spec.extras else "") + _read_version(requirements, spec, renamed)
    requirements.lines.append(requirement)
    requirements.conda_lines[requirement] = line
    if not known:
        requirements.guessed.append(requirement)


def _read_version(requirements: Requirements, spec: MatchSpec, renamed: str) -> str:
    notes: List[str] = []
    try:
        version = match_spec.to_pip_version(spec.version, notes)
    except BadSpec as error:
        requirements.warnings.append(f"{spec.name} is installed in any version: {error}.")
        return ""
    requirements.warnings += [f"{spec.name}: {note}." for note in notes]
    if renamed in _FOUR_PART:
        version = re.sub(r"==(\d+(?:\.\d+){2})(?=,|$)", r"==\1.*", version)
    return version


def _set_python(requirements: Requirements, version: str) -> None:
    try:
        alternatives = match_spec.split_alternatives(version)
    except BadSpec as error:
        requirements.warnings.append(f"Python is {DEFAULT_PYTHON}: {error}.")
        return
    if not alternatives:
        return
    present = requirements.python_bounds
    if present and len(present) * len(alternatives) <= MAX_ALTERNATIVES:
        alternatives = [f"{one},{other}" for one in present for other in alternatives]
    requirements.python_bounds = alternatives[:MAX_ALTERNATIVES]
    # The version named first, which is probably the intended one.
    match = re.search(r"\d+(?:\.\d+){0,2}", requirements.python_bounds[0])
    requirements.python = match.group() if match else DEFAULT_PYTHON


def _prefer_pins_of_pip(requirements: Requirements) -> None:
    """A package that is pinned under `pip:` replaces conda's of the same name, as pip does, which runs after conda."""
    pins = {
        read_name(line): line
        for line in requirements.lines
        if line not in requirements.conda_lines and _PIN.search(line)
    }
    for line, text in list(requirements.conda_lines.items()):
        pin = pins.get(read_name(line))
        if pin:
            requirements.lines = [each for each in requirements.lines if each != line]
            del requirements.conda_lines[line]
            requirements.warnings.append(f"{text!r} is left out: {pin!r} under `pip:` replaces it.")


def _match_mlflow(requirements: Requirements) -> None:
    """mlflow and mlflow-skinny contain the same files, so a requirement on one applies to the other."""
    lines = {read_name(line): line for line in requirements.lines}
    match = re.fullmatch(r"[\w.-]+(?:\[[^\]]*\])?\s*([<>=!~][^;@]*?)(?:\s--hash.*)?", lines.get("mlflow", ""))
    if match is None or "mlflow-skinny" in lines:
        return
    above = re.search(r"(==|<=|<)\s*(\d+)\.(\d+)", match[1])
    limit = (int(above[2][:4]), int(above[3][:4])) if above else FIRST_MLFLOW_SKINNY
    if above and (limit < FIRST_MLFLOW_SKINNY or (above[1] == "<" and limit == FIRST_MLFLOW_SKINNY)):
        requirements.overrides.append("mlflow-skinny ; python_version < '0'")
    else:
        requirements.constraints.append(f"mlflow-skinny{match[1].strip()}")


def read_name(line: str) -> str:
    """The name of a requirement, in PEP 503's spelling."""
    return normalize_name(re.split(r"[\s\[<>=!~;@(]", line, maxsplit=1)[0])
