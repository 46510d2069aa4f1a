"""`lazuli login`, `logout` and `account`"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from typing import Any, List

from lazuli import config
from lazuli.cli.output import Answer
from lazuli.cli.parser import Group, UsageError
from lazuli.login import who_has

COLUMNS = ("server", "user", "signedIn")
SUBSCRIPTION_COLUMNS = ("subscriptionId", "displayName", "state", "isDefault")


def add(top: Group) -> None:
    parser = top.command(
        "login",
        login,
        "Sign in: a code is shown here and confirmed in the browser.",
        "http://localhost:8000\nhttps://studio.example.com --token -",
    )
    parser.add_argument("url", nargs="?", help="the server (default: LAZULI_URL, or the last one)")
    parser.add_argument("--token", help="a token made in the studio; - reads it from standard input")

    parser = top.command("logout", logout, "Forget the login of a server.", "\nhttp://localhost:8000")
    parser.add_argument("url", nargs="?", help="the server (default: the present one)")

    group = top.group("account", "Who is signed in, and what they see.")
    group.command("show", show, "Show the server and the user.")
    group.command("list", list_, "List the subscriptions.")
    parser = group.command(
        "set", set_, "Choose the subscription that is meant when none is named.", "--subscription research"
    )
    parser.add_argument("-s", "--subscription", required=True, metavar="ID")


def login(options: Namespace) -> Answer:
    from lazuli import login as signing_in

    url = config.normal_url(options.url) if options.url else config.server_url()
    if options.token:
        token = sys.stdin.readline().strip() if options.token == "-" else options.token
        signing_in.sign_in_with_token(url, token)
    else:
        signing_in.sign_in(url)
    return _account(url)


def logout(options: Namespace) -> None:
    url = config.normal_url(options.url) if options.url else config.server_url()
    known = config.forget(url)
    print(f"Signed out of {url}." if known else f"There was no login for {url}.", file=sys.stderr)


def show(options: Namespace) -> Answer:
    return _account(config.server_url())


def list_(options: Namespace) -> Answer:
    from azureml.core.workspace import _connect, _subscriptions

    client = _connect(None)
    chosen = config.subscription_of(client.base_url)
    found: List[Any] = [dict(dto, isDefault=dto["subscriptionId"] == chosen) for dto in _subscriptions(client)]
    return Answer(found, SUBSCRIPTION_COLUMNS)


def set_(options: Namespace) -> None:
    from azureml.core.workspace import _connect, _subscriptions

    client = _connect(None)
    known = [dto["subscriptionId"] for dto in _subscriptions(client)]
    if options.subscription not in known:
        raise UsageError(f"you see no subscription {options.subscription!r} (there are: {', '.join(known) or 'none'})")
    config.choose_subscription(client.base_url, options.subscription)


def _account(url: str) -> Answer:
    token = config.token_for(url)
    remembered = config.login_of(url) or {}
    user = remembered.get("user")
    if token and token == os.environ.get("LAZULI_TOKEN"):
        user = f"{who_has(url, token)} (LAZULI_TOKEN)"
    return Answer({"server": url, "user": user, "signedIn": token is not None}, COLUMNS)
