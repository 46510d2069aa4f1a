"""`lazuli notification …`: your notifications, the channels of each event, and your webhook."""

from __future__ import annotations

import argparse
from argparse import Namespace

from lazuli import login
from lazuli.cli.output import Answer
from lazuli.cli.parser import CommandGroup
from lazuli.client import quote_segment

BASE = "/notices/v1.0"
COLUMNS = ("time", "event", "title", "isRead")
EVENT_COLUMNS = ("event", "channels", "label")
WEBHOOK_COLUMNS = ("url", "format", "secret")
FORMATS = ("json", "slack", "teams")
CHANNELS = ("bell", "email", "digest", "webhook")


def add_commands(resources: CommandGroup) -> None:
    group = resources.add_group("notification", "Your notifications, the channels of each event, and your webhook.")
    group.add_command("list", list_all, "List your notifications, newest first.")
    group.add_command("events", list_events, "List the events with the channels that you have chosen.")
    parser = group.add_command(
        "choose",
        choose_channels,
        "Choose the channels of an event; none turns it off.",
        "-e model_alias -c bell webhook",
    )
    parser.add_argument("-e", "--event", required=True, metavar="EVENT")
    parser.add_argument("-c", "--channels", nargs="*", default=[], choices=CHANNELS, metavar="CHANNEL")
    parser = group.add_command(
        "webhook",
        set_webhook,
        "Show your webhook and its secret, or set or delete it.",
        "\n--url https://ci.example/hook",
    )
    change: argparse._MutuallyExclusiveGroup = parser.add_mutually_exclusive_group()
    change.add_argument("--url", metavar="URL", help="notifications are posted there")
    change.add_argument("--delete", action="store_true")
    parser.add_argument("--format", choices=FORMATS, default="json", help="what the receiver accepts (default: json)")


def list_all(options: Namespace) -> Answer:
    return Answer(list(login.connect().items(f"{BASE}/notifications")), COLUMNS)


def list_events(options: Namespace) -> Answer:
    return Answer(list(login.connect().items(f"{BASE}/preferences")), EVENT_COLUMNS)


def choose_channels(options: Namespace) -> Answer:
    path = f"{BASE}/preferences/{quote_segment(options.event)}"
    return Answer(login.connect().request("PUT", path, json={"channels": options.channels}).json(), EVENT_COLUMNS)


def set_webhook(options: Namespace) -> Answer:
    client = login.connect()
    if options.url or options.delete:
        return Answer(
            client.request("PUT", f"{BASE}/webhook", json={"url": options.url or "", "format": options.format}).json(),
            WEBHOOK_COLUMNS,
        )
    return Answer(client.get(f"{BASE}/webhook"), WEBHOOK_COLUMNS)
