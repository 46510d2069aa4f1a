"""Where this user is signed in: the environment, then the logins remembered in the user's configuration folder.

`LAZULI_URL` names the server and `LAZULI_TOKEN` the token. `lazuli login URL` remembers both per user, in a file that
only this user can read.
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


def normal_url(url: str) -> str:
    """The address of a server as a key: scheme and host, no slash at the end."""
    text = url.strip()
    if "://" not in text:
        local = text.split(":")[0] in ("localhost", "127.0.0.1")
        text = ("http://" if local else "https://") + text
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserErrorException(f"{url!r} is no address of a server; write for example http://localhost:8000.")
    return text.rstrip("/")


def server_url(fallback: Optional[str] = None) -> str:
    """The server to speak to: `LAZULI_URL`, else `fallback` (a config.json's), else the last login's."""
    url = os.environ.get("LAZULI_URL") or fallback or os.environ.get("AZUREML_SERVICE_ENDPOINT")
    url = url or _read().get("current")
    if not url:
        raise UserErrorException("No server is known. Set LAZULI_URL, or sign in once with `lazuli login URL`.")
    return normal_url(url)


def token_for(url: str) -> Optional[str]:
    """The token for this server, if there is one. A token for one server is never given to another."""
    given = os.environ.get("LAZULI_TOKEN")
    named = os.environ.get("LAZULI_URL")
    if given and (not named or normal_url(named) == url):
        return given
    login = _read()["logins"].get(url)
    if login:
        return cast(str, login["token"])
    run_server = os.environ.get("AZUREML_SERVICE_ENDPOINT")
    if run_server and normal_url(run_server) == url:
        return os.environ.get("AZUREML_RUN_TOKEN")
    return None


def login_of(url: str) -> Optional[Dict[str, Any]]:
    return cast(Optional[Dict[str, Any]], _read()["logins"].get(url))


def subscription_of(url: str) -> Optional[str]:
    """The subscription that is meant when none is named: `AZURE_SUBSCRIPTION_ID`, else what `account set` chose."""
    given = os.environ.get("AZURE_SUBSCRIPTION_ID")
    return given or cast(Optional[str], _read().get("subscriptions", {}).get(url))


def choose_subscription(url: str, subscription_id: str) -> None:
    logins = _read()
    logins.setdefault("subscriptions", {})[url] = subscription_id
    _write(logins)


def known_servers() -> List[str]:
    """All servers that the environment or a login names."""
    named = [os.environ.get("LAZULI_URL"), os.environ.get("AZUREML_SERVICE_ENDPOINT"), *_read()["logins"]]
    return [normal_url(url) for url in named if url]


def remember(url: str, token: str, user: str) -> None:
    logins = _read()
    logins["current"] = url
    logins["logins"][url] = {"token": token, "user": user}
    _write(logins)


def forget(url: str) -> bool:
    """Was there a login to forget?"""
    logins = _read()
    known = logins["logins"].pop(url, None) is not None
    if logins.get("current") == url:
        logins["current"] = next(iter(logins["logins"]), None)
    if known:
        _write(logins)
    return known


def _read() -> Dict[str, Any]:
    path = logins_file()
    try:
        logins = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"logins": {}}
    except ValueError as error:
        raise UserErrorException(f"{path} is damaged ({error}). Delete it and sign in again.") from error
    logins.setdefault("logins", {})
    return cast(Dict[str, Any], logins)


def _write(logins: Dict[str, Any]) -> None:
    path = logins_file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # mkstemp makes the file 0600 from its first moment; the rename replaces the old one at once.
    handle, name = tempfile.mkstemp(dir=str(path.parent), prefix="logins-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(logins, file, indent=2)
    os.replace(name, str(path))
