"""Translate a conda specification to a Python version and the lines of a pip requirements file."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Iterable, Iterator, List, Mapping, Optional, Tuple

from lazuli.environments.cache import BuildFailed
from lazuli.environments.conda_names import find_pypi_name

DEFAULT_PYTHON = "3.8"
# As the server allows.
MAX_LINES, MAX_LINE_LENGTH = 1_000, 1_000
_CONDA_LINE = re.compile(r"^(?:[^\s:]+::)?(?P<name>[A-Za-z0-9_][\w.-]*)(?P<extras>\[[^\]=]*\])?\s*(?P<condition>.*)$")
_SDK = re.compile(r"^azureml[-_.][\w.-]+(\[[^\]]*\])?", re.IGNORECASE)
# Options of pip that uv's requirement files know too.
_KEPT_OPTIONS = (
    "--extra-index-url",
    "--index-url",
    "-i",
    "--find-links",
    "-f",
    "--pre",
    "--no-binary",
    "--only-binary",
)


@dataclasses.dataclass
class Requirements:
    """The Python version, packages and pip options of an environment, and warnings about what is left out or changed."""

    python: str = DEFAULT_PYTHON
    lines: List[str] = dataclasses.field(default_factory=list)
    options: List[str] = dataclasses.field(default_factory=list)
    warnings: List[str] = dataclasses.field(default_factory=list)


def requirements_from_conda(structure: Optional[Mapping[str, Any]]) -> Requirements:
    requirements = Requirements()
    lines = _list_lines((structure or {}).get("dependencies") or [])
    for number, (line, is_pip) in enumerate(lines):
        if number == MAX_LINES:
            raise BuildFailed(f"The environment lists more than {MAX_LINES} packages.")
        if len(line) > MAX_LINE_LENGTH:
            raise BuildFailed(f"{line[:60]!r}… in the environment is longer than {MAX_LINE_LENGTH} characters.")
        if is_pip:
            _add_pip_line(requirements, line)
        else:
            _add_conda_line(requirements, line)
    return requirements


def _list_lines(items: Iterable[Any]) -> Iterator[Tuple[str, bool]]:
    """Each package or requirement, and whether it is one of pip's."""
    for item in items:
        if isinstance(item, Mapping):
            yield from ((str(line).strip(), True) for line in item.get("pip") or [])
        else:
            yield str(item).strip(), False


def _add_conda_line(requirements: Requirements, line: str) -> None:
    match = _CONDA_LINE.match(line)
    if match is None:
        requirements.warnings.append(f"{line!r} is not a valid conda package and is left out.")
        return
    name, condition = match.group("name"), match.group("condition").strip()
    if name.lower() == "python":
        requirements.python = _find_python_version(condition) or DEFAULT_PYTHON
    elif name.lower() in ("pip", "setuptools", "wheel"):
        # Every environment has them, in a version that works with its interpreter.
        return
    elif not find_pypi_name(name):
        requirements.warnings.append(f"{name} exists for conda only and is left out.")
    else:
        renamed = find_pypi_name(name)
        if renamed != name.lower():
            requirements.warnings.append(f"{name} is called {renamed} on a Python package index.")
        requirements.lines.append(renamed + to_pip_version(condition))


def _find_python_version(condition: str) -> Optional[str]:
    match = re.search(r"\d+(?:\.\d+){0,2}", condition)
    return match.group() if match else None


def to_pip_version(condition: str) -> str:
    """`=1.2` as `==1.2.*`, `=1.2.3=py38_0` as `==1.2.3.*`, `>=1,<2` as it is."""
    condition = condition.replace(" ", "")
    if not condition or condition in ("*", "=*", "==*"):
        return ""
    if "|" in condition:
        # Pip has no "or": use the first alternative.
        condition = condition.split("|")[0]
    parts = [_to_pip_part(part) for part in condition.split(",") if part]
    return ",".join(part for part in parts if part)


def _to_pip_part(part: str) -> str:
    operator, version = _split_operator(part)
    version = version.split("=")[0]
    if not version or version == "*":
        return ""
    if operator in ("=", ""):
        return f"=={version}" if version.endswith("*") else f"=={version}.*"
    if version.endswith("*") and operator not in ("==", "!="):
        version = version.rstrip("*").rstrip(".")
    return operator + version


def _split_operator(part: str) -> Tuple[str, str]:
    match = re.match(r"(===|==|>=|<=|!=|~=|=|>|<)?(.*)", part)
    assert match is not None
    return match.group(1) or "", match.group(2)


def _add_pip_line(requirements: Requirements, line: str) -> None:
    line = re.sub(r"(^|\s)#.*", "", line).strip()
    if not line:
        return
    if line.startswith("-"):
        if line.split("=")[0].split()[0] in _KEPT_OPTIONS:
            requirements.options.append(line)
        else:
            requirements.warnings.append(f"{line!r}: this option is not supported and is left out.")
    elif line.startswith((".", "/")) and not line.startswith("/usr"):
        requirements.warnings.append(f"{line!r} is a path on another machine and is left out.")
    else:
        requirements.lines.append(line)


def is_sdk_v1(line: str) -> bool:
    """Whether the line names a package of SDK v1, which lazuli-sdk replaces."""
    return bool(_SDK.match(line))
