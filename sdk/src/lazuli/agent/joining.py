"""Join a machine to a studio with its URL and a token that is valid once. The result is stored in one file.

    <folder>/host.json   URL of the studio, name and key of this machine

The machine connects only to the studio's URL, and opens no port.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import platform
import re
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from lazuli import private_folder
from lazuli.agent.machine import Machine, read_machine
from lazuli.agent.node_state import write_in_one_step
from lazuli.agent.server_client import TIMEOUT_SECONDS, ServerClient, ServerUnreachable, describe_refusal
from lazuli.errors import UserErrorException
from lazuli.version import VERSION

# The longest compute name of the studio.
MAX_NAME = 32


@dataclasses.dataclass(frozen=True)
class JoinedHost:
    """The data of this machine as a host of the studio."""

    url: str
    name: str
    key: str

    @staticmethod
    def path(folder: pathlib.Path) -> pathlib.Path:
        return folder / "host.json"

    @classmethod
    def load(cls, folder: pathlib.Path) -> JoinedHost | None:
        try:
            return cls(**json.loads(cls.path(folder).read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise UserErrorException(f"{cls.path(folder)} is damaged: delete it and join again.") from error

    def save(self, folder: pathlib.Path) -> None:
        write_in_one_step(self.path(folder), dataclasses.asdict(self))


def default_folder() -> pathlib.Path:
    """The folder for a host's state, environments and jobs: `DATA_DIR`, or a folder of this account."""
    return pathlib.Path(os.environ.get("DATA_DIR") or "~/lazuli-host").expanduser().resolve()


def join_studio(url: str, token: str, name: str, folder: pathlib.Path, say: Callable[[str], None]) -> JoinedHost:
    """Check what jobs will need, then join; if a check fails, nothing is changed and the token stays valid."""
    found = JoinedHost.load(folder)
    if found:
        raise UserErrorException(
            f"This machine is the host {found.name} of {found.url} already. Start it with `lazuli host start`, "
            "or remove it with `lazuli host leave`."
        )
    try:
        private_folder.close_folder(folder)
    except private_folder.NotPrivate as error:
        raise UserErrorException(str(error)) from error
    client, machine = ServerClient(url, token), read_machine(os.environ)
    facts = _ask(client, "/nodes/v1/join")
    say(f"{url} answers: Lazuli Studio {facts['version']}")
    _check_reachable(facts["url"])
    answer = _ask(client, "/nodes/v1/join", _describe(machine, name))
    host = JoinedHost(url, answer["name"], answer["key"])
    host.save(folder)
    say(f"Joined as {host.name}: {machine.cores} cores, {machine.memory_gb:g} GB, {machine.gpus} GPUs")
    return host


def leave_studio(folder: pathlib.Path) -> JoinedHost:
    """Have the studio detach this machine. Its agent ends, and forgets the studio, once its jobs have ended."""
    host = JoinedHost.load(folder)
    if host is None:
        raise UserErrorException(f"This machine has not joined a studio: there is no {JoinedHost.path(folder)}.")
    client = ServerClient(host.url, host.key)
    try:
        status, answer = client.post("/nodes/v1/host/leave")
    except ServerUnreachable as error:
        raise UserErrorException(f"The studio does not answer: {error}") from error
    if status == 401:
        # It was detached on the studio's page while no agent ran here.
        JoinedHost.path(folder).unlink()
    else:
        _check(status, answer, host.url)
    return host


def clean_name(text: str) -> str:
    """A name as the studio wants it: letters, digits and hyphens, a letter first."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", text.partition(".")[0]).strip("-")
    if not words[:1].isalpha():
        words = f"host-{words}".strip("-")
    return words[:MAX_NAME].rstrip("-")


def _describe(machine: Machine, name: str) -> dict[str, Any]:
    return {
        "name": name or clean_name(socket.gethostname()),
        "cpus": machine.cores,
        "memoryGB": machine.memory_gb,
        "gpus": machine.gpus,
        "system": f"{_read_system()}, Python {platform.python_version()}, lazuli-sdk {VERSION}"[:200],
    }


def _read_system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform(terse=True)


def _ask(client: ServerClient, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    try:
        status, answer = client.post(path, body) if body else client.get(path)
    except ServerUnreachable as error:
        raise UserErrorException(f"The studio does not answer: {error}") from error
    _check(status, answer, client.url)
    return answer


def _check(status: int, answer: dict[str, Any], url: str) -> None:
    if status == 404:
        raise UserErrorException(f"{url} is not the URL of a Lazuli Studio that machines can join.")
    if status != 200:
        raise UserErrorException(describe_refusal(status, answer))


def _check_reachable(url: str) -> None:
    """Jobs use the studio's own URL, which may be another one than this machine was given."""
    try:
        # As ServerClient does: without a proxy.
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            f"{url}/favicon.ico", timeout=TIMEOUT_SECONDS
        ).close()
    except urllib.error.HTTPError as error:
        error.close()
    except OSError as error:
        raise UserErrorException(
            f"Jobs use the studio's URL {url}, which this machine cannot reach ({error}). On the studio's machine, "
            "set PUBLIC_URL to a URL that other machines can reach, and restart it."
        ) from error
