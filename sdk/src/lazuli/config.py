"""The server and token of this user: from the environment, otherwise from the saved logins.

`LAZULI_URL` names the server and `LAZULI_TOKEN` the token. `lazuli login URL` saves both in the user's configuration
folder, in a file that only this user can read.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Optional, cast
from urllib.parse import urlsplit

from lazuli.errors import UserErrorException


def config_folder() -> Path:
    if sys.platform == "win32":
        base = os.environ.get("APPDATA") or str(Path.home() / "AppData" / "Roaming")
    else:
        base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "lazuli"


def logins_file() -> Path:
    return config_folder() / "logins.json"


def normalize_url(url: str) -> str:
    """The URL of a server as a key: with its scheme, and without a slash at the end. Raises UserErrorException."""
    text = url.strip()
    if "://" not in text:
        local = text.split(":")[0] in ("localhost", "127.0.0.1")
        text = ("http://" if local else "https://") + text
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserErrorException(f"{url!r} is not the URL of a server, such as http://localhost:8000.")
    return text.rstrip("/")


def server_url(fallback: Optional[str] = None) -> str:
    """The URL of the server: `LAZULI_URL`, else `fallback` (from a config.json), else that of the last login.

    Raises UserErrorException if there is none.
    """
    url = os.environ.get("LAZULI_URL") or fallback or os.environ.get("AZUREML_SERVICE_ENDPOINT")
    url = url or _read_logins().get("current")
    if not url:
        raise UserErrorException("No server is set. Set LAZULI_URL, or sign in with `lazuli login URL`.")
    return normalize_url(url)


def token_for(url: str) -> Optional[str]:
    """The token for this server, or None. A token is never sent to another server."""
    given = os.environ.get("LAZULI_TOKEN")
    named = os.environ.get("LAZULI_URL")
    if given and (not named or normalize_url(named) == url):
        return given
    login = _read_logins()["logins"].get(url)
    if login:
        return cast(str, login["token"])
    run_server = os.environ.get("AZUREML_SERVICE_ENDPOINT")
    if run_server and normalize_url(run_server) == url:
        return os.environ.get("AZUREML_RUN_TOKEN")
    return None


def find_login(url: str) -> Optional[Dict[str, Any]]:
    return cast(Optional[Dict[str, Any]], _read_logins()["logins"].get(url))


def default_subscription(url: str) -> Optional[str]:
    """The subscription to use when none is named: `AZURE_SUBSCRIPTION_ID`, else the one set with `account set`."""
    given = os.environ.get("AZURE_SUBSCRIPTION_ID")
    return given or cast(Optional[str], _read_logins().get("subscriptions", {}).get(url))


def set_default_subscription(url: str, subscription_id: str) -> None:
    logins = _read_logins()
    logins.setdefault("subscriptions", {})[url] = subscription_id
    _write_logins(logins)


def known_servers() -> List[str]:
    """The servers of the environment and of saved logins."""
    named = [os.environ.get("LAZULI_URL"), os.environ.get("AZUREML_SERVICE_ENDPOINT"), *_read_logins()["logins"]]
    return [normalize_url(url) for url in named if url]


def save_login(url: str, token: str, user: str) -> None:
    logins = _read_logins()
    logins["current"] = url
    logins["logins"][url] = {"token": token, "user": user}
    _write_logins(logins)


def delete_login(url: str) -> bool:
    """Remove the saved login of a server; False if there was none."""
    logins = _read_logins()
    known = logins["logins"].pop(url, None) is not None
    if logins.get("current") == url:
        logins["current"] = next(iter(logins["logins"]), None)
    if known:
        _write_logins(logins)
    return known


def _read_logins() -> Dict[str, Any]:
    path = logins_file()
    try:
        logins = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"logins": {}}
    except ValueError as error:
        raise UserErrorException(f"{path} is not valid JSON ({error}). Delete it and sign in again.") from error
    logins.setdefault("logins", {})
    return cast(Dict[str, Any], logins)


def _write_logins(logins: Dict[str, Any]) -> None:
    path = logins_file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # mkstemp creates the file with mode 0600; the rename replaces the old file in one step.
    handle, name = tempfile.mkstemp(dir=str(path.parent), prefix="logins-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(logins, file, indent=2)
    os.replace(name, str(path))
