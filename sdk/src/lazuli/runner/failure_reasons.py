"""Why a script failed, as a message that helps to mend it."""

from __future__ import annotations

import os
import re
import signal
from typing import Any, Dict, List, Optional, Tuple

from lazuli.runner.module_packages import describe_standard_module, find_package

TAIL_BYTES = 32 * 1024
TAIL_LINES = 40
MESSAGE_LENGTH = 2000
LINE_LENGTH = 500
# Files of the snapshot among which a module of the user's own is looked for.
MAX_SEARCHED = 5000
_MISSING_MODULE = re.compile(r"ModuleNotFoundError: No module named '([^']+)'")
_NOT_PERMITTED = re.compile(r"PermissionError: .*: '(/[^']*)'")
_TRACEBACK = "Traceback (most recent call last)"
# A traceback of several exceptions at once: its lines have a margin.
_GROUP = re.compile(r"^\s*\+ Exception Group Traceback \(most recent call last\)")
_MARGIN = re.compile(r"^\s*\|\s")
_SYNTAX_ERROR = re.compile(r"^(?:SyntaxError|IndentationError|TabError): ")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def describe_failure(
    status: int, log_path: str, environment_name: str, folder: str = "", is_isolated: bool = False
) -> Dict[str, Any]:
    """The error (`code`, `message`, `details`) of a run whose process ended with `status` (negative: by a signal).

    `folder` is where the snapshot was unpacked; `is_isolated` says whether the node kept the script from other files.
    """
    lines = read_log_tail(log_path)
    ending = _describe_signal(-status) if status < 0 else f"The script ended with exit code {status}"
    error, last = find_last_error(lines), find_last_line(lines)
    message = f"{ending}: {error}" if error else f"{ending}."
    if status == 1 and last and not error:
        # What sys.exit("text") prints.
        message = f"{ending}: {last}"
    elif status > 0 and last and last not in (error or ""):
        message += f" (The log ends with: {last})"
    missing_module = _MISSING_MODULE.search(error or "")
    if missing_module:
        message += ". " + suggest_package(missing_module.group(1), environment_name, folder)
    elif is_isolated and _NOT_PERMITTED.search(error or ""):
        message += (
            " On a node, a script writes only to its own folder and to the folders for temporary files, and opens none of "
            "the studio's files. Who administers the node opens other folders to scripts by NODE_WRITABLE."
        )
    elif status == 127:
        message += " This exit code means that the command was not found."
    return {"code": "UserError", "message": message[:MESSAGE_LENGTH], "details": "\n".join(lines[-TAIL_LINES:])}


def suggest_package(module: str, environment_name: str, folder: str = "") -> str:
    """What to do about a module that was not found."""
    top = module.split(".")[0]
    if top == "azureml":
        return (
            f"{module!r} is a module of SDK v1 that this version of Lazuli Studio does not have; no package of an index "
            "brings it."
        )
    found = _find_in_folder(top, folder)
    if found:
        return (
            f"The snapshot has {found!r}, which is not on Python's path: start the script from the folder that has it, or "
            "add the folder to sys.path or PYTHONPATH."
        )
    standard = describe_standard_module(top)
    if standard:
        return standard
    package = find_package(module)
    if package is None:
        return (
            f"If {top!r} is a module of your own, it is missing from the snapshot: put it into the source directory, and "
            f"see that .amlignore does not leave it out. If it is a package, add it by the name that its project gives for "
            f"pip to the environment {environment_name!r}."
        )
    return (
        f"Add the package {package!r} to the environment {environment_name!r}, for example with "
        f'environment.python.conda_dependencies.add_pip_package("{package}"), and submit again.'
    )


def _find_in_folder(name: str, folder: str) -> Optional[str]:
    """The path, relative to the snapshot, of a module of this name, or of a folder with Python files."""
    searched = 0
    for path, folders, files in os.walk(folder) if folder else []:
        searched += len(files) + 1
        if searched > MAX_SEARCHED:
            return None
        if f"{name}.py" in files:
            return os.path.relpath(os.path.join(path, f"{name}.py"), folder)
        if name in folders and any(file.endswith(".py") for file in os.listdir(os.path.join(path, name))):
            return os.path.relpath(os.path.join(path, name), folder)
    return None


def _describe_signal(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"number {number}"
    why = " (often because the machine ran out of memory)" if name == "SIGKILL" else ""
    return f"The script was ended by the signal {name}{why}"


def find_last_error(lines: List[str]) -> Optional[str]:
    """The last exception: the line below its traceback, or a SyntaxError, which has none."""
    found: Tuple[int, Optional[str]] = (-1, None)
    for number in range(len(lines) - 1, -1, -1):
        if lines[number].startswith(_TRACEBACK):
            found = (number, _first_line_of_error(lines[number + 1 :]))
            break
        if _GROUP.match(lines[number]):
            found = (number, _first_line_of_error([_MARGIN.sub("", line) for line in lines[number + 1 :]]))
            break
    for line in lines[found[0] + 1 :]:
        if _SYNTAX_ERROR.match(line):
            return line.strip()[:LINE_LENGTH]
    return found[1]


def _first_line_of_error(lines: List[str]) -> Optional[str]:
    """The frames of a traceback are indented; the first line that is not says what was raised."""
    return next((line.strip()[:LINE_LENGTH] for line in lines if line.strip() and not line[0].isspace()), None)


def find_last_line(lines: List[str]) -> Optional[str]:
    """Not one of dashes."""
    return next((line.strip()[:LINE_LENGTH] for line in reversed(lines) if re.search(r"\w", line)), None)


def read_log_tail(path: str) -> List[str]:
    if not os.path.exists(path):
        return []
    with open(path, "rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - TAIL_BYTES))
        return [_COLOUR.sub("", line) for line in file.read().decode(errors="replace").splitlines()]
