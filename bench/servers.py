"""The servers that bench/tracking.py compares: started in a folder of their own, watched from outside, ended as a whole."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from urllib.parse import quote, urlencode

import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

ROOT = pathlib.Path(__file__).resolve().parent.parent
UV = str(ROOT / ".venv" / "bin" / "uv")
MB = 1024**2


class Server:
    """One that is started by a command, and answers `page` when it is ready."""

    page, root = "/health", ROOT

    def __init__(self, name: str, folder: pathlib.Path):
        self.name, self.folder, self.port = name, folder, free_port()
        self.url, self.token = f"http://127.0.0.1:{self.port}", ""
        self.process: subprocess.Popen | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def command(self) -> list[str]:
        raise NotImplementedError

    @property
    def env(self) -> dict[str, str]:
        return dict(os.environ)

    def start(self) -> float:
        """The seconds until its first page."""
        begun = time.monotonic()
        with (self.folder / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=self.root, env=self.env, stdout=log, stderr=log, start_new_session=True
            )
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() - begun > 300:
                sys.exit(f"{self.name} did not start: {(self.folder / 'log.txt').read_text()[-2000:]}")
            time.sleep(0.02)
        return time.monotonic() - begun

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}{self.page}", timeout=5).close()
        except (urllib.error.URLError, OSError):
            return False
        return True

    def end(self) -> None:
        processes = self.processes()
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            psutil.wait_procs(processes, timeout=20)
        for process in processes:
            if process.is_running():
                process.kill()
        self.process = None

    def processes(self) -> list[psutil.Process]:
        if self.process is None or not psutil.pid_exists(self.process.pid):
            return []
        root = psutil.Process(self.process.pid)
        return [root, *root.children(recursive=True)]

    def rest(self) -> None:
        """Wait until it has done what it does after a start."""
        until, before = time.monotonic() + 60, -1.0
        while time.monotonic() < until and (spent := self.cpu()) - before > 0.2:
            before = spent
            time.sleep(2)

    def cpu(self) -> float:
        """Seconds of processor time, user's and system's."""
        return sum(sum(process.cpu_times()[:2]) for process in self.processes())

    def memory(self) -> float:
        """MB of all processes, pages that several share counted once."""
        return sum(process.memory_full_info().pss for process in self.processes()) / MB

    def watch_peak(self) -> float:
        """Forget the highest memory so far; MB held now."""
        for process in self.processes():
            pathlib.Path(f"/proc/{process.pid}/clear_refs").write_text("5")
        return sum(process.memory_info().rss for process in self.processes()) / MB

    def peak(self) -> float:
        """The sum of the most MB that each process held since `watch_peak`."""
        found = 0
        for process in self.processes():
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            found += next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        return found / 1024

    @property
    def database(self) -> pathlib.Path:
        raise NotImplementedError

    def disk(self) -> int:
        """Bytes of its SQLite database."""
        return sum(file.stat().st_size for file in self.database.parent.glob(self.database.name + "*"))


class Ours(Server):
    """The studio of this checkout, or of another one with its own `.venv`."""

    page = "/signin/"

    def __init__(self, name: str, folder: pathlib.Path, root: pathlib.Path = ROOT, store: str = ""):
        super().__init__(name, folder)
        self.root, self.store = root, {"DATABASE_URL": store} if store else {}
        self.python = sys.executable if root == ROOT else str(root / ".venv" / "bin" / "python")

    @property
    def command(self):
        return [self.python, "-m", "studio.up"]

    @property
    def env(self):
        mine = {"DATA_DIR": str(self.folder / "data"), "PORT": str(self.port), "HOST": "127.0.0.1", "SAMPLE": "0"}
        return {**os.environ, **self.store, **mine, "PUBLIC_URL": f"http://127.0.0.1:{self.port}"}

    @property
    def database(self):
        return self.folder / "data" / "studio.sqlite3"

    def open(self) -> None:
        """Address and token of its workspace."""
        command = [self.python, "manage.py", "tracking-uri", "--export"]
        lines = subprocess.run(
            command, cwd=self.root, env=self.env, stdout=subprocess.PIPE, text=True, check=True
        ).stdout
        found = dict(line.removeprefix("export ").split("=", 1) for line in lines.split("\n") if "=" in line)
        self.url, self.token = found["MLFLOW_TRACKING_URI"], found["MLFLOW_TRACKING_TOKEN"]


class Mlflow(Server):
    """All of them share one store, so that it needs filling once."""

    def __init__(self, python: pathlib.Path, workers: int, folder: pathlib.Path, store: str = ""):
        super().__init__(f"MLflow, {workers} worker{'s' * (workers > 1)}", folder)
        self.python, self.workers = python, workers
        self.store = store or f"sqlite:///{self.database}"

    @property
    def command(self):
        options = ["--host", "127.0.0.1", "--port", str(self.port), "--workers", str(self.workers)]
        folders = ["--backend-store-uri", self.store, "--artifacts-destination", str(self.folder / "artifacts")]
        return [str(self.python), "-m", "mlflow", "server", *options, *folders]

    @property
    def env(self):
        return {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}

    @property
    def database(self):
        return self.folder / "mlflow.db"


class FastTrackML(Server):
    """A server for MLflow's clients in Go."""

    binary = ROOT / ".cache" / "fasttrackml" / "bin" / "fml"

    def __init__(self, folder: pathlib.Path, store: str = ""):
        super().__init__("FastTrackML", folder)
        self.store = store or f"sqlite://{self.database}"

    @classmethod
    def install(cls) -> str:
        """Its program alone, without what its Python package asks for; its version."""
        python = cls.binary.with_name("python")
        if not cls.binary.exists():
            subprocess.run([UV, "venv", "-q", "--python", sys.executable, str(python.parent.parent)], check=True)
            wanted = ["--no-deps", "fasttrackml>=0.6,<0.7"]
            subprocess.run([UV, "pip", "install", "-q", "--python", str(python), *wanted], check=True)
        return installed_version(python, "fasttrackml")

    @property
    def command(self):
        options = ["--listen-address", f"127.0.0.1:{self.port}", "--database-uri", self.store, "--log-level", "error"]
        return [str(self.binary), "server", *options, "--default-artifact-root", str(self.folder / "artifacts")]

    @property
    def database(self):
        return self.folder / "fasttrackml.db"


class Stub(Server):
    """Answers at once, whatever is asked."""

    @property
    def command(self):
        return [sys.executable, str(ROOT / "bench" / "stub.py"), str(self.port)]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def installed_version(python: pathlib.Path, package: str) -> str:
    ask = [str(python), "-c", f"from importlib.metadata import version; print(version({package!r}))"]
    return subprocess.run(ask, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def new_database(name: str) -> str:
    """The address of a database of its own on the PostgreSQL server of DATABASE_URL."""
    address = os.environ["DATABASE_URL"]
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    parts = conninfo_to_dict(address)
    who = ":".join(quote(str(parts[part]), safe="") for part in ("user", "password") if parts.get(part))
    return (
        f"postgresql://{who}@/{name}?{urlencode({part: parts[part] for part in ('host', 'port') if parts.get(part)})}"
    )
