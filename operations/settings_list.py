"""The settings of this process: each with its value and source."""

import re

from studio import env

SECRET = re.compile(r"KEY|SECRET|PASSWORD|PASSPHRASE|TOKEN")
PASSWORD_IN_URL = re.compile(r"(?<=://)([^/@\s]*):([^/@\s]*)@")
MASK = "••••••"


def list_settings() -> list[dict]:
    """[{"name", "value", "source"}]: `source` is environment or default; a secret's value is masked."""
    return [
        {"name": name, "value": _show(name, read.value), "source": "environment" if read.is_given else "default"}
        for name, read in sorted(env.READ.items())
    ]


def _show(name: str, value) -> str:
    if value in (None, "", [], {}, ()):
        return ""
    if SECRET.search(name):
        return MASK
    if isinstance(value, dict):
        value = [f"{key}={number}" for key, number in value.items()]
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return PASSWORD_IN_URL.sub(rf"\1:{MASK}@", text)
