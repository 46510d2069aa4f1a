"""Checks before the start: problems are reported with their remedy before anything is started."""

import contextlib
import dataclasses
import errno
import fcntl
import json
import os
import pathlib
import shutil
import socket
import tempfile

from django.core.exceptions import ImproperlyConfigured
from lazuli import private_folder

from studio import env
from studio.up import console
from studio.web_limits import read_limits

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
MIN_FREE_MB = 100


class StartRefused(Exception):
    """The studio cannot start; the text says why and what to do."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """The variables that the supervisor itself needs; studio/settings.py checks all others in a child process."""

    host: str
    port: int
    data_dir: pathlib.Path
    redis_url: str
    workers: int
    threads: int
    sample: bool
    # Whether Ctrl-C lets running jobs end first.
    waits_for_jobs: bool

    @property
    def local_url(self) -> str:
        """The URL at which this machine reaches the web server."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def read_settings() -> Settings:
    try:
        # The web server reads them itself, but too late for a clear message.
        read_limits()
        return Settings(
            host=env.read_text("HOST", "127.0.0.1"),
            port=env.read_int("PORT", 8000, min_value=1, max_value=65535),
            data_dir=env.read_folder("DATA_DIR", REPOSITORY / "data"),
            redis_url=env.read_url("REDIS_URL", ("redis", "rediss", "unix")),
            workers=env.read_int("WEB_WORKERS", 2, min_value=1, max_value=64),
            threads=env.read_int("WEB_THREADS", 8, min_value=1, max_value=256),
            sample=env.read_bool("SAMPLE", True),
            waits_for_jobs=env.read_choice("STOP", ("now", "wait")) == "wait",
        )
    except ImproperlyConfigured as error:
        raise StartRefused(str(error)) from error


def check_data_dir(folder: pathlib.Path) -> None:
    try:
        _close(folder)
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            file.write(b"x" * 4096)
            file.flush()
        free = shutil.disk_usage(folder).free // 1024**2
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            free = 0
        else:
            raise StartRefused(
                f"The data folder {folder} cannot be written ({error.strerror}). "
                "Choose another one: make up DATA_DIR=~/lazuli-data"
            ) from error
    if free < MIN_FREE_MB:
        raise StartRefused(
            f"The disk of the data folder {folder} is full ({free} MB free, {MIN_FREE_MB} MB are needed). "
            "Free some space, or choose a folder on another disk: make up DATA_DIR=/path/to/folder"
        )


def _close(folder: pathlib.Path) -> None:
    """Closes the folder to other accounts on this machine, and prints a warning if they could read it."""
    private_folder.close_new_files()
    try:
        closed = private_folder.close_folder(folder)
    except private_folder.NotPrivate as error:
        raise StartRefused(str(error)) from error
    if closed:
        console.print_line(
            "up",
            f"Other accounts of this machine could read the data folder {folder}; {closed} folders and files are closed "
            "to them now. If they must not know the password hashes, ask everybody to set a new password.",
        )


def lock_data_folder(settings: Settings):
    """Lock the data folder while the returned file is open; refuse if another studio has locked it."""
    file = open(settings.data_dir / "up.lock", "a+")  # noqa: SIM115 - open as long as the studio runs
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        raise StartRefused(_already_running(settings.data_dir, file.read())) from error
    file.truncate(0)
    file.write(json.dumps({"pid": os.getpid(), "url": settings.local_url}))
    file.flush()
    return file


def _already_running(folder: pathlib.Path, content: str) -> str:
    other = {}
    with contextlib.suppress(ValueError):
        other = json.loads(content)
    return (
        f"A studio is already running on the data folder {folder}: {other.get('url', 'address unknown')}, "
        f"process {other.get('pid', 'unknown')}. Open that address, end it with Ctrl-C there, "
        "or start this one on another folder: make up DATA_DIR=/path/to/folder PORT=8001"
    )


def bind_socket(settings: Settings) -> socket.socket:
    """The web server's socket, bound here, so that a taken port is noticed at once and kept over restarts."""
    try:
        infos = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise StartRefused(f"HOST={settings.host!r} is not an address: write 127.0.0.1 or 0.0.0.0.") from error
    family, kind, protocol, _, address = infos[0]
    sock = socket.socket(family, kind, protocol)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(address)
        _refuse_listener(settings)
    except OSError as error:
        sock.close()
        raise StartRefused(_cannot_bind(settings, error)) from error
    return sock


def _refuse_listener(settings: Settings) -> None:
    # Some systems allow a second socket beside one that listens on all addresses; but a listener answers.
    with contextlib.suppress(ConnectionRefusedError, TimeoutError):
        host = "127.0.0.1" if settings.host == "0.0.0.0" else settings.host
        socket.create_connection((host, settings.port), timeout=1).close()
        raise OSError(errno.EADDRINUSE, "in use")


def _cannot_bind(settings: Settings, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {settings.port} is taken by another program. "
            f"Start on another one: make up PORT={_free_port(settings.port)}"
        )
    if error.errno == errno.EACCES:
        return f"Port {settings.port} needs administrator rights. Choose one above 1023: make up PORT=8000"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"HOST={settings.host!r} is not an address of this machine: write 127.0.0.1, or 0.0.0.0 for all of them."
    return f"Cannot listen on {settings.host}:{settings.port} ({error.strerror})."


def _free_port(start: int) -> int:
    for port in range(start + 1, min(start + 50, 65535)):
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) != 0:
                return port
    return 0
