"""Signing in from a terminal or a notebook: a code is shown here and confirmed in the browser."""

from __future__ import annotations

import os
import sys
import time
import webbrowser
from typing import Any, Callable, Dict, Optional

from lazuli import config
from lazuli.client import Client
from lazuli.errors import AuthenticationException

Say = Callable[[str], None]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def sign_in(url: str, *, tell: Say = say, sleep: Optional[Callable[[float], None]] = None) -> str:
    """Ask for a code, wait until a person confirms it, remember the token and return the user's name."""
    url = config.normal_url(url)
    sleep = sleep or time.sleep
    client = Client(url, sleep=sleep)
    body = client.request("POST", "/login/device", json={"clientName": _client_name()}).json()
    tell(f"To sign in, open {body['verificationUrl']} in a browser and enter the code {body['userCode']}.")
    if _has_display():
        webbrowser.open(body["verificationUrl"])
    granted = _wait(client, body, sleep)
    user = _user_name(granted)
    config.remember(url, granted["token"], user)
    return user


def _wait(client: Client, body: Dict[str, Any], sleep: Callable[[float], None]) -> Dict[str, Any]:
    interval = float(body.get("interval", 5))
    deadline = time.monotonic() + float(body.get("expiresIn", 900))
    while time.monotonic() < deadline:
        sleep(interval)
        answer = client.request("POST", "/login/device/token", json={"deviceCode": body["deviceCode"]}, ok=(200, 400))
        granted: Dict[str, Any] = answer.json()
        if answer.status_code == 200:
            return granted
        code = granted["error"]["code"]
        if code == "slow_down":
            interval += 5
        elif code != "authorization_pending":
            break
    raise AuthenticationException("The sign-in was not confirmed. Run `lazuli login` again and confirm the code.")


def sign_in_with_token(url: str, token: str) -> None:
    """Remember a token made in the studio, after asking the server whose it is."""
    url = config.normal_url(url)
    config.remember(url, token, who_has(url, token))


def who_has(url: str, token: str) -> str:
    """The name of the person to whom the token belongs."""
    found: Dict[str, Any] = Client(url, token).get("/login/whoami")
    return _user_name({"user": found})


def token(url: str, *, interactive: Optional[bool] = None) -> str:
    """The token for this server; asks the person in front of the terminal or notebook if there is none."""
    found = config.token_for(url)
    if found:
        return found
    if interactive or (interactive is None and _someone_is_there()):
        sign_in(url)
        return config.token_for(url) or ""
    raise AuthenticationException(f"Not signed in at {url}. Set LAZULI_TOKEN, or run `lazuli login {url}` once.")


def _has_display() -> bool:
    # Without one, `webbrowser` would start a text browser over the terminal.
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _someone_is_there() -> bool:
    # A notebook's kernel has no terminal, but someone reads what it prints.
    return "ipykernel" in sys.modules or (sys.stdin is not None and sys.stdin.isatty())


def _client_name() -> str:
    import platform

    return f"lazuli-sdk on {platform.node() or 'this machine'}"


def _user_name(granted: Dict[str, Any]) -> str:
    user = granted.get("user")
    if isinstance(user, dict):
        return str(user.get("name") or user.get("email") or user.get("username") or "")
    return str(user or "")
