"""From a conda specification to an interpreter's version and pip's requirement lines."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Iterable, Iterator, List, Mapping, Optional, Tuple

from lazuli.environments.cache import BuildFailed
from lazuli.environments.names import pypi_name

DEFAULT_PYTHON = "3.8"
# As the server allows.
MOST_LINES, MOST_LINE = 1_000, 1_000
_CONDA_LINE = re.compile(r"^(?:[^\s:]+::)?(?P<name>[A-Za-z0-9_][\w.-]*)(?P<extras>\[[^\]=]*\])?\s*(?P<wish>.*)$")
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
class Wanted:
    """What an environment shall hold, and what had to be left out or changed."""

    python: str = DEFAULT_PYTHON
    lines: List[str] = dataclasses.field(default_factory=list)
    options: List[str] = dataclasses.field(default_factory=list)
    warnings: List[str] = dataclasses.field(default_factory=list)


def wanted_by(structure: Optional[Mapping[str, Any]]) -> Wanted:
    wanted = Wanted()
    items = _lines((structure or {}).get("dependencies") or [])
    for number, (line, is_pip) in enumerate(items):
        if number == MOST_LINES:
            raise BuildFailed(f"The environment lists more than {MOST_LINES} packages.")
        if len(line) > MOST_LINE:
            raise BuildFailed(f"{line[:60]!r}… in the environment is longer than {MOST_LINE} characters.")
        if is_pip:
            _add_pip(wanted, line)
        else:
            _add_conda(wanted, line)
    return wanted


def _lines(items: Iterable[Any]) -> Iterator[Tuple[str, bool]]:
    """Each package or requirement, and whether it is pip's."""
    for item in items:
        if isinstance(item, Mapping):
            yield from ((str(line).strip(), True) for line in item.get("pip") or [])
        else:
            yield str(item).strip(), False


def _add_conda(wanted: Wanted, line: str) -> None:
    match = _CONDA_LINE.match(line)
    if match is None:
        wanted.warnings.append(f"{line!r} is not understood and was left out.")
        return
    name, wish = match.group("name"), match.group("wish").strip()
    if name.lower() == "python":
        wanted.python = _python_version(wish) or DEFAULT_PYTHON
    elif name.lower() in ("pip", "setuptools", "wheel"):
        # Every environment has them, in a version that fits its interpreter.
        return
    elif not pypi_name(name):
        wanted.warnings.append(f"{name} is a package of conda alone; it was left out.")
    else:
        renamed = pypi_name(name)
        if renamed != name.lower():
            wanted.warnings.append(f"{name} is called {renamed} on a Python package index.")
        wanted.lines.append(renamed + pip_version(wish))


def _python_version(wish: str) -> Optional[str]:
    match = re.search(r"\d+(?:\.\d+){0,2}", wish)
    return match.group() if match else None


def pip_version(wish: str) -> str:
    """`=1.2` as `==1.2.*`, `=1.2.3=py38_0` as `==1.2.3.*`, `>=1,<2` as it is."""
    wish = wish.replace(" ", "")
    if not wish or wish in ("*", "=*", "==*"):
        return ""
    if "|" in wish:
        # Pip cannot say "or": the first choice is taken.
        wish = wish.split("|")[0]
    pieces = [_pip_piece(piece) for piece in wish.split(",") if piece]
    return ",".join(piece for piece in pieces if piece)


def _pip_piece(piece: str) -> str:
    operator, version = _split(piece)
    version = version.split("=")[0]
    if not version or version == "*":
        return ""
    if operator in ("=", ""):
        return f"=={version}" if version.endswith("*") else f"=={version}.*"
    if version.endswith("*") and operator not in ("==", "!="):
        version = version.rstrip("*").rstrip(".")
    return operator + version


def _split(piece: str) -> Tuple[str, str]:
    match = re.match(r"(===|==|>=|<=|!=|~=|=|>|<)?(.*)", piece)
    assert match is not None
    return match.group(1) or "", match.group(2)


def _add_pip(wanted: Wanted, line: str) -> None:
    line = re.sub(r"(^|\s)#.*", "", line).strip()
    if not line:
        return
    if line.startswith("-"):
        if line.split("=")[0].split()[0] in _KEPT_OPTIONS:
            wanted.options.append(line)
        else:
            wanted.warnings.append(f"{line!r}: this option is not supported and was left out.")
    elif line.startswith((".", "/")) and not line.startswith("/usr"):
        wanted.warnings.append(f"{line!r} is a path on another machine and was left out.")
    else:
        wanted.lines.append(line)


def is_sdk(line: str) -> bool:
    """A distribution of SDK v1, which ours stands in for."""
    return bool(_SDK.match(line))
