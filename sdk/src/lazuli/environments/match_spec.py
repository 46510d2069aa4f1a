"""Read a line of a conda file (conda's MatchSpec), and convert its version for a Python package index."""

from __future__ import annotations

import dataclasses
import re
from typing import Dict, List, Optional, Tuple

_NAME = re.compile(r"(?P<name>[A-Za-z0-9_][\w.-]*)\s*(?P<rest>.*)", re.DOTALL)
_FILE = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)-(?P<build>[^-]+)(?:\.tar\.bz2|\.conda)")
_ATTRIBUTE = re.compile(r"\s*(\w+)\s*=\s*('[^']*'|\"[^\"]*\"|\[[^\]]*\]|[^,\]]*)\s*(?:,|$)")
_OPERATOR = re.compile(r"===|==|>=|=>|<=|=<|!=|~=|=|>|<")
_WISH = re.compile(r"(?P<operator>===|==|>=|=>|<=|=<|!=|~=|=|>|<)?(?P<version>[^=]*)(?:=(?P<build>.*))?", re.DOTALL)
_RELEASE = re.compile(r"(?:\d+!)?\d+(?:\.\d+)*")
_VERSION = re.compile(
    r"(?:\d+!)?\d+(?:\.\d+)*"
    r"(?:[._-]?(?:a|b|c|rc|alpha|beta|pre|preview)[._-]?\d*)?"
    r"(?:-\d+|[._-]?(?:post|rev|r)[._-]?\d*)?"
    r"(?:[._-]?dev[._-]?\d*)?(?:\+[a-z0-9]+(?:[._-][a-z0-9]+)*)?",
    re.IGNORECASE,
)
# `py38_0`, `py39h6a678d5_7`, `pyhd8ed1ab_0`, `py_0`, `cuda_py37h1`, `py3.9_cuda11.3_0`, `*_cpython`.
_PYTHON_BUILD = re.compile(r"(?:^|[_*.-])(?:py(?:\d|h[0-9a-f]|_|\*|$)|cpython|pypy)")
# The hash of what a package was built with; a Python package has `py…` before it.
_HASH_BUILD = re.compile(r"(?:^|_)h[0-9a-f]{5,}_\d+$")


class BadSpec(Exception):
    """The line is not a conda package, or its version cannot be converted; the message says why."""


@dataclasses.dataclass
class MatchSpec:
    """A package of a conda file, without its channel."""

    name: str
    version: str = ""
    build: str = ""
    extras: str = ""

    @property
    def is_python_build(self) -> bool:
        return bool(_PYTHON_BUILD.search(self.build))

    @property
    def is_other_build(self) -> bool:
        """Whether the build says that the package has no part for a certain Python."""
        return not self.is_python_build and bool(_HASH_BUILD.search(self.build))


def parse_match_spec(line: str) -> MatchSpec:
    """`conda-forge::numpy[version='>=1.20,<1.24']`, `six 1.16.* py_0`, `six=1.16=py_0` and so on. Raises BadSpec."""
    text = " ".join(re.split(r"(?:^|\s)#", line, maxsplit=1)[0].split())
    if text.startswith("-"):
        raise BadSpec("it is an option of pip, which belongs under `pip:`")
    # As `conda list --explicit` writes it, with the hash of the file behind #.
    file = _FILE.fullmatch(re.split(r"[/\\]", text)[-1].partition("#")[0])
    if file:
        # A file of somebody's own machine: its build says nothing about what an index has by that name.
        build = file["build"] if re.match(r"https?://", text) else ""
        return MatchSpec(file["name"], "==" + file["version"], build)
    # As conda, also without a space before it.
    text = text.partition("#")[0].strip()
    text, attributes, extras = _take_brackets(text)
    # Before the name: `channel::`, `channel/linux-64::`, `channel:namespace:`.
    text = text.rsplit(":", 1)[-1].strip() if ":" in text else text
    match = _NAME.fullmatch(text)
    if match is None:
        raise BadSpec("it has no name")
    version, build = _split_version(match["rest"])
    return MatchSpec(match["name"], attributes.get("version", version), attributes.get("build", build), extras)


def _take_brackets(text: str) -> Tuple[str, Dict[str, str], str]:
    """The text without `[…]`, what stands in it, and extras such as `[standard]`."""
    start = text.find("[")
    if start < 0:
        return text, {}, ""
    end = text.rfind("]")
    if end < start:
        raise BadSpec("a bracket is not closed")
    inside, rest = text[start + 1 : end].strip(), text[:start] + " " + text[end + 1 :]
    if "=" not in inside:
        return rest, {}, inside.replace(" ", "")
    attributes, position = {}, 0
    while position < len(inside):
        match = _ATTRIBUTE.match(inside, position)
        if match is None:
            raise BadSpec(f"[{inside}] is not of the form [version='>=1.0',build='py*']")
        attributes[match[1]] = match[2].strip("'\" ")
        position = match.end()
    return rest, attributes, attributes.pop("extras", "").strip("[] ").replace(" ", "")


def _split_version(rest: str) -> Tuple[str, str]:
    """`>=1.8, <2 py38_0`, `1.8 py38_0` and `=1.8=py38_0` as version and build."""
    rest = re.sub(r"\s*([,|])\s*", r"\1", rest.strip())
    rest = re.sub(r"(===|==|>=|=>|<=|=<|!=|~=|=|>|<)\s+", r"\1", rest)
    words = rest.split()
    if not words:
        return "", ""
    version, build = words[0], ""
    for word in words[1:]:
        if _OPERATOR.match(word) and not build and version[-1] not in ",|":
            # `1.8 =py38_0` has a build, `>=1.8 <2` a second bound.
            version, build = (version, word[1:]) if re.match(r"=[^=]", word) else (f"{version},{word}", "")
        elif not build:
            build = word
        else:
            raise BadSpec("it has more than a name, a version and a build")
    parts = re.split(r"([,|])", version)
    match = _WISH.fullmatch(parts[-1].strip("()"))
    if match and match["build"] is not None and not build:
        head = parts[-1][: -len(match["build"]) - 1]
        return "".join(parts[:-1]) + head, match["build"]
    return version, build


def to_pip_version(version: str, warnings: Optional[List[str]] = None) -> str:
    """`=1.2` as `==1.2.*`, `>=1,<2` as it is, the newest of `1.6|1.7`; appends to `warnings` what was chosen.

    Raises BadSpec if it cannot be said as bounds of a Python package's version.
    """
    alternatives = split_alternatives(version)
    if not alternatives:
        return ""
    if len(alternatives) == 1:
        return alternatives[0]
    newest = max(alternatives, key=_first_number)
    if warnings is not None:
        warnings.append(f"of {version} the newest is taken, {newest}")
    return newest


def split_alternatives(version: str) -> List[str]:
    """The alternatives of a version, each as bounds joined by commas; none if any version will do. Raises BadSpec."""
    text = re.sub(r"\s+", "", version)
    pieces = [piece[1:-1] if piece[:1] == "(" and piece[-1:] == ")" else piece for piece in text.split("|")]
    if any("(" in piece or ")" in piece for piece in pieces):
        raise BadSpec(f"the version {version} has parentheses inside bounds")
    found = []
    for piece in pieces:
        bounds = [_to_pip_bound(bound) for bound in piece.split(",") if bound]
        found.append(",".join(bound for bound in bounds if bound))
    # An alternative without a bound allows all.
    return [] if "" in found else list(dict.fromkeys(found))


def _to_pip_bound(bound: str) -> str:
    match = _WISH.fullmatch(bound)
    operator, version = (match["operator"] or "", match["version"]) if match else ("", bound)
    operator = {"=>": ">=", "=<": "<=", "===": "=="}.get(operator, operator)
    is_prefix = version.endswith("*")
    version = version.rstrip("*").rstrip(".") if is_prefix else version
    if not version and operator in ("", "=", "==", ">="):
        return ""
    if not _VERSION.fullmatch(version):
        raise BadSpec(f"a Python package has no version such as {bound}")
    if operator in ("", "="):
        operator, is_prefix = "==", True
    if operator == "~=" and "." not in version:
        return f"=={version}.*"
    # Only plain numbers may stand before a star, and only these operators allow one.
    is_prefix = is_prefix and operator in ("==", "!=") and bool(_RELEASE.fullmatch(version))
    return f"{operator}{version}{'.*' if is_prefix else ''}"


def _first_number(bounds: str) -> Tuple[int, ...]:
    match = re.search(r"\d+(?:\.\d+)*", bounds)
    return tuple(int(number) for number in match.group().split(".")) if match else ()


def is_version(text: str) -> bool:
    """Whether it is a version as Python package indexes have them, such as `1.0rc1`, `v1.0` and `1.12.1+cu113`."""
    return bool(_VERSION.fullmatch(re.sub(r"^[vV]", "", text)))


def allows_version(bounds: str, version: Tuple[int, ...]) -> bool:
    """Whether the bounds of `to_pip_version` allow an interpreter's version."""
    return all(_allows(bound, version) for bound in bounds.split(",") if bound)


def _allows(bound: str, version: Tuple[int, ...]) -> bool:
    match = re.fullmatch(r"(==|>=|<=|!=|~=|>|<)(\d+(?:\.\d+)*)(\.\*)?", bound)
    if match is None:
        return False
    operator, limit = match[1], tuple(int(number) for number in match[2].split("."))
    if match[3] or (operator == "==" and len(limit) < 3):
        same = version[: len(limit)] == limit
        return same if operator == "==" else not same
    width = max(len(limit), len(version))
    own, other = version + (0,) * (width - len(version)), limit + (0,) * (width - len(limit))
    if operator == "~=":
        return own >= other and version[: len(limit) - 1] == limit[:-1]
    return {
        "==": own == other,
        "!=": own != other,
        ">=": own >= other,
        "<=": own <= other,
        ">": own > other,
        "<": own < other,
    }[operator]
