"""`lazuli admin …`: the administration of the whole studio, for site admins."""

from __future__ import annotations

import argparse
import itertools
from argparse import Namespace
from typing import Any, Dict, Optional, Tuple

from lazuli import login
from lazuli.cli.output import Answer
from lazuli.cli.parser import CommandGroup, UsageError, add_yes_argument, confirm
from lazuli.client import quote_segment

ROOT = "/administration/v1.0"
PEOPLE_COLUMNS = ("userName", "displayName", "state", "lastSeenUtc", "jobsRunning", "jobsWaiting", "nodeHours")
WAITING_COLUMNS = ("id", "title", "workspaceName", "compute", "submittedBy", "queuedUtc", "position", "reasons")
RUNNING_COLUMNS = ("id", "title", "workspaceName", "compute", "submittedBy", "startedUtc")
MACHINE_COLUMNS = ("name", "cpus", "memoryGB", "gpus", "isConnected", "acceptsJobs", "reason", "nodes")
ANNOUNCEMENT_COLUMNS = ("id", "level", "text", "startsAt", "endsAt", "createdBy")
BACKUP_COLUMNS = ("id", "name", "state", "createdUtc", "files", "bytes", "checkedUtc", "error")
RESULT_COLUMNS = ("target", "dryRun", "counts", "names")
STORAGE_COLUMNS = ("name", "title", "bytes", "trashBytes", "isDeleted", "measuredUtc")
CHECK_COLUMNS = ("state", "what", "text", "remedy")
BULK_COLUMNS = ("name", "changed", "text", "requestId")
# The fields of the actions on many rows, as options.
BULK_FIELDS = {
    "group": "addToGroup and removeFromGroup: the group",
    "heir": "deactivate: who takes over what the accounts own",
    "reason": "drain and quarantine: the reason",
    "until": "drain: when it ends by itself, with a UTC offset",
}


def add_commands(resources: CommandGroup) -> None:
    group = resources.add_group("admin", "The administration of the studio, for site admins.")
    _add_people(group.add_group("people", "Accounts: list them, end their access."))
    _add_queue(group.add_group("queue", "Work of all workspaces: why it waits, and in which order."))
    _add_machines(group.add_group("machines", "Machines: drain, open and detach them."))
    _add_announcements(group.add_group("announcements", "Announcements on every page."))
    _add_backups(group.add_group("backups", "Backups of the studio."))
    _add_workspaces(group.add_group("workspaces", "The trash of workspaces, and workspaces in the trash."))
    _add_storage(group.add_group("storage", "Stored files of workspaces."))
    parser = group.add_group("nodes", "Nodes of all workspaces.").add_command(
        "drain", drain_node, "Drain a node: it stops after its current jobs.", "-n NODE --dry-run\n-n NODE"
    )
    _add_name_argument(parser, "the node, as in `admin machines list`")
    _add_dry_run_argument(parser)
    group.add_command("health", show_health, "Run the checks of the studio.", "\n-o json")
    parser = group.add_command("undo", undo, "Undo what a request did.", "--request ID --dry-run\n--request ID")
    parser.add_argument("--request", required=True, metavar="ID", help="its id, as in the activity log")
    _add_dry_run_argument(parser)


def _add_people(group: CommandGroup) -> None:
    parser = group.add_command("list", list_people, "List the people, the last to sign in first.", "--state dormant")
    parser.add_argument("--state", metavar="STATE", help="active, pending, dormant, blocked or deactivated")
    parser.add_argument("--query", metavar="WORDS", help="words in the name or mail address")
    _add_last_argument(parser)
    for name, run, help in (
        ("block", block, "Block an account: no sign-in, session or token works."),
        ("sign-out", sign_out, "Sign a person out of every browser."),
    ):
        parser = group.add_command(name, run, help, "-n bob --dry-run\n-n bob")
        _add_name_argument(parser, "the user name")
        _add_dry_run_argument(parser)
    parser = group.add_command("unblock", unblock, "Unblock an account, or approve that of a newcomer.", "-n bob")
    _add_name_argument(parser, "the user name")
    parser = group.add_command(
        "deactivate",
        deactivate,
        "Close an account, revoke its tokens, and hand over what it owns.",
        "-n bob --heir alice --dry-run\n-n bob --heir alice --yes",
    )
    _add_name_argument(parser, "the user name")
    parser.add_argument("--heir", default="", metavar="NAME", help="the person who takes over what the account owns")
    _add_dry_run_argument(parser)
    add_yes_argument(parser)
    _add_bulk(
        group, "people", ("block", "unblock", "signOut", "revokeTokens", "addToGroup", "removeFromGroup", "deactivate")
    )


def _add_bulk(group: CommandGroup, kind: str, actions: Tuple[str, ...]) -> None:
    parser = group.add_command(
        "bulk",
        act_on_many,
        "Do one action on several of them at once; all or nothing of what a dry run has shown.",
        f"{actions[0]} -n NAME NAME --dry-run\n{actions[0]} -n NAME NAME",
    )
    parser.set_defaults(kind=kind)
    parser.add_argument("action", choices=actions)
    parser.add_argument("-n", "--name", nargs="+", required=True, help="their names")
    for name, help in BULK_FIELDS.items():
        parser.add_argument(f"--{name}", default="", help=help)
    parser.add_argument("--selection", default="", metavar="TOKEN", help="as a dry run has shown it")
    _add_dry_run_argument(parser)
    add_yes_argument(parser)


def _add_workspaces(group: CommandGroup) -> None:
    _add_bulk(group, "workspaces", ("emptyTrash", "restore", "purge"))


def _add_storage(group: CommandGroup) -> None:
    group.add_command("list", list_storage, "List what each workspace stores, the largest first.")
    parser = group.add_command("sweep", sweep_storage, "Delete files that nothing uses any more.", "--dry-run\n--yes")
    _add_dry_run_argument(parser)
    add_yes_argument(parser)


def _add_queue(group: CommandGroup) -> None:
    parser = group.add_command("list", list_queue, "List the waiting work with its reasons.", "\n--running -o json")
    parser.add_argument("--running", action="store_true", help="list running jobs instead")
    _add_last_argument(parser)
    parser = group.add_command("front", move_to_front, "Move work to the front of its queue.", "--id ID")
    parser.add_argument("--id", required=True, metavar="ID", help="as in `admin queue list`")
    parser = group.add_command(
        "move", move, "Move waiting work to another cluster of its workspace.", "--id ID --compute gpu-cluster"
    )
    parser.add_argument("--id", required=True, metavar="ID", help="as in `admin queue list`")
    parser.add_argument("--compute", required=True, metavar="NAME")
    parser = group.add_command("cancel", cancel, "Cancel a job with its child jobs.", "--id ID --dry-run\n--id ID")
    parser.add_argument("--id", required=True, metavar="ID", help="as in `admin queue list`")
    _add_dry_run_argument(parser)


def _add_machines(group: CommandGroup) -> None:
    group.add_command("list", list_machines, "List the machines with their nodes.")
    parser = group.add_command(
        "drain",
        drain,
        "Drain a machine: it accepts no more jobs.",
        '-n gpu-box\n-n gpu-box --reason "New fan" --until 2030-01-31T19:00:00Z',
    )
    _add_name_argument(parser, "the machine")
    parser.add_argument("--reason", default="", help="people whose jobs wait for the machine see it")
    parser.add_argument("--until", metavar="TIME", help="when it accepts jobs again, with a UTC offset")
    parser = group.add_command(
        "quarantine", quarantine, "Put a machine in quarantine.", '-n gpu-box --reason "Wrong results"'
    )
    _add_name_argument(parser, "the machine")
    parser.add_argument("--reason", required=True)
    parser = group.add_command("reopen", reopen, "Open a machine again, also one in quarantine.", "-n gpu-box")
    _add_name_argument(parser, "the machine")
    parser = group.add_command(
        "detach",
        detach,
        "Drain a machine, and remove it when its nodes have ended.",
        "-n gpu-box --dry-run\n-n gpu-box --yes",
    )
    _add_name_argument(parser, "the machine")
    _add_dry_run_argument(parser)
    add_yes_argument(parser)
    _add_bulk(group, "machines", ("drain", "reopen", "quarantine", "detach"))


def _add_announcements(group: CommandGroup) -> None:
    _add_last_argument(group.add_command("list", list_announcements, "List the announcements, the newest first."))
    parser = group.add_command(
        "publish",
        publish,
        "Show a line on every page, from its start (default: now) to its end.",
        '--text "Maintenance at 18:00" --level warning --ends-at 2030-01-31T19:00:00Z',
    )
    parser.add_argument("--text", required=True)
    parser.add_argument("--level", choices=("info", "warning"), default="info")
    parser.add_argument("--starts-at", metavar="TIME", help="with a UTC offset, such as 2030-01-31T18:00:00Z")
    parser.add_argument("--ends-at", metavar="TIME")
    parser = group.add_command("end", end_announcement, "Take an announcement off the pages.", "--id 3")
    parser.add_argument("--id", type=int, required=True, metavar="ID", help="as in `admin announcements list`")


def _add_backups(group: CommandGroup) -> None:
    _add_last_argument(group.add_command("list", list_backups, "List the backups, the newest first."))
    group.add_command("start", start_backup, "Make a backup now, and check it by a restore.")


def _add_name_argument(parser: argparse.ArgumentParser, help: str) -> None:
    parser.add_argument("-n", "--name", required=True, help=help)


def _add_dry_run_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="only show what would change; nothing is changed")


def _add_last_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--last", type=int, default=50, metavar="N", help="how many (default: 50)")


def list_people(options: Namespace) -> Answer:
    return _list("/people", options, PEOPLE_COLUMNS, {"state": options.state, "q": options.query})


def block(options: Namespace) -> Answer:
    return _act_on_person(options, "block")


def sign_out(options: Namespace) -> Answer:
    return _act_on_person(options, "endSessions")


def unblock(options: Namespace) -> Answer:
    return Answer(_post(f"/people/{quote_segment(options.name)}/unblock"), RESULT_COLUMNS)


def deactivate(options: Namespace) -> Answer:
    if not options.dry_run:
        confirm(options, f"This deactivates the account {options.name} and revokes its tokens.")
    return _act_on_person(options, "deactivate", {"heir": options.heir})


def _act_on_person(options: Namespace, action: str, body: Optional[Dict[str, Any]] = None) -> Answer:
    return Answer(_post(f"/people/{quote_segment(options.name)}/{action}", body, options.dry_run), RESULT_COLUMNS)


def act_on_many(options: Namespace) -> Answer:
    if not options.dry_run:
        confirm(options, f"{options.action}: {', '.join(options.name)}.")
    body = {"action": options.action, "names": options.name, "selection": options.selection}
    body.update({name: getattr(options, name) for name in BULK_FIELDS if getattr(options, name)})
    return _describe_bulk(_post(f"/{options.kind}/bulk", body, options.dry_run))


def undo(options: Namespace) -> Answer:
    return _describe_bulk(_post(f"/requests/{quote_segment(options.request)}/undo", dry_run=options.dry_run))


def _describe_bulk(answer: Dict[str, Any]) -> Answer:
    rows = [{**row, "changed": key == "changed"} for key in ("changed", "unchanged") for row in answer[key]]
    more = {name: answer[name] for name in ("requestId", "dryRun", "selection")}
    return Answer([{**row, **more} for row in rows], BULK_COLUMNS)


def list_queue(options: Namespace) -> Answer:
    columns = RUNNING_COLUMNS if options.running else WAITING_COLUMNS
    return _list("/queue", options, columns, {"state": "running" if options.running else "waiting"})


def move_to_front(options: Namespace) -> Answer:
    return Answer(_post(f"/queue/{quote_segment(options.id)}/moveToFront"), WAITING_COLUMNS)


def move(options: Namespace) -> Answer:
    return Answer(_post(f"/queue/{quote_segment(options.id)}/move", {"compute": options.compute}), WAITING_COLUMNS)


def cancel(options: Namespace) -> Answer:
    return Answer(_post(f"/queue/{quote_segment(options.id)}/cancel", dry_run=options.dry_run), RESULT_COLUMNS)


def list_machines(options: Namespace) -> Answer:
    return Answer(list(login.connect().items(ROOT + "/machines")), MACHINE_COLUMNS)


def drain(options: Namespace) -> Answer:
    body = {"reason": options.reason, **({"until": options.until} if options.until else {})}
    return Answer(_post(f"/machines/{quote_segment(options.name)}/drain", body), MACHINE_COLUMNS)


def quarantine(options: Namespace) -> Answer:
    body = {"reason": options.reason}
    return Answer(_post(f"/machines/{quote_segment(options.name)}/quarantine", body), MACHINE_COLUMNS)


def reopen(options: Namespace) -> Answer:
    return Answer(_post(f"/machines/{quote_segment(options.name)}/reopen"), MACHINE_COLUMNS)


def detach(options: Namespace) -> Answer:
    if not options.dry_run:
        confirm(options, f"This removes the machine {options.name} when its nodes have ended.")
    path = f"/machines/{quote_segment(options.name)}/detach"
    return Answer(_post(path, dry_run=options.dry_run), RESULT_COLUMNS)


def drain_node(options: Namespace) -> Answer:
    path = f"/nodes/{quote_segment(options.name)}/drain"
    return Answer(_post(path, dry_run=options.dry_run), RESULT_COLUMNS)


def list_storage(options: Namespace) -> Answer:
    return Answer(list(login.connect().items(ROOT + "/storage")), STORAGE_COLUMNS)


def sweep_storage(options: Namespace) -> Answer:
    if not options.dry_run:
        confirm(options, "This permanently deletes the files that nothing uses.")
    return Answer(_post("/storage/sweep", dry_run=options.dry_run), RESULT_COLUMNS)


def show_health(options: Namespace) -> Answer:
    found = login.connect().get(f"{ROOT}/health")
    return Answer(found if options.output == "json" else found["checks"], CHECK_COLUMNS)


def list_announcements(options: Namespace) -> Answer:
    return _list("/announcements", options, ANNOUNCEMENT_COLUMNS)


def publish(options: Namespace) -> Answer:
    body = {"text": options.text, "level": options.level}
    times = {"startsAt": options.starts_at, "endsAt": options.ends_at}
    return Answer(_post("/announcements", {**body, **{k: v for k, v in times.items() if v}}), ANNOUNCEMENT_COLUMNS)


def end_announcement(options: Namespace) -> Answer:
    return Answer(_post(f"/announcements/{options.id}/end"), ANNOUNCEMENT_COLUMNS)


def list_backups(options: Namespace) -> Answer:
    return _list("/backups", options, BACKUP_COLUMNS)


def start_backup(options: Namespace) -> Answer:
    return Answer(_post("/backups"), BACKUP_COLUMNS)


def _list(path: str, options: Namespace, columns: Any, query: Optional[Dict[str, Any]] = None) -> Answer:
    if options.last < 1:
        raise UsageError(f"--last {options.last}: write a whole number from 1")
    return Answer(list(itertools.islice(login.connect().items(ROOT + path, query), options.last)), columns)


def _post(path: str, body: Optional[Dict[str, Any]] = None, dry_run: bool = False) -> Dict[str, Any]:
    params = {"dryRun": "true"} if dry_run else None
    answer: Dict[str, Any] = login.connect().request("POST", ROOT + path, params=params, json=body or {}).json()
    return answer
