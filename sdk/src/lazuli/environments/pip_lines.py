"""Lines under `pip:` of a conda file, which are those of pip's requirement files: packages and options."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, List, NamedTuple, Tuple

from lazuli.environments.cache import BuildFailed
from lazuli.environments.conda_names import PARTS_OF_PYTHON, is_known_distribution, normalize_name
from lazuli.environments.match_spec import is_version

if TYPE_CHECKING:
    from lazuli.environments.requirements import Requirements

# pip's short options by their long names.
_LONG_NAMES = {
    "-i": "--index-url",
    "-f": "--find-links",
    "-e": "--editable",
    "-r": "--requirement",
    "-c": "--constraint",
}
_OPTIONS_WITH_VALUE = {
    "--no-binary": "--no-binary",
    "--only-binary": "--only-binary",
    "--trusted-host": "--allow-insecure-host",
}
_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?P<extras>\[[^\]]*\])?\s*"
    r"(?:@\s*(?P<url>\S.*)|(?P<version>\(?[<>=!~][^;]*)?)\s*(?P<marker>;.*)?"
)
_BOUND = re.compile(r"\s*(?P<operator>===|==|>=|<=|!=|~=|>|<)\s*(?P<version>(?:\d+!)?[^\s=<>!~,;]+)\s*")
# Old versions of pip read `>=1.0.*` as `>=1.0`.
_STAR = re.compile(r"(?<![=!~<>])(>=|<=|>|<)(\s*\d[\w.]*?)\.\*")
_SDK = re.compile(r"azureml[-_.][\w.-]+(\[[^\]]*\])?", re.IGNORECASE)
# On a package index this is not SDK v1, whose modules it would replace.
_CLASSIC = "azureml"
_CLASSIC_FILE = re.compile(r"/azureml-\d[^/]*\.(?:whl|zip|tar\.gz)(?:[?#]|$)")
_OPTION_OF_LINE = re.compile(r"\s(?:--(?!hash\b)[a-z-]+(?:[= ]\S+)?|-[a-zA-Z](?:\s\S+)?(?=\s|$))")
# Options for package indexes, which apply to the whole list wherever they are.
_SOURCES = frozenset(["--index-url", "--extra-index-url", "--find-links"])
# Folders in which conda's packages, and those of macOS's Python, were built: `pip freeze` names them.
_CONDA_BUILD = re.compile(
    r"/croot/|/feedstock_root/|/conda-bld/|/perseverance-python|abs_[0-9a-z]+|/tmp/build/|/ci_(?:\d|py)|/recipes/ci|"
    r"///[A-Za-z]:/(?:ci|bld|b)/|/concourse/worker/|/AppleInternal/"
)
_WHEEL = re.compile(r"/[^/]+-(\d[^-/]*)-[^/]*\.whl$")


class Vcs(NamedTuple):
    """A repository's address as pip writes it: `git+https://…@tag`, the name and the folder inside."""

    address: str
    name: str
    folder: str


def add_pip_line(requirements: Requirements, line: str) -> None:
    """Add a package or an option to the requirements, or a warning that says what is left out. Raises BuildFailed."""
    line = " ".join(re.sub(r"(^|\s)#.*", "", line).split())
    if not line:
        return
    if line.startswith("-"):
        _add_option(requirements, line)
    elif _is_path(line):
        requirements.warnings.append(f"{line!r} is a path on another machine and is left out.")
    elif re.match(r"(?:git|hg|svn|bzr)\+", line):
        _add_vcs(requirements, line)
    elif "://" in line.split(" ")[0]:
        if _CLASSIC_FILE.search(line):
            warn_of_classic(requirements, line)
        else:
            requirements.lines.append(line)
    else:
        _add_requirement(requirements, line)


def _add_option(requirements: Requirements, line: str) -> None:
    name, value = _split_option(line)
    if name in ("--index-url", "--extra-index-url") and value:
        indexes = requirements.indexes if name == "--extra-index-url" else requirements.default_indexes
        indexes.append(value)
    elif name == "--find-links" and ("://" in value or (os.path.isabs(value) and os.path.exists(value))):
        requirements.find_links.append(value)
    elif name == "--pre":
        requirements.options += ["--prerelease", "allow"]
    elif name in _OPTIONS_WITH_VALUE and value:
        requirements.options += [_OPTIONS_WITH_VALUE[name], value]
    elif name == "--editable" and re.match(r"(?:git|hg|svn|bzr)\+(?!file:)|git@", value):
        _add_vcs(requirements, value)
    elif name == "--constraint" and is_requirement(value):
        requirements.constraints.append(value)
    elif name in ("--requirement", "--constraint", "--editable", "--find-links") and value:
        what = "file" if name in ("--requirement", "--constraint") else "folder"
        where = "at an address, which is not read," if value.startswith("http") else "on another machine"
        requirements.warnings.append(f"{line!r} names a {what} {where} and is left out.")
    else:
        requirements.warnings.append(f"{line!r}: this option is not supported and is left out.")


def _split_option(line: str) -> Tuple[str, str]:
    """`-ifoo`, `-i foo`, `--index-url=foo` and `--index-url foo` as the long name and the value."""
    match = re.match(r"(--[\w-]+|-\w)\s*=?\s*(.*)", line)
    if match is None:
        return line, ""
    return _LONG_NAMES.get(match[1], match[1]), match[2].strip().strip("'\"")


def _is_path(line: str) -> bool:
    return bool(re.match(r"\.{0,2}[/\\]|\.{1,2}(\[|$)|~|[A-Za-z]:[/\\]|(git\+)?file:|[\w.-]+/[^\s:;@]*$", line)) or (
        line.endswith((".whl", ".tar.gz", ".zip")) and "://" not in line and "@" not in line
    )


def _add_vcs(requirements: Requirements, address: str) -> None:
    requirement = _vcs_requirement(address)
    if is_classic(requirement.split(" @ ")[0]):
        warn_of_classic(requirements, address)
    else:
        requirements.lines.append(requirement)


def _vcs_requirement(address: str) -> str:
    vcs = read_vcs(address)
    if not vcs.address.startswith("git+"):
        raise BuildFailed(f"{address!r} cannot be installed: only git repositories are supported (git+https://…).")
    target = vcs.address + (f"#subdirectory={vcs.folder}" if vcs.folder else "")
    return f"{vcs.name} @ {target}" if vcs.name else target


def read_vcs(address: str) -> Vcs:
    """`git+https://host/x.git@tag#egg=name[extra]&subdirectory=folder` and `git@host:x.git` in their parts."""
    address, _, fragment = address.strip().partition("#")
    address = re.sub(r"^(?:git\+)?git@([\w.-]+):", r"git+ssh://git@\1/", address)
    parts = dict(part.split("=", 1) for part in fragment.split("&") if "=" in part)
    egg = re.match(r"[A-Za-z0-9][\w.]*(?:-[A-Za-z_][\w.]*)*(?:\[[^\]]*\])?", parts.get("egg", ""))
    return Vcs(address, egg.group() if egg else "", parts.get("subdirectory", ""))


def _add_requirement(requirements: Requirements, line: str) -> None:
    for option in _OPTION_OF_LINE.findall(line):
        if _split_option(option.strip())[0] in _SOURCES:
            _add_option(requirements, option.strip())
        else:
            requirements.warnings.append(f"{line!r}: the option {option.strip()} is not supported and is left out.")
    line = _STAR.sub(r"\1\2", _OPTION_OF_LINE.sub("", line)).rstrip("; ")
    plain = line.split(" --hash", 1)[0].strip()
    problem = find_problem(plain)
    if problem:
        raise BuildFailed(f"{line!r} under `pip:` cannot be read: {problem}")
    if re.fullmatch(r"pkg[-_]resources==0\.0\.0", plain):
        requirements.warnings.append(
            f"{plain!r} is left out: Debian's `pip freeze` writes it, and no package index has it."
        )
        return
    match = _REQUIREMENT.fullmatch(plain)
    assert match is not None
    if is_classic(match["name"]):
        warn_of_classic(requirements, plain)
        return
    if normalize_name(match["name"]) in PARTS_OF_PYTHON:
        requirements.warnings.append(f"{plain!r} is left out: it is a part of Python.")
        return
    if is_sdk_v1(plain) and plain != line:
        requirements.warnings.append(
            f"{plain!r}: its hashes are left out, because {match['name']} is the studio's own."
        )
        line = plain
    url = match["url"] or ""
    if re.match(r"(git\+)?file:|[/\\.~]|[A-Za-z]:[/\\]", url):
        _add_local(requirements, match["name"], url, line)
    else:
        requirements.lines.append(line)


def _add_local(requirements: Requirements, name: str, url: str, line: str) -> None:
    if _CONDA_BUILD.search(url) and is_known_distribution(name):
        wheel = _WHEEL.search(url)
        found = f"{name}=={wheel[1]}" if wheel else name
        requirements.warnings.append(
            f"{line!r} is a path on the machine where it was built; {found} comes from the package index"
            f"{'' if wheel else ' in any version'}."
        )
        requirements.lines.append(found)
    else:
        requirements.warnings.append(f"{line!r} is a path on another machine and is left out.")


def is_requirement(text: str) -> bool:
    """Whether it is a package with bounds, not a file."""
    return bool(re.search(r"[<>=]", text)) and "/" not in text and "\\" not in text and not find_problem(text)


def find_problem(line: str) -> str:
    """Find a problem of a requirement; "" if there is none."""
    match = _REQUIREMENT.fullmatch(line)
    if match is None:
        return "write a package as name, name==1.2, name>=1,<2 or name @ https://…"
    bounds = (match["version"] or "").strip().strip("()")
    of_conda = re.match(r"=\s*(\d[^=,\s]*)", bounds)
    if of_conda:
        # `conda list --export` writes name=version=build.
        return f"one = is conda's; write {match['name']}=={of_conda[1]}."
    wrong: List[str] = [bound.strip() for bound in bounds.split(",") if bound.strip() and not _is_bound(bound)]
    if wrong:
        return f"{wrong[0]!r} is not a version bound, such as >=1.2."
    marker = match["marker"] or ""
    if marker and not (re.search(r"[<>=]|\bin\b", marker) and re.search(r"['\"]", marker)):
        return f"{marker!r} is not a marker, such as ; python_version < '3.9'."
    return ""


def _is_bound(text: str) -> bool:
    match = _BOUND.fullmatch(text)
    if match is None or match["operator"] == "===":
        return match is not None
    version = match["version"]
    return is_version(version[:-2] if version.endswith(".*") and match["operator"] in ("==", "!=") else version)


def is_sdk_v1(line: str) -> bool:
    """Whether the line names a package of SDK v1, which lazuli-sdk replaces."""
    return bool(_SDK.match(line))


def is_classic(name: str) -> bool:
    """Whether a package index has a package of the retired Machine Learning Studio (classic) by this name."""
    return normalize_name(name.partition("[")[0]) == _CLASSIC


def warn_of_classic(requirements: Requirements, line: str) -> None:
    requirements.warnings.append(
        f"{line!r} is left out: the package azureml is not SDK v1, but the client of Machine Learning Studio (classic); "
        "write azureml-core instead."
    )
