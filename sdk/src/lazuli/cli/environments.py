"""`lazuli environments …`: the environments that were built on this machine."""

from __future__ import annotations

import datetime as dt
from argparse import Namespace
from typing import Any, Dict

from lazuli.cli.output import Answer
from lazuli.cli.parser import Group, UsageError
from lazuli.environments import cache, pruning

COLUMNS = ("key", "sizeMB", "lastUsed", "inUse")


def add(resources: Group) -> None:
    group = resources.group("environments", "Environments that were built for runs on this machine.")
    group.command("list", list_, "List them, the longest unused first.")
    parser = group.command(
        "prune",
        prune,
        "Remove those that were unused for long, and more until the rest fits; what is in use stays.",
        "\n--unused-days 14\n--max-gb 0 --dry-run",
    )
    parser.add_argument("--unused-days", type=float, metavar="N", help=f"default: {pruning.MOST_DAYS}, or 60")
    parser.add_argument("--max-gb", type=float, metavar="N", help=f"default: {pruning.MOST_GB}, or 20; 0 removes all")
    parser.add_argument("--dry-run", action="store_true", help="only show what would be removed")


def list_(options: Namespace) -> Answer:
    return Answer([_row(each) for each in pruning.kept()], COLUMNS)


def prune(options: Namespace) -> Answer:
    act = pruning.superfluous if options.dry_run else pruning.prune
    # 0 typed here is meant as it stands; in the settings it stands for no limit.
    most_gb = 1e-9 if options.max_gb == 0 else options.max_gb
    try:
        gone = act(most_gb, options.unused_days)
    except pruning.BadSetting as error:
        raise UsageError(str(error)) from error
    return Answer([_row(each) for each in gone], COLUMNS[:3])


def _row(each: pruning.Kept) -> Dict[str, Any]:
    used = dt.datetime.fromtimestamp(each.used_at, dt.timezone.utc)
    size = round(each.size / 1024**2, 1)
    return {
        "key": each.key,
        "sizeMB": size,
        "lastUsed": used.strftime("%Y-%m-%d %H:%M UTC"),
        "inUse": cache.Slot(each.key).is_in_use,
    }
