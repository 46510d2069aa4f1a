"""Signing in from a terminal or a notebook: a code is shown here and confirmed in the browser."""

from __future__ import annotations

import os
import platform
import sys
import time
import webbrowser
from typing import Any, Callable, Dict, Optional

from lazuli import config
from lazuli.client import Client
from lazuli.errors import AuthenticationException


def print_notice(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def sign_in(
    url: str, *, report: Callable[[str], None] = print_notice, sleep: Optional[Callable[[float], None]] = None
) -> str:
    """Show a code, wait until a person confirms it in the browser, save the token and return the user's name.

    Raises AuthenticationException if the code is not confirmed in time.
    """
    url = config.normalize_url(url)
    sleep = sleep or time.sleep
    client = Client(url, sleep=sleep)
    body = client.request("POST", "/login/device", json={"clientName": _client_name()}).json()
    report(f"To sign in, open {body['verificationUrl']} in a browser and enter the code {body['userCode']}.")
    if _has_display():
        webbrowser.open(body["verificationUrl"])
    granted = _wait_for_confirmation(client, body, sleep)
    user = _user_name(granted)
    config.save_login(url, granted["token"], user)
    return user


def _wait_for_confirmation(client: Client, body: Dict[str, Any], sleep: Callable[[float], None]) -> Dict[str, Any]:
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
    """Save a token that was created in the studio, with the name of its owner."""
    url = config.normalize_url(url)
    config.save_login(url, token, get_token_owner(url, token))


def get_token_owner(url: str, token: str) -> str:
    """The name of the user that the token belongs to, from the server."""
    found: Dict[str, Any] = Client(url, token).get("/login/whoami")
    return _user_name({"user": found})


def get_token(url: str, *, interactive: Optional[bool] = None) -> str:
    """The token for this server. Without one, sign in interactively if possible, else raise AuthenticationException.

    `interactive` says whether there is one; by default this is detected.
    """
    found = config.token_for(url)
    if found:
        return found
    if interactive or (interactive is None and _is_interactive()):
        sign_in(url)
        return config.token_for(url) or ""
    raise AuthenticationException(f"Not signed in at {url}. Set LAZULI_TOKEN, or run `lazuli login {url}` once.")


def connect(url: Optional[str] = None) -> Client:
    """A client for the server (default: the current one) with the token of the user who is signed in."""
    server = url or config.server_url()
    return Client(server, lambda: get_token(server))


def _has_display() -> bool:
    # Without one, `webbrowser` would start a text browser over the terminal.
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _is_interactive() -> bool:
    # A notebook has no terminal, but its user reads what it prints.
    return "ipykernel" in sys.modules or (sys.stdin is not None and sys.stdin.isatty())


def _client_name() -> str:
    return f"lazuli-sdk on {platform.node() or 'this machine'}"


def _user_name(granted: Dict[str, Any]) -> str:
    user = granted.get("user")
    if isinstance(user, dict):
        return str(user.get("name") or user.get("email") or user.get("username") or "")
    return str(user or "")
