"""The reason of a failed script, as a message that helps to fix it."""

from __future__ import annotations

import json
import os
import re
import signal
from typing import Any, Dict, List, Optional, Tuple

from lazuli.runner.exit_texts import find_exit_text
from lazuli.runner.module_packages import describe_standard_module, find_package
from lazuli.runner.script_process import MAX_OPEN_FILES

# A long message, or what is printed after it, must not hide a traceback.
TAIL_BYTES = 1024 * 1024
TAIL_LINES = 40
MESSAGE_LENGTH = 2000
LINE_LENGTH = 500
# Files of the snapshot among which a module of the user's own is looked for.
MAX_SEARCHED = 5000
_MISSING_MODULE = re.compile(r"ModuleNotFoundError: No module named '([^']+)'")
_NOT_PERMITTED = re.compile(r"PermissionError: .*: '(/[^']*)'")
# Everything outside the folders of its work, in a container.
_READ_ONLY = re.compile(r"OSError: \[Errno 30\] Read-only file system: '(/[^']*)'")
_OPEN_FILES = "Too many open files"
_TRACEBACK = "Traceback (most recent call last)"
# A traceback of several exceptions at once: its lines have a margin.
_GROUP = re.compile(r"^\s*\+ Exception Group Traceback \(most recent call last\)")
_MARGIN = re.compile(r"^\s*\|\s")
# Above the traceback of an error that ended nothing, such as one in __del__ or in a function of atexit.
_WITHOUT_EFFECT = re.compile(r"Exception ignored |Error in atexit\.")
# What a frame of a traceback shows of the line that imports.
_IMPORT = re.compile(r"^\s+(?:from ([\w.]+) import (\w+)|import ([\w.]+))")
_SYNTAX_ERROR = re.compile(r"^(?:SyntaxError|IndentationError|TabError): ")
# The text of SDK v1's exceptions: their message in a line of its own, and the server's answer as JSON at the end.
_SDK_MESSAGE, _SDK_AFTER, _SDK_RESPONSE = "\tMessage: ", "\tInnerException ", "\tErrorResponse"
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
    message = _combine(status, ending, error, last, find_exit_text(lines, _find_effective(lines), folder))
    missing_module = _MISSING_MODULE.search(error or "")
    if missing_module:
        module = missing_module.group(1)
        message += ". " + suggest_package(module, environment_name, folder, find_import(lines, module))
    elif is_isolated and _NOT_PERMITTED.search(error or ""):
        message += (
            " On a node, a script writes only to its own folder and to the folders for temporary files, and cannot "
            "open the studio's files. The administrator of the node can allow other folders with NODE_WRITABLE."
        )
    elif is_isolated and _READ_ONLY.search(error or ""):
        message += (
            " In a container, a script writes only to its own folder, its home, /tmp and /var/tmp. The administrator of the "
            "node can allow other folders with NODE_WRITABLE, and a Dockerfile can change the image."
        )
    elif _OPEN_FILES in (error or ""):
        message += (
            f" Close files after use, or let the script raise its limit, to at most {MAX_OPEN_FILES:,}: "
            f"`import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({MAX_OPEN_FILES}, {MAX_OPEN_FILES}))`."
        )
    elif status == 127:
        message += " This exit code means that the command was not found."
    return {"code": "UserError", "message": message[:MESSAGE_LENGTH], "details": "\n".join(lines[-TAIL_LINES:])}


def _combine(status: int, ending: str, error: Optional[str], last: Optional[str], text: Optional[str]) -> str:
    # An exception that ends Python, or sys.exit("text"), gives 1: with another status, the exception was caught.
    reason = (text or error or last) if status == 1 else error if status < 0 else None
    message = f"{ending}: {reason}" if reason else f"{ending}."
    if error and error not in message:
        message += f" (The last exception in the log: {error})"
    if status > 0 and last and last not in message:
        message += f" (The log ends with: {last})"
    return message


def suggest_package(module: str, environment_name: str, folder: str = "", imported: str = "") -> str:
    """Suggest a fix for a module that was not found; `imported` is the full name in the import, if it is known."""
    top = module.split(".")[0]
    if top == "azureml":
        return (
            f"{module!r} is a module of SDK v1 that this version of Lazuli Studio does not have; no package of an "
            "index contains it."
        )
    found = _find_in_folder(module, folder)
    if found:
        return (
            f"The snapshot has {found!r}, which is not on Python's path: start the script from the folder that has it, or "
            "add the folder to sys.path or PYTHONPATH."
        )
    standard = describe_standard_module(top)
    if standard:
        return standard
    package = find_package(imported or module)
    # Python names a module below another only if it found the other.
    if module != top and (package is None or package == find_package(top)):
        return _describe_submodule(module, package, folder)
    if package is None:
        return (
            f"If {top!r} is a module of your own, it is missing from the snapshot: put it into the source "
            "directory, and check that .amlignore does not exclude it. If it is a package, add it with its pip "
            f"name to the environment {environment_name!r}."
        )
    return (
        f"Add the package {package!r} to the environment {environment_name!r}, for example with "
        f'environment.python.conda_dependencies.add_pip_package("{package}"), and submit again.'
    )


def _describe_submodule(module: str, package: Optional[str], folder: str) -> str:
    above = module.rpartition(".")[0]
    own = _find_in_folder(module.split(".")[0], folder)
    if package and own:
        return f"The snapshot's {own!r} hides the package {package!r}, which has the same name: rename it."
    if package:
        return (
            f"The installed version of {package!r} has no module {module!r}: change the import, or choose a version of the "
            "package that has it."
        )
    where = f" (in the snapshot: {own!r})" if own else ""
    return (
        f"{above!r} was found{where}, but it has no module {module!r}: if it is one of your own, it is missing "
        "from the snapshot; check that .amlignore does not exclude it."
    )


def find_import(lines: List[str], module: str) -> str:
    """The full name in the last import of a module or submodule: `google.cloud.storage`; "" if none is in the log."""
    for line in reversed(lines):
        match = _IMPORT.match(line)
        if match:
            wanted = match[3] or f"{match[1]}.{match[2]}"
            if wanted.startswith(f"{module}."):
                return wanted
    return ""


def _find_in_folder(module: str, folder: str) -> Optional[str]:
    """The path, relative to the snapshot, of a module, or of a folder with Python files that it names."""
    searched, inside = 0, module.replace(".", os.sep)
    for path, _, files in os.walk(folder) if folder else []:
        searched += len(files) + 1
        if searched > MAX_SEARCHED:
            return None
        found = os.path.join(path, inside)
        if os.path.isfile(f"{found}.py"):
            return os.path.relpath(f"{found}.py", folder)
        if os.path.isdir(found) and any(file.endswith(".py") for file in os.listdir(found)):
            return os.path.relpath(found, folder)
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
    start, found = _find_traceback(lines)
    for line in lines[start + 1 :]:
        if _SYNTAX_ERROR.match(line):
            return line.strip()[:LINE_LENGTH]
    return found


def _find_traceback(lines: List[str]) -> Tuple[int, Optional[str]]:
    """The start of the last traceback, and its exception; ignored exceptions only count if there is no other."""
    without_effect: Tuple[int, Optional[str]] = (-1, None)
    for number in range(len(lines) - 1, -1, -1):
        if _GROUP.match(lines[number]):
            return number, _first_line_of_error([_MARGIN.sub("", line) for line in lines[number + 1 :]])
        if lines[number].startswith(_TRACEBACK):
            found = (number, _first_line_of_error(lines[number + 1 :]))
            if number == 0 or not _WITHOUT_EFFECT.match(lines[number - 1]):
                return found
            if without_effect[1] is None:
                without_effect = found
    return without_effect


def _find_effective(lines: List[str]) -> int:
    """Where the last traceback of an error that may have ended the script begins, or -1."""
    start = _find_traceback(lines)[0]
    return -1 if start > 0 and _WITHOUT_EFFECT.match(lines[start - 1]) else start


def _first_line_of_error(lines: List[str]) -> Optional[str]:
    """The frames of a traceback are indented; the first line that is not says what was raised."""
    found = next((number for number, line in enumerate(lines) if line.strip() and not line[0].isspace()), None)
    if found is None:
        return None
    if lines[found + 1 : found + 2] and lines[found + 1].startswith(_SDK_MESSAGE):
        return _read_sdk_error(lines[found:])
    return lines[found].strip()[:LINE_LENGTH]


def _read_sdk_error(lines: List[str]) -> str:
    """`azureml.exceptions.UserErrorException: UserErrorException:` and the message in the lines below it, as one line."""
    end = next((number for number, line in enumerate(lines) if line.startswith(_SDK_AFTER)), 2)
    message = " ".join(" ".join(lines[1:end]).split())[len(_SDK_MESSAGE.strip()) :]
    return (lines[0].split(":")[0] + ":" + message)[:LINE_LENGTH]


def find_last_line(lines: List[str]) -> Optional[str]:
    """The last line that does not consist of dashes; none if the log ends with the text of one of SDK v1's exceptions."""
    if _ends_with_response(lines):
        return None
    return next((line.strip()[:LINE_LENGTH] for line in reversed(lines) if re.search(r"\w", line)), None)


def _ends_with_response(lines: List[str]) -> bool:
    start = max((number for number, line in enumerate(lines) if line.rstrip() == _SDK_RESPONSE), default=None)
    try:
        return start is not None and isinstance(json.loads("\n".join(lines[start + 1 :])), dict)
    except ValueError:
        return False


def read_log_tail(path: str) -> List[str]:
    if not os.path.exists(path):
        return []
    with open(path, "rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - TAIL_BYTES))
        return [_COLOUR.sub("", line) for line in file.read().decode(errors="replace").splitlines()]
