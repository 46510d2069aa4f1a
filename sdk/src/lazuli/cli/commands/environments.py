"""`lazuli environments …`: the environments that were built for runs on this machine."""

from __future__ import annotations

import datetime as dt
from argparse import Namespace
from typing import Any, Dict

from lazuli.cli.output import Answer
from lazuli.cli.parser import CommandGroup, UsageError
from lazuli.environments import cache, pruning

COLUMNS = ("key", "sizeMB", "lastUsed", "inUse")


def add_commands(resources: CommandGroup) -> None:
    group = resources.add_group("environments", "Environments that were built for runs on this machine.")
    group.add_command("list", list_environments, "List the environments, the least recently used first.")
    parser = group.add_command(
        "prune",
        prune_environments,
        "Remove environments that were not used for long, and more until the rest fits; those in use stay.",
        "\n--unused-days 14\n--max-gb 0 --dry-run",
    )
    parser.add_argument("--unused-days", type=float, metavar="N", help=f"default: {pruning.MAX_DAYS}, or 60")
    parser.add_argument("--max-gb", type=float, metavar="N", help=f"default: {pruning.MAX_GB}, or 20; 0 removes all")
    parser.add_argument("--dry-run", action="store_true", help="only show what would be removed")


def list_environments(options: Namespace) -> Answer:
    return Answer([_to_row(each) for each in pruning.list_cached()], COLUMNS)


def prune_environments(options: Namespace) -> Answer:
    select = pruning.find_removable if options.dry_run else pruning.prune
    # Here 0 means 0 GB; in the settings it means no limit.
    max_gb = 1e-9 if options.max_gb == 0 else options.max_gb
    try:
        removed = select(max_gb, options.unused_days)
    except pruning.BadSetting as error:
        raise UsageError(str(error)) from error
    return Answer([_to_row(each) for each in removed], COLUMNS[:3])


def _to_row(each: pruning.CachedEnvironment) -> Dict[str, Any]:
    used = dt.datetime.fromtimestamp(each.used_at, dt.timezone.utc)
    size = round(each.size / 1024**2, 1)
    return {
        "key": each.key,
        "sizeMB": size,
        "lastUsed": used.strftime("%Y-%m-%d %H:%M UTC"),
        "inUse": cache.CacheEntry(each.key).is_in_use,
    }
