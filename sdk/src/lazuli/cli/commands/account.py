"""`lazuli login`, `logout` and `account`"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from typing import List

from lazuli import config, login, workspaces
from lazuli.cli.output import Answer, Json
from lazuli.cli.parser import CommandGroup, UsageError

COLUMNS = ("server", "user", "signedIn")
SUBSCRIPTION_COLUMNS = ("subscriptionId", "displayName", "state", "isDefault")


def add_commands(top: CommandGroup) -> None:
    parser = top.add_command(
        "login",
        sign_in,
        "Sign in: a code is shown here and confirmed in the browser.",
        "http://localhost:8000\nhttps://studio.example.com --token -",
    )
    parser.add_argument("url", nargs="?", help="the server (default: LAZULI_URL, or the last one)")
    parser.add_argument("--token", help="a token created in the studio; - reads it from standard input")

    parser = top.add_command("logout", sign_out, "Delete the saved login of a server.", "\nhttp://localhost:8000")
    parser.add_argument("url", nargs="?", help="the server (default: the current one)")

    group = top.add_group("account", "The current user and the visible subscriptions.")
    group.add_command("show", show_account, "Show the server and the user.")
    group.add_command("list", list_subscriptions, "List the subscriptions.")
    parser = group.add_command("set", set_subscription, "Set the default subscription.", "--subscription research")
    parser.add_argument("-s", "--subscription", required=True, metavar="ID")


def sign_in(options: Namespace) -> Answer:
    url = _server_url(options)
    if options.token:
        token = sys.stdin.readline().strip() if options.token == "-" else options.token
        login.sign_in_with_token(url, token)
    else:
        login.sign_in(url)
    return _describe_login(url)


def sign_out(options: Namespace) -> None:
    url = _server_url(options)
    deleted = config.delete_login(url)
    print(f"Signed out of {url}." if deleted else f"There was no login for {url}.", file=sys.stderr)


def show_account(options: Namespace) -> Answer:
    return _describe_login(config.server_url())


def list_subscriptions(options: Namespace) -> Answer:
    client = login.connect()
    default = config.default_subscription(client.base_url)
    found: List[Json] = [
        dict(subscription, isDefault=subscription["subscriptionId"] == default)
        for subscription in workspaces.list_subscriptions(client)
    ]
    return Answer(found, SUBSCRIPTION_COLUMNS)


def set_subscription(options: Namespace) -> None:
    client = login.connect()
    known = [subscription["subscriptionId"] for subscription in workspaces.list_subscriptions(client)]
    if options.subscription not in known:
        choices = ", ".join(known) or "none"
        raise UsageError(f"you cannot see a subscription {options.subscription!r} (you can see: {choices})")
    config.set_default_subscription(client.base_url, options.subscription)


def _server_url(options: Namespace) -> str:
    return config.normalize_url(options.url) if options.url else config.server_url()


def _describe_login(url: str) -> Answer:
    token = config.token_for(url)
    saved = config.find_login(url) or {}
    user = saved.get("user")
    if token and token == os.environ.get("LAZULI_TOKEN"):
        user = f"{login.get_token_owner(url, token)} (LAZULI_TOKEN)"
    return Answer({"server": url, "user": user, "signedIn": token is not None}, COLUMNS)
