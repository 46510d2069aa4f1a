"""Why an environment could not be built, in a sentence: which line, why, and what would work."""

from __future__ import annotations

import dataclasses
import re
from typing import Callable, Dict, List, Optional, Tuple

from lazuli.environments.conda_names import normalize_name
from lazuli.environments.requirements import read_name

# The newest version of a package that fits, as a wheel; the oldest one if `oldest` is true; "" if there is none.
FindVersion = Callable[[str, bool], str]

MAX_LENGTH = 1_500
_PIN = r"([A-Za-z0-9][\w.-]*)==([\w.!+-]+)"
_NOT_BUILT = re.compile(rf"(?:Failed to (?:download and )?build|Failed to prepare) `{_PIN}`")
_NO_WHEEL = re.compile(rf"{_PIN} has no (?:usable wheels|wheels with a matching ([^,]*?)(?: \(e\.g\.| and|,))")
_NO_NAME = re.compile(r"([A-Za-z0-9][\w.-]*) was not found in the (?:package registry|provided package locations)")
_NO_VERSION = re.compile(r"there (?:is|are) no versions? of ([A-Za-z0-9][\w.-]*?)((?:[<>=!~]=?|===)[^\s{,]*)? and")
_ONLY_VERSIONS = re.compile(
    r"only (?:the following versions of )?([A-Za-z0-9][\w.-]*?)([<>=!~]\S*)? (?:are|is) available"
)
_OTHER_PYTHON = re.compile(rf"{_PIN} depends on Python([<>=!~][^\s]*?),? (?:and|we)")
_NEEDS = re.compile(rf"{_PIN} depends on ([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?(?:\{{[^}}]*\}})?([<>=!~][^\s]*)?,? and ")
_REQUIRED = re.compile(r"you require ([A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?(?:[<>=!~][^\s]*)?)(?= and|,| we|\.|$)")
_FETCH = re.compile(r"[Ff]ailed to fetch: `?([^\s`]+)`?")
_GIT = re.compile(r"(?:failed to clone|failed to fetch|Git operation failed)")
_HASH = re.compile(r"Hash mismatch for `([^`]+)`")
_INCLUDED = re.compile(r"`([A-Za-z0-9][\w.-]*)` \(v([^)]+)\) was included because `([^`]+)`")
# Packages that were renamed.
SUCCESSORS = {
    "fbprophet": "prophet is its successor (from 1.0 on, imported as prophet)",
    "sklearn": "scikit-learn is the package of the module sklearn",
    "pystan": "cmdstanpy and pystan 3 are its successors",
    "tensorflow-gpu": "tensorflow is its successor",
    "pil": "pillow is its successor",
    "python": "the version of Python is a line of conda, such as python=3.8, not one of pip",
    "bs4": "beautifulsoup4 is the package of the module bs4",
}


@dataclasses.dataclass
class Context:
    """The data for explaining a failure."""

    # The lines that the file gave, and conda's text of those that were conda packages.
    lines: List[str]
    conda_lines: Dict[str, str]
    python: str
    # The version that the file asks for, if the machine has none like it.
    wished_python: str
    find_version: FindVersion

    def find_line(self, name: str) -> str:
        """The line that names a package; "" if none does."""
        found = [line for line in self.lines if read_name(line) == normalize_name(name)]
        return found[0].split(" --hash")[0] if found else ""


def find_failing_package(output: List[str]) -> Tuple[str, bool]:
    """The name of the package because of which uv failed, and whether no index has one of that name; "" if unknown."""
    text = _join_lines(output)
    match = _NO_NAME.search(text)
    if match:
        return match[1], True
    found = [pattern.search(text) for pattern in (_NOT_BUILT, _NO_WHEEL, _OTHER_PYTHON, _NO_VERSION, _ONLY_VERSIONS)]
    return next((each[1] for each in found if each), ""), False


def explain_failure(output: List[str], context: Context) -> str:
    """A sentence if the reason is a known one, then uv's own words without its hints."""
    text = _join_lines(output)
    explanations = (
        _explain_build,
        _explain_name,
        _explain_python,
        _explain_version,
        _explain_conflict,
        _explain_network,
    )
    sentence = next((found for explain in explanations for found in [explain(text, context)] if found), "")
    return (
        " ".join(part for part in (sentence, _summarize_output(output)) if part)[:MAX_LENGTH]
        or "uv failed without a message"
    )


def _join_lines(output: List[str]) -> str:
    # uv breaks a sentence over lines.
    return re.sub(r"\s+", " ", " ".join(output))


def _explain_build(text: str, context: Context) -> str:
    match = _NOT_BUILT.search(text) or _NO_WHEEL.search(text)
    if match is None:
        return ""
    name, version = match[1], match[2]
    fits = context.find_version(f"{name}>={version}", True)
    pin = f"{name}=={version}"
    if fits == version:
        return f"{pin} could not be built{_say_origin(pin, text, context)}."
    built = ", and its source could not be built" if _NOT_BUILT.search(text) else ""
    why = f"{pin}{_say_origin(pin, text, context)} has no wheel for Python {context.python}{built}{_say_wish(context)}"
    return f"{why}; {_say_what_fits(name, version, fits, context)}."


def _say_origin(pin: str, text: str, context: Context) -> str:
    """`, which shap needs,` for a version that the file does not name."""
    name = pin.partition("==")[0]
    line = context.find_line(name)
    if line:
        return "" if "==" in line else f", which the other lines leave for {line!r},"
    parents = [match[3] for match in _INCLUDED.finditer(text) if normalize_name(match[1]) == normalize_name(name)]
    return f", which {parents[0]} needs," if parents else ", which another package needs,"


def _say_wish(context: Context) -> str:
    if not context.wished_python:
        return ""
    return f"; the file asks for {context.wished_python}, which is not on this machine"


def _say_what_fits(name: str, version: str, fits: str, context: Context) -> str:
    """A suggested replacement."""
    if normalize_name(name) in SUCCESSORS:
        return SUCCESSORS[normalize_name(name)]
    if fits:
        return f"{fits} is the first that fits"
    older = context.find_version(f"{name}<{version}", False)
    return f"{older} is the newest that fits" if older else "no other version fits either"


def _explain_name(text: str, context: Context) -> str:
    match = _NO_NAME.search(text)
    if match is None:
        return ""
    line = context.find_line(match[1])
    named = f" (the line {line!r})" if line and line != match[1] else ""
    needed = "" if line else ", which another package needs"
    successor = SUCCESSORS.get(normalize_name(match[1]), "")
    return f"No package index has a package {match[1]}{needed}{named}{'; ' + successor if successor else ''}."


def _explain_python(text: str, context: Context) -> str:
    match = _OTHER_PYTHON.search(text)
    if match is None:
        return ""
    name, version, needed = match[1], match[2], match[3].rstrip(",")
    fits = context.find_version(f"{name}<{version}", False) or context.find_version(f"{name}>{version}", True)
    what = f"{fits} is a version that fits" if fits else "no version of it fits"
    where = _say_origin(f"{name}=={version}", text, context)
    return f"{name}=={version}{where} needs Python {needed}, and this environment has {context.python}{_say_wish(context)}; {what}."


def _explain_version(text: str, context: Context) -> str:
    match = _NO_VERSION.search(text) or _ONLY_VERSIONS.search(text)
    if match is None:
        return ""
    name = match[1]
    line = context.find_line(name) or f"{name}{match[2] or ''}"
    conda = context.conda_lines.get(line, "")
    named = f" (of the conda package {conda!r})" if conda and conda != line else ""
    newest = context.find_version(name, False)
    successor = SUCCESSORS.get(normalize_name(name), "")
    what = successor or (
        f"the newest for Python {context.python} is {newest}" if newest else "it has no version that fits"
    )
    return f"No package index has such a version: {line}{named}; {what}."


def _explain_conflict(text: str, context: Context) -> str:
    required = list(dict.fromkeys(match[1] for match in _REQUIRED.finditer(text)))
    needs = _NEEDS.search(text)
    if not required or needs is None:
        return _explain_two_lines(required, context)
    lines = [context.find_line(re.split(r"[\[<>=!~]", each, maxsplit=1)[0]) or each for each in required]
    lines = list(dict.fromkeys(lines))
    together = (
        f"{' and '.join(lines[:4])} cannot be installed together"
        if len(lines) > 1
        else f"{lines[0]} cannot be installed"
    )
    return f"{together}: {needs[1]}=={needs[2]} needs {needs[3]}{(needs[4] or '').rstrip(',')}."


def _explain_two_lines(required: List[str], context: Context) -> str:
    """Two lines of one package that exclude each other."""
    names = {read_name(each) for each in required}
    lines = [line for line in context.lines if read_name(line) in names]
    if len(names) != 1 or len(lines) < 2:
        return ""
    return f"{' and '.join(lines[:4])} cannot be installed together: keep one of these lines."


def _explain_network(text: str, context: Context) -> str:
    mismatch = _HASH.search(text)
    if mismatch:
        return f"The file of {mismatch[1]} does not have the hash in the line."
    if _GIT.search(text):
        address = re.search(r"'?((?:https?|ssh|git|file)://[^\s'`]+)'?", text)
        reason = re.search(r"(?:fatal|ERROR): (.+?)(?: hint:|$)", text)
        where = address[1] if address else "the repository"
        return f"git could not fetch {where}{': ' + reason[1][:200] if reason else ''}."
    match = _FETCH.search(text)
    if match is None:
        return ""
    status = re.search(r"HTTP status (?:client|server) error \(([^)]+)\)", text)
    reason = status or re.search(r"cause: ([^:]+?)(?: \(os error \d+\))?$", text)
    return f"{match[1]} cannot be fetched{': ' + reason[1].strip() if reason else ''}."


def _summarize_output(output: List[str]) -> str:
    """uv's own words: from its error on, the end of a long one; without hints, which name options of uv."""
    starts = [number for number, line in enumerate(output) if line.startswith(("error:", "  ×", "×", "  x "))]
    lines = output[starts[-1] :] if starts else output
    hint = next((number for number, line in enumerate(lines) if re.match(r"[ ╰─▶├│]*hint:", line)), len(lines))
    lines = [re.sub(r"^(?:error:|cause:|[ ×╰─▶├│x]+(?=\s))\s*", "", line.strip()) for line in lines[:hint]]
    kept = [line for line in lines if line and not re.search(r"(?:^|[\s`])--[a-z]", line)]
    return " ".join([*kept[:2], "…", *kept[-6:]] if len(kept) > 12 else kept)


def choose_first(found: Optional[Dict[str, str]]) -> str:
    return next(iter(found.values()), "") if found else ""
