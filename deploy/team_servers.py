"""Run a command with temporary PostgreSQL and Redis servers.

python deploy/team_servers.py COMMAND…                     with DATABASE_URL and REDIS_URL set for it
python deploy/team_servers.py --storage s3|az COMMAND…     with an object store, too
"""

import contextlib
import glob
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from urllib.parse import quote

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))

from deploy import object_stores

ROLE = "studio"


def main(command: list[str]) -> int:
    storage = command[1] if command[:1] == ["--storage"] else ""
    if storage and storage not in object_stores.STORES:
        sys.exit(f"--storage={storage}: use one of {', '.join(object_stores.STORES)}.")
    initdb, postgres, redis = find_servers()
    user = unprivileged()
    with tempfile.TemporaryDirectory(prefix="team-") as folder, contextlib.ExitStack() as running:
        home = pathlib.Path(folder)
        if user:
            os.chown(home, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
        database_url = running.enter_context(postgresql(home, initdb, postgres, user))
        redis_url = running.enter_context(redis_server(home, redis))
        print(f"DATABASE_URL={database_url} REDIS_URL={redis_url}", flush=True)
        env = {**os.environ, "DATABASE_URL": database_url, "REDIS_URL": redis_url}
        if storage:
            env |= running.enter_context(object_stores.STORES[storage]())
        return subprocess.run(command[2:] if storage else command, env=env).returncode


def find_servers() -> tuple[str, str, str]:
    """initdb, postgres and redis-server; Debian's packages are installed if they may be."""
    for again in (True, False):
        found = look_for_servers()
        if found:
            return found
        if again and os.geteuid() == 0 and shutil.which("apt-get"):
            print("Installing PostgreSQL and Redis …", flush=True)
            quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run(["apt-get", "update", "-qq"], check=False)
            install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "postgresql", "redis-server"]
            subprocess.run(install, env=quiet, stdout=subprocess.DEVNULL, check=False)
    sys.exit("These tests need PostgreSQL and Redis. Debian: apt-get install postgresql redis-server")


def look_for_servers() -> tuple[str, str, str] | None:
    folders = [*sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True), os.environ.get("PATH", "")]
    path = os.pathsep.join(folders)
    found = [shutil.which(name, path=path) for name in ("initdb", "postgres", "redis-server")]
    return tuple(found) if all(found) else None


def find_mariadb() -> str:
    """mariadbd; Debian's package is installed if it may be."""
    path = os.pathsep.join(["/usr/sbin", os.environ.get("PATH", "")])
    if not shutil.which("mariadbd", path=path) and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "mariadb-server-core"]
        subprocess.run(install, env=quiet, stdout=subprocess.DEVNULL, check=False)
    return shutil.which("mariadbd", path=path) or sys.exit("These tests need mariadbd: mariadb-server-core of Debian")


def unprivileged() -> str | None:
    """The account for PostgreSQL, which does not run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@contextlib.contextmanager
def postgresql(home: pathlib.Path, initdb: str, postgres: str, user: str | None):
    make = [initdb, "-D", str(home / "postgresql"), "-U", ROLE, "--auth=trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(make, check=True, stdout=subprocess.DEVNULL, **as_user(home, user))
    with started_postgresql(home, postgres, user):
        yield f"postgresql://{ROLE}@{quote(str(home), safe='')}/postgres"


def as_user(home: pathlib.Path, user: str | None) -> dict:
    return {"user": user, "cwd": home, "env": {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}}


@contextlib.contextmanager
def started_postgresql(home: pathlib.Path, postgres: str, user: str | None):
    """Start PostgreSQL on the data of `postgresql`, also again after its end."""
    # Only a socket in our own folder, and nothing that a throw-away database needs for safety.
    options = {"listen_addresses": "", "unix_socket_directories": str(home), "fsync": "off", "max_connections": "200"}
    flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    command = [postgres, "-D", str(home / "postgresql"), *flags]
    with ended(subprocess.Popen(command, stderr=subprocess.DEVNULL, **as_user(home, user))) as server:
        wait_for(home / ".s.PGSQL.5432")
        yield server


@contextlib.contextmanager
def redis_server(home: pathlib.Path, program: str):
    socket = home / "redis.sock"
    flags = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--loglevel", "warning", "--dir", str(home)]
    with ended(subprocess.Popen([program, *flags], stdout=subprocess.DEVNULL)):
        wait_for(socket)
        yield f"unix://{socket}?db=0"


@contextlib.contextmanager
def ended(process: subprocess.Popen):
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def wait_for(socket: pathlib.Path) -> None:
    deadline = time.monotonic() + 30
    while not socket.exists():
        if time.monotonic() > deadline:
            sys.exit(f"A server did not start: there is no {socket}.")
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
