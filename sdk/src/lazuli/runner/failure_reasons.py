"""Why a script failed, as a message that helps to mend it."""

from __future__ import annotations

import os
import re
import signal
from typing import Any, Dict, List, Optional

TAIL_BYTES = 32 * 1024
TAIL_LINES = 40
MESSAGE_LENGTH = 2000
_MISSING_MODULE = re.compile(r"ModuleNotFoundError: No module named '([^']+)'")
# The last line of a traceback: the name of the error, with its module, and its message.
_ERROR_LINE = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Warning|[A-Z]\w*)(?::\s.*)?$")
PACKAGES = {
    "sklearn": "scikit-learn",
    "cv2": "opencv-python",
    "PIL": "pillow",
    "yaml": "pyyaml",
    "bs4": "beautifulsoup4",
    "skimage": "scikit-image",
    "dateutil": "python-dateutil",
    "Crypto": "pycryptodome",
    "google.protobuf": "protobuf",
    "dotenv": "python-dotenv",
    "git": "gitpython",
}


def describe_failure(status: int, log_path: str, environment_name: str) -> Dict[str, Any]:
    """The error (`code`, `message`, `details`) of a run whose process ended with `status` (negative: by a signal)."""
    lines = read_log_tail(log_path)
    ending = _describe_signal(-status) if status < 0 else f"The script ended with exit code {status}"
    error = find_last_error(lines)
    message = f"{ending}: {error}" if error else f"{ending}."
    missing_module = _MISSING_MODULE.search(error or "")
    if missing_module:
        message += " " + suggest_package(missing_module.group(1), environment_name)
    elif status == 127 and not error:
        message += " This exit code means that the command was not found."
    return {"code": "UserError", "message": message[:MESSAGE_LENGTH], "details": "\n".join(lines)}


def suggest_package(module: str, environment_name: str) -> str:
    package = PACKAGES.get(module) or PACKAGES.get(module.split(".")[0]) or module.split(".")[0]
    return (
        f"Add the package {package!r} to the environment {environment_name!r}, for example with "
        f'environment.python.conda_dependencies.add_pip_package("{package}"), and submit again.'
    )


def _describe_signal(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"number {number}"
    why = " (often because the machine ran out of memory)" if name == "SIGKILL" else ""
    return f"The script was ended by the signal {name}{why}"


def find_last_error(lines: List[str]) -> Optional[str]:
    """The last line of the last traceback."""
    starts = [number for number, line in enumerate(lines) if line.startswith("Traceback (most recent call last)")]
    if not starts:
        return None
    for line in lines[starts[-1] + 1 :]:
        if _ERROR_LINE.match(line):
            return line.strip()
    return None


def read_log_tail(path: str, count: int = TAIL_LINES) -> List[str]:
    if not os.path.exists(path):
        return []
    with open(path, "rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - TAIL_BYTES))
        return file.read().decode(errors="replace").splitlines()[-count:]
