"""Why a script ended, in words that help."""

from __future__ import annotations

import os
import re
import signal
from typing import Any, Dict, List, Optional

TAIL_BYTES = 32 * 1024
TAIL_LINES = 40
MESSAGE_LENGTH = 2000
_MISSING = re.compile(r"ModuleNotFoundError: No module named '([^']+)'")
# The last line of a traceback: the error's name, with its module, and what it says.
_RAISED = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Warning|[A-Z]\w*)(?::\s.*)?$")
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


def of_script(status: int, log_path: str, environment_name: str) -> Dict[str, Any]:
    """The error of a run whose process ended with `status` (negative: by a signal)."""
    lines = tail(log_path)
    how = _by_signal(-status) if status < 0 else f"The script ended with exit code {status}"
    raised = last_error(lines)
    message = f"{how}: {raised}" if raised else f"{how}."
    missing = _MISSING.search(raised or "")
    if missing:
        message += " " + advice(missing.group(1), environment_name)
    elif status == 127 and not raised:
        message += " That means that the command was not found."
    return {"code": "UserError", "message": message[:MESSAGE_LENGTH], "details": "\n".join(lines)}


def advice(module: str, environment_name: str) -> str:
    package = PACKAGES.get(module) or PACKAGES.get(module.split(".")[0]) or module.split(".")[0]
    return (
        f"Add the package {package!r} to the environment {environment_name!r}, for instance with "
        f'environment.python.conda_dependencies.add_pip_package("{package}"), and submit again.'
    )


def _by_signal(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"number {number}"
    why = " (often: the machine ran out of memory)" if name == "SIGKILL" else ""
    return f"The script was ended by the signal {name}{why}"


def last_error(lines: List[str]) -> Optional[str]:
    """The last line of the last traceback."""
    starts = [number for number, line in enumerate(lines) if line.startswith("Traceback (most recent call last)")]
    if not starts:
        return None
    for line in lines[starts[-1] + 1 :]:
        if _RAISED.match(line):
            return line.strip()
    return None


def tail(path: str, count: int = TAIL_LINES) -> List[str]:
    if not os.path.exists(path):
        return []
    with open(path, "rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - TAIL_BYTES))
        return file.read().decode(errors="replace").splitlines()[-count:]
