"""`lazuli host …`: make this machine one that runs jobs for a studio; needs `lazuli-sdk[agent]`."""

from __future__ import annotations

import importlib.util
import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from lazuli import config, ssh_joining
from lazuli.cli.output import Answer
from lazuli.cli.parser import CommandGroup, UsageError

COLUMNS = ("name", "studio", "folder")
OLDEST_PYTHON = (3, 10)


def add_commands(top: CommandGroup) -> None:
    group = top.add_group("host", "Run the jobs of a studio on this machine.")
    parser = group.add_command(
        "join",
        join,
        "Join a studio with a token of its page Compute, Machines, and run jobs until interrupted.",
        "https://studio.example.com join.Zm9v\nhttps://studio.example.com - --name gpu-box --no-start",
    )
    parser.add_argument("url", help="URL of the studio")
    parser.add_argument("token", help="valid once, for an hour; - reads it from standard input")
    parser.add_argument("--name", default="", help="name of this machine in the studio (default: its host name)")
    parser.add_argument("--no-start", action="store_true", help="only join; `lazuli host start` runs jobs")
    _add_folder(parser)

    _add_join_by_ssh(group)
    parser = group.add_command("start", start, "Run jobs until interrupted; running jobs continue after that.")
    _add_folder(parser)
    parser = group.add_command("show", show, "Show which studio this machine has joined.")
    _add_folder(parser)
    parser = group.add_command(
        "leave", leave, "Accept no more jobs, and remove this machine when its current jobs have ended."
    )
    _add_folder(parser)


def _add_join_by_ssh(group: CommandGroup) -> None:
    parser = group.add_command(
        "join-by-ssh",
        join_machine_by_ssh,
        "Install and start the agent on another machine over SSH, with your own key; each step is checked and shown.",
        "azureuser@10.0.0.7 https://studio.example.com -\ngpu-box https://studio.example.com join.Zm9v --port 2222",
    )
    parser.add_argument("machine", help="account and address as for ssh, or a name of its configuration")
    parser.add_argument("url", help="URL of the studio")
    parser.add_argument("token", help="valid once, for an hour; - reads it from standard input")
    parser.add_argument("--port", type=int, help="port of its SSH server (default: as ssh is configured)")
    parser.add_argument("--identity", metavar="FILE", default="", help="private key (default: as ssh is configured)")
    parser.add_argument("--host-key", metavar="SHA256:…", default="", help="the fingerprint that its key must have")
    parser.add_argument("--name", default="", help="name of the machine in the studio (default: its host name)")


def _add_folder(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--folder",
        metavar="PATH",
        help="folder for environments and the files of jobs (default: DATA_DIR, or ~/lazuli-host)",
    )


def join(options: Namespace) -> None:
    joining = _load_joining()
    token = sys.stdin.readline().strip() if options.token == "-" else options.token
    folder = _folder(options)
    joining.join_studio(config.normalize_url(options.url), token, options.name, folder, _say)
    if not options.no_start:
        _say("Running. Ctrl-C ends the agent, and `lazuli host start` starts it again; jobs continue meanwhile.")
        _start(folder)


def join_machine_by_ssh(options: Namespace) -> None:
    token = sys.stdin.readline().strip() if options.token == "-" else options.token
    machine = ssh_joining.Machine(options.machine, options.port, options.identity, options.host_key)
    ssh_joining.join_by_ssh(machine, config.normalize_url(options.url), token, options.name, _say)


def start(options: Namespace) -> None:
    _find(options)
    _start(_folder(options))


def show(options: Namespace) -> Answer:
    host = _find(options)
    return Answer({"name": host.name, "studio": host.url, "folder": str(_folder(options))}, COLUMNS)


def leave(options: Namespace) -> None:
    host = _load_joining().leave_studio(_folder(options))
    _say(f"{host.name} accepts no more jobs of {host.url}. When its running jobs have ended, its agent ends too.")


def _find(options: Namespace) -> Any:
    joining, folder = _load_joining(), _folder(options)
    host = joining.JoinedHost.load(folder)
    if host is None:
        raise UsageError(f"this machine has not joined a studio: there is no {joining.JoinedHost.path(folder)}")
    return host


def _folder(options: Namespace) -> Path:
    return Path(options.folder).expanduser().resolve() if options.folder else _load_joining().default_folder()


def _start(folder: Path) -> None:
    """Become the agent: a new program, without what the command line has loaded."""
    os.execve(sys.executable, [sys.executable, "-m", "lazuli.agent.host"], {**os.environ, "DATA_DIR": str(folder)})


def _load_joining() -> Any:
    if sys.version_info < OLDEST_PYTHON or sys.platform == "win32":
        raise UsageError("a host needs Linux or macOS, and Python 3.10 or newer")
    if importlib.util.find_spec("psutil") is None:
        raise UsageError("install the agent first: pip install 'lazuli-sdk[agent]'")
    from lazuli.agent import joining  # an optional part, which needs the platform checked above

    return joining


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
